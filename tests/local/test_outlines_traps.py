"""What goes wrong in silence in plain outlines, each time beside the same thing here.

Plain outlines is `outlines.from_llamacpp` with the embedded model and its llguidance backend,
unless said otherwise. Where the trap is what a grammar lets a model write, no model is asked: `let`
gives the processor a model that wants a certain text.

| # | trap | shown |
| --- | --- | --- |
| 1 | an unsupported keyword gives an empty text | yes |
| 2 | an error in a processor is swallowed, and the model goes on unheld | yes |
| 3 | a stream that is begun before another call gives nothing | yes |
| 4 | a processor is one generation's state | yes, by a second generation; threads would bring
down llama.cpp itself |
| 5 | a limit cuts an answer in half, and nothing says so | yes |
| 6 | an open object takes keys that nobody asked for | yes |
| 7 | white space without end | yes |
| 8 | numbers, strings and lists without end | yes |
| 9 | outlines_core on llama.cpp loses tokens | yes |
| 10 | xgrammar fails where a model has more scores than tokens | no: see below |
| 11 | white space can be set for one of the backends alone | yes; for xgrammar no |
| 12 | padding behind the end of an answer | yes, for llguidance; it takes its own end token now;
for xgrammar no |
| 13 | beams change their rows, the matchers do not | yes, by swapping rows; llama.cpp has no
beams |
| 14 | keys come in the schema's order alone | yes; kept here on purpose: what is declared first
can be reasoned on later |
| 15 | a date-time must have an offset, so one is made up | yes |
| 16 | a key twice; halves of characters | keys yes; halves of characters are xgrammar's |

outlines runs xgrammar over torch and MLX alone, and it brings along a gigabyte of compilers for
GPUs, so its part is not shown; a model with more scores than tokens is run in test_transformers.py.
MLX needs a Mac, and several GPUs are not to be had here.
"""

from __future__ import annotations

import asyncio
import datetime
import importlib.util
import json
from collections.abc import Iterator
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy
import outlines
import pytest
from outlines.backends import LLGuidanceBackend
from outlines.processors import OutlinesLogitsProcessor
from outlines.types import JsonSchema as OutlinesSchema
from pydantic import BaseModel, NaiveDatetime

from structgen.errors import ConfigurationError, EngineError, InvalidOutputError, NotJsonError
from structgen.local.decode.choosing import Choosing
from structgen.local.engine import Engine, open_engine
from structgen.local.grammar.grammar import byte_tokenizer, compile_grammar
from structgen.options import Options
from structgen.schema.check import validate, validate_json
from structgen.schema.compiler import compile_schema
from structgen.schema.target import target_of

if importlib.util.find_spec("llama_cpp") is None:
    pytest.skip(
        "plain outlines needs llama-cpp-python, which is built with a C++ compiler",
        allow_module_level=True,
    )

from llama_cpp import Llama

PROMPT = 'A contact in JSON: {"name": "John Smith", "age": 42}\nAgain:'
ASK = [{"role": "user", "content": "Extract the contact as JSON: John Smith is 42."}]
NO_ITEM_TWICE = {
    "type": "array",
    "items": {"enum": [1, 2]},
    "minItems": 2,
    "maxItems": 2,
    "uniqueItems": True,
}
WILD: dict[str, Any] = {"temperature": 50.0, "seed": 7}
"""At this heat every model writes nonsense."""


class Contact(BaseModel):
    name: str
    age: int


class Counts(BaseModel):
    counts: dict[str, int]


def closed(**properties: Any) -> Any:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


@pytest.fixture(scope="module")
def llama(embedded_model: Path) -> Iterator[Any]:
    """llama.cpp as plain outlines drives it."""
    llama = Llama(str(embedded_model), n_ctx=192, n_threads=1, n_threads_batch=1, verbose=False)
    yield llama
    llama.close()


@pytest.fixture(scope="module")
def plain(llama: Any) -> Any:
    return outlines.from_llamacpp(llama, chat_mode=False)


@pytest.fixture(scope="module")
def processor(plain: Any) -> Any:
    """Schema -> a processor of plain outlines."""
    with pytest.warns(DeprecationWarning):
        backend = LLGuidanceBackend(plain)
    return lambda schema: backend.get_json_schema_logits_processor(json.dumps(schema))


@pytest.fixture(scope="module")
def let(llama: Any, processor: Any) -> Any:
    """What of `text` plain outlines lets a model write that wants to write just that."""

    def let(schema: Any, text: str) -> Any:
        held, said, ids = processor(schema), b"", [1]
        for token in llama.tokenize(text.encode(), add_bos=False):
            scores = numpy.zeros(llama.n_vocab(), dtype=numpy.float32)
            if held(numpy.array(ids), scores)[token] == -numpy.inf:
                break
            ids.append(token)
            said += llama.detokenize([token])
        return said.decode()

    return let


def ours(target: Any, text: str) -> Any:
    """How the grammar that this package makes of a target reads a text."""
    return compile_grammar(compile_schema(target, "llguidance").schema, byte_tokenizer()).classify(
        text
    )


def generator(plain: Any, processor: Any, schema: Any) -> Any:
    return outlines.Generator(plain, processor=processor(schema))


# ---- text that is not what was asked for ---------------------------------------------------------


def test_1_a_keyword_that_is_not_known_gives_no_text_at_all(
    plain: Any, processor: Any, engine: Engine
) -> None:
    assert generator(plain, processor, NO_ITEM_TWICE)(PROMPT, max_tokens=8) == ""


def test_1_here_it_is_held_as_far_as_it_can_be_and_the_rest_is_checked(engine: Engine) -> None:
    compiled = compile_schema(NO_ITEM_TWICE, "llguidance")
    assert [note.keyword for note in compiled.notes] == ["uniqueItems"]
    assert (
        len(json.loads(engine.generate(ASK, compiled.schema, Options(max_tokens=8)).text or ""))
        == 2
    )
    with pytest.raises(InvalidOutputError) as refused:
        validate(NO_ITEM_TWICE, [1, 1])
    assert [violation.schema_path for violation in refused.value.violations] == ["/uniqueItems"]


class _Broken(OutlinesLogitsProcessor):
    def reset(self) -> None:
        pass

    def process_logits(self, input_ids: Any, logits: Any) -> Any:
        raise RuntimeError("there is a fault in the processor")


def test_2_an_error_in_a_processor_is_swallowed_and_the_model_goes_on_unheld(
    plain: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    swallowed = []
    monkeypatch.setattr("sys.unraisablehook", lambda error: swallowed.append(str(error.exc_value)))
    text = outlines.Generator(plain, processor=_Broken("numpy"))(PROMPT, max_tokens=3)
    assert text
    assert set(swallowed) == {"there is a fault in the processor"}


def test_2_here_an_error_in_decoding_ends_the_answer(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("there is a fault in the decoder")

    monkeypatch.setattr(Choosing, "_allows", broken)
    with pytest.raises(EngineError, match="RuntimeError") as caught:
        engine.generate(ASK, compile_schema(Contact, "llguidance").schema, Options(max_tokens=20))
    assert "fault" in str(caught.value.__cause__)


def test_3_a_stream_begun_before_another_call_gives_nothing(plain: Any, processor: Any) -> None:
    held = generator(plain, processor, Contact.model_json_schema())
    stream = held.stream(PROMPT, max_tokens=4)
    assert held(PROMPT, max_tokens=4)
    with pytest.warns(UserWarning, match="LLMatcher"):
        assert "".join(stream) == ""


def test_3_and_4_here_streams_and_calls_do_not_touch_one_another(engine: Engine) -> None:
    held = outlines.Generator(engine.outlines(), Contact)
    prompts = ["Mary is 7.", "John Smith is 42."]
    alone = [held(prompt, max_tokens=14) for prompt in prompts]
    streams: list[Any] = [held.stream(prompt, max_tokens=14) for prompt in prompts]
    assert held(prompts[0], max_tokens=14) == alone[0]
    steps: Any = zip_longest(*streams, fillvalue="")
    assert ["".join(pieces) for pieces in zip(*steps, strict=True)] == alone


def test_4_a_processor_keeps_the_state_of_its_last_generation(plain: Any, processor: Any) -> None:
    held = processor(Contact.model_json_schema())
    assert plain.generate(PROMPT, held, max_tokens=3)
    with pytest.warns(UserWarning, match="LLMatcher"):
        assert plain.generate(PROMPT, held, max_tokens=3) == ""


def test_5_a_limit_cuts_an_answer_in_half_and_nothing_says_so(plain: Any, processor: Any) -> None:
    text = generator(plain, processor, Contact.model_json_schema())(PROMPT, max_tokens=6)
    assert type(text) is str
    with pytest.raises(json.JSONDecodeError):
        json.loads(text)


def test_5_here_an_answer_is_whole_within_its_limit_or_says_that_none_fits(engine: Engine) -> None:
    schema = compile_schema(Contact, "llguidance").schema
    assert json.loads(engine.generate(ASK, schema, Options(max_tokens=14)).text or "").keys() == {
        "name",
        "age",
    }
    none = engine.generate(ASK, schema, Options(max_tokens=3))
    assert (none.text, none.finish_reason) == ("", "length")


# ---- what a model is let to write ----------------------------------------------------------------


def test_6_an_open_object_takes_keys_that_nobody_asked_for(let: Any) -> None:
    text = '{"name": "John", "age": 42, "gender": "male"}'
    assert let(Contact.model_json_schema(), text) == text
    assert ours(Contact, text) == "no"


def test_7_white_space_goes_on_for_ever(let: Any) -> None:
    text = '{"name":' + "\n \n" * 100
    assert let(Contact.model_json_schema(), text) == text
    assert ours(Contact, text) == ours(Contact, '{"name": \n') == "no"


@pytest.mark.parametrize(
    ("schema", "start", "more"),
    [
        ({"type": "string"}, '"', "abc "),
        ({"type": "integer"}, "1", "7"),
        ({"type": "array", "items": {"type": "null"}}, "[", "null,"),
    ],
    ids=["string", "integer", "array"],
)
def test_8_values_go_on_for_ever(let: Any, schema: Any, start: str, more: str) -> None:
    text = '{"a":' + start + more * 200
    assert let(closed(a=schema), text) == text


@pytest.mark.parametrize(
    "schema",
    [{"type": "string"}, {"type": "integer"}, {"type": "array", "items": {"type": "string"}}],
)
def test_8_here_every_answer_ends_within_its_limit(engine: Engine, schema: Any) -> None:
    answer = engine.generate(ASK, closed(a=schema), Options(max_tokens=24, **WILD))
    assert json.loads(answer.text or "").keys() == {"a"}
    assert answer.finish_reason == "stop"
    assert answer.usage.completion_tokens <= 24


def test_14_keys_come_in_the_order_of_the_schema(let: Any) -> None:
    text = '{"age":42,"name":"John"}'
    assert let(closed(name={"type": "string"}, age={"type": "integer"}), text) == '{"'
    assert ours(Contact, '{"age": 42, "name": "John"}') == "no"
    assert validate_json(target_of(Contact), text) == Contact(name="John", age=42)


def test_15_a_date_time_without_an_offset_cannot_be_written(let: Any) -> None:
    text = '"2024-01-02T03:04:05"'
    assert let({"type": "string", "format": "date-time"}, text) == text[:-1]
    assert ours(datetime.datetime, text) == ours(NaiveDatetime, text) == "whole"
    assert ours(NaiveDatetime, '"2024-01-02T03:04:05Z"') == "no"


def test_16_a_key_comes_twice(let: Any) -> None:
    text = '{"counts":{"a":1,"a":2}}'
    assert let(Counts.model_json_schema(), text) == text
    assert ours(Counts, '{"counts": {"a": 1, "a": 2}}') == "no"
    with pytest.raises(NotJsonError, match="twice"):
        validate_json(target_of(Counts), text)
    assert validate(Counts, {"counts": {"a": 1}}).counts == {"a": 1}


def test_16_here_half_a_character_is_not_written() -> None:
    assert ours(str, r'"\ud83d"') == "no"
    assert ours(str, '"🙂"') == "whole"


# ---- tokens --------------------------------------------------------------------------------------


def test_9_outlines_core_loses_the_tokens_that_are_parts_of_characters(
    plain: Any, llama: Any
) -> None:
    assert llama.n_vocab() - len(plain.tokenizer.vocabulary) > 300
    with pytest.raises(ValueError, match="missing tokens"):
        outlines.Generator(plain, OutlinesSchema('{"enum": ["日本語"]}'), backend="outlines_core")


def test_9_here_every_byte_can_be_written(engine: Engine) -> None:
    assert (
        json.loads(engine.generate(ASK, {"enum": ["日本語 😀"]}, Options(max_tokens=30)).text or "")
        == "日本語 😀"
    )


def test_11_white_space_can_be_set_for_one_of_the_backends_alone(plain: Any) -> None:
    schema = OutlinesSchema(json.dumps(closed(a={"type": "integer"})), whitespace_pattern="")
    with pytest.warns(DeprecationWarning), pytest.raises(NotImplementedError, match="whitespace"):
        outlines.Generator(plain, schema, backend="llguidance")


def test_12_padding_behind_the_end_is_an_error_of_the_matcher(llama: Any, processor: Any) -> None:
    """The row of a batch that ends early is padded.

    Where it is with the end token, llguidance now takes it.
    """
    held, ids, padding = processor({"enum": [1]}), [1], 0
    for token in (*llama.tokenize(b"1", add_bos=False), llama.token_eos(), padding):
        held(numpy.array(ids), numpy.zeros(llama.n_vocab(), dtype=numpy.float32))
        ids.append(token)
    with pytest.warns(UserWarning, match="LLMatcher"):
        held(numpy.array(ids), numpy.zeros(llama.n_vocab(), dtype=numpy.float32))


def test_12_here_answers_at_once_end_each_by_itself(embedded_model: Path) -> Any:
    values = [1, "a longer answer of several tokens"]

    async def together(engine: Engine) -> Any:
        return await asyncio.gather(
            *(engine.agenerate(ASK, {"enum": [value]}, Options(max_tokens=20)) for value in values)
        )

    with open_engine("local", context=192, threads=1, parallel=2) as engine:
        assert [json.loads(answer.text or "") for answer in asyncio.run(together(engine))] == values


def test_13_rows_that_change_places_are_read_by_the_wrong_matcher(
    llama: Any, processor: Any
) -> None:
    held = processor({"enum": ["a1", "b2"]})
    scores = numpy.zeros((2, llama.n_vocab()), dtype=numpy.float32)
    quote, a, b, one, two = (
        llama.tokenize(text, add_bos=False)[0] for text in (b'"', b"a", b"b", b"1", b"2")
    )
    for rows in ([[1], [1]], [[1, quote], [1, quote]], [[1, quote, a], [1, quote, b]]):
        held(numpy.array(rows), scores.copy())
    with pytest.warns(UserWarning, match="LLMatcher"):
        held(numpy.array([[1, quote, b, two], [1, quote, a, one]]), scores.copy())


def test_13_here_there_are_no_beams(engine: Engine) -> None:
    with pytest.raises(ConfigurationError, match="num_beams"):
        engine.generate(ASK, None, Options(max_tokens=3, extra_body={"num_beams": 2}))
