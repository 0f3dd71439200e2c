"""Turn a schema that a client sent into the form of the answer, and prove that answers have it.

The schema is compiled for the grammar like any other target. If the compiled form differs, the
answer is mapped back before it is sent, so that a client only ever sees values of its own
schema.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, NoReturn

from pydantic_core import to_json

from structgen.errors import (
    BadRequestError,
    OutputError,
    OutputRejectedError,
    SchemaError,
    TargetError,
)
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.subset import SUBSETS
from structgen.schema.target import target_of
from structgen.schema.verbatim import VERBATIM
from structgen.server.instructions import describe_schema, document_in
from structgen.server.requests import ServedRequest
from structgen.values import Json, JsonSchema

MAX_SCHEMA: Final = 1 << 20
"""Bytes of a schema as JSON text. The grammar of a larger one may take a minute."""
_TYPE: Final = "invalid_request_error"
_ANY_OBJECT: Final[JsonSchema] = {"type": "object"}
# Clients read the text as it is written, so this is the language that changes the fewest schemas.
_LANGUAGE: Final = replace(SUBSETS["llguidance"], name="served", absent="omit", declared_only=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerForm:
    """The form that an answer has to have."""

    schema: JsonSchema = field(repr=False)
    """The compiled schema, for the engine."""
    instructions: str = field(repr=False)
    """How the model is told of the form; "" if it is not."""
    as_written: bool
    """Whether the text that the model writes is sent as it is."""
    to_text: Callable[[str], str]
    """Turns the model's text into the text to send. Raises OutputRejectedError if it is invalid."""
    is_grounded: bool = False
    """Whether it has values that are copied from the document (`x-verbatim`)."""

    def document(self, request: ServedRequest) -> str | None:
        """Give the text that grounded values are copied from; None if none is grounded.

        Args:
            request: The request, in whose messages the document is.
        """
        return document_in(request.messages) if self.is_grounded else None


def form_of_any_object() -> AnswerForm:
    """Make the form of JSON object mode: one JSON object with any members."""

    def to_text(text: str) -> str:
        try:
            value = json.loads(text)
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise _rejected(
                "Failed to generate JSON. Please adjust your prompt. "
                "See 'failed_generation' for more details.",
                text,
            )
        return text

    return AnswerForm(schema=_ANY_OBJECT, instructions="", as_written=True, to_text=to_text)


def form_of_schema(
    schema: JsonSchema, name: str, param: str, *, strict: bool, model: str
) -> AnswerForm:
    """Make the form of answers to a client's schema.

    Args:
        schema: The client's schema.
        name: Its name, for errors.
        param: The member of the request that it came in, for errors.
        strict: Refuse a schema that breaks Groq's rules for strict mode.
        model: The name of the model that answers; what it is told depends on it.

    Raises:
        BadRequestError: If the schema is refused.
    """
    if (size := len(to_json(schema))) > MAX_SCHEMA:
        _refuse(name, param, "", f"it has {size:,} bytes, of {MAX_SCHEMA:,} at most")
    if strict and (fault := next(_breaches(schema, ""), None)):
        _refuse(name, param, *fault)
    try:
        compiled = compile_schema(target_of(schema), _LANGUAGE)
        instructions = describe_schema(compiled.dumps(), model)
    except (SchemaError, TargetError) as error:
        _refuse(name, param, getattr(error, "path", ""), str(error))
    return AnswerForm(
        schema=compiled.schema,
        instructions=instructions,
        as_written=compiled.identity,
        to_text=lambda text: _proved(compiled, text),
        is_grounded=VERBATIM.encode() in compiled.dumps(),
    )


def _proved(compiled: Compiled[Json], text: str) -> str:
    try:
        value = compiled.decode_json(text)
    except OutputError:
        raise _rejected(
            "Generated JSON does not match the expected schema. Please adjust your prompt.", text
        ) from None
    return (
        text if compiled.identity else json.dumps(compiled.target.dump(value), ensure_ascii=False)
    )


def _rejected(message: str, text: str) -> OutputRejectedError:
    error = OutputRejectedError(message, status_code=400, type=_TYPE, code="json_validate_failed")
    error.failed_generation = text
    return error


# ---- Groq's rules for strict schemas -------------------------------------------------------------


def _breaches(schema: Any, path: str) -> Iterator[tuple[str, str]]:
    """Where a schema breaks Groq's rules for strict mode: closed objects, all members required.

    Source: https://console.groq.com/docs/structured-outputs.
    """
    if not isinstance(schema, dict):
        return
    kinds = schema.get("type")
    properties = schema.get("properties", {})
    if (
        kinds == "object"
        or (isinstance(kinds, list) and "object" in kinds)
        or "properties" in schema
    ):
        if schema.get("additionalProperties") is not False:
            yield path, "`additionalProperties:false` must be set on every object"
        required = schema.get("required", ())
        if isinstance(properties, dict) and isinstance(required, (list, tuple)):
            missing = [name for name in properties if name not in required]
            if missing:
                yield (
                    path,
                    f"The following properties must be listed in `required`: {', '.join(missing)}",
                )
    for keyword in ("properties", "$defs", "definitions"):
        inner = schema.get(keyword)
        if isinstance(inner, dict):
            for name, child in inner.items():
                yield from _breaches(child, f"{path}/{keyword}/{name}")
    for keyword in ("anyOf", "allOf", "oneOf", "prefixItems"):
        inner = schema.get(keyword)
        if isinstance(inner, list):
            for index, child in enumerate(inner):
                yield from _breaches(child, f"{path}/{keyword}/{index}")
    yield from _breaches(schema.get("items"), f"{path}/items")


def _refuse(name: str, param: str, path: str, what: str) -> NoReturn:
    raise BadRequestError(
        f"invalid JSON schema for {param}: '{name}': {path or '/'}: {what}",
        status_code=400,
        type=_TYPE,
        param=param,
    )
