"""A stream hands out no value and no list item that was cut, unless the caller asked for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

import structgen
from structgen.errors import InvalidOutputError, Truncated
from structgen.local.engine import Engine
from structgen.options import Options
from structgen.schema.target import target_of
from structgen.testing.scripted import ScriptedTransport, events
from structgen.values import Answer, CutText, Message
from tests.extraction.test_shortened import TEXT, Person, WritingModel, Written, cut, streamed


def test_a_stream_of_a_shortened_value_is_never_done() -> None:
    partials, _, error = streamed("stream", list[str], cut())
    assert isinstance(error, Truncated)
    assert partials
    assert not any(partial.done for partial in partials)
    partials, result, error = streamed("stream", list[str], cut(), on_shortened="keep")
    assert error is None
    assert partials[-1].value == result.value == ["apple", "pea", "pe"]
    assert result.shortened == {"/2", ""}


def test_an_item_that_was_cut_is_not_handed_out() -> None:
    text = '[{"name":"Ada","bio":"Born."},{"name":"Alan","bio":"Bor"}]'
    items, _, error = streamed("stream_items", Person, cut(text, "/1/bio", "/1", ""))
    assert items == [Person(name="Ada", bio="Born.")]
    assert isinstance(error, Truncated)
    assert "after 1 whole item." in str(error)
    items, result, error = streamed(
        "stream_items", Person, cut(text, "/1/bio", "/1", ""), on_shortened="keep"
    )
    assert error is None
    assert [item.name for item in items] == ["Ada", "Alan"]
    assert "/1/bio" in result.shortened


def test_whole_items_of_a_list_that_was_ended_early_are_all_handed_out() -> None:
    items, _, error = streamed("stream_items", str, cut('["apple","pear"]', ""))
    assert items == ["apple", "pear"]
    assert isinstance(error, Truncated)


def test_an_item_is_handed_out_once_the_next_has_begun() -> None:
    model = WritingModel('["apple","pear"]')
    with structgen.Client(model).stream_items(str, TEXT) as items:
        assert next(items) == "apple"
        assert items.result is None
        assert list(items) == ["pear"]


def test_a_last_item_is_handed_out_even_if_another_is_invalid() -> None:
    text = '[{"name":"Ada","bio":"B"},{"name":"Alan","bio":"Born."}]'
    items, _, error = streamed("stream_items", Person, text, max_reasks=0)
    assert [item.name for item in items] == ["Alan"]
    assert isinstance(error, InvalidOutputError)


def test_a_second_attempt_hands_out_each_item_once() -> None:
    first = '[{"name":"Ada","bio":"B"}]'
    second = '[{"name":"Ada","bio":"Born."},{"name":"Alan","bio":"Died."}]'
    items, result, error = streamed("stream_items", Person, first, second, max_reasks=1)
    assert error is None
    assert items == result.value
    assert [item.name for item in items] == ["Ada", "Alan"]


# ---- items that were cut before the end, and by a server -----------------------------------------


@pytest.mark.parametrize(("method", "target"), [("stream_items", Person), ("stream", list[Person])])
def test_an_item_that_a_structgen_server_cut_short_is_not_handed_out(
    method: str, target: Any
) -> None:
    """Its first event says that the last may name cuts, so the last item waits for that."""
    text = '{"value":[{"name":"Ada","bio":"Born."},{"name":"Alan","bio":"Bor"}]}'
    first, *pieces, last, done = events(text)
    own = {"shortened": ["/value/1/bio", "/value/1", "/value"]}
    line = [with_own(first, {}), *pieces, with_own(last, own), done]

    def asked(**options: Any) -> tuple[list[Any], structgen.StructgenError | None]:
        client = structgen.Client(
            "openai:gpt", api_key="k", transport=ScriptedTransport(line), **options
        )
        given: list[Any] = []
        with getattr(client, method)(target, TEXT) as stream:
            try:
                for value in stream:
                    given += [value] if isinstance(value, Person) else value.done * [value.value]
            except structgen.StructgenError as error:
                return given, error
        return given, None

    ada, alan = Person(name="Ada", bio="Born."), Person(name="Alan", bio="Bor")
    whole, error = asked()
    assert isinstance(error, Truncated)
    assert whole == ([ada] if method == "stream_items" else [])
    kept, error = asked(on_shortened="keep")
    assert error is None
    assert kept == ([ada, alan] if method == "stream_items" else [[ada, alan]])


EARLY = '[{"name":"Al","bio":"Born."},{"name":"Ada","bio":"Bor"},{"name":"Al","bio":"Died."}]'
"""The second item was ended early, because it went round in circles; the model went on."""


class Early(WritingModel):
    """A model whose text is marked from the first value on that was cut."""

    def stream(self, *asked: Any, **more: Any) -> Written:
        answer = self.generate(*asked, **more)
        text = answer.text or ""
        end = text.index('Bor"') + 3
        written = Written(answer)
        written._characters = iter([*text[:end], *map(CutText, text[end:])])
        return written


def test_an_item_that_was_cut_before_others_is_not_handed_out_either() -> None:
    answer = cut(EARLY, "/1/bio", "/1")
    given: list[Any] = []
    with structgen.Client(Early(answer)).stream_items(Person, TEXT) as items:
        with pytest.raises(Truncated):
            given.extend(items)
    assert given == [Person(name="Al", bio="Born.")]
    with structgen.Client(Early(answer), on_shortened="keep").stream_items(Person, "t") as items:
        assert len(list(items)) == 3


def test_a_model_in_this_process_marks_its_text_from_a_cut_on(engine: Engine) -> None:
    schema = target_of(list[Person]).schema
    messages: list[Message] = [{"role": "user", "content": "Write a long bio of Ada Lovelace."}]
    stream = engine.stream(messages, schema, Options(temperature=0.0, max_tokens=20))
    pieces = []
    while piece := stream.read():
        pieces.append(piece)
    assert stream.answer is not None
    assert stream.answer.shortened
    marked = [isinstance(piece, CutText) for piece in pieces]
    assert marked == sorted(marked)
    assert (marked[0], marked[-1]) == (False, True)


def test_nor_is_one_that_a_structgen_server_says_it_has_cut() -> None:
    text = f'{{"value":{EARLY}}}'
    first, *pieces, last, done = events(text, size=1)
    end = text.index('Bor"') + 3
    pieces[end:] = [with_own(piece, {"cut": True}) for piece in pieces[end:]]
    own = {"shortened": ["/value/1/bio", "/value/1"]}
    line = [with_own(first, {}), *pieces, with_own(last, own), done]
    given: list[Any] = []
    client = structgen.Client("openai:gpt", api_key="k", transport=ScriptedTransport(line))
    with client.stream_items(Person, TEXT) as items:
        with pytest.raises(Truncated):
            given.extend(items)
    assert given == [Person(name="Al", bio="Born.")]


def with_own(event: bytes, own: dict[str, Any]) -> bytes:
    """An event with what structgen's server adds."""
    said = {**json.loads(event.removeprefix(b"data: ")), "x_structgen": own}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


class Friend(BaseModel):
    name: str
    town: str | None


@pytest.mark.parametrize("cut_item", [0, 1, 2])
def test_an_item_is_whole_without_a_value_that_had_no_end(cut_item: int) -> None:
    """The items after it are handed out, too: the model wrote them."""
    towns = ["BorBorBor" if index == cut_item else None for index in range(3)]
    answer = Answer(
        text=json.dumps([{"name": "Alan", "town": town} for town in towns]),
        finish_reason="stop",
        shortened=(f"/{cut_item}/town",),
        shortened_by=("repetition",),
    )
    with structgen.Client(Early(answer)).stream_items(Friend, "Alan, BorBorBor") as items:
        assert list(items) == [Friend(name="Alan", town=None)] * 3
    assert items.result is not None
    assert [one.reason for one in items.result.removed] == ["endless"]
