"""Laws 1, 2 and 4 hold with a member for thoughts, over generated types in every language."""

from __future__ import annotations

import json

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from structgen.schema.target import target_of
from structgen.schema.thoughts import with_thoughts
from tests.checkers import CHECKERS
from tests.laws.instances import validator
from tests.laws.leaves import Typed
from tests.laws.same import same
from tests.laws.strategies import types
from tests.laws.test_laws import NARROW, forms


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(
    max_examples=60,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=[
        HealthCheck.too_slow,
        HealthCheck.data_too_large,
        HealthCheck.filter_too_much,
    ],
)
@given(types(), st.data())
def test_thoughts_come_first_and_come_off(typed: Typed, data: st.DataObject) -> None:
    target = target_of(typed.type)
    value = data.draw(typed.values)
    for plain in forms(target):
        it = with_thoughts(plain, "first", 50)
        if not it.thoughts:
            continue
        if it.subset.name not in NARROW:
            assert CHECKERS[it.subset.name](it.schema, target.name) == [], it
        encoded = it.encode(value)
        assert next(iter(encoded)) == it.thoughts
        assert [error.message for error in validator(it.schema).iter_errors(encoded)] == [], it
        assert same(it.decode(encoded), value), (it, encoded)
        assert same(it.decode_json(json.dumps(encoded)), value), (it, encoded)
