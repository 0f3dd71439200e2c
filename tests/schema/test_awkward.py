"""Every awkward type compiles for every subset, passes its checker, and gets its values back."""

from __future__ import annotations

import json
from typing import Any

import pydantic
import pytest

from structgen.errors import InvalidOutputError, SchemaLimitError
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.subset import SUBSETS
from structgen.schema.target import target_of
from tests.checkers import CHECKERS
from tests.laws.instances import validator
from tests.laws.same import same
from tests.schema.awkward import CASES, Case
from tests.schema.awkward.enums import Big

STRICT = ("openai-strict", "groq-strict")
# Published limits that an ordinary type may break; the strict languages' own are wide enough.
NARROW = {"azure-openai", "anthropic", "cerebras"}


def compiled(case: Case, subset: str) -> Compiled[Any] | None:
    """The compiled schema, None where a narrow language's limit is in the way."""
    if subset not in NARROW:
        return compile_schema(case.type, subset)
    try:
        return compile_schema(case.type, subset)
    except SchemaLimitError as error:
        assert error.actual > error.limit
        assert error.hint
        return None


def test_there_are_many_and_each_has_two_values() -> None:
    assert len(CASES) >= 60
    assert len({case.name for case in CASES}) == len(CASES)
    assert all(len(case.values) >= 2 for case in CASES)


def test_every_subset_has_a_checker() -> None:
    assert SUBSETS.keys() == CHECKERS.keys()


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
@pytest.mark.parametrize("subset", STRICT)
def test_strict_schema_passes_its_checker_with_no_loss(subset: str, case: Case) -> None:
    """52 of 52, and more: valid in strict mode, with every value admitted and given back."""
    it = compile_schema(case.type, subset)
    assert CHECKERS[subset](it.schema, it.target.name) == []
    assert [note for note in it.notes if note.action == "narrowed"] == []
    check_values(case, it)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_values_survive_every_subset(case: Case) -> None:
    """Laws 1, 2 and 4 for every subset that has room for the type."""
    for subset in SUBSETS:
        it = compiled(case, subset)
        if it is not None:
            assert CHECKERS[subset](it.schema, it.target.name) == [], subset
            check_values(case, it)


def check_values(case: Case, it: Compiled[Any]) -> None:
    judge = validator(it.schema)
    for value in case.values:
        data = it.encode(value)
        assert [error.message for error in judge.iter_errors(data)] == [], (it.subset.name, data)
        assert same(it.decode(data), value), (it.subset.name, data)
        assert same(it.decode_json(json.dumps(data)), value), (it.subset.name, data)
        assert same(it.decode(json.loads(json.dumps(data))), value), (it.subset.name, data)


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_target_holds_its_own_values(case: Case) -> None:
    """What `dump` writes is valid under the source schema."""
    target = target_of(case.type)
    judge = validator(target.schema)
    for value in case.values:
        assert [error.message for error in judge.iter_errors(target.dump(value))] == []


@pytest.mark.parametrize("subset", STRICT)
def test_a_schema_over_a_limit_is_an_error_before_any_call(subset: str) -> None:
    """It names the limit, what was needed, the field and the way out."""
    fields: dict[str, Any] = {f"field_{i}": (int | None, None) for i in range(5001)}
    huge = pydantic.create_model("Huge", **fields)
    with pytest.raises(SchemaLimitError, match="5001 properties") as caught:
        compile_schema(huge, subset)
    assert (caught.value.limit, caught.value.actual) == (5000, 5001)
    assert caught.value.path.startswith("/properties/")
    assert caught.value.hint


@pytest.mark.parametrize("subset", STRICT)
def test_an_enum_over_the_limit_is_left_to_the_check_and_noted(subset: str) -> None:
    it = compile_schema(Big, subset)
    assert [note.action for note in it.notes if note.keyword == "enum"] == ["checked"]
    with pytest.raises(InvalidOutputError):
        it.decode({"value": "value 1100"})
