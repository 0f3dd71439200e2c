"""One schema for an answer that is one of several: an output, a call of a tool, or a text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

from structgen.values import JsonSchema

_DEFINITIONS: Final = "$defs"
_LOCAL: Final = f"#/{_DEFINITIONS}/"
_TOOL, _ARGUMENTS, _CALL = "tool", "arguments", "answer"


class Choice(NamedTuple):
    """One thing that a model may answer."""

    name: str
    """Its name, such as that of a tool; "" for the output itself."""
    schema: JsonSchema
    """The schema of its value. References go to its own `$defs`."""
    description: str | None = None
    """When to choose it."""


def choose_among(choices: Sequence[Choice]) -> JsonSchema:
    """Write the schema of an answer that is one of these.

    Args:
        choices: At least one; a single object is asked for by itself.

    Returns:
        The schema, whose values `chosen` reads.
    """
    if len(choices) == 1 and choices[0].schema.get("type") == "object":
        return choices[0].schema
    definitions: dict[str, Any] = {}
    options = [_option(place, choice, definitions) for place, choice in enumerate(choices)]
    answer = options[0] if len(options) == 1 else {"anyOf": options}
    return {
        "type": "object",
        "properties": {_CALL: answer},
        "required": [_CALL],
        "additionalProperties": False,
        _DEFINITIONS: definitions,
    }


def chosen(value: Any, choices: Sequence[Choice]) -> tuple[Choice, Any]:
    """Find which of the choices an answer is, and its value.

    Args:
        value: A value of the schema that `choose_among` wrote.
        choices: The same choices.
    """
    if len(choices) == 1 and choices[0].schema.get("type") == "object":
        return choices[0], value
    answer = value[_CALL]
    by_name = {choice.name or "output": choice for choice in choices}
    return by_name[answer[_TOOL]], answer[_ARGUMENTS]


def _option(place: int, choice: Choice, definitions: dict[str, Any]) -> dict[str, Any]:
    """The schema of a choice with its name; its definitions move to the common ones."""
    prefix = f"c{place}_"
    own = {name: held for name, held in choice.schema.items() if name != _DEFINITIONS}
    for name, held in choice.schema.get(_DEFINITIONS, {}).items():
        definitions[prefix + name] = _moved(held, prefix)
    option = {
        "type": "object",
        "properties": {
            _TOOL: {"const": choice.name or "output"},
            _ARGUMENTS: _moved(own, prefix),
        },
        "required": [_TOOL, _ARGUMENTS],
        "additionalProperties": False,
    }
    return option | ({"description": choice.description} if choice.description else {})


def _moved(schema: Any, prefix: str) -> Any:
    """The schema with its references to definitions of the new names."""
    if isinstance(schema, list):
        return [_moved(one, prefix) for one in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {name: _moved(held, prefix) for name, held in schema.items()}
    reference = moved.get("$ref")
    if isinstance(reference, str) and reference.startswith(_LOCAL):
        moved["$ref"] = _LOCAL + prefix + reference.removeprefix(_LOCAL)
    return moved
