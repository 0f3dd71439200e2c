"""What the schema of a type says is held: by the reader itself, or by a check beside it."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections import Counter, OrderedDict
from decimal import Decimal
from typing import Annotated, Any, Literal, NamedTuple

import pytest
from pydantic import (
    AliasChoices,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

from structgen.errors import InvalidOutputError
from structgen.schema.check import MOST, validate
from structgen.schema.compiler import compile_schema
from structgen.schema.target import target_of


class Event(BaseModel):
    name: str
    founded: dt.datetime


NOT_A_TIME = ["2020", "1999.5", "5", "-1", "20200101", "2020-01-01", "2020-13-01T00:00:00"]


@pytest.mark.parametrize("text", NOT_A_TIME)
def test_a_number_in_text_is_no_date_and_time(text: str) -> None:
    sources: list[Any] = [dt.datetime, AwareDatetime, dt.datetime | int, dt.datetime | None]
    for source in sources:
        with pytest.raises(InvalidOutputError):
            validate(source, text)
    assert validate(dt.datetime | str, text) == text
    with pytest.raises(InvalidOutputError) as caught:
        compile_schema(Event, "groq-strict").decode({"name": "x", "founded": text})
    assert [violation.path for violation in caught.value.violations] == ["/founded"]


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        *((dt.timedelta, text) for text in ("P1M", "P1Y", "1 day", "01:00:00", "3600")),
        *((Decimal, text) for text in ("1_000", " 1 ", "+1", "")),
        *((dt.date, text) for text in ("0", "86400", "2020-01-01T00:00:00")),
        *((dt.time, text) for text in ("3600", "25:00", "12")),
        (uuid.UUID, "urn:uuid:12345678-1234-5678-1234-567812345678"),
        (uuid.UUID, "{12345678-1234-5678-1234-567812345678}"),
        (uuid.UUID, "12345678123456781234567812345678"),
        (Annotated[Decimal, Field(max_digits=4, decimal_places=2)], "1E1"),
        (Annotated[str, Field(json_schema_extra={"pattern": "^z"})], "abc"),
        (Annotated[str, WithJsonSchema({"enum": ["x", "y"]})], "q"),
        (Annotated[list[str], WithJsonSchema({"type": "array", "maxItems": 1})], ["a", "b"]),
        (enum.Flag("Rights", "READ WRITE"), -1),
    ],
)
def test_what_the_schema_refuses_is_refused(source: Any, answer: Any) -> None:
    with pytest.raises(InvalidOutputError):
        validate(source, answer)
    with pytest.raises(InvalidOutputError):
        validate(dict[str, source], {"a": answer})


class Styled(BaseModel):
    model_config = ConfigDict(json_schema_extra={"required": ["name", "size"]})
    name: str
    size: int | None = None


def test_words_of_the_users_own_in_a_schema_are_held() -> None:
    with pytest.raises(InvalidOutputError):
        validate(Styled, {"name": "x"})
    assert validate(Styled, {"name": "x", "size": None}) == Styled(name="x")


class Table(BaseModel):
    """Takes any keywords without a look at them, as a database table of SQLModel does."""

    name: str
    born: dt.date
    age: int | None = None

    def __init__(self, **data: Any) -> None:
        fields = {"name": None, "born": None, "age": None} | data
        object.__setattr__(self, "__dict__", fields)
        object.__setattr__(self, "__pydantic_fields_set__", set(data))
        object.__setattr__(self, "__pydantic_extra__", None)
        object.__setattr__(self, "__pydantic_private__", None)


class Shelf(BaseModel):
    tables: list[Table]


@pytest.mark.parametrize("answer", [{}, {"name": 1, "born": 5}, {"name": "x", "born": "2020"}])
def test_a_type_that_does_not_validate_is_held_to_its_fields(answer: Any) -> None:
    for source, data in ((Table, answer), (Shelf, {"tables": [answer]})):
        with pytest.raises(InvalidOutputError):
            validate(source, data)


def test_a_type_that_does_not_validate_has_values_of_its_fields_types() -> None:
    found = validate(Shelf, {"tables": [{"name": "x", "born": "2020-01-02"}]}).tables[0]
    assert (found.name, found.born, found.age) == ("x", dt.date(2020, 1, 2), None)


class Own(BaseModel):
    name: str = Field(alias="Name")
    born: dt.date | None = None

    def __init__(self, **data: Any) -> None:
        super().__init__(**data)
        self.name = self.name.title()


def test_an_init_of_the_users_own_still_runs() -> None:
    found = validate(Own, {"Name": "ada", "born": "1815-12-10"})
    assert (found.name, found.born) == ("Ada", dt.date(1815, 12, 10))
    assert validate(Own, {"Name": "ada"}).model_fields_set == {"name"}


# ---- maps -----------------------------------------------------------------------------

Lower = Annotated[str, StringConstraints(strip_whitespace=True, to_lower=True)]


@pytest.mark.parametrize(
    ("keys", "one", "two"),
    [
        (int, "1", "01"),
        (float, "1", "1.0"),
        (Decimal, "1", "1.0"),
        (Lower, "Apple", "apple "),
        (Annotated[str, BeforeValidator(str.lower)], "A", "a"),
        (uuid.UUID, str(uuid.UUID(int=10)), str(uuid.UUID(int=10)).upper()),
        (dt.datetime, "2020-01-01T00:00:00Z", "2020-01-01T01:00:00+01:00"),
        (int | None, "1", "01"),
    ],
)
def test_no_entry_of_a_map_is_lost(keys: Any, one: str, two: str) -> None:
    for source in (dict[keys, int], OrderedDict[keys, int]):
        assert len(validate(source, {one: 1})) == 1
        with pytest.raises(InvalidOutputError) as caught:
            validate(source, {one: 1, two: 2})
        assert one in str(caught.value.violations[0]), caught.value.violations
    entries = [{"key": one, "value": 1}, {"key": two, "value": 2}]
    with pytest.raises(InvalidOutputError):
        compile_schema(dict[keys, int], "groq-strict").decode({"value": entries})


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        *((dict[int, int], {key: 1}) for key in ("1_0", " 1", "1.0", "+1", "x")),
        *((dict[bool, int], {key: 1}) for key in ("1", "yes", "True")),
        *((dict[Level, int], {key: 1}) for key in ("01", "3")),
        *((dict[Literal[1, 2], int], {key: 1}) for key in ("01", "3")),
        *((dict[dt.date, int], {key: 1}) for key in ("0", "2020")),
        (Counter[str], {"a": "1"}),
    ],
)
def test_keys_are_held_to_their_form(source: Any, answer: Any) -> None:
    with pytest.raises(InvalidOutputError):
        validate(source, answer)


def test_keys_of_every_kind_are_read() -> None:
    assert validate(dict[int, int], {"1": 1, "-20": 2}) == {1: 1, -20: 2}
    assert validate(dict[bool, int], {"true": 1, "false": 2}) == {True: 1, False: 2}
    assert validate(dict[Level, int], {"1": 1, "2": 2}) == {Level.LOW: 1, Level.HIGH: 2}
    assert validate(dict[Lower, int], {" A ": 1, "b": 2}) == {"a": 1, "b": 2}
    assert validate(dict[dt.date, dict[int, str]], {"2020-01-02": {"3": "x"}}) == {
        dt.date(2020, 1, 2): {3: "x"}
    }


# ---- wider types ----------------------------------------------------------------------


class Named(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    full: str = Field(alias="Full")
    short: str = Field(validation_alias=AliasChoices("a", "b"))


class Pair(NamedTuple):
    x: int
    y: str = "a"


@pytest.mark.parametrize(
    ("source", "answer", "value"),
    [
        (Named, {"full": "x", "b": "y"}, Named.model_construct(full="x", short="y")),
        (Pair, {"x": 1}, Pair(1)),
        (set[int], [1, 1], {1}),
        (AnyUrl, "https://bücher.example/ä", AnyUrl("https://bücher.example/ä")),
        (Annotated[int, Field(strict=False)], "5", 5),
        (Annotated[str, StringConstraints(strip_whitespace=True, max_length=1)], " a ", "a"),
        (Annotated[int, BeforeValidator(lambda value: len(value))], "abc", 3),
        (AwareDatetime, "2020-01-02 03:04Z", dt.datetime(2020, 1, 2, 3, 4, tzinfo=dt.timezone.utc)),
    ],
)
def test_a_note_says_that_a_type_reads_more_than_its_schema(
    source: Any, answer: Any, value: Any
) -> None:
    assert validate(source, answer) == value
    assert any(note.action == "wider" for note in target_of(source).opaque)


# ---- many violations ------------------------------------------------------------------


class Row(BaseModel):
    number: int
    day: dt.date


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    ("source", "answer"),
    [
        (list[int], ["q"] * 20_000),
        (list[Row], [{"number": "x", "day": "2020"}] * 20_000),
        (list[Annotated[int, BeforeValidator(int)]], ["q"] * 20_000),
        ({"type": "array", "items": {"type": "integer"}}, ["q"] * 20_000),
    ],
)
def test_many_violations_take_little_time(source: Any, answer: Any) -> None:
    with pytest.raises(InvalidOutputError, match=f"at least {MOST} violations") as caught:
        validate(source, answer)
    assert len(caught.value.violations) == MOST
