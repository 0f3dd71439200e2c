"""The leaves of a value that are looked up in a document, and the words that name each of them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple, TypeAlias

from structgen.answer.labels import Labels, Weights, words_of_name
from structgen.answer.word_forms import words_of
from structgen.values import Json

Path: TypeAlias = "tuple[str | int, ...]"
"""The keys and indices that lead to a place in plain data."""

MOST_READ: Final = 32
"""Mentions of a field of which the words beside them are read."""
NAMED: Final = 0.5
"""Share of the words of a name from which on they do name a field."""
SOMEWHAT_NAMED: Final = 0.2
"""The same for words that only make a mention likelier than others."""
_SHORT: Final = 2
"""Characters of a value that may be anywhere by accident."""
_SPECIFIC_TEXT: Final = 8
"""Letters of a text that means the same wherever it is, if one field alone has it."""
_SPECIFIC_NUMBER: Final = 5
"""Digits of such a number, without zeros at its ends."""
_MOST_WORDS: Final = 6
"""Words of a text that may be beside the other fields of its record, such as the head of a row."""
_MOST_TEXTS: Final = 32
"""Texts of a record that are taken so."""


class Mention(NamedTuple):
    """A place where the document mentions a value."""

    start: int
    """Offset of the first character."""
    end: int
    """Offset after the last character."""


@dataclass(slots=True)
class Leaf:
    """A leaf of a value, and where the document may mean it."""

    path: Path
    """Where it is in the value."""
    value: Json
    """The value."""
    places: Sequence[Mention]
    """All its mentions, in order."""
    order: int = 0
    """Its number among the leaves: fields mostly come in the order of the document."""
    is_shared: bool = False
    """Whether more leaves have its value than the document has mentions, as a unit or a kind that
    is stated once for many records. It tells nothing about where its record is."""
    is_short: bool = False
    """Whether the value is so short that it may be anywhere by accident."""
    is_specific: bool = False
    """Whether the value means the same wherever it is."""
    names: Weights = field(default_factory=dict)
    """The words that name it."""
    texts: Weights = field(default_factory=dict)
    """The words of the short texts of its record."""
    place: Mention | None = None
    """The mention that is taken."""
    is_settled: bool = False
    """Whether something tells that it is meant."""


def item_around(path: Path) -> Path:
    """The innermost list item that a place lies in; () if it lies in none.

    Args:
        path: The keys and indices that lead to the place.
    """
    while path and not isinstance(path[-1], int):
        path = path[:-1]
    return path


def describe_leaves(leaves: Sequence[Leaf], labels: Labels) -> None:
    """Find out what is to be known of leaves before they are placed: all but `path` to `places`.

    Args:
        leaves: The leaves of a value, in their order.
        labels: The words of the document, by which those that name a leaf are weighed.
    """
    uses = Counter(_key(leaf.value) for leaf in leaves)
    for order, leaf in enumerate(leaves):
        used = uses[_key(leaf.value)]
        shortest = leaf.places[0].end - leaf.places[0].start if leaf.places else 0
        leaf.order = order
        leaf.is_shared = 0 < len(leaf.places) < used
        leaf.is_short = min(len(str(leaf.value)), shortest) <= _SHORT
        leaf.is_specific = used == 1 and _is_specific(leaf.value)
    if any(len(leaf.places) > 1 for leaf in leaves):
        _name_leaves(leaves, labels)


def _key(value: Json) -> str:
    return str(value).casefold()


def _is_specific(value: Json) -> bool:
    """Whether a value is so long that all its mentions mean the same thing."""
    if isinstance(value, bool):
        return False
    text = str(value)
    if isinstance(value, int | float):
        digits = "".join(sign for sign in text if sign.isdigit())
        return len(digits.strip("0")) >= _SPECIFIC_NUMBER
    letters = sum(map(str.isalpha, text))
    return letters >= _SPECIFIC_TEXT


def _name_leaves(leaves: Sequence[Leaf], labels: Labels) -> None:
    """Find the words that name each leaf, and those that its record says beside it."""
    paths = dict.fromkeys(_without_indices(leaf.path) for leaf in leaves)
    spread: dict[str, set[Path]] = defaultdict(set)
    for path in paths:
        for end, step in enumerate(path, 1):
            spread[str(step)].add(path[:end])
    names = {path: labels.weights(_name_words(path, spread)) for path in paths}
    said: dict[Path, list[Leaf]] = defaultdict(list)
    for leaf in leaves:
        if isinstance(leaf.value, str) and not leaf.is_shared:
            said[item_around(leaf.path)].append(leaf)
    texts = {path: _texts(beside[:_MOST_TEXTS]) for path, beside in said.items() if path}
    for leaf in leaves:
        if len(leaf.places) > 1:
            own = set(words_of(str(leaf.value)))
            beside = texts.get(item_around(leaf.path), ())
            leaf.names = names[_without_indices(leaf.path)]
            leaf.texts = labels.weights((word, 1.0) for word in beside if word not in own)


def _without_indices(path: Path) -> Path:
    return tuple(step for step in path if isinstance(step, str))


def _name_words(path: Path, spread: Mapping[str, set[Path]]) -> list[tuple[str, float]]:
    """The words of the names on a path. A name that many paths have says less about each."""
    found = []
    for out, step in enumerate(reversed(path)):
        weight = 0.5**out / len(spread[str(step)])
        found += [(word, weight) for word in words_of_name(str(step))]
    return found


def _texts(leaves: Sequence[Leaf]) -> dict[str, None]:
    """The words of the short texts of a record."""
    words = [words_of(str(leaf.value)) for leaf in leaves]
    return dict.fromkeys(word for some in words if len(some) <= _MOST_WORDS for word in some)
