"""The schema of a target: all that a type refuses and a schema can say, from any draft."""

from __future__ import annotations

import datetime as dt
import json
import re
from decimal import Decimal
from typing import Annotated, Any

import pydantic as p
from pydantic import BaseModel, Field

from structgen.schema.target import Target, target_of

# ---- the schema ----------------------------------------------------------------------


def refuses(source: Any, data: Any) -> bool:
    return bool(list(target_of(source).validator.iter_errors(data)))


def test_the_schema_says_what_pydantics_leaves_out() -> None:
    assert refuses(Decimal, "abc")
    assert refuses(Annotated[Decimal, Field(max_digits=4, decimal_places=2)], "123.4")
    assert refuses(Annotated[Decimal, Field(max_digits=4, decimal_places=2)], 123.4)
    assert refuses(dict[Annotated[str, Field(pattern="^a")], int], {"b": 1})
    assert refuses(dict[int, int], {"x": 1})
    assert refuses(p.NaiveDatetime, "2020-01-01T00:00:00Z")
    assert refuses(p.AwareDatetime, "2020-01-01T00:00:00")
    assert not refuses(dt.datetime, "2020-01-01T00:00:00")
    assert not refuses(Annotated[bytes, Field(min_length=2)], "é")


def test_what_only_the_type_can_check_is_noted_at_its_place() -> None:
    class Order(BaseModel):
        code: Annotated[str, p.AfterValidator(str.upper)]
        day: p.PastDate
        flags: Annotated[str, p.StringConstraints(pattern=re.compile("a", re.IGNORECASE))]

        @p.field_validator("code")
        @classmethod
        def known(cls, value: str) -> str:
            return value

        @p.model_validator(mode="after")
        def whole(self) -> Order:
            return self

    target = target_of(Order)
    assert {(note.path, note.keyword, note.action) for note in target.opaque} == {
        ("", "validator", "checked"),
        ("/properties/code", "validator", "checked"),
        ("/properties/day", "now_op", "checked"),
        ("/properties/flags", "pattern", "checked"),
    }
    assert "x-structgen" not in json.dumps(target.schema)


def test_titles_descriptions_examples_and_docstrings_stay() -> None:
    class Person(BaseModel):
        """A human being."""

        name: str = Field(title="Full name", description="As in the passport.", examples=["Ada"])

    schema = target_of(Person).schema
    assert schema["description"] == "A human being."
    assert schema["properties"]["name"] == {
        "type": "string",
        "title": "Full name",
        "description": "As in the passport.",
        "examples": ["Ada"],
    }


def test_fields_keep_their_order_and_the_schema_its_bytes() -> None:
    class Wide(BaseModel):
        zebra: int
        apple: int
        mango: int

    assert list(target_of(Wide).schema["properties"]) == ["zebra", "apple", "mango"]
    assert json.dumps(target_of(Wide).schema) == json.dumps(
        Target.__reduce__(target_of(Wide))[0](Wide).schema
    )


def test_references_of_a_schema_lead_to_its_definitions_alone() -> None:
    schema = target_of(
        {
            "$schema": "http://json-schema.org/draft-07/schema#",
            "$id": "http://example.com/root.json",
            "definitions": {
                "A": {"$id": "#anchor", "type": "integer"},
                "odd": {"deep": [{"type": "string"}]},
            },
            "properties": {
                "a": {"$ref": "#anchor", "type": "string"},
                "b": {"$ref": "root.json#/definitions/odd/deep/0"},
                "c": {"$ref": "#"},
            },
            "dependencies": {"a": ["b"], "c": {"required": ["a"]}},
            "items": [{"type": "integer"}],
            "additionalItems": False,
        }
    ).schema
    assert schema["properties"] == {
        "a": {"$ref": "#/$defs/anchor"},
        "b": {"$ref": "#/$defs/0"},
        "c": {"$ref": "#"},
    }
    assert schema["$defs"] == {"anchor": {"type": "integer"}, "0": {"type": "string"}}
    assert schema["dependentRequired"] == {"a": ["b"]}
    assert schema["prefixItems"] == [{"type": "integer"}]
    assert schema["items"] is False


def test_draft_4_bounds_and_ignored_keywords_keep_their_meaning() -> None:
    source = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "minimum": 3,
        "exclusiveMinimum": True,
        "const": 7,
        "id": "x",
    }
    assert target_of(source).schema == {"exclusiveMinimum": 3}
