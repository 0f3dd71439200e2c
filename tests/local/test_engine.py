"""The engine over the real runtime and the embedded model: held answers, typed errors, guards against what goes wrong silently."""

from __future__ import annotations

import asyncio
import json
import threading
import urllib.error
import urllib.request

import outlines
import pytest
from pydantic import BaseModel

from structgen.errors import ConfigurationError, ContextExceeded, EngineError, GrammarError
from structgen.local import engine as module
from structgen.local import models, xllamacpp
from structgen.local.engine import open_engine
from structgen.local.grammar import grammar
from structgen.types import Options

CONTACT = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ASK = [
    {"role": "system", "content": "Extract the contact as JSON."},
    {"role": "user", "content": "Maria Lopez, Head of Sales at Brightwave Ltd. She is 41."},
]
STORY = [{"role": "user", "content": "Tell me a long story about a ship."}]
FEW = Options(max_tokens=4)


class Contact(BaseModel):
    name: str
    age: int | None


@pytest.fixture(scope="module")
def llama(embedded_model):
    """The outlines model alone, without the engine around it."""
    opened = xllamacpp.load(models.find("local"), module.Settings(context=1024, threads=1, parallel=1))
    yield opened
    opened.close()


# ---- answers --------------------------------------------------------------------------------------------------------------


def test_an_answer_is_held_to_its_schema_and_says_everything_about_itself(engine):
    answer = engine.generate(ASK, CONTACT, Options(max_tokens=100))
    assert json.loads(answer.text) == {"name": "Maria Lopez", "age": 41}
    assert answer.finish == "stop"
    assert answer.model == "smollm2-135m"
    assert answer.usage.prompt_tokens > 30
    assert 10 < answer.usage.completion_tokens < 40
    assert {"compile", "prefill", "decode"} <= answer.seconds.keys()
    assert all(seconds >= 0 for seconds in answer.seconds.values())
    assert {note.action for note in answer.notes} == {"narrowed"}
    assert (engine.name, engine.model, engine.context) == ("outlines+xllamacpp/llguidance", "smollm2-135m", 4096)


def test_without_a_schema_the_answer_is_free_text(engine):
    answer = engine.generate(STORY, None, Options(max_tokens=8))
    assert answer.text
    assert answer.finish == "length"
    assert answer.usage.completion_tokens == 8
    assert answer.notes == ()


def test_the_defaults_are_greedy_and_repeat_themselves(engine):
    assert engine.generate(ASK, CONTACT).text == engine.generate(ASK, CONTACT).text


def test_a_seed_repeats_a_sampled_answer(engine):
    options = [Options(temperature=1.5, top_p=0.95, seed=seed, max_tokens=20) for seed in (1, 1, 2)]
    one, again, other = (engine.generate(STORY, None, option).text for option in options)
    assert one == again != other


def test_stop_sequences_end_free_text_and_are_refused_with_a_schema(engine):
    assert "ship" not in engine.generate(STORY, None, Options(stop=("ship",), max_tokens=60)).text
    with pytest.raises(ConfigurationError, match="Stop"):
        engine.generate(ASK, CONTACT, Options(stop=("}",)))


@pytest.mark.parametrize("tokens", [0, -1])
def test_a_limit_that_allows_nothing_is_refused(engine, tokens):
    with pytest.raises(ConfigurationError, match="max_tokens"):
        engine.generate(ASK, CONTACT, Options(max_tokens=tokens))


def test_a_request_that_llama_cpp_refuses_is_a_typed_error(engine):
    with pytest.raises(EngineError, match="temperature"):
        engine.generate(ASK, None, Options(temperature="hot"))
    with pytest.raises(EngineError, match="refused"):
        engine.generate([{"role": "user", "content": [{"type": "image"}]}])


def test_extra_members_reach_the_runtime_but_cannot_take_the_grammar_off(engine):
    first = engine.generate(STORY, None, Options(max_tokens=1)).text
    banned = Options(extra={"logit_bias": [[first, False]]}, max_tokens=1)
    assert engine.generate(STORY, None, banned).text != first
    for name in ("grammar", "max_tokens", "prompt", "id_slot", "response_format"):
        with pytest.raises(ConfigurationError, match=name):
            engine.generate(ASK, CONTACT, Options(extra={name: "x"}))


def test_an_error_quotes_nothing_of_the_document(engine):
    with pytest.raises(EngineError) as refused:
        engine.generate([{"role": "user", "content": "my secret \ud83d"}])
    assert "secret" not in str(refused.value)
    assert refused.value.__cause__ is None


# ---- guards ---------------------------------------------------------------------------------------------------------------


def test_the_trap_of_a_grammar_that_the_runtime_refuses(llama):
    """llama.cpp answers as if no grammar had been given; so ours are accepted first, and the text is read by them afterwards."""
    refused = '%llguidance {}\nstart: %json {"type": "array", "uniqueItems": true}'
    done = llama._chat({"messages": ASK, "grammar": refused, "max_tokens": 20}, lambda _: None)
    assert not done.text.startswith("[")
    with pytest.raises(GrammarError):
        grammar({"type": "string", "pattern": "a(?=b)"}, 100)


def test_an_answer_that_was_not_held_is_an_error_not_a_record(llama):
    """A runtime that forgets the grammar is found out."""

    class Forgetful(xllamacpp.XLlamaCpp):
        def complete(self, messages, grammar, sampling, slot, watch):
            return super().complete(messages, None, sampling, slot, watch)

    asked = module._Question("smollm2-135m", 1024, 0, ASK, CONTACT, Options(max_tokens=30), lambda _: None)
    with pytest.raises(GrammarError, match="did not hold"):
        module._answer(Forgetful(llama._server), asked, {})


def test_the_trap_of_exceptions_in_the_stream_callback(llama):
    """The runtime swallows them; ours come out."""

    def fail(_):
        raise ValueError("from the callback")

    llama._server.handle_chat_completions({"messages": ASK, "max_tokens": 3, "stream": True}, fail)
    with pytest.raises(ValueError, match="from the callback"):
        llama._chat({"messages": ASK, "max_tokens": 3}, fail)


def test_a_cut_answer_says_so_and_was_right_as_far_as_it_went(engine):
    answer = engine.generate(ASK, CONTACT, Options(max_tokens=5))
    assert answer.finish == "length"
    assert answer.usage.completion_tokens == 5
    assert grammar(CONTACT, 5).reads(answer.text) == "part"


def test_an_answer_without_end_ends_within_its_budget(engine):
    """Greedy, this model repeats itself until something stops it."""
    ask = [{"role": "user", "content": "List every number from one to one thousand in words."}]
    answer = engine.generate(ask, {"type": "string"}, Options(max_tokens=150))
    assert answer.finish == "stop"
    assert len(json.loads(answer.text)) == 300
    assert len(engine.generate(ask, {"type": "array", "items": {"type": "integer"}}, Options(max_tokens=150)).text) < 300


def test_values_outside_ascii_are_written_whole(engine):
    schema = {"enum": ["Zoë Ångström 北京市 🙂ok"]}
    assert json.loads(engine.generate(ASK, schema).text) == schema["enum"][0]


def test_the_listener_of_the_runtime_wants_a_key_nobody_knows(llama):
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{llama._server.listening_address}/v1/models", timeout=10)
    with refused.value as reply:
        assert reply.code == 401


def test_a_prompt_longer_than_the_context_is_refused_before_decoding(engine):
    with pytest.raises(ContextExceeded) as refused:
        engine.generate([{"role": "user", "content": "word " * 6000}], CONTACT)
    assert refused.value.tokens > 6000
    assert refused.value.limit == 4096
    assert refused.value.hint
    assert "word word" not in str(refused.value)


def test_an_answer_gets_what_the_prompt_leaves_of_the_context(embedded_model):
    with open_engine("local", context=128, threads=1) as small:
        answer = small.generate(
            [{"role": "user", "content": "Say it again: " + "one two " * 40}], {"type": "string", "minLength": 500}
        )
        assert answer.finish == "length"
        assert answer.usage.total_tokens <= 128


def test_an_answer_that_takes_longer_than_its_timeout_is_ended(engine):
    with pytest.raises(EngineError, match="timeout"):
        engine.generate(STORY, None, Options(timeout=0.0))


# ---- callers at once ------------------------------------------------------------------------------------------------------


def test_threads_get_their_own_answers(engine):
    asked = [[{"role": "user", "content": f"Write the number {number}."}] for number in range(4)]
    schemas = [{"const": f"number {number}"} if number % 2 else None for number in range(4)]
    options = Options(max_tokens=12)
    alone = [engine.generate(messages, schema, options).text for messages, schema in zip(asked, schemas, strict=True)]
    together = [None] * 4

    def run(index):
        together[index] = engine.generate(asked[index], schemas[index], options).text

    threads = [threading.Thread(target=run, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == alone


def test_async_answers_are_the_same_and_leave_the_event_loop_free(engine):
    async def both():
        ticks, task = 0, asyncio.ensure_future(engine.agenerate(ASK, CONTACT))
        while not task.done():
            await asyncio.sleep(0.001)
            ticks += 1
        return (await task).text, ticks

    text, ticks = asyncio.run(both())
    assert text == engine.generate(ASK, CONTACT).text
    assert ticks > 5


def test_a_cancelled_answer_ends_and_the_engine_goes_on(engine):
    async def cancel():
        task = asyncio.ensure_future(engine.agenerate(STORY, None, Options(max_tokens=2000)))
        await asyncio.sleep(0.1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return await engine.agenerate(ASK, CONTACT)

    assert json.loads(asyncio.run(cancel()).text)["name"]


def test_parallel_answers_share_one_model(embedded_model):
    with open_engine("local", context=512, threads=1, parallel=2) as two:

        async def both():
            return await asyncio.gather(*(two.agenerate(ASK, CONTACT, Options(max_tokens=60)) for _ in range(2)))

        answers = asyncio.run(both())
    assert {json.loads(answer.text)["name"] for answer in answers} == {"Maria Lopez"}


# ---- opening and closing --------------------------------------------------------------------------------------------------


def test_engines_of_one_model_share_it_until_the_last_is_closed(embedded_model):
    one, two = (open_engine("local", context=320, threads=1) for _ in range(2))
    first, second = one.generate(ASK, None, FEW), two.generate(ASK, None, FEW)
    assert "load" in first.seconds
    assert "load" not in second.seconds
    one.close()
    one.close()
    with pytest.raises(EngineError, match="closed"):
        one.generate(ASK)
    assert two.generate(ASK, None, FEW).text == first.text
    two.close()
    with open_engine("local", context=320, threads=1) as again:
        assert "load" in again.generate(ASK, None, FEW).seconds


def test_settings_that_make_no_sense_are_refused():
    for settings in ({"context": 0}, {"threads": 0}, {"parallel": -1}, {"runtime": "abacus"}):
        with pytest.raises(ConfigurationError, match=next(iter(settings))):
            open_engine("local", **settings)


def test_the_number_of_threads_can_be_set_for_a_machine(monkeypatch):
    monkeypatch.setenv("STRUCTGEN_THREADS", "3")
    with open_engine("local", context=333) as opened:
        assert opened._shared.settings.threads == 3
    monkeypatch.setenv("STRUCTGEN_THREADS", "many")
    with pytest.raises(ConfigurationError, match="STRUCTGEN_THREADS"):
        open_engine("local", context=333)


# ---- through outlines -----------------------------------------------------------------------------------------------------


def test_outlines_drives_the_runtime_with_its_own_types(llama):
    contact = Contact.model_validate_json(outlines.Generator(llama, Contact)(ASK, max_tokens=100, temperature=0))
    assert contact == Contact(name="Maria Lopez", age=41)
    year = outlines.Generator(llama, outlines.regex(r"(19|20)\d\d"))("When was the first moon landing?", max_tokens=20)
    assert len(year) == 4
    assert outlines.Generator(llama)("Hi", max_tokens=3)
    assert len(outlines.Generator(llama).batch(["Hi", "Ho"], max_tokens=3)) == 2


def test_two_streams_at_once_do_not_disturb_each_other(llama):
    """With a shared state, interleaved streams end empty or broken."""
    generator = outlines.Generator(llama, Contact)
    streams = [generator.stream(ASK, max_tokens=100, temperature=0) for _ in range(2)]
    pieces = [next(streams[0]), next(streams[1])]
    texts = [piece + "".join(stream) for piece, stream in zip(pieces, streams, strict=True)]
    assert texts[0] == texts[1]
    Contact.model_validate_json(texts[0])


def test_a_stream_that_nobody_reads_on_ends(llama):
    stream = outlines.Generator(llama).stream(STORY, max_tokens=900)
    next(stream)
    stream.close()
    assert outlines.Generator(llama)("Hi", max_tokens=2)


def test_an_error_in_a_stream_reaches_its_reader(llama):
    with pytest.raises(ContextExceeded):
        list(outlines.Generator(llama).stream("word " * 3000))
