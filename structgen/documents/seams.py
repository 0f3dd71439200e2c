"""Join the lists of two parts that share some text: what both say of it is said once.

Items that are equal may be one item, stated by both parts, or two that are alike. The text that
the parts share decides: only items that are in it can be one, and only as often as it holds them.
An item is looked for by its texts and numbers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import takewhile
from math import ceil
from typing import NamedTuple

from structgen.schema.json import constant_key, inner_values
from structgen.values import Json


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a list, and what is known about its place in the document."""

    value: Json
    """The item, as plain JSON data."""
    text_start: int
    """Offset of the text that was read for it: the first character of its part."""
    text_end: int
    """The offset after that text."""
    start: int | None = None
    """Offset of the item itself, if its evidence tells; None if nothing does."""


class Window(NamedTuple):
    """The text that two parts share."""

    start: int
    """Offset of its first character in the document."""
    end: int
    """The offset after its last character."""


class Pair(NamedTuple):
    """Two items that are one."""

    earlier: int
    """The index in the list so far."""
    later: int
    """The index in the list of the next part."""
    is_cut: bool = False
    """Whether the earlier item was cut by the end of its part: the later one is taken."""


def shared(earlier_end: int, start: int, end: int) -> Window | None:
    """Give the text that a part shares with those before it; None if it shares none.

    Args:
        earlier_end: The offset after the text of all parts before it.
        start: The offset of its first character.
        end: The offset after its last character.
    """
    return Window(start, min(earlier_end, end)) if start < min(earlier_end, end) else None


def pairs(
    earlier: Sequence[Item], later: Sequence[Item], window: Window, document: str
) -> list[Pair]:
    """Find which items of two lists are one.

    Args:
        earlier: The items so far.
        later: The items of the next part.
        window: The text that the next part shares with those before it.
        document: The whole document.

    Returns:
        The pairs, in the order of both lists.
    """
    near = list(takewhile(lambda one: one.text_end > window.start, reversed(earlier)))
    tail = _at_edge(near, window, document, backwards=True)
    head = _at_edge(later, window, document, backwards=False)
    base = len(earlier) - tail
    before, after = earlier[base:], later[:head]
    matcher = SequenceMatcher(
        None,
        [constant_key(one.value) for one in before],
        [constant_key(one.value) for one in after],
        autojunk=False,
    )
    found = [
        Pair(base + block.a + step, block.b + step)
        for block in matcher.get_matching_blocks()
        for step in range(block.size)
    ]
    return _with_cut_items(found, earlier, later, base, head)


def _with_cut_items(
    found: list[Pair], earlier: Sequence[Item], later: Sequence[Item], base: int, head: int
) -> list[Pair]:
    """Add an item that begins before the shared text, or ends after it, if the other part has it.

    Such an item is whole in one part only: the other one saw its end, or its beginning.
    """
    first = found[0] if found else Pair(len(earlier), len(later))
    if first.later > 0:
        for number in range(max(0, base - 1), first.earlier):
            if _is_part_of(later[0].value, earlier[number].value):
                found = [Pair(number, 0), *found]
                break
    last = found[-1] if found else Pair(base - 1, -1)
    if last.earlier < len(earlier) - 1:
        for number in range(last.later + 1, min(head + 1, len(later))):
            if _is_part_of(earlier[-1].value, later[number].value):
                return [*found, Pair(len(earlier) - 1, number, is_cut=True)]
    return found


def _is_part_of(cut: Json, whole: Json) -> bool:
    """Whether a value is another one that was cut off at an end: all it states is there, too."""
    if isinstance(cut, str) and isinstance(whole, str):
        return bool(cut) and cut != whole and (whole.startswith(cut) or whole.endswith(cut))
    if not isinstance(cut, dict) or not isinstance(whole, dict) or cut == whole:
        return False
    stated = {name: value for name, value in cut.items() if value is not None}
    texts = [name for name, value in stated.items() if isinstance(value, str)]
    if not any(stated[name] == whole.get(name) for name in texts):
        return False
    return all(
        value == whole.get(name) or _is_part_of(value, whole.get(name))
        for name, value in stated.items()
    )


def _at_edge(items: Sequence[Item], window: Window, document: str, *, backwards: bool) -> int:
    """Count the items, from the edge on, that the shared text may hold."""
    cursor = window.end if backwards else window.start
    of_part = Counter(item.text_start for item in items)
    count = unknown = 0
    for item in items:
        place = _place_of(item, window, cursor, document, backwards=backwards)
        if place is None and (item.start is not None or _is_elsewhere(item, document)):
            break
        if place is None:
            unknown += 1
            if unknown > _room_for(of_part[item.text_start], item, window):
                break
        else:
            cursor = place
        count += 1
    return count


def _room_for(count: int, item: Item, window: Window) -> int:
    """How many of a part's items the shared text may hold, if nothing tells their places."""
    length = max(1, item.text_end - item.text_start)
    return ceil(count * (window.end - window.start) / length)


def _place_of(
    item: Item, window: Window, cursor: int, document: str, *, backwards: bool
) -> int | None:
    """The next cursor if the item is between the cursor and the far end of the window."""
    if item.start is not None:
        return item.start if window.start <= item.start < window.end else None
    texts = [text for text in _texts(item.value) if _is_in_part(text, item, document)]
    if not texts:
        return None
    start, end = (window.start, cursor) if backwards else (cursor, window.end)
    find = _find_last if backwards else _find_first
    places: dict[str, int] = {}  # the nearest one of each text
    for text, times in Counter(texts).items():
        low, high = start, end
        for turn in range(times):
            at = find(document, text, low, high)
            if at is None:
                return None
            if turn == 0:
                places[text] = at
            low, high = (low, at) if backwards else (at + len(text), high)
    anchor = max(places, key=len)
    return places[anchor] + (0 if backwards else len(anchor))


def _is_in_part(text: str, item: Item, document: str) -> bool:
    return _find_first(document, text, item.text_start, item.text_end) is not None


def _is_elsewhere(item: Item, document: str) -> bool:
    """Whether the item's part holds it: then it is there, and not in the shared text."""
    return any(_is_in_part(text, item, document) for text in _texts(item.value))


def _texts(value: Json) -> list[str]:
    """The texts and numbers in a value, as the document may have them."""
    if isinstance(value, str):
        return [value] if value else []
    if isinstance(value, bool) or value is None:
        return []
    if isinstance(value, int | float):
        return [str(value)]
    return [text for inner in inner_values(value) for text in _texts(inner)]


def _find_first(document: str, anchor: str, start: int, end: int) -> int | None:
    at = document.find(anchor, start, end)
    while at >= 0 and not _is_whole_word(document, at, anchor):
        at = document.find(anchor, at + 1, end)
    return at if at >= 0 else None


def _find_last(document: str, anchor: str, start: int, end: int) -> int | None:
    at = document.rfind(anchor, start, end)
    while at >= 0 and not _is_whole_word(document, at, anchor):
        at = document.rfind(anchor, start, at + len(anchor) - 1)
    return at if at >= 0 else None


def _is_whole_word(document: str, at: int, anchor: str) -> bool:
    """Whether no letter or digit of ASCII goes on before or after a place: 1 is not in 12."""
    end = at + len(anchor)
    return not (
        (_is_word(document[at - 1 : at]) and _is_word(anchor[0]))
        or (_is_word(document[end : end + 1]) and _is_word(anchor[-1]))
    )


def _is_word(character: str) -> bool:
    return character.isascii() and character.isalnum()
