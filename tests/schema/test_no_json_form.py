"""Types that JSON cannot carry: what a union does without them, which field has one, a way out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic_core import core_schema

import structgen
from structgen.errors import SchemaError
from structgen.schema import SUBSETS


class Id:
    """As the recipe for ObjectId and ULID: an instance, or a text that is read."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Id) and other.text == self.text

    def __hash__(self) -> int:
        return hash(self.text)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        text = core_schema.str_schema(pattern="^[0-9a-f]{4}$")
        read = core_schema.no_info_after_validator_function(cls, text)
        written = core_schema.plain_serializer_function_ser_schema(lambda value: value.text)
        choices = [core_schema.is_instance_schema(cls), read]
        return core_schema.union_schema(choices, serialization=written)  # type: ignore[arg-type]


class Document(BaseModel):
    id: Id
    parts: dict[str, Id] = {}


@pytest.mark.parametrize("language", SUBSETS)
def test_an_option_that_has_to_be_an_instance_already_is_passed_over(language: str) -> None:
    compiled = structgen.compile_schema(Document, language)
    value = Document(id=Id("00ff"), parts={"a": Id("0001")})
    assert compiled.decode(compiled.encode(value)) == value


def test_what_the_other_option_refuses_is_refused() -> None:
    with pytest.raises(structgen.InvalidOutputError, match="/id: found"):
        structgen.validate(Document, {"id": "no"})


class Frame:
    """A class of which Pydantic knows nothing."""

    def __init__(self, rows: int) -> None:
        self.rows = rows

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Frame) and other.rows == self.rows

    __hash__ = None  # type: ignore[assignment]


class Inner(BaseModel):
    hook: Callable[[int], int]


class Outer(BaseModel):
    name: str
    inner: Inner


class Arbitrary(BaseModel):
    model_config = ConfigDict(arbitrary_types_allowed=True)
    number: int
    frame: Frame


@pytest.mark.parametrize(
    ("source", "path", "said"),
    [
        (Outer, "/properties/inner/properties/hook", "The field inner.hook .* reads functions"),
        (Arbitrary, "/properties/frame", "The field frame .* objects of the class Frame"),
        (list[Arbitrary], "/properties/frame", "The field frame "),
    ],
)
def test_the_error_names_the_field(source: Any, path: str, said: str) -> None:
    with pytest.raises(SchemaError, match=said) as caught:
        structgen.compile_schema(source, "openai-strict")
    assert caught.value.path == path
    assert "WithJsonSchema" in str(caught.value.hint)


@pytest.mark.parametrize("source", [Frame, range, list[Frame]])
def test_the_way_out_is_no_dead_end(source: Any) -> None:
    """Pydantic's advice, `arbitrary_types_allowed`, leads to the next error."""
    with pytest.raises(SchemaError, match="has no JSON form") as caught:
        structgen.compile_schema(source, "openai-strict")
    assert "arbitrary_types_allowed" not in str(caught.value)
    assert "WithJsonSchema" in str(caught.value.hint)


Read = Annotated[
    Frame,
    PlainValidator(lambda rows: Frame(int(rows))),
    PlainSerializer(lambda frame: str(frame.rows)),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]+$"}),
]


class Table(BaseModel):
    frame: Read


def test_the_way_out_works() -> None:
    value = Table.model_validate({"frame": 3})
    for language in SUBSETS:
        compiled = structgen.compile_schema(Table, language)
        assert compiled.decode(compiled.encode(value)) == value
