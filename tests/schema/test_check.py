"""Nothing is coerced with loss, nothing invalid gets by, and errors say what to change."""

from __future__ import annotations

import datetime as dt
import enum
import json
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from structgen.errors import InvalidOutputError, NotJsonError, StructgenError
from structgen.schema.check import parse_json, validate, validate_json
from structgen.schema.target import target_of


class Level(enum.IntEnum):
    LOW = 1


class Mixed(enum.Enum):
    ONE = 1
    WORD = "x"
    PAIR = (1, 2)


class Item(BaseModel):
    sku: str = Field(min_length=2)
    count: int = Field(ge=1)


# ---- reading -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "text"),
    [
        *(
            (int, '"5"'),
            (int, "true"),
            (int, "4.7"),
            (int, '"4.7"'),
            (float, '"1.5"'),
            (float, "true"),
            (float, "1e400"),
        ),
        *(
            (bool, "1"),
            (bool, '"true"'),
            (bool, '"yes"'),
            (str, "1"),
            (Decimal, "true"),
            (Decimal, '"NaN"'),
        ),
        *(
            (dt.date, "0"),
            (dt.datetime, "0"),
            (dt.timedelta, "5"),
            (dt.time, "36000"),
            (Level, '"1"'),
            (Level, "true"),
        ),
        *(
            (Literal[1], "true"),
            (Literal[True], "1"),
            (Mixed, "true"),
            (dt.datetime, '"2020-01-01T00:00:00.1234567"'),
        ),
        *(
            (list[int], '["1"]'),
            (dict[str, int], '{"a": "1"}'),
            (Annotated[int, Field(gt=3)], "3.0"),
            (type(None), '""'),
        ),
    ],
)
def test_what_would_lose_information_is_refused(source: Any, text: str) -> None:
    with pytest.raises(StructgenError):
        validate_json(target_of(source), text)


@pytest.mark.parametrize(
    ("source", "text", "value"),
    [
        *(
            (int, "4.0", 4),
            (int, "1e3", 1000),
            (float, "1", 1.0),
            (int | float, "1.0", 1.0),
            (int | str, '"1"', "1"),
        ),
        *(
            (Level, "1", Level.LOW),
            (Mixed, '"x"', Mixed.WORD),
            (Mixed, "[1, 2]", Mixed.PAIR),
            (Literal[1, "a"], "1", 1),
        ),
        *(
            (dt.date, '"2020-01-02"', dt.date(2020, 1, 2)),
            (uuid.UUID, f'"{uuid.UUID(int=7)}"', uuid.UUID(int=7)),
        ),
        *(
            (set[int], "[1, 2]", {1, 2}),
            (tuple[int, str], '[1, "a"]', (1, "a")),
            (dict[int, str], '{"1": "a"}', {1: "a"}),
        ),
        *(
            (Decimal, "1.12345678901234567890123", Decimal("1.12345678901234567890123")),
            (Decimal, "3", Decimal(3)),
        ),
        *(
            (Decimal | str, "1.12345678901234567890123", Decimal("1.12345678901234567890123")),
            (int, str(10**40), 10**40),
        ),
        (
            dict[str, Decimal | Any],
            '{"a": {"b": 1.12345678901234567890123}}',
            {"a": {"b": 1.1234567890123457}},
        ),
        (Annotated[dt.date, BeforeValidator(str.strip)], '" 2020-01-02 "', dt.date(2020, 1, 2)),
        (Annotated[list[int], BeforeValidator(lambda v: v.split(","))], '"1,2"', [1, 2]),
    ],
)
def test_what_json_cannot_carry_natively_is_read(source: Any, text: str, value: Any) -> None:
    for given_text in (text, text.encode()):
        found = validate_json(target_of(source), given_text)
        assert found == value
        assert type(found) is type(value)


def test_a_model_with_its_own_validator_reads_its_fields_as_its_author_set_them_up() -> None:
    class Inner(BaseModel):
        n: int

    class Loose(BaseModel):
        n: int
        inner: Inner | None = None

        @model_validator(mode="before")
        @classmethod
        def trim(cls, data: Any) -> Any:
            return {
                name: item.strip() if isinstance(item, str) else item for name, item in data.items()
            }

    assert validate(target_of(Loose), {"n": " 5 "}) == Loose(n=5)
    with pytest.raises(InvalidOutputError) as caught:
        validate(target_of(Loose), {"n": 5, "inner": {"n": "5"}})
    assert caught.value.violations


leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)


@given(st.recursive(leaves, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_any_json_text_is_read_as_the_standard_library_reads_it(data: Any) -> None:
    text = json.dumps(data)
    assert parse_json(text) == data
    assert validate_json(target_of(Any), text) == data
    assert validate_json(target_of({}), text.encode()) == data


# ---- texts ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "position"),
    [
        *(
            ("", 0),
            ("{", 1),
            ('{"a": 1} x', 9),
            ("[1,]", 3),
            ("NaN", 0),
            ("[Infinity]", 1),
            ('"\\ud800"', 7),
            ("'a'", 0),
        ),
        *(
            ("\ud800", 0),
            (b'"\xff"', 1),
            (b"\xef\xbb\xbf{}", 0),
            ("[" * 100_000, 200),
            ("[1e400]", 1),
            ('["é", x]', 6),
        ),
        *(("\n\n x", 3), ("1" * 100_000, 0)),
    ],
)
def test_what_is_not_one_json_document_is_refused_with_its_position(
    text: str | bytes, position: int
) -> None:
    with pytest.raises(NotJsonError) as caught:
        parse_json(text)
    assert abs(caught.value.position - position) <= 1 or text[:1] == "1"


class Blog(BaseModel):
    title: str
    url: str = ""
    tags: list[str] = []
    meta: dict[str, Item] = {}


class Loose(BaseModel):
    model_config = ConfigDict(extra="allow")
    title: str


@pytest.mark.parametrize(
    "source",
    [
        Blog,
        Loose,
        dict[str, Any],
        Any,
        {"type": "object"},
        list[Blog],
        Annotated[Blog, AfterValidator(lambda v: v)],
    ],
)
@pytest.mark.parametrize(
    "text",
    [
        '{"title": "a", "title": "b"}',
        '{"title" : "a", "title" : "b"}',
        '{"title": "a", "url": "http://x", "title": "b"}',
        '{"title": "a", "unknown": 1, "unknown": 2}',
        '{"title": "a", "meta": {"x": {"sku": "ab", "count": 1, "count": 1}}}',
        '{"title": "a", "\\u0074itle": "b"}',
    ],
)
def test_a_member_that_stands_twice_is_refused(source: Any, text: str) -> None:
    if source == list[Blog]:
        text = f"[{text}]"
    with pytest.raises(NotJsonError, match="twice"):
        validate_json(target_of(source), text)


@pytest.mark.parametrize(
    "text",
    [
        '{"title": "a:b", "url": "http://x:80/\\": 1"}',
        '{"title" :\n"a", "unknown": {"a": 1}, "tags": ["x:y"]}',
        '{"title": "a", "meta": {"x": {"sku": "ab", "count": 1}, "y": {"sku": "ab", "count": 1}}}',
    ],
)
def test_the_same_member_in_different_objects_is_none_that_stands_twice(text: str) -> None:
    assert validate_json(target_of(Blog), text).title.startswith("a")


class Stay(BaseModel):
    begins: int
    ends: int

    @field_validator("ends")
    @classmethod
    def is_later(cls, value: int, info: ValidationInfo) -> int:
        if value <= info.data["begins"]:  # KeyError if that is wrong
            raise ValueError("later than it begins")
        return value


def test_an_exception_for_want_of_a_field_names_the_field_that_is_wrong() -> None:
    with pytest.raises(InvalidOutputError) as caught:
        validate_json(target_of(Stay), '{"begins": "soon", "ends": 3}')
    assert [(fault.path, fault.keyword) for fault in caught.value.violations] == [
        ("/begins", "type")
    ]
