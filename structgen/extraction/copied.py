"""Values that an answer took from a worked example: they are in one, and not in what was read."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final
from weakref import WeakKeyDictionary

from structgen.schema.json import leaves_of, pointer
from structgen.schema.shown import shown
from structgen.schema.target import Target
from structgen.schema.verbatim import SourceText
from structgen.values import Json

_ONE_DIGIT: Final = 10
"""Below it, numbers are often said in words, so that they are not looked for."""


@dataclass(frozen=True)
class Sources:
    """Where the values of an answer may come from."""

    examples: Sequence[Json] = field(repr=False)
    """The values of the worked examples, as plain JSON data."""
    text: str = field(repr=False)
    """What was read: the document, the context and the instructions."""

    @cached_property
    def in_examples(self) -> frozenset[tuple[bool, Any]]:
        """The texts and numbers of the examples."""
        return frozenset(
            _key(leaf) for value in self.examples for _, leaf in _texts_and_numbers(value)
        )

    def has(self, leaf: str | float) -> bool:
        """Whether a text or number is in what was read, whatever its case and white space."""
        if not isinstance(leaf, str):
            return any(number == leaf for number in self._numbers)
        return letters(leaf) in self._letters

    @cached_property
    def _letters(self) -> str:
        return letters(self.text)

    @cached_property
    def _numbers(self) -> frozenset[Any]:
        return frozenset(number for number, _, _ in SourceText(self.text).numerals)


def copied_values(target: Target[Any], value: Any, sources: Sources | None) -> frozenset[str]:
    """Give the JSON Pointers of the values that are in an example and not in what was read.

    Labels that the schema lists, true, false, null and numbers of one digit are not among them.

    Args:
        target: What the value is of.
        value: The value.
        sources: Where values may come from; None if no examples were shown.
    """
    if sources is None:
        return frozenset()
    found = [
        (path, leaf)
        for path, leaf in _texts_and_numbers(shown(target, value))
        if _key(leaf) in sources.in_examples and _says_something(leaf)
    ]
    if not found:
        return frozenset()
    labels = _labels_of(target)
    return frozenset(
        pointer(path) for path, leaf in found if _key(leaf) not in labels and not sources.has(leaf)
    )


def _texts_and_numbers(value: Json) -> Iterator[tuple[tuple[str | int, ...], str | float]]:
    """The texts and numbers in a value, each with its path."""
    for path, leaf in leaves_of(value):
        if isinstance(leaf, str | int | float) and not isinstance(leaf, bool):
            yield path, leaf


def letters(text: str) -> str:
    """Give the letters and digits of a text, without case and width.

    Args:
        text: The text.
    """
    plain = unicodedata.normalize("NFKC", text).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _key(leaf: str | float) -> tuple[bool, Any]:
    """A text or number as it is compared: the text "1" is not the number 1."""
    return isinstance(leaf, str), leaf


def _says_something(leaf: str | float) -> bool:
    return bool(letters(leaf)) if isinstance(leaf, str) else abs(leaf) >= _ONE_DIGIT


_LABELS: Final[WeakKeyDictionary[Target[Any], frozenset[Any]]] = WeakKeyDictionary()


def _labels_of(target: Target[Any]) -> frozenset[Any]:
    """The texts and numbers that a target lists as values; remembered."""
    found = _LABELS.get(target)
    if found is None:
        found = _LABELS[target] = frozenset(map(_key, _listed(target.schema)))
    return found


def _listed(schema: Json) -> Iterator[str | float]:
    if isinstance(schema, list):
        for one in schema:
            yield from _listed(one)
    if isinstance(schema, dict):
        for name, inner in schema.items():
            if name in ("enum", "const"):
                yield from (leaf for _, leaf in _texts_and_numbers(inner))
            else:
                yield from _listed(inner)
