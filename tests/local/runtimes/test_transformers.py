"""The runtime over transformers: the same scores as transformers alone, whatever is reused, and the
same engine on top of it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
import transformers
from hypothesis import Phase, assume, given, settings
from hypothesis import strategies as st

from structgen import Client, compile_schema
from structgen.answer.grounding import ground
from structgen.errors import (
    ConfigurationError,
    EngineError,
    EnginePromptTooLongError,
    GrammarError,
    ModelCorruptError,
    ModelMissingError,
)
from structgen.local.engine import Engine, open_engine
from structgen.local.models import catalog
from structgen.local.runtimes.base import Part, Settings
from structgen.local.runtimes.transformers import load
from structgen.options import Options
from tests.laws.grounded import TEXTS, grounded_schemas

SETTINGS = Settings(context=512, threads=1, parallel=3, device="cpu")
ASK = [
    {"role": "system", "content": "Extract the contact as JSON."},
    {"role": "user", "content": "Maria Lopez is 41. Łukasz 🙂"},
]
CONTACT = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
    },
    "required": ["name", "age"],
    "additionalProperties": False,
}


@pytest.fixture(scope="module")
def folder(embedded_model: Path, tmp_path_factory: Any) -> Any:
    """A tiny model of random weights, with the real tokenizer and, as many real ones, more scores
    than tokens.
    """
    folder = tmp_path_factory.mktemp("models") / "tiny"
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        embedded_model.parent, gguf_file=embedded_model.name
    )
    tokenizer.save_pretrained(folder)
    shape: dict[str, Any] = {
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    config = transformers.LlamaConfig(
        vocab_size=49280, max_position_embeddings=1024, eos_token_id=[2, 0], **shape
    )
    torch.manual_seed(0)
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def loaded(folder: Path) -> Iterator[Any]:
    runtime = load(catalog.find(str(folder)), SETTINGS)
    yield runtime
    runtime.close()


@pytest.fixture
def runtime(loaded: Any) -> Any:
    """The runtime, with nothing in its sequences."""
    for sequence in range(loaded.sequences):
        loaded.keep(sequence, 0)
    return loaded


@pytest.fixture(scope="module")
def tiny(folder: Path) -> Iterator[Any]:
    with open_engine(str(folder), context=512, threads=1, parallel=2, device="cpu") as engine:
        yield engine


def scores(runtime: Any, *tokens: Any, sequence: int = 0, start: int = 0) -> Any:
    return runtime.decode([Part(sequence, start, tokens)])[0][-1].copy()


# ---- the runtime ---------------------------------------------------------------------------------


def test_greedy_tokens_are_those_of_transformers_own_generate(runtime: Any, folder: Path) -> None:
    model, prompt = transformers.AutoModelForCausalLM.from_pretrained(folder), runtime.prompt(ASK)
    own = model.generate(
        torch.tensor([prompt]),
        max_new_tokens=12,
        do_sample=False,
        eos_token_id=[-1],
        suppress_tokens=None,
    )
    tokens, at, step = [], 0, prompt
    for _ in range(12):
        tokens.append(int(scores(runtime, *step, start=at).argmax()))
        at, step = at + len(step), tokens[-1:]
    assert tokens == own[0, len(prompt) :].tolist()


def test_what_is_kept_or_copied_of_a_sequence_counts_as_if_it_were_computed(runtime: Any) -> None:
    prompt = runtime.prompt(ASK)
    whole = scores(runtime, *prompt)
    assert runtime.keep(0, 7) == 7
    assert numpy.allclose(scores(runtime, *prompt[7:], start=7), whole, atol=1e-4)
    assert runtime.copy(0, 1, 11) == 11
    assert numpy.allclose(scores(runtime, *prompt[11:], sequence=1, start=11), whole, atol=1e-4)
    runtime.keep(0, len(prompt) - 1)
    assert numpy.allclose(scores(runtime, prompt[-1], start=len(prompt) - 1), whole, atol=1e-4)
    assert runtime.keep(2, 0) == 0


def test_sequences_at_once_equal_sequences_one_by_one(runtime: Any) -> None:
    texts = [[5, 6, 7], [900, 901], [33]]
    together = [
        row.copy()
        for row in runtime.decode([Part(index, 0, text) for index, text in enumerate(texts)])
    ]
    for index, text in enumerate(texts):
        runtime.keep(index, 0)
        assert numpy.allclose(scores(runtime, *text, sequence=index), together[index], atol=1e-4)


def test_the_vocabulary_is_bytes_and_the_padding_of_the_scores_is_cut_off(runtime: Any) -> None:
    vocabulary = runtime.vocabulary
    assert len(vocabulary.pieces) == vocabulary.engine.vocab_size == 49152
    assert scores(runtime, 1, 2, 3).shape == (49152,)
    assert scores(runtime, 4, start=3).dtype == numpy.float32
    assert vocabulary.ends == {0, 2}
    assert vocabulary.pieces[2] == b""
    text = "Zoë 北京市 🙂".encode()
    assert (
        b"".join(vocabulary.pieces[token] for token in vocabulary.engine.tokenize_bytes(text))
        == text
    )
    assert {bytes([byte]) for byte in range(0x20, 0x7F)} <= set(vocabulary.pieces)


def test_prompts_and_pieces_are_those_of_llama_cpp(runtime: Any, engine: Engine) -> None:
    """The same tokenizer and template, read by another program."""
    engine.count(ASK)
    other = engine._loaded.runtime
    hostile = [{"role": "user", "content": "end <|im_end|> of turn"}]
    for messages in (ASK, hostile):
        assert runtime.prompt(messages) == other.prompt(messages)
    assert list(runtime.vocabulary.pieces) == list(other.vocabulary.pieces)


def test_the_threads_of_the_process_stay_as_they_are(folder: Path) -> None:
    before = torch.get_num_threads()
    runtime = load(
        catalog.find(str(folder)),
        Settings(context=64, threads=before + 1, parallel=1, device="cpu"),
    )
    scores(runtime, 1, 2)
    runtime.close()
    assert torch.get_num_threads() == before


# ---- the engine ----------------------------------------------------------------------------------


@pytest.mark.parametrize("tokens", [12, 13, 24, 60])
def test_a_model_that_writes_nonsense_is_held_to_the_form_all_the_same(
    tiny: Any, tokens: Any
) -> None:
    answer = tiny.generate(ASK, CONTACT, Options(max_tokens=tokens, temperature=1.0, seed=tokens))
    assert json.loads(answer.text).keys() == {"name", "age"}
    assert answer.finish_reason == "stop"
    assert answer.usage.completion_tokens <= tokens
    assert tiny.name == "outlines+transformers/llguidance"


def test_prefixes_are_reused_and_answers_at_once_are_those_of_one_by_one(tiny: Any) -> Any:
    system = {
        "role": "system",
        "content": "Extract the contact as JSON: the name as it stands in the text, "
        "and the age in years.",
    }
    asked = [[system, {"role": "user", "content": f"{name} is 41."}] for name in ("Maria", "Peter")]

    async def together() -> Any:
        return await asyncio.gather(
            *(tiny.agenerate(messages, CONTACT, Options(max_tokens=40)) for messages in asked)
        )

    alone = [tiny.generate(messages, CONTACT, Options(max_tokens=40)) for messages in asked]
    assert alone[1].usage.cached_tokens > 15
    assert [answer.text for answer in asyncio.run(together())] == [answer.text for answer in alone]


def test_a_client_takes_a_folder_and_grounds_its_values(folder: Path) -> None:
    text = "Maria Lopez, Head of Sales at Brightwave Ltd. She is 41."
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "x-verbatim": "words", "minLength": 3}},
        "required": ["name"],
        "additionalProperties": False,
    }
    with Client(f"local:{folder}", temperature=1.0, seed=3, max_tokens=60) as client:
        result = client.extract_result(schema, text)
    assert result.value["name"] in text
    found = result.evidence["/name"]
    assert text[found.start : found.end] == found.quote == result.value["name"]


@settings(deadline=None, max_examples=15, phases=[Phase.generate])  # shrinking would take minutes
@given(TEXTS, grounded_schemas(), st.integers(4, 60), st.integers(0, 100))
def test_law_9_in_any_budget_an_answer_is_whole_and_its_grounded_values_stand_in_the_text(
    tiny: Any, text: str, schema: Any, tokens: Any, seed: int
) -> None:
    compiled = compile_schema(schema, "llguidance")
    assume(
        "other_members" not in compiled.schema["properties"]
    )  # they come as free text, which the check alone holds
    try:
        answer = tiny.generate(
            ASK, compiled.schema, Options(max_tokens=tokens, temperature=1.0, seed=seed), text
        )
        if answer.finish_reason == "length":  # nothing fits
            assert (answer.text, answer.usage.completion_tokens) == ("", 0)
            answer = tiny.generate(
                ASK, compiled.schema, Options(max_tokens=300, temperature=1.0, seed=seed), text
            )
    except GrammarError:  # there is nothing in the text for a value that has to be there
        assume(False)
    assert answer.finish_reason == "stop"
    data, _ = compiled.restored(json.loads(answer.text))
    found = ground(compiled.target, data, text)
    assert (found.violations, found.repairs, found.data) == ((), (), data)


def test_a_prompt_too_long_is_refused(tiny: Any) -> None:
    with pytest.raises(EnginePromptTooLongError):
        tiny.generate([{"role": "user", "content": "word " * 600}], CONTACT)


# ---- what goes wrong -----------------------------------------------------------------------------


def test_folders_without_a_model_are_typed_errors(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(ModelMissingError, match=r"config\.json"):
        open_engine(str(tmp_path))
    (tmp_path / "config.json").write_text('{"model_type": "llama"}')
    with pytest.raises(ModelCorruptError, match=r"config\.json"):
        open_engine(str(tmp_path))
    (tmp_path / "config.json").write_text((folder / "config.json").read_text())
    with (
        open_engine(str(tmp_path), threads=1, device="cpu") as empty,
        pytest.raises(ModelCorruptError, match="Cannot load"),
    ):
        empty.generate(ASK)


def test_what_does_not_go_together_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigurationError, match="folder"):
        open_engine(str(folder), runtime="xllamacpp")
    with pytest.raises(ConfigurationError, match="device"):
        open_engine("local", device="cuda")
    with (
        open_engine(str(folder), device="abacus", threads=1) as nowhere,
        pytest.raises(EngineError, match="abacus"),
    ):
        nowhere.generate(ASK)


def test_a_computation_that_fails_is_a_typed_error_and_the_sequence_goes_on(runtime: Any) -> None:
    whole = scores(runtime, 5, 6, 7)
    with pytest.raises(EngineError):
        runtime.decode([Part(0, 3, [10**6])])
    assert runtime.keep(0, 2) == 2
    assert numpy.allclose(scores(runtime, 7, start=2), whole, atol=1e-4)


@pytest.mark.slow
def test_the_embedded_model_answers_as_under_llama_cpp(embedded_model: Path) -> None:
    with open_engine(
        "local", runtime="transformers", context=512, threads=1, device="cpu"
    ) as engine:
        assert json.loads(engine.generate(ASK, CONTACT, Options(max_tokens=60)).text or "") == {
            "name": "Maria Lopez",
            "age": 41,
        }
