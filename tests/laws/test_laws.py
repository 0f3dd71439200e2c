"""Laws 1 to 4, over generated types and their values, in every schema language.

`HYPOTHESIS_PROFILE=long` runs 20,000 examples of each instead of 500.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from pydantic import UUID4, RootModel

from structgen.errors import InvalidOutputError, SchemaError, SchemaLimitError
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.subset import SUBSETS, SchemaSubset
from structgen.schema.target import Target, target_of
from structgen.values import Violation
from tests.checkers import CHECKERS
from tests.checkers.walk import nodes, resolve
from tests.laws.instances import instances, validator
from tests.laws.json_schemas import json_schemas
from tests.laws.leaves import Typed
from tests.laws.same import same
from tests.laws.strategies import types

LONG = os.environ.get("HYPOTHESIS_PROFILE") == "long"
LAW = settings(
    max_examples=20_000 if LONG else 500,
    derandomize=not LONG,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)
# Their published limits are small enough for a generated type to break.
NARROW = {"azure-openai", "anthropic", "cerebras"}


OPEN = {name: replace(row, declared_only=False) for name, row in SUBSETS.items()}
"""The languages, with a place for members that a JSON Schema does not declare."""


def forms(target: Target[Any], rows: Mapping[str, SchemaSubset] = SUBSETS) -> list[Compiled[Any]]:
    """The target in every language that has room for it."""
    made = []
    for name, row in rows.items():
        try:
            made.append(compile_schema(target, row))
        except SchemaLimitError:
            assert name in NARROW, name
    return made


def explained(violation: Violation, it: Compiled[Any]) -> bool:
    """Is there a note that left this to the check: at its place in the source, above it or below?

    Of a union, another branch than the one that the answer was meant for may speak, or the
    union as a whole; so a union counts as one place, with what its branches refer to.
    """
    schema = it.target.schema
    place = within_union(violation.schema_path.rpartition("/")[0])
    places = {place, *referred(schema, place)}
    for at in unions(schema):
        branches = referred(schema, at)
        if any(f"{place}/".startswith(f"{branch}/") for branch in branches):
            places |= {at, *branches}
    notes = [within_union(note.path) for note in it.notes if note.action == "checked"]
    return any(
        f"{one}/".startswith(f"{path}/") or f"{path}/".startswith(f"{one}/")
        for path in notes
        for one in places
    )


def unions(schema: dict[str, Any]) -> list[str]:
    """The pointers of the unions in a schema."""
    return [
        at
        for at, node in nodes(schema)
        if isinstance(node, dict) and node.keys() & {"anyOf", "oneOf"}
    ]


def referred(schema: dict[str, Any], place: str) -> set[str]:
    """The pointers that a union leads to by references, as far as they go."""
    node = resolve(schema, f"#{place}") if place else schema
    if not isinstance(node, dict) or not node.keys() & {"anyOf", "oneOf"}:
        return set()
    found: set[str] = set()
    todo = [sub for keyword in ("anyOf", "oneOf") for sub in node.get(keyword, ())]
    while todo:
        refs = {
            sub["$ref"].removeprefix("#")
            for _, sub in nodes(todo.pop())
            if isinstance(sub, dict) and "$ref" in sub
        }
        todo += [resolve(schema, f"#{ref}") for ref in refs - found]
        found |= refs
    return found


def within_union(path: str) -> str:
    return re.split(r"/(?:anyOf|oneOf)/", path, maxsplit=1)[0]


@pytest.mark.slow
@pytest.mark.timeout(36_000 if LONG else 300)
@LAW
@given(types(), st.data())
def test_laws_1_2_and_4(typed: Typed, data: st.DataObject) -> None:
    """Every language's checker passes the schema, and what is encoded is valid and decodes."""
    target = target_of(typed.type)
    values = data.draw(st.lists(typed.values, min_size=1, max_size=2))
    for it in forms(target):
        assert CHECKERS[it.subset.name](it.schema, target.name) == [], it
        judge = validator(it.schema)
        for value in values:
            encoded = it.encode(value)
            assert [error.message for error in judge.iter_errors(encoded)] == [], it
            assert same(it.decode(encoded), value), (it, encoded)
            assert same(it.decode_json(json.dumps(encoded)), value), (it, encoded)


@pytest.mark.slow
@pytest.mark.timeout(36_000 if LONG else 300)
@LAW
@given(types(), st.sampled_from(sorted(SUBSETS)), st.data())
def test_law_3(typed: Typed, subset: str, data: st.DataObject) -> None:
    """What the schema admits decodes to a value, except for what the notes leave to the check."""
    target = target_of(typed.type)
    try:
        it = compile_schema(target, subset)
    except SchemaLimitError:
        return
    answer = data.draw(instances(it.schema))
    try:
        value = it.decode(answer)
    except InvalidOutputError as error:
        assert error.violations
        for violation in error.violations:
            assert explained(violation, it), (violation, answer)
    else:
        assert same(it.decode(it.encode(value)), value)


@pytest.mark.slow
@pytest.mark.timeout(36_000 if LONG else 300)
@LAW
@given(json_schemas(), st.data())
def test_laws_for_json_schemas(schema: dict[str, Any], data: st.DataObject) -> None:
    """Laws 1, 2 and 4 for JSON Schemas; a language that cannot take one raises a typed error."""
    value = data.draw(instances(schema))
    target = target_of(schema)
    for it in forms(target, OPEN):
        assert CHECKERS[it.subset.name](it.schema, target.name) == [], it
        encoded = it.encode(value)
        assert [error.message for error in validator(it.schema).iter_errors(encoded)] == [], it
        assert it.decode(encoded) == value, (it, encoded)


@pytest.mark.slow
@pytest.mark.timeout(36_000 if LONG else 300)
@LAW
@given(json_schemas(), st.data())
def test_what_has_a_form_among_declared_members_comes_back(
    schema: dict[str, Any], data: st.DataObject
) -> None:
    """A value is refused for a note's reason, or comes back; at most nulls are left out."""
    value = data.draw(instances(schema))
    for it in forms(target_of(schema)):
        assert CHECKERS[it.subset.name](it.schema, it.target.name) == [], it
        narrowed = [note for note in it.notes if note.action == "narrowed"]
        try:
            encoded = it.encode(value)
        except SchemaError:
            assert narrowed, it
            continue
        assert [error.message for error in validator(it.schema).iter_errors(encoded)] == [], it
        found = it.decode(encoded)
        if narrowed:
            assert without_nulls(found) == without_nulls(value), (it, encoded)
        else:
            assert found == value, (it, encoded)


def test_a_note_on_what_a_position_of_a_tuple_refers_to_explains_it() -> None:
    """Found by 20,000 examples of law 3: a place of a schema may lie in a list."""
    it = compile_schema(tuple[str, RootModel[UUID4] | None], "anthropic")
    with pytest.raises(InvalidOutputError) as raised:
        it.decode({"item_1": "", "item_2": "no UUID"})
    (violation,) = raised.value.violations
    assert violation.schema_path.startswith("/prefixItems/1/")
    assert explained(violation, it)
    assert not explained(replace(violation, schema_path="/prefixItems/0/type"), it)


def test_an_option_with_members_of_a_pattern_comes_back() -> None:
    null_or_node = {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]}
    node = {
        "type": "object",
        "properties": {"more": null_or_node},
        "required": ["more"],
        "patternProperties": {"^x-": {"type": "string"}},
        "additionalProperties": False,
    }
    value = {"more": {"more": {"more": None}, "x-": ""}}
    for it in forms(target_of({"$ref": "#/$defs/Node", "$defs": {"Node": node}})):
        assert it.decode(it.encode(value)) == value, it


def without_nulls(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: without_nulls(item) for key, item in data.items() if item is not None}
    return [without_nulls(item) for item in data] if isinstance(data, list) else data
