"""Reading an answer against the whole truth of its target."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import ValidationError

from structgen.errors import InvalidOutput, NotJson
from structgen.schema.target import Target
from structgen.types import Json, Violation

T = TypeVar("T")


def check(target: Target[T], data: Json) -> T:
    """`data` as a value of the target. Raises InvalidOutput with every violation."""
    if target.adapter is None:
        from jsonschema import Draft202012Validator

        faults = [_of_jsonschema(error) for error in Draft202012Validator(target.schema).iter_errors(data)]
        if faults:
            raise InvalidOutput("The answer is no value of the target.", violations=faults)
        return data  # type: ignore[no-any-return]
    try:
        return target.adapter.validate_json(json.dumps(data))
    except ValidationError as error:
        raise InvalidOutput("The answer is no value of the target.", violations=_of_pydantic(error)) from None


def check_json(target: Target[T], text: str | bytes) -> T:
    """As `check`, from JSON text. Raises NotJson or InvalidOutput."""
    return check(target, parse_json(text))


def parse_json(text: str | bytes) -> Json:
    """One strict JSON document. Raises NotJson."""
    try:
        return json.loads(text)
    except ValueError as error:
        raise NotJson("The answer is not JSON.", position=getattr(error, "pos", 0)) from None


def _pointer(parts: Any) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in parts)


def _of_jsonschema(error: Any) -> Violation:
    return Violation(_pointer(error.absolute_path), _pointer(error.absolute_schema_path), repr(error.instance)[:60], error.validator)


def _of_pydantic(error: ValidationError) -> list[Violation]:
    return [Violation(_pointer(e["loc"]), "", repr(e["input"])[:60], e["msg"]) for e in error.errors(include_url=False)]
