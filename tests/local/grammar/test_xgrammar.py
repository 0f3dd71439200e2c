"""xgrammar behind the interface of grammar engines: what it holds, and how the rest is told."""

from __future__ import annotations

import importlib
import json
import random
import sys
from collections import Counter
from pathlib import Path
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

import structgen
from benchmarks.walks import walks
from structgen import Verbatim
from structgen.errors import ConfigurationError, GrammarError, MissingPackage
from structgen.extraction.backends import engine_backend
from structgen.local.decode.mask import TokenMask
from structgen.local.engine import Engine, open_engine
from structgen.local.grammar.engines import Compile, compiler_for
from structgen.local.runtimes.base import Vocabulary
from structgen.schema.subset import SUBSETS
from tests.local.decode.test_ending import WORDS, Words
from tests.local.grammar.test_grammar import closed

PIECES = [b"" if token == Words.eos_token_id else piece for token, piece in enumerate(Words.tokens)]
VOCABULARY = Vocabulary(PIECES, frozenset({Words.eos_token_id}), WORDS)
RECORD = closed(
    name={"type": "string", "maxLength": 6},
    kind={"enum": ["北京", "上海", "ab"]},
    count={"type": ["integer", "null"]},
    tags={"type": "array", "items": {"type": "boolean"}, "maxItems": 2},
)


@pytest.fixture(scope="module")
def compile_schema() -> Compile:
    pytest.importorskip("xgrammar", reason="the extra `xgrammar` is not installed")
    return compiler_for("xgrammar", VOCABULARY)


# ---- the interface -------------------------------------------------------------------------------


@given(st.integers(0, 1 << 30))
def test_a_walk_by_masks_is_a_sentence_and_every_question_leaves_the_matcher_as_it_is(
    compile_schema: Compile, seed: int
) -> None:
    draw, grammar = random.Random(seed), compile_schema(RECORD, None)
    matcher, mask, written = grammar.matcher(), TokenMask(WORDS.vocab_size, len(PIECES)), b""
    for _ in range(200):
        before = matcher.compute_bitmask()
        allowed = mask.fill(matcher).tokens().tolist()
        assert matcher.is_accepting() is (Words.eos_token_id in allowed)
        assert matcher.is_stopped() is (allowed == [Words.eos_token_id])
        some = draw.randrange(len(PIECES) - 1)
        assert matcher.validate_tokens([some]) == (some in allowed)
        forced = matcher.compute_ff_tokens()
        assert matcher.validate_tokens(forced) == len(forced)
        assert matcher.compute_ff_bytes().startswith(b"".join(PIECES[one] for one in forced))
        assert matcher.deep_copy().consume_tokens(forced)
        assert matcher.compute_bitmask() == before
        token = draw.choice(allowed)
        if token == Words.eos_token_id:
            break
        assert matcher.consume_tokens([token])
        assert matcher.rollback(1)
        assert matcher.compute_bitmask() == before
        assert matcher.try_consume_tokens([token, Words.eos_token_id + 1]) == 1
        written += PIECES[token]
    if matcher.is_accepting():
        # It lets raw control characters and halves of surrogate pairs through.
        text = written.decode(errors="replace")
        assert set(json.loads(text, strict=False)) == set(RECORD["properties"])


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ('{"name": "x", "kind": "上海", "count": null, "tags": [true, false]}', "whole"),
        ('{"name": "x", "kind": "上', "part"),
        ('{"kind": "ab"', "no"),
        ('{"name": "1234567', "no"),
    ],
)
def test_a_text_is_classified(compile_schema: Compile, text: str, kind: str) -> None:
    assert compile_schema(RECORD, None).classify(text) == kind


def test_what_xgrammar_refuses_is_left_out_or_a_typed_error(compile_schema: Compile) -> None:
    odd = closed(a={"type": "string", "pattern": "(?P<x>a)(?P=x)"}, b={"type": "integer"})
    assert compile_schema(odd, None).classify('{"a": "q", "b": 1}') in ("whole", "no")
    with pytest.raises(GrammarError, match=r"^The grammar engine refuses the schema: \w"):
        compile_schema({"type": "object", "properties": {"a": {"$ref": "#/nowhere"}}}, None)
    deep: Any = {"type": "null"}
    for _ in range(1000):
        deep = {"type": "array", "items": deep}
    with pytest.raises(GrammarError):
        compile_schema(deep, None)


def test_every_grammar_says_that_the_check_alone_proves_it(compile_schema: Compile) -> None:
    note = compile_schema({"type": "null"}, None).notes[-1]
    assert (note.path, note.keyword, note.action) == ("", "schema", "checked")


def test_the_same_schema_is_compiled_once(compile_schema: Compile) -> None:
    assert compile_schema(RECORD, None) is compile_schema(dict(RECORD), None)


# ---- through an engine ---------------------------------------------------------------------------


class Guest(BaseModel):
    name: Annotated[str, Verbatim()]
    age: int = Field(ge=0, le=99)


@pytest.fixture(scope="module")
def opened(embedded_model: Path) -> Any:
    pytest.importorskip("xgrammar", reason="the extra `xgrammar` is not installed")
    with open_engine("local", context=2048, threads=1, grammar="xgrammar") as engine:
        yield engine


@pytest.mark.slow
def test_a_call_is_held_by_xgrammar_and_proved_by_the_check(opened: Engine) -> None:
    assert opened.name.endswith("/xgrammar")
    assert engine_backend(opened).modes == (("decoder", "xgrammar"),)
    result = structgen.Client(opened).extract_result(Guest, "Peter Smith is 30.")
    assert result.value.name in "Peter Smith is 30."
    assert 0 <= result.value.age <= 99
    assert result.guarantee.by == "decoder"
    left = [note.keyword for note in result.guarantee.checked]
    assert left == ["x-verbatim", "schema"]


@pytest.mark.slow
def test_random_answers_under_xgrammar_are_valid_or_told(opened: Engine, shared_data: Path) -> None:
    opened.count([])
    vocabulary = opened._loaded.runtime.vocabulary
    compile_grammar = compiler_for("xgrammar", vocabulary)
    outcomes: Counter[str] = Counter()
    lines = (shared_data / "jsonschemabench-dev.jsonl").read_text(encoding="utf-8").splitlines()
    for line in lines[::20]:
        schema = json.loads(line)["schema"]
        found = walks(schema, SUBSETS["xgrammar"], compile_grammar, vocabulary, [0])
        outcomes.update(walk.outcome for walk in found)
    assert outcomes.keys() <= {"valid", "before", "noted"}, outcomes
    assert outcomes["valid"] > outcomes.total() / 2


# ---- choosing it ---------------------------------------------------------------------------------


def test_an_unknown_grammar_engine_is_named_with_those_there_are() -> None:
    with pytest.raises(ConfigurationError, match="no grammar engine 'gbnf'") as raised:
        open_engine("local", grammar="gbnf")
    assert "xgrammar" in (raised.value.hint or "")


def test_a_missing_package_is_told_with_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "xgrammar", None)
    monkeypatch.delitem(sys.modules, "structgen.local.grammar.with_xgrammar", raising=False)
    with pytest.raises(MissingPackage, match="structgen\\[xgrammar\\]"):
        compiler_for("xgrammar", VOCABULARY)
    monkeypatch.undo()
    importlib.import_module("structgen.local.grammar.grammar")
