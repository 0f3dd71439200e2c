"""Watch an answer that nothing enforces, and see when it can no longer become valid.

The watcher is a grammar over bytes. It must never stop an answer that the check would accept, so
it allows more than the schema: members in any order, repeated and unknown ones, numbers in any
notation. It holds the shape (which kind of value is where) and the options of enums. It gives up
on a text with escapes, because the engine compares them as they are written. Items of lists may be
anything: one that is invalid is left out or told of, and the others are kept.
"""

from __future__ import annotations

import json
import re
from functools import lru_cache
from typing import Any, Final

from llguidance import LLMatcher

from structgen.local.grammar.grammar import byte_tokenizer
from structgen.values import Json, JsonSchema

_OPTIONS: Final = {"whitespace_flexible": True, "coerce_one_of": True, "lenient": True}


class Watcher:
    """Is fed a JSON document as it comes."""

    def __init__(self, matcher: LLMatcher) -> None:
        self._matcher: LLMatcher | None = matcher

    def takes(self, piece: bytes) -> bool:
        """Read a piece of the document.

        Args:
            piece: The next bytes.

        Returns:
            Whether the document can still become valid. True also if the watcher has given up.
        """
        if self._matcher is None:
            return True
        if b"\\" in piece:
            self._matcher = None
            return True
        return bool(self._matcher.try_consume_tokens(list(piece)) == len(piece))


def open_watcher(schema: JsonSchema) -> Watcher | None:
    """Make a watcher of answers to a schema.

    Args:
        schema: The compiled schema.

    Returns:
        The watcher; None if the grammar engine cannot read the schema.
    """
    matcher = _matcher(json.dumps(_loosened(schema)))
    return Watcher(matcher.deep_copy()) if matcher else None


@lru_cache(maxsize=64)
def _matcher(schema: str) -> LLMatcher | None:
    held = {**json.loads(schema), "x-guidance": _OPTIONS}
    grammar = LLMatcher.grammar_from_lark("%llguidance {}\nstart: %json " + json.dumps(held))
    failed, _ = LLMatcher.validate_grammar_with_warnings(grammar, byte_tokenizer())
    return None if failed else LLMatcher(byte_tokenizer(), grammar)


def _loosened(schema: Json) -> Json:
    """A schema that admits everything `schema` may admit, however it is written."""
    if not isinstance(schema, dict):
        return {}
    if "$ref" in schema:
        loose: dict[str, Any] = {"$ref": schema["$ref"]}
    elif branches := schema.get("anyOf") or schema.get("oneOf"):
        loose = {"anyOf": [_loosened(branch) for branch in branches]}
    elif "enum" in schema or "const" in schema:
        loose = _words(schema["enum"] if "enum" in schema else [schema["const"]])
    else:
        loose = _typed(schema)
    if "$defs" in schema:
        loose["$defs"] = {name: _loosened(inner) for name, inner in schema["$defs"].items()}
    return loose


def _words(values: list[Any]) -> dict[str, Any]:
    """The options of an enum. Numbers are left out: they can be written in many ways."""
    return {"enum": values} if all(isinstance(value, str | bool | None) for value in values) else {}


def _typed(schema: JsonSchema) -> dict[str, Any]:
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if not kinds:
        return {}
    loose: dict[str, Any] = {
        "type": sorted({"number" if kind == "integer" else kind for kind in kinds})
    }
    if "object" in kinds and schema.get("properties"):
        names = schema["properties"].items()
        loose["patternProperties"] = {
            f"^{re.escape(name)}$": _loosened(inner) for name, inner in names
        }
    return loose
