"""The other half of law 3: what the schema of a type refuses, the check refuses.

The answers come from the schema's side: values of the type with one place changed, and any JSON.
The only exceptions are those that a note calls wider: the type reads more than its schema says.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn
from jsonschema import ValidationError
from pydantic import AwareDatetime, BaseModel

from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema.check import validate
from structgen.schema.target import Target, target_of
from structgen.schema.validate.violations import schema_pointer
from tests.laws.instances import validator
from tests.laws.leaves import JSON, Typed
from tests.laws.strategies import types
from tests.laws.test_laws import LAW, LONG, referred, within_union

NEARLY: list[Any] = [
    *("2020", "1999.5", "-1", "20200101", "2020-01-01", "2020-01-01T00:00:00", "2020-01-01 00:00Z"),
    *("P1M", "P1Y", "1 day", "01:00:00", "PT1H", "3600", "12:30", "12:30:00Z"),
    *("1_000", " 1 ", "1.0", "01", "1e3", "+1", "0x1", "١", "true", "True", "NaN", "Infinity"),
    *("urn:uuid:12345678-1234-5678-1234-567812345678", "{12345678-1234-5678-1234-567812345678}"),
    *("12345678123456781234567812345678", "a@b.c", "A B <a@b.c>", "HTTP://X", "x y", "1.2.3.4\n"),
    *(0, 1, -1, 1.0, 0.5, 1e300, 10**30, True, False, None, "", [], {}, [[]], {"": None}),
]
"""JSON that some reader takes for a value of another form."""


@st.composite
def answers(draw: DrawFn, target: Target[Any], typed: Typed) -> Any:
    """A value as JSON with one place changed, or any JSON."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.sampled_from(NEARLY) | JSON)
    try:
        data = target.dump(draw(typed.values))
    except SchemaError:  # two values with one JSON form, such as null in a model and no model
        return draw(JSON)
    return draw(changed(data))


@st.composite
def changed(draw: DrawFn, data: Any) -> Any:
    """Plain data with one place changed: another value, a member more, or one less."""
    if isinstance(data, (dict, list)) and data and draw(st.integers(0, 3)):
        copy: Any = data.copy()
        steps = sorted(copy) if isinstance(copy, dict) else range(len(copy))
        step = draw(st.sampled_from(steps))
        change = draw(st.sampled_from(["inside", "inside", "inside", "less", "more", "name"]))
        if change == "inside":
            copy[step] = draw(changed(copy[step]))
        elif change == "less":
            del copy[step]
        elif isinstance(copy, list):
            copy.append(draw(st.sampled_from([copy[step], *NEARLY])))
        elif change == "name":
            copy[str(draw(st.sampled_from([" 1 ", "01", "x", step.upper(), f" {step}"])))] = (
                copy.pop(step)
            )
        else:
            copy[draw(st.sampled_from(["01", "1.0", "x", " a"]))] = copy[step]
        return copy
    if isinstance(data, str) and draw(st.booleans()):
        return draw(
            st.sampled_from([f" {data}", f"{data}\n", data.lower(), data.upper(), data * 2])
        )
    if isinstance(data, (int, float)) and draw(st.booleans()):
        return draw(st.sampled_from([str(data), data + 0.5, -data, [data], data * 10**6]))
    return draw(st.sampled_from(NEARLY))


def is_wider(error: ValidationError, target: Target[Any]) -> bool:
    """Whether a note says that the type reads more here or above it, or a whole branch of a union
    is refused for such places alone.
    """
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(inner.schema_path[0], []).append(inner)
    if any(all(is_wider(one, target) for one in found) for found in branches.values()):
        return True
    place = schema_pointer(error.absolute_schema_path, target.schema).rpartition("/")[0]
    place = within_union(place)
    places = {place, *referred(target.schema, place)}
    notes = [within_union(note.path) for note in target.opaque if note.action == "wider"]
    return any(f"{one}/".startswith(f"{path}/") for path in notes for one in places)


@pytest.mark.slow
@pytest.mark.timeout(36_000 if LONG else 300)
@LAW
@given(types(), st.data())
def test_what_the_schema_refuses_the_check_refuses(typed: Typed, data: st.DataObject) -> None:
    target = target_of(typed.type)
    answer = data.draw(answers(target, typed))
    errors = list(validator(target.schema).iter_errors(answer))
    if not errors:
        return
    try:
        value = validate(target, answer)
    except InvalidOutputError as error:
        assert error.violations
    else:
        assert all(is_wider(error, target) for error in errors), (answer, value, errors)


class Moment(BaseModel):
    at: AwareDatetime


class Told(BaseModel):
    """What was told, as a moment or by its number."""

    when: Moment | int


def test_a_wider_form_deep_in_a_branch_of_a_union_is_noted_as_such() -> None:
    """Found by 20,000 examples: of a union, the schema says only that no branch fits."""
    target = target_of(Told)
    without_seconds = {"when": {"at": "2020-01-01 00:00Z"}}
    assert validate(target, without_seconds) == Told.model_validate(without_seconds)
    judge = validator(target.schema)
    assert all(is_wider(one, target) for one in judge.iter_errors(without_seconds))
    wrong: list[Any] = [{"when": "x"}, {"when": {}}]
    for refused in wrong:
        assert not any(is_wider(one, target) for one in judge.iter_errors(refused))
        with pytest.raises(InvalidOutputError):
            validate(target, refused)


class Stamped(BaseModel):
    tags: set[str]
    at: datetime


def test_what_a_type_takes_all_the_same_is_no_violation_beside_others() -> None:
    """Found by 20,000 examples of law 3: a set takes an item that comes twice."""
    with pytest.raises(InvalidOutputError) as raised:
        validate(Stamped, {"tags": ["0", "0"], "at": "0000-01-01T00:00"})
    assert [violation.path for violation in raised.value.violations] == ["/at"]
    assert validate(Stamped, {"tags": ["0", "0"], "at": "2020-01-01T00:00"}).tags == {"0"}
