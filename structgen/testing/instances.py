"""Plain values that a compiled schema admits, for tests: the same for the same seed."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Mapping
from random import Random
from typing import Any, Final

from structgen.errors import SchemaError
from structgen.schema.codecs.codec import KEY, VALUE
from structgen.schema.json import resolve, same_json
from structgen.schema.validate.pattern_nodes import (
    Chars,
    Choice,
    Edge,
    Look,
    Node,
    Repeat,
    Sequence,
)
from structgen.schema.validate.pattern_reader import parse
from structgen.schema.validate.patterns import matches
from structgen.schema.validate.validator import validator_of
from structgen.schema.verbatim import VERBATIM
from structgen.values import Json, JsonSchema

_TRIES: Final = 50
"""Values that are made and checked before a schema is given up."""
_DEEP: Final = 3
"""Levels of nesting after which a value takes the shortest way out."""
_ENDLESS: Final = math.inf
# fmt: off
_WORDS: Final = (
    "amber", "basil", "cedar", "delta", "ember", "fjord", "grove", "haven", "islet", "jade",
    "kelp", "lotus", "maple", "north", "olive", "pearl", "quartz", "river", "sage", "tulip",
    "umber", "vale", "willow", "yarrow", "zephyr",
)
# fmt: on
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_PRINTABLE: Final = _LETTERS + "".join(chr(code) for code in range(32, 127))
_FORMATS: Final[Mapping[str, Callable[[Random, str], str]]] = {
    "date": lambda random, word: _date(random),
    "time": lambda random, word: f"{random.randrange(24):02}:{random.randrange(60):02}:00Z",
    "date-time": lambda random, word: f"{_date(random)}T{random.randrange(24):02}:00:00Z",
    "duration": lambda random, word: f"P{random.randrange(1, 30)}D",
    "email": lambda random, word: f"{word}@example.com",
    "hostname": lambda random, word: f"{word}.example.com",
    "ipv4": lambda random, word: f"192.0.2.{random.randrange(1, 255)}",
    "ipv6": lambda random, word: f"2001:db8::{random.randrange(1, 9999)}",
    "uri": lambda random, word: f"https://example.com/{word}",
    "uri-reference": lambda random, word: f"/{word}",
    "uuid": lambda random, word: _uuid(random),
    "json-pointer": lambda random, word: f"/{word}",
    "regex": lambda random, word: f"^{word}$",
}
"""A text of each format. Names and addresses are those that RFC 2606, 5737 and 3849 set aside."""


def instance_of(schema: JsonSchema, seed: str, document: str | None = None) -> Json:
    """Make a value that a schema admits.

    Args:
        schema: A compiled schema, as an engine in this process gets it.
        seed: The same seed gives the same value.
        document: The text that values marked `x-verbatim` are copied from.

    Raises:
        SchemaError: If no value was found.
    """
    validator = validator_of(schema)
    for attempt in range(_TRIES):
        random = Random(f"{seed}/{attempt}")  # noqa: S311  # not for secrets
        value = _Maker(schema, random, document or "").value(schema, 0)
        if validator.is_valid(value):
            return value
    raise SchemaError(
        "AnyModel found no value that this schema admits.",
        hint="Use ScriptedModel with an answer of your own.",
    )


class _Maker:
    """Makes one value, of different words until it runs out of them."""

    def __init__(self, root: JsonSchema, random: Random, document: str) -> None:
        self._root = root
        self._random = random
        self._words = random.sample(_WORDS, len(_WORDS))
        self._quotes = re.findall(r"\w+", document)
        self._numerals = re.findall(r"\d+(?:\.\d+)?", document)

    def value(self, schema: Any, level: int) -> Json:
        if not isinstance(schema, dict) or not schema:
            return self._word()
        if "$ref" in schema:
            return self.value(
                {**resolve(self._root, schema["$ref"]), **_without_ref(schema)}, level
            )
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self._random.choice(schema["enum"])
        if "anyOf" in schema:
            return self.value(self._branch(schema["anyOf"], level), level)
        return _MAKERS[self._type(schema, level)](self, schema, level)

    def _branch(self, branches: list[Any], level: int) -> Any:
        """Choose a branch: one with something in it, or far down the shortest."""
        if level >= _DEEP:
            return min(branches, key=self._cost)
        finite = [branch for branch in branches if self._cost(branch) < _ENDLESS]
        full = [branch for branch in finite if branch.get("type") != "null"]
        return self._random.choice(full or finite or branches)

    def _type(self, schema: JsonSchema, level: int) -> str:
        types = schema.get("type", "string")
        if isinstance(types, str):
            return types
        return "null" if "null" in types and level >= _DEEP else str(types[0])

    def _cost(self, schema: Any, above: tuple[str, ...] = ()) -> float:
        """Count the levels that a value needs at least."""
        if not isinstance(schema, dict):
            return 0
        if ref := schema.get("$ref"):
            inside = (*above, ref)
            return _ENDLESS if ref in above else self._cost(resolve(self._root, ref), inside)
        if branches := schema.get("anyOf"):
            return min(self._cost(branch, above) for branch in branches)
        return max((1 + self._cost(part, above) for part in _needs(schema)), default=0)

    # ---- one maker for each type

    def _object(self, schema: JsonSchema, level: int) -> Json:
        properties, required = schema.get("properties", {}), schema.get("required", ())
        made = {
            name: self.value(part, level + 1)
            for name, part in properties.items()
            if name in required or level < _DEEP
        }
        patterns = list(schema.get("patternProperties", {}).items())
        for _ in range(_TRIES if patterns else 0):
            if len(made) >= schema.get("minProperties", 0):
                break
            pattern, part = self._random.choice(patterns)
            made[self._matching(pattern)] = self.value(part, level + 1)
        return made

    def _array(self, schema: JsonSchema, level: int) -> Json:
        prefix, items = schema.get("prefixItems", []), schema.get("items", True)
        least = schema.get("minItems", 0)
        most = min(schema.get("maxItems", _ENDLESS), max(least, len(prefix), 2))
        if items is False:
            most = min(most, len(prefix))
        length = least if level >= _DEEP else most
        made = [self.value(part, level + 1) for part in prefix[: int(length)]]
        for _ in range(_TRIES if items is not False else 0):
            if len(made) >= length:
                break
            item = self.value(items, level + 1)
            if not any(same_json(_told_apart(item), _told_apart(other)) for other in made):
                made.append(item)
        while len(made) < least and items is not False:
            made.append(self.value(items, level + 1))
        return made

    def _string(self, schema: JsonSchema, level: int) -> Json:
        least, most = schema.get("minLength", 0), schema.get("maxLength", _ENDLESS)
        if VERBATIM in schema and self._quotes:
            return self._random.choice(self._quotes)
        if "pattern" in schema:
            return self._matching(schema["pattern"])
        if schema.get("format") in _FORMATS:
            return _FORMATS[schema["format"]](self._random, self._word())
        text = self._word()
        while len(text) < least:
            text += f" {self._word()}"
        return text[: int(min(most, len(text)))]

    def _integer(self, schema: JsonSchema, level: int) -> Json:
        return self._quoted_number(schema) or self._multiple(schema, schema.get("multipleOf", 1))

    def _number(self, schema: JsonSchema, level: int) -> Json:
        if quoted := self._quoted_number(schema):
            return quoted
        if "multipleOf" in schema:
            return self._multiple(schema, schema["multipleOf"])
        low, high = _bounds(schema)
        exact = self._random.uniform(low, high)
        rounded = round(exact, 2)
        return rounded if low < rounded < high else exact

    def _multiple(self, schema: JsonSchema, step: float) -> float:
        low, high = _bounds(schema)
        first, last = math.ceil(low / step), math.floor(high / step)
        first += first * step == schema.get("exclusiveMinimum")
        last -= last * step == schema.get("exclusiveMaximum")
        return self._random.randint(first, max(first, last)) * step

    def _quoted_number(self, schema: JsonSchema) -> Json:
        """Take a number of the document, if one has to be copied from it."""
        if VERBATIM not in schema or not self._numerals:
            return None
        numeral = self._random.choice(self._numerals)
        return float(numeral) if "." in numeral else int(numeral)

    def _boolean(self, schema: JsonSchema, level: int) -> Json:
        return self._random.random() < 0.5

    def _null(self, schema: JsonSchema, level: int) -> Json:
        return None

    # ---- texts

    def _word(self) -> str:
        return self._words.pop() if self._words else self._random.choice(_WORDS)

    def _matching(self, pattern: str) -> str:
        """Make a text that a pattern matches: as plain as possible, and looser with each try."""
        node = parse(pattern)
        for loose in range(_TRIES):
            text = "".join(self._texts(node, loose))
            if matches(pattern, text):
                return text
        return ""

    def _texts(self, node: Node, loose: int) -> Iterator[str]:
        match node:
            case Chars():
                fitting = [char for char in _PRINTABLE if char in node]
                yield self._random.choice(fitting) if fitting else chr(_first(node))
            case Sequence(parts):
                for part in parts:
                    yield from self._texts(part, loose)
            case Choice(parts):
                yield from self._texts(self._random.choice(parts), loose)
            case Repeat(body, least, most):
                room = loose if most is None else min(loose, most - least)
                for _ in range(least + self._random.randint(0, room)):
                    yield from self._texts(body, loose)
            case Edge() | Look():
                return


_MAKERS: Final[Mapping[str, Callable[[_Maker, JsonSchema, int], Json]]] = {
    "object": _Maker._object,
    "array": _Maker._array,
    "string": _Maker._string,
    "integer": _Maker._integer,
    "number": _Maker._number,
    "boolean": _Maker._boolean,
    "null": _Maker._null,
}
"""What makes a value of each JSON type."""


def _without_ref(schema: JsonSchema) -> JsonSchema:
    return {name: value for name, value in schema.items() if name != "$ref"}


def _needs(schema: JsonSchema) -> Iterator[Any]:
    """Give the schemas of what a value must have inside."""
    if "null" in schema.get("type", ()):
        return
    for name in schema.get("required", ()):
        yield schema.get("properties", {}).get(name)
    if schema.get("minItems", 0):
        yield from schema.get("prefixItems", ()) or [schema.get("items")]


def _bounds(schema: JsonSchema) -> tuple[float, float]:
    """Give a range of numbers within the schema's bounds, near 0 to 100 if they allow it."""
    low = max(schema.get("minimum", -_ENDLESS), schema.get("exclusiveMinimum", -_ENDLESS))
    high = min(schema.get("maximum", _ENDLESS), schema.get("exclusiveMaximum", _ENDLESS))
    first = low if low > -_ENDLESS else min(0, high - 100)
    return first, high if high < _ENDLESS else max(100, first + 100)


def _first(chars: Chars) -> int:
    return chars.ranges[0][0] if chars.ranges else 0xE9


def _date(random: Random) -> str:
    return f"20{random.randrange(30):02}-{random.randrange(1, 13):02}-{random.randrange(1, 29):02}"


def _uuid(random: Random) -> str:
    digits = f"{random.getrandbits(128):032x}"
    version_4 = f"{digits[:12]}4{digits[13:16]}8{digits[17:]}"
    return re.sub(r"(.{8})(.{4})(.{4})(.{4})(.{12})", r"\1-\2-\3-\4-\5", version_4)


def _told_apart(item: Json) -> Json:
    """What an item has to differ in: its key if it may be an entry of a map."""
    return item[KEY] if isinstance(item, dict) and item.keys() == {KEY, VALUE} else item
