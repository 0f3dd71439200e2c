"""The keywords that a server's 400 names, in the words of each vendor."""

from __future__ import annotations

import json

import pytest

from structgen.errors import APIError
from structgen.values import Reply
from structgen.wire.error_bodies import parse_error
from structgen.wire.providers import capabilities
from structgen.wire.refused_keywords import refused_keywords

SENT = frozenset(
    {"type", "properties", "items", "required", "additionalProperties", "const", "enum", "anyOf"}
    | {"minLength", "maxLength", "pattern", "format", "format:uri", "format:date-time", "minItems"}
    | {"maxItems", "minimum", "maximum", "propertyNames", "minProperties", "uniqueItems", "title"}
)
OPENAI = "Invalid schema for response_format 'answer': In context=('properties', 'name'), "
GEMINI = (
    'Invalid JSON payload received. Unknown name "{0}" at '
    "'generation_config.response_schema.properties[1].value': Cannot find field."
)


def error(message: str, status: int = 400, provider: str = "generic") -> APIError:
    body = json.dumps({"error": {"message": message}}).encode()
    return parse_error(Reply(status, {}, body), capabilities(provider, "m"))


@pytest.mark.parametrize(
    ("message", "named"),
    [
        (f"{OPENAI}'minLength' is not permitted.", {"minLength"}),
        (f"{OPENAI}'uri' is not a valid format.", {"format:uri"}),
        (
            "invalid schema for response format: response_format/json_schema/next_step: minItems "
            "is not supported",
            {"minItems"},
        ),
        (
            "output_format.schema: For 'array' type, property 'maxItems' is not supported",
            {"maxItems"},
        ),
        (
            "output_config.format.schema: For 'array' type, 'minItems' values other than 0 or 1 "
            "are not supported",
            {"minItems"},
        ),
        (
            "tools.0.custom.input_schema: For 'integer' type, properties maximum, minimum are not "
            "supported",
            {"minimum", "maximum"},
        ),
        (GEMINI.format("const"), {"const"}),
        (
            "\n".join(map(GEMINI.format, ("additionalProperties", "propertyNames"))),
            {"additionalProperties", "propertyNames"},
        ),
        (
            "GenerateContentRequest.generation_config.response_schema.properties[day].format: only "
            "'enum' and 'date-time' are supported for STRING type",
            {"format"},
        ),
        ("Unsupported JSON schema fields: {'minItems', 'items'}", {"minItems", "items"}),
        ('Grammar error: Unimplemented keys: ["propertyNames"]', {"propertyNames"}),
        ("Failed to compile: Unknown format: date-time", {"format:date-time"}),
        ("Keyword minProperties is not supported.", {"minProperties"}),
        ("The keywords `pattern`, `format` are not supported", {"pattern", "format"}),
        ('The "uniqueItems" keyword is not allowed here', {"uniqueItems"}),
    ],
)
def test_the_keywords_that_a_400_names(message: str, named: set[str]) -> None:
    assert refused_keywords(error(message), SENT) == named


def test_vertex_writes_keywords_in_snake_case_and_answers_501() -> None:
    said = (
        "Unable to submit request because one or more response schemas specified unsupported "
        "field min_length. Learn more: https://cloud.google.com/vertex-ai"
    )
    assert refused_keywords(error(said, 501), SENT) == {"minLength"}


def test_a_gateway_quotes_the_provider() -> None:
    raw = json.dumps({"message": 'Unsupported JSON schema fields: ["items", "minItems"]'})
    metadata = {"raw": raw, "provider_name": "Cerebras"}
    inner = {"message": "Provider returned error", "code": 400, "metadata": metadata}
    reply = Reply(400, {}, json.dumps({"error": inner}).encode())
    found = refused_keywords(parse_error(reply, capabilities("openrouter", "m")), SENT)
    assert found == {"items", "minItems"}


@pytest.mark.parametrize(
    "message",
    [
        "'messages' must contain the word 'json' in some form",
        f"{OPENAI}'required' is required to be supplied and to be an array including every key.",
        "The provided JSON schema contains features not supported by xgrammar.",
        "This model does not support response format `json_schema`.",
        "'logprobs' is not supported with this model",
        "temperature: 'x' is not supported",
    ],
)
def test_other_refusals_name_none(message: str) -> None:
    assert not refused_keywords(error(message), SENT)


def test_only_refusals_of_a_request_are_read() -> None:
    assert not refused_keywords(error(f"{OPENAI}'minLength' is not permitted.", 429), SENT)


def test_a_long_message_is_read_in_bounded_time() -> None:
    said = "In context=(" * 20_000 + "'minLength' is not permitted"
    refused_keywords(error(said), SENT)
