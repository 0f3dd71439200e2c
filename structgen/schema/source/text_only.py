"""Parts of a reader that look at JSON text before Pydantic does: text forms, and keys of maps.

A tagged union with a function as its discriminator sees the JSON as it is, and hands it
on as it is, so that Pydantic still reads it as JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from enum import Enum
from typing import Any, Final

from pydantic_core import PydanticCustomError, SchemaValidator, ValidationError

from structgen.schema.validate.pattern_reader import parse
from structgen.schema.validate.pattern_tree import is_portable
from structgen.schema.validate.patterns import is_found
from structgen.schema.validate.python_patterns import parse_python
from structgen.schema.validate.text_forms import (
    DURATION,
    FORMATS_IN_WORDS,
    INTEGER_KEY,
    NUMBER_KEY,
    in_words,
)

Core = Any
DIGITS: Final = "\x00digits:"
"""Begins a number's digits that are handed on as text (`reader.digits_of`)."""
_WANTED: Final = {
    "date": f"a date ({FORMATS_IN_WORDS['date']})",
    "datetime": f"a date and time ({FORMATS_IN_WORDS['date-time']})",
    "time": f"a time ({FORMATS_IN_WORDS['time']})",
    "timedelta": f"a duration ({in_words(DURATION)})",
    "decimal": "a decimal number",
    "uuid": "a UUID",
    "int": "an integer",
    "float": "a number",
    "bool": "true or false",
}
"""Kinds of core schema in words, for errors."""
_KEYS: Final = {"int": INTEGER_KEY, "float": NUMBER_KEY, "bool": "^(?:true|false)$"}
_PLAIN: Final = frozenset({"str", "any"})
_CHANGES: Final = ("strip_whitespace", "to_lower", "to_upper")
"""Options of strings that make two texts one key."""
_OUTER: Final = ("ref", "metadata", "serialization")
_CASES: Final = {"to_lower": str.lower, "to_upper": str.upper}
"""Options of strings that change the case, after the pattern is matched."""
_READ: Final = "read"
_REFUSED: Final = "refused"


def key_form(node: Core) -> str | None:
    """The pattern of the keys that a node reads, in a map's keys; None if they have none.

    Args:
        node: The core schema of the keys.
    """
    kind = node["type"]
    if kind in ("literal", "enum"):
        values = node["expected"] if kind == "literal" else [m.value for m in node["members"]]
        texts = (_key_of(value) for value in values)
        return f"^(?:{'|'.join(re.escape(text) for text in texts)})$"
    return _KEYS.get(kind)


def _key_of(value: Any) -> str:
    value = value.value if isinstance(value, Enum) else value
    return value if isinstance(value, str) else json.dumps(value, default=str)


def held_to_form(node: Core, pattern: str, strict: Core) -> Core:
    """`strict`, which reads only text of one form; other JSON is left to it.

    Args:
        node: The core schema whose form it is.
        pattern: The form; it begins with `^` and ends with `$`.
        strict: The core schema that reads.
    """
    # Python's `$` also matches before a last line break, and its `\d` beyond ASCII.
    form = re.compile(pattern.removeprefix("^").removesuffix("$"), re.ASCII)

    def judge(raw: Any) -> str:
        is_read = not isinstance(raw, str) or raw.startswith(DIGITS) or form.fullmatch(raw)
        return _READ if is_read else _REFUSED

    wanted = _WANTED.get(node["type"], "one of the keys")
    return _judged(judge, strict, lambda raw: PydanticCustomError("text_form", wanted))


def with_bounded_pattern(node: Core) -> Core:
    """A string whose pattern is matched in bounded time, and as the schema means it.

    Python's own engine may try for ever. Pydantic's other one does not, but its `\\d` and
    `\\w` go beyond ASCII.

    Args:
        node: The core schema of a string with a pattern.
    """
    pattern = node["pattern"]
    is_pythons = isinstance(pattern, re.Pattern) or node.get("regex_engine") == "python-re"
    text = str(getattr(pattern, "pattern", pattern))
    left_out = {"regex_engine", *_OUTER, *_CASES}
    if is_pythons:
        tree = parse_python(text, getattr(pattern, "flags", 0))
        left_out.add("pattern")
    elif is_portable(text):
        tree = parse(text)
    else:
        return node
    inner = {key: value for key, value in node.items() if key not in left_out}
    outer = {key: node[key] for key in _OUTER if key in node}
    change = next((_CASES[case] for case in _CASES if node.get(case)), str)

    def judge(value: str) -> str:
        if (value.isascii() and not is_pythons) or is_found(tree, value):
            return change(value)
        wanted = "text that matches {pattern}"
        raise PydanticCustomError("string_pattern_mismatch", wanted, {"pattern": repr(text)})

    function = {"type": "no-info", "function": judge}
    return {"type": "function-after", "function": function, "schema": inner, **outer}


def with_distinct_keys(node: Core, keys: Core) -> Core:
    """A map that refuses two keys that are the same once they are read.

    Args:
        node: The core schema of the map, already strict.
        keys: The core schema of its keys, already strict.
    """
    if is_plain_key(keys):
        return node
    reader = SchemaValidator({"type": "dict", "keys_schema": keys})

    def same_keys(raw: Any) -> tuple[str, str] | None:
        seen: dict[Any, str] = {}
        for text in raw if isinstance(raw, dict) else ():
            try:
                (key,) = reader.validate_json(json.dumps({text: None}))
            except ValidationError:
                continue  # Pydantic names it when it reads the map
            if key in seen:
                return seen[key], text
            seen[key] = text
        return None

    def fault(raw: Any) -> PydanticCustomError:
        one, two = same_keys(raw) or ("", "")
        words = "each key once; {one} and {two} are the same key"
        return PydanticCustomError("repeated_key", words, {"one": repr(one), "two": repr(two)})

    return _judged(lambda raw: _REFUSED if same_keys(raw) else _READ, node, fault)


def is_plain_key(keys: Core) -> bool:
    """Whether two texts are always two keys.

    Args:
        keys: The core schema of a map's keys.
    """
    return keys["type"] in _PLAIN and not any(map(keys.get, _CHANGES))


def _judged(
    judge: Callable[[Any], str], node: Core, fault: Callable[[Any], PydanticCustomError]
) -> Core:
    """`node` for the JSON that `judge` lets pass, and an error for other JSON."""

    def refuse(raw: Any) -> Any:
        raise fault(raw)

    refusal = {"type": "function-plain", "function": {"type": "no-info", "function": refuse}}
    choices = {_READ: node, _REFUSED: refusal}
    return {"type": "tagged-union", "choices": choices, "discriminator": judge}
