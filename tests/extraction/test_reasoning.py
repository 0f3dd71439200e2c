"""Think, then write: thoughts never reach the value, a partial, or the tokens of the answer."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from pydantic import BaseModel

from structgen import Client, Verbatim
from structgen.errors import Truncated
from structgen.local.engine import Engine
from structgen.providers import capabilities
from structgen.schema.compiler import compile_schema
from structgen.schema.thoughts import with_thoughts
from structgen.testing.scripted import ScriptedModel, ScriptedTransport, completion
from structgen.values import Answer, Reply

TEXT = "Two large flat whites for Ada, please."


class Order(BaseModel):
    drink: str
    quantity: int
    size: Literal["small", "large"] | None = None


class Thinker(BaseModel):
    reasoning: str
    next: Thinker | None = None


VALUE: dict[str, Any] = {"drink": "flat white", "quantity": 2, "size": "large"}
ANSWER = json.dumps({"reasoning": 'They say "two".', **VALUE})
REASONS: Any = ("first", "draft")


def client(*lines: Any, provider: str = "vllm", model: str = "m", **options: Any) -> Client:
    transport = ScriptedTransport(*lines)
    return Client(f"{provider}:{model}", api_key="k", transport=transport, **options)


def sent(asked: Client, **options: Any) -> Any:
    return asked.plan(Order, TEXT, **options).body


# ---- on a server ---------------------------------------------------------------------------------


@pytest.mark.parametrize("reasoning", REASONS)
def test_a_model_that_does_not_reason_gets_a_first_member_for_thoughts(reasoning: Any) -> None:
    asked = client(ANSWER)
    schema = sent(asked, reasoning=reasoning)["response_format"]["json_schema"]["schema"]
    assert next(iter(schema["properties"])) == schema["required"][0] == "reasoning"
    result = asked.extract_result(Order, TEXT, reasoning=reasoning)
    assert result.value == Order(**VALUE)
    assert result.reasoning == 'They say "two".'
    assert result.guarantee.by == "server"
    assert "reasoning" not in result.to_dict("value")["value"]
    assert any("thoughts" in note.detail for note in result.notes)


def test_by_default_nobody_thinks() -> None:
    assert "reasoning" not in json.dumps(sent(client(ANSWER)))


@pytest.mark.parametrize("provider", ["vllm", "groq", "openai", "generic", "cerebras"])
@pytest.mark.parametrize(
    ("target", "value"),
    [(Order, VALUE), (list[Order], [VALUE]), (Thinker, {"reasoning": "a", "next": None})],
)
def test_the_member_comes_off_again_whatever_the_root_is(
    provider: str, target: Any, value: Any
) -> None:
    """Laws 1 and 2 hold with the member: worked examples have thoughts, too."""
    for _, subset in capabilities(provider, "m").modes:
        compiled = with_thoughts(compile_schema(target, subset), "first", 50)
        wanted = compiled.decode(
            _without(compiled.thoughts, compiled.encode(value_of(target, value)))
        )
        written = compiled.encode(wanted)
        jsonschema.validate(written, compiled.schema)
        assert next(iter(written)) == compiled.thoughts
        assert compiled.decode(written) == wanted == value_of(target, value)


def value_of(target: Any, value: Any) -> Any:
    if target is Thinker or target is Order:
        return target(**value)
    return [Order(**one) for one in value]


def _without(name: str, data: Any) -> Any:
    return {key: item for key, item in data.items() if key != name}


def test_the_limit_of_the_answer_leaves_room_for_thoughts() -> None:
    asked = client(ANSWER, max_tokens=100, max_reasoning_tokens=50)
    assert sent(asked)["max_tokens"] == 100
    assert sent(asked, reasoning="first")["max_tokens"] == 150
    schema = sent(asked, reasoning="first")["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["reasoning"]["maxLength"] == 200
    groq = client(ANSWER, provider="groq", model="qwen/qwen3.8-27b", max_tokens=16_300)
    assert sent(groq, reasoning="first")["max_completion_tokens"] == 16_384


def test_a_model_that_reasons_by_itself_is_left_to_do_so() -> None:
    oss = sent(client(ANSWER, provider="groq", model="openai/gpt-oss-20b"), reasoning="first")
    assert "reasoning" not in oss["response_format"]["json_schema"]["schema"]["properties"]
    assert "reasoning_effort" not in oss
    silent = client(ANSWER, provider="openai", model="gpt-5.6-luna")
    assert sent(silent, reasoning="first")["reasoning_effort"] == "low"
    assert "reasoning_effort" not in sent(silent)
    assert sent(silent, reasoning="first", reasoning_effort="high")["reasoning_effort"] == "high"


def test_a_model_that_has_to_call_a_tool_thinks_in_its_arguments() -> None:
    """Anthropic refuses a forced call together with thinking."""
    asked = client(ANSWER, provider="anthropic", model="claude-sonnet-5-5")
    schema = sent(asked, reasoning="first")["output_config"]["format"]["schema"]
    assert "reasoning" not in schema["properties"]
    body = sent(asked, reasoning="first", mode="tool")
    assert "thinking" not in body
    assert "reasoning" in body["tools"][0]["input_schema"]["properties"]


def test_a_server_that_takes_levels_does_not_make_its_models_reason() -> None:
    asked = client(ANSWER, provider="ollama")
    schema = sent(asked, reasoning="first")["response_format"]["json_schema"]["schema"]
    assert "reasoning" in schema["properties"]


def test_a_stream_shows_nothing_of_the_thoughts() -> None:
    asked = client(ANSWER)
    with asked.stream(Order, TEXT, reasoning="first") as stream:
        partials = [(repr(one.value), repr(one.data)) for one in stream]
    assert len(partials) > 10
    assert "two" not in repr(partials)
    assert "reasoning" not in repr(partials)
    assert stream.result is not None
    assert stream.result.value == Order(**VALUE)
    assert stream.result.reasoning == 'They say "two".'


def test_a_streamed_list_has_its_items_and_no_thoughts() -> None:
    answer = json.dumps({"reasoning": ["one", "two"], "value": [VALUE, VALUE]})
    caps = replace(capabilities("vllm", "m"), modes=(("prompt", "json-object"),))
    asked = client(answer, capabilities=(caps,))
    with asked.stream_items(Order, TEXT, reasoning="first") as stream:
        assert list(stream) == [Order(**VALUE)] * 2


def test_an_answer_cut_within_its_thoughts_is_truncated() -> None:
    cut = json.loads(completion('{"reasoning": "They say'))
    cut["choices"][0]["finish_reason"] = "length"
    asked = client(Reply(200, {}, json.dumps(cut).encode()))
    with pytest.raises(Truncated):
        asked.extract(Order, TEXT, reasoning="first")


def test_an_answer_without_thoughts_is_as_good() -> None:
    asked = client(json.dumps(VALUE), provider="generic", base_url="http://x/v1")
    result = asked.extract_result(Order, TEXT, reasoning="first")
    assert (result.value, result.reasoning) == (Order(**VALUE), None)


def test_a_member_of_the_same_name_stays() -> None:
    answer = json.dumps({"reasoning_": "Hm.", "reasoning": "a", "next": None})
    result = client(answer).extract_result(Thinker, TEXT, reasoning="first")
    assert result.value == Thinker(reasoning="a")
    assert result.reasoning == "Hm."


def test_probabilities_and_alternatives_stand_at_the_places_of_the_value() -> None:
    tokens = [{"token": part, "logprob": -0.5} for part in ANSWER]
    body = json.loads(completion(ANSWER))
    body["choices"][0]["logprobs"] = {"content": tokens}
    asked = client(Reply(200, {}, json.dumps(body).encode()))
    result = asked.extract_result(Order, TEXT, reasoning="first", confidence=True)
    assert set(result.confidence) == {"/drink", "/quantity", "/size"}


# ---- in this process -----------------------------------------------------------------------------


class Grounded(BaseModel):
    name: Annotated[str, Verbatim()] | None
    size: Literal["small", "large"]


@pytest.mark.parametrize("reasoning", REASONS)
def test_a_model_in_this_process_thinks_in_the_same_pass(engine: Engine, reasoning: Any) -> None:
    asked = Client(engine, temperature=0)
    options: Any = {"max_tokens": 60, "max_reasoning_tokens": 40, "reasoning": reasoning}
    # What is read from memory has been computed in other batches than what is new.
    asked.extract_result(Grounded, TEXT, **options)
    result = asked.extract_result(Grounded, TEXT, **options)
    assert result.reasoning
    assert 0 < result.usage.reasoning_tokens <= 40
    assert result.usage.completion_tokens <= 100
    assert result.value.name is None or result.value.name in TEXT
    assert result.alternatives["/size"][0][0] == result.value.size
    assert len(result.attempts) == 1
    again = asked.extract_result(Grounded, TEXT, **options)
    assert (again.value, again.reasoning) == (result.value, result.reasoning)
    with asked.stream(Grounded, TEXT, **options) as stream:
        shown = [partial.data for partial in stream]
    assert stream.result is not None
    assert stream.result.value == result.value
    assert stream.result.reasoning == result.reasoning
    assert all(set(data or {}) <= {"name", "size"} for data in shown)


def test_a_vote_keeps_the_thoughts_of_the_answer_that_won() -> None:
    answers = [
        Answer(text=json.dumps({**VALUE, "quantity": count}), finish_reason="stop", reasoning=said)
        for count, said in ((3, "Three."), (2, "Two."), (2, "Both."))
    ]
    result = Client(ScriptedModel(*answers)).extract_result(Order, TEXT, samples=3)
    assert result.value == Order(**VALUE)
    assert result.reasoning == "Two."
