"""A value that was cut short is an error unless the caller asked for it, on every backend."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

import structgen
from structgen.errors import InvalidOutputError, Refused, ServerError, Truncated
from structgen.options import Options
from structgen.pipeline.job import Job
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.record import Item
from structgen.testing.scripted import ScriptedModel, ScriptedTransport, completion, events
from structgen.values import Answer, JsonSchema, Message, Usage

FRUITS = '["apple","pea","pe"]'
TEXT = "apple, pea, pe, pear, f, fig, done: Ada, Alan"


class Person(BaseModel):
    name: str
    bio: Annotated[str, Field(min_length=3)]


def cut(text: str = FRUITS, *shortened: str) -> Answer:
    return Answer(
        text=text,
        finish_reason="stop",
        shortened=shortened or ("/2", ""),
        usage=Usage(completion_tokens=9),
    )


class Written:
    """A TextStream over the characters of an answer."""

    def __init__(self, answer: Answer) -> None:
        self.answer: Answer | None = None
        self._whole = answer
        self._characters = iter(answer.text or "")

    def read(self) -> str:
        piece = next(self._characters, "")
        self.answer = None if piece else self._whole
        return piece

    async def aread(self) -> str:
        return self.read()

    def close(self) -> None:
        self._characters = iter("")

    async def aclose(self) -> None:
        self.close()


class WritingModel(ScriptedModel):
    """A ScriptedModel that streams its answers."""

    def stream(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Written:
        return Written(self.generate(messages, schema, options, document))


def streamed(
    method: str, target: Any, *answers: str | Answer, **options: Any
) -> tuple[list[Any], Any, structgen.StructgenError | None]:
    """What a streamed call gives, its value and its error; the same for sync and async."""

    def sync() -> tuple[list[Any], Any, structgen.StructgenError | None]:
        values: list[Any] = []
        with getattr(structgen.Client(WritingModel(*answers), **options), method)(
            target, TEXT
        ) as stream:
            try:
                values.extend(stream)
            except structgen.StructgenError as error:
                return values, None, error
            return values, stream.result, None

    async def awaited() -> tuple[list[Any], Any, structgen.StructgenError | None]:
        values: list[Any] = []
        asked = structgen.AsyncClient(WritingModel(*answers), **options)
        async with getattr(asked, method)(target, TEXT) as stream:
            try:
                async for value in stream:
                    values.append(value)
            except structgen.StructgenError as error:
                return values, None, error
            return values, stream.result, None

    mine, theirs = sync(), asyncio.run(awaited())
    assert list(map(repr, mine[0])) == list(map(repr, theirs[0]))
    assert (type(mine[2]), str(mine[2])) == (type(theirs[2]), str(theirs[2]))
    return mine


# ---- one answer ---------------------------------------------------------------------------------


def test_a_shortened_value_is_truncated_and_on_the_error() -> None:
    with pytest.raises(Truncated) as raised:
        structgen.Client(ScriptedModel(cut())).extract(list[str], TEXT)
    assert raised.value.salvaged == ["apple", "pea", "pe"]
    assert raised.value.shortened == {"/2", ""}
    assert raised.value.partial == ["apple", "pea"]
    assert raised.value.attempts[0].text == FRUITS


def test_a_caller_who_asked_for_it_gets_the_value_and_what_was_cut_in_it() -> None:
    client = structgen.Client(ScriptedModel(cut()), on_shortened="keep")
    result = client.extract_result(list[str], TEXT)
    assert (result.value, set(result.shortened)) == (["apple", "pea", "pe"], {"/2", ""})
    assert result.to_dict("value", "shortened") == {
        "value": ["apple", "pea", "pe"],
        "shortened": ["", "/2"],
    }
    assert result.attempts[-1].error is None


def test_what_had_closed_is_told_without_the_values_that_were_cut() -> None:
    answer = cut('{"name":"Ada","bio":"Born in Lon"}', "/bio")
    with pytest.raises(Truncated) as raised:
        structgen.Client(ScriptedModel(answer)).extract(Person, TEXT)
    assert raised.value.partial == {"name": "Ada"}
    assert raised.value.salvaged == Person(name="Ada", bio="Born in Lon")


def test_a_value_that_the_cut_made_invalid_is_truncated_and_not_asked_for_again() -> None:
    model = ScriptedModel(cut('{"name":"Ada","bio":"B"}', "/bio"))
    with pytest.raises(Truncated) as raised:
        structgen.Client(model, max_reasks=3).extract(Person, TEXT)
    assert (raised.value.salvaged, raised.value.partial) == (None, {"name": "Ada"})
    assert raised.value.shortened == {"/bio"}
    assert len(model.asked) == 1


def test_a_value_that_is_to_be_kept_and_is_invalid_is_invalid() -> None:
    model = ScriptedModel(cut('{"name":"Ada","bio":"B"}', "/bio"))
    with pytest.raises(InvalidOutputError):
        structgen.Client(model, max_reasks=0, on_shortened="keep").extract(Person, TEXT)


def test_sync_equals_async() -> None:
    async def run() -> Truncated:
        with pytest.raises(Truncated) as raised:
            await structgen.AsyncClient(ScriptedModel(cut())).extract(list[str], TEXT)
        return raised.value

    with pytest.raises(Truncated) as raised:
        structgen.Client(ScriptedModel(cut())).extract(list[str], TEXT)
    mine, theirs = raised.value, asyncio.run(run())
    assert str(mine) == str(theirs)
    assert (mine.salvaged, mine.partial, mine.shortened) == (
        theirs.salvaged,
        theirs.partial,
        theirs.shortened,
    )


@pytest.mark.parametrize("stream", [False, True])
def test_an_answer_that_a_structgen_server_cut_short_is_one_too(stream: bool) -> None:
    own = {"x_structgen": {"shortened": ["/value/2", "/value"]}}
    text = f'{{"value":{FRUITS}}}'
    if stream:
        *pieces, last, done = events(text)
        said = {**json.loads(last.removeprefix(b"data: ")), **own}
        line = [*pieces, b"data: " + json.dumps(said).encode() + b"\n\n", done]
    else:
        line = [json.dumps({**json.loads(completion(text)), **own}).encode()]
    client = structgen.Client("openai:gpt", api_key="k", transport=ScriptedTransport(line))
    with pytest.raises(Truncated) as raised:
        if stream:
            list(client.stream(list[str], TEXT))
        else:
            client.extract(list[str], TEXT)
    assert raised.value.shortened == {"/2", ""}
    assert raised.value.partial == {"value": ["apple", "pea"]}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("length", Truncated),
        ("LENGTH", Truncated),
        ("MAX_TOKENS", Truncated),
        ("max_output_tokens", Truncated),
        ("model_length", Truncated),
        ("incomplete", Truncated),
        ("cancelled", Truncated),
        ("a_word_of_its_own", Truncated),
        ("insufficient_system_resource", ServerError),
        ("error", ServerError),
        ("content_filter", Refused),
        ("content-filter", Refused),
        ("SAFETY", Refused),
    ],
)
def test_an_answer_that_looks_whole_is_not_if_the_server_says_why_it_stopped(
    reason: str, error: type[structgen.StructgenError], stream: bool
) -> None:
    text = '{"value":["apple","pea"]}'
    whole = completion(text, finish_reason=reason)
    line = events(text, finish_reason=reason) if stream else [whole]
    client = structgen.Client(
        "openai:gpt", api_key="k", max_retries=0, transport=ScriptedTransport(line)
    )
    with pytest.raises(error):
        if stream:
            list(client.stream(list[str], TEXT))
        else:
            client.extract(list[str], TEXT)


def test_a_kept_cut_is_told_even_if_invalid_items_were_left_out() -> None:
    text = '[{"name":"Ada","bio":"B"},{"name":"Alan","bio":"Born."},{"name":"Al","bio":"Bor"}]'
    client = structgen.Client(
        ScriptedModel(cut(text, "/2/bio")),
        max_reasks=0,
        on_shortened="keep",
        on_invalid_items="keep",
    )
    result = client.extract_result(list[Person], TEXT)
    assert [person.name for person in result.value] == ["Alan", "Al"]
    assert result.shortened == {""}


# ---- every way to ask ---------------------------------------------------------------------------


def test_no_way_to_ask_gives_a_value_that_was_cut(tmp_path: Path) -> None:
    def job(client: structgen.Client, **options: Any) -> Any:
        output = tmp_path / "out.jsonl"
        Job(
            list[str],
            [Item("a", TEXT)],
            client=client,
            output=output,
            journal=tmp_path / "journal",
            limits=JobLimits(max_failure_share=1.0),
            **options,
        ).run()
        return json.loads(output.read_text(encoding="utf-8"))

    def asked() -> structgen.Client:
        return structgen.Client(WritingModel(cut()))

    ways: list[Callable[[], Any]] = [
        lambda: asked().extract(list[str], TEXT),
        lambda: asked().extract(list[str], TEXT, samples=3),
        lambda: asked().extract_result(list[str], TEXT),
        lambda: asked().extract_document(list[str], TEXT),
        lambda: asked().extract_document(list[str], "One. Two.\n\n" * 300, chunk_tokens=200),
        lambda: [one.value for one in asked().map(list[str], [TEXT])],
        lambda: structgen.Client(ScriptedModel(cut()), fallback=[asked()]).extract(list[str], "t"),
    ]
    for way in ways:
        with pytest.raises(Truncated):
            way()
    assert job(asked(), on_shortened="keep")["value"] == ["apple", "pea", "pe"]
    row = job(asked())  # the journal has the kept answer, which was another question
    assert (row["value"], row["error"]["type"]) == (None, "Truncated")


# ---- further questions --------------------------------------------------------------------------


def test_a_list_goes_on_behind_its_last_item_that_was_not_cut() -> None:
    model = ScriptedModel(cut(), '["pear","fig"]')
    client = structgen.Client(model, max_continuations=1)
    with pytest.raises(Truncated):
        structgen.Client(ScriptedModel(cut())).extract(list[str], TEXT)
    assert client.extract(list[str], TEXT) == ["apple", "pea", "pear", "fig"]


def test_every_part_cut_short_keeps_the_items_before_it() -> None:
    model = ScriptedModel(cut(), cut('["pear","f"]', "/1"))
    with pytest.raises(Truncated) as raised:
        structgen.Client(model, max_continuations=1).extract(list[str], TEXT)
    assert raised.value.partial == ["apple", "pea", "pear"]
    assert raised.value.salvaged == ["apple", "pea", "pear", "f"]
    assert raised.value.shortened == {"/3"}


def test_the_rest_is_asked_for_before_a_shortened_value_is_kept() -> None:
    client = structgen.Client(
        ScriptedModel(cut(), '["pear","fig"]'), max_continuations=1, on_shortened="keep"
    )
    result = client.extract_result(list[str], TEXT)
    assert (result.value, result.shortened) == (["apple", "pea", "pear", "fig"], frozenset())


def test_what_was_cut_in_the_last_part_is_told_by_its_place_in_the_whole() -> None:
    client = structgen.Client(
        ScriptedModel(cut(), cut('["pea","pear","f"]', "/2", "")),
        max_continuations=1,
        on_shortened="keep",
    )
    result = client.extract_result(list[str], TEXT)
    assert result.value == ["apple", "pea", "pear", "f"]
    assert result.shortened == {"/3", ""}
    assert "put together" in str(result.guarantee)
    assert [type(attempt.error) for attempt in result.attempts] == [Truncated, type(None)]


def test_the_tokens_that_a_continuation_takes_are_not_those_of_the_fallback() -> None:
    asked: list[Any] = []

    class Counting(ScriptedModel):
        def generate(
            self,
            messages: Sequence[Message],
            schema: JsonSchema | None,
            options: Options,
            document: str | None = None,
        ) -> Answer:
            asked.append(options.max_tokens)
            return super().generate(messages, schema, options, document)

    short = [Answer(text='{"a": "x', finish_reason="length", usage=Usage(completion_tokens=5))] * 2
    fallback = structgen.Client(Counting('"done"'))
    client = structgen.Client(
        Counting(*short), fallback=[fallback], max_tokens=5, max_continuations=1, max_reasks=0
    )
    assert client.extract(str, TEXT) == "done"
    assert asked == [5, 10, 5]


# ---- votes --------------------------------------------------------------------------------------


def test_a_sample_that_was_cut_has_no_vote() -> None:
    client = structgen.Client(ScriptedModel(cut(), '["apple","pear"]', '["apple","pear"]'))
    result = client.extract_result(list[str], TEXT, samples=3)
    assert (result.value, result.shortened) == (["apple", "pear"], frozenset())
    assert result.guarantee.samples == 2
    assert result.confidence["/0"] == pytest.approx(2 / 3)


def test_samples_that_were_all_cut_are_truncated() -> None:
    with pytest.raises(Truncated) as raised:
        structgen.Client(ScriptedModel(cut())).extract(list[str], TEXT, samples=3)
    assert len(raised.value.attempts) == 3


def test_a_kept_cut_is_told_only_if_the_voted_value_has_it() -> None:
    lost = cut('{"name":"Ada","bio":"Bor"}', "/bio")
    whole = '{"name":"Ada","bio":"Born."}'
    for answers, shortened in (((lost, whole, whole), set()), ((lost, lost, whole), {"/bio"})):
        client = structgen.Client(ScriptedModel(*answers), on_shortened="keep")
        assert client.extract_result(Person, TEXT, samples=3).shortened == shortened


def test_a_kept_cut_is_told_at_its_place_in_the_voted_list() -> None:
    lost = cut('["apple","pea","f"]', "/2", "")
    answers = (lost, '["apple","f"]', '["apple","f"]')
    client = structgen.Client(ScriptedModel(*answers), on_shortened="keep")
    result = client.extract_result(list[str], TEXT, samples=3)
    assert (result.value, set(result.shortened)) == (["apple", "f"], {"", "/1"})
