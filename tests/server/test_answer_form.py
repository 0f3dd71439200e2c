"""Whatever is sent as an answer is valid under the schema as the client sent it, whatever the
schema and the model.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from structgen.errors import BadRequestError, OutputRejectedError
from structgen.server.answer_form import form_of_any_object, form_of_schema
from tests.laws.instances import instances, validator
from tests.laws.json_schemas import json_schemas


@settings(
    max_examples=150,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
@given(json_schemas(), st.data())
def test_what_is_sent_is_valid_under_the_clients_schema(
    schema: dict[str, Any], data: st.DataObject
) -> None:
    form = form_of_schema(schema, "it", "response_format", strict=False, model="m")
    written = json.dumps(data.draw(instances(form.schema)))
    try:
        sent = form.to_text(written)
    except OutputRejectedError as rejected:
        assert rejected.failed_generation == written
        return
    validator(schema).validate(json.loads(sent))
    assert not form.as_written or sent == written


@pytest.mark.parametrize("text", ["", "[]", "{", '"a"', "nothing", '{"a": 1} {}'])
def test_json_object_mode_sends_objects_only(text: str) -> None:
    with pytest.raises(OutputRejectedError):
        form_of_any_object().to_text(text)


RULES = [
    ({"type": "object", "properties": {}, "additionalProperties": False}, None),
    ({"type": ["object", "null"], "properties": {}}, "/: `additionalProperties:false`"),
    ({"type": "array", "items": {"type": "object"}}, "/items: `additionalProperties:false`"),
    (
        {"anyOf": [{"type": "null"}, {"properties": {"a": True}, "additionalProperties": False}]},
        "/anyOf/1: .*`required`: a",
    ),
    (
        {"$ref": "#/$defs/a", "$defs": {"a": {"type": "object"}}},
        "/$defs/a: `additionalProperties:false`",
    ),
]


@pytest.mark.parametrize(("schema", "said"), RULES)
def test_strict_schemas_keep_groqs_rules(schema: dict[str, Any], said: str | None) -> None:
    if said is None:
        assert form_of_schema(schema, "it", "response_format", strict=True, model="m").as_written
    else:
        with pytest.raises(
            BadRequestError,
            match="invalid JSON schema for response_format: 'it': " + said.replace("$", r"\$"),
        ):
            form_of_schema(schema, "it", "response_format", strict=True, model="m")
    form_of_schema(schema, "it", "response_format", strict=False, model="m")


def test_a_schema_that_is_too_large_is_refused() -> None:
    properties = {f"p{n}": {"type": "string", "description": "x" * 1000} for n in range(1100)}
    with pytest.raises(BadRequestError, match="bytes, of 1,048,576 at most"):
        form_of_schema(
            {"type": "object", "properties": properties}, "it", "tools", strict=False, model="m"
        )


def test_shared_definitions_are_told_once_in_bounded_time() -> None:
    levels = {
        f"L{n}": {"type": "object", "properties": {p: {"$ref": f"#/$defs/L{n + 1}"} for p in "abc"}}
        for n in range(30)
    }
    schema = {"$defs": {**levels, "L30": {"type": "string"}}, "$ref": "#/$defs/L0"}
    form = form_of_schema(schema, "it", "response_format", strict=False, model="m")
    assert len(form.instructions) < 4000
