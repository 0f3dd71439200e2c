"""Names on the wire change what is asked, and nothing about values: laws 1, 2 and 4 in every
language, over generated types and JSON Schemas and any of their fields.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from structgen.errors import ConfigurationError, SchemaError
from structgen.schema.places import paths_in
from structgen.schema.renamed import renamed
from structgen.schema.target import Target, target_of
from tests.checkers import CHECKERS
from tests.laws.instances import instances, validator
from tests.laws.json_schemas import json_schemas
from tests.laws.leaves import Typed
from tests.laws.same import same
from tests.laws.strategies import types
from tests.laws.test_laws import NARROW, OPEN, forms, without_nulls

LAW = settings(
    max_examples=80,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate, Phase.shrink],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)


def named(target: Target[Any], data: st.DataObject) -> Target[Any]:
    """The target with other names for some of its fields."""
    paths = paths_in(target.schema)
    assume(paths)
    chosen = data.draw(st.lists(st.sampled_from(paths), min_size=1, unique=True))
    # A field of a type that two paths lead to has one name.
    try:
        return renamed(target, {path: f"{path.rpartition('/')[2]} ẅ" for path in chosen})
    except ConfigurationError:  # a map whose keys look like a field's path
        assume(False)
        raise


@pytest.mark.slow
@pytest.mark.timeout(300)
@LAW
@given(types(), st.data())
def test_values_of_types_come_back(typed: Typed, data: st.DataObject) -> None:
    target = target_of(typed.type)
    other = named(target, data)
    value = data.draw(typed.values)
    plain = {it.subset.name: it for it in forms(target)}
    for it in forms(other):
        if it.subset.name not in NARROW:
            assert CHECKERS[it.subset.name](it.schema, target.name) == [], it
        try:
            encoded = it.encode(value)
        except SchemaError:
            assert [note for note in it.notes if note.action == "narrowed"], it
            continue
        assert [error.message for error in validator(it.schema).iter_errors(encoded)] == [], it
        assert same(it.decode_json(json.dumps(encoded)), value), (it, encoded)
        without = plain.get(it.subset.name)
        if without is not None:
            assert it.read(encoded)[1] == without.read(without.encode(value))[1], (it, encoded)
        if not it.subset.holds:
            own = target.dump(value)
            assert same(it.decode(own), value), (it, own)


@pytest.mark.slow
@pytest.mark.timeout(300)
@LAW
@given(json_schemas(), st.data())
def test_values_of_json_schemas_come_back(schema: dict[str, Any], data: st.DataObject) -> None:
    value = data.draw(instances(schema))
    target = named(target_of(schema), data)
    for it in forms(target, OPEN):
        assert CHECKERS[it.subset.name](it.schema, target.name) == [], it
        try:
            encoded = it.encode(value)
        except SchemaError:
            assert [note for note in it.notes if note.action == "narrowed"], it
            continue
        assert [error.message for error in validator(it.schema).iter_errors(encoded)] == [], it
        assert without_nulls(it.decode(encoded)) == without_nulls(value), (it, encoded)
