"""Partial answers in the user's terms: what is there, what is being written, what has not come yet.

A `Partial` is a snapshot: it stays what it was while the answer grows. It costs a few references,
however long the answer is, because it only remembers how many parts of each open container had
closed.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from pydantic_core import from_json

from structgen.answer.draft import INVALID, Draft
from structgen.answer.scanner import closed_data
from structgen.results import Extraction
from structgen.schema.codecs.codec import VALUE
from structgen.schema.json import unescape
from structgen.values import Json

T = TypeVar("T")

State: TypeAlias = Literal["absent", "growing", "done"]
"""The state of a part: it has not come yet, it is being written, or it is validated."""


class GrowingText(str):
    """The beginning of a string that is still being written."""

    __slots__ = ()


class View:
    """A value that is still being written; `Partial.value` makes it. Read it like the final value.

    Attributes, keys, indices, `len()` and iteration work as they will on the whole value. A part
    that is done is the value itself, validated. A part that is being written is a View, or for text
    a GrowingText. A part that has not come yet is `ABSENT`, a View without content. So there is no
    exception to catch, `if view.title:` asks whether there is anything to show, and the type of a
    part tells its state.
    """

    __slots__ = ("_level", "_partial", "_place")

    def __init__(self, partial: Partial[Any] | None = None, level: int = 0) -> None:
        self._partial = partial
        self._level = level
        self._place = None if partial is None else partial._nodes[level].place

    def __getattr__(self, name: str) -> Any:
        partial, place = self._partial, self._place
        if partial is not None and place is not None:
            key = place.names.get(name)
            if key is not None:
                return partial._part(self._level, key)
        elif partial is None and not name.startswith("_"):
            return ABSENT
        raise AttributeError(f"There is no field {name!r} here.")

    def __getitem__(self, key: Any) -> Any:
        partial = self._partial
        if partial is None:
            return ABSENT
        if isinstance(key, int):
            if key < 0:
                key += partial._size(self._level)
        elif isinstance(key, slice):
            return list(self)[key]
        return partial._part(self._level, key)

    def __iter__(self) -> Iterator[Any]:
        """Iterate over the items of a list, or the keys of anything else."""
        if self._partial is None or self._place is None:
            return iter(())
        if self._place.opens == "array":
            return (self[index] for index in range(len(self)))
        return iter(self._partial._keys(self._level))

    def __len__(self) -> int:
        return self._partial._size(self._level) if self._partial else 0

    def __contains__(self, key: object) -> bool:
        return any(key is other or key == other for other in self)

    def __repr__(self) -> str:
        if self is ABSENT:
            return "ABSENT"
        return f"<growing: {len(self)} parts so far>" if self._partial else "<growing>"


ABSENT: Final = View()
"""A part that has not come yet. It is false, and every part of it is absent too."""


class Partial(Generic[T]):
    """An answer as far as it had come. `Client.stream` makes them."""

    attempt: int
    """Counts from 1. A later attempt begins anew, because the answer before it was not valid."""
    result: Extraction[T] | None
    """The result once the answer is done and proved; None before."""

    __slots__ = (
        "_closed",
        "_closers",
        "_counts",
        "_draft",
        "_growing",
        "_length",
        "_nodes",
        "attempt",
        "result",
    )

    def __init__(
        self, draft: Draft[T], attempt: int = 1, result: Extraction[T] | None = None
    ) -> None:
        scanner = draft.scanner
        self.attempt = attempt
        self.result = result
        self._draft = draft
        self._nodes = draft.nodes
        self._counts = draft.counts
        self._growing = draft.opaque or scanner.growing or draft.root_closed
        self._length = len(scanner.text)
        self._closed = scanner.closed
        self._closers = scanner.closers

    @property
    def done(self) -> bool:
        """Whether the answer is whole, and proved as `extract` proves it."""
        return self.result is not None

    @property
    def value(self) -> T | View:
        """The value if it is done, else a View of it; `ABSENT` before anything has come."""
        if self.result is not None:
            return self.result.value
        nodes = self._nodes
        if nodes and not nodes[0].place.wrapper:
            return View(self)
        value: T | View = self._part(0, VALUE) if self._nodes else self._being_written("")
        return value

    @property
    def data(self) -> Json:
        """What had closed, as plain data in the form of the answer. It is not checked.

        None if nothing had closed. Each use parses the answer so far.
        """
        text = self._draft.scanner.text
        data = closed_data(text, self._closed, self._closers)
        if self.done and not self._closed:  # a number at the root closes with the answer
            with suppress(ValueError):
                data = from_json(bytes(text))
        if self._draft.thoughts and isinstance(data, dict):
            data.pop(self._draft.thoughts, None)
        return data

    def state(self, path: str = "") -> State:
        """Whether a part is absent, growing or done.

        Args:
            path: A field's name, or a JSON Pointer of names, keys and indices; "" for the whole
                answer.

        Returns:
            "done" if the part was validated and is in the user's terms.
        """
        value: Any = self.value
        steps = [path] if path else []
        if path.startswith("/"):
            steps = [unescape(step) for step in path[1:].split("/")]
        for step in steps:
            value = _step(value, step)
        if value is ABSENT:
            return "absent"
        return "growing" if isinstance(value, View | GrowingText) else "done"

    def __repr__(self) -> str:
        return f"Partial({self.state()}, attempt {self.attempt}, {self._length} bytes)"

    def _key_that_grows(self, level: int) -> str | int | None:
        """The key of the part that is growing in a container."""
        if level + 1 < len(self._nodes):
            return self._nodes[level + 1].key
        leaf = self._leaf
        return leaf[0] if leaf else None

    @property
    def _leaf(self) -> tuple[str | int, int | None] | None:
        """The key of the part that is growing in the innermost container.

        With the byte at which its text begins, if it can be shown.
        """
        if self._growing is None:
            return None
        path, start = self._growing
        key = self._draft.own_key(self._nodes, path)
        if self._nodes and self._nodes[-1].place.opens == "array":
            key = self._counts[-1]  # items before it may have been left out
        place = self._draft.place(self._nodes, key)
        if place.dropped:
            return None
        if start is None:
            return key, None
        first = self._draft.scanner.text[start]
        if place.optional and first == _N:
            return None  # it is going to be null, which says that it is not stated
        return key, start if place.text and first == _QUOTE else None

    def _size(self, level: int) -> int:
        """How many parts of a container have closed or are growing."""
        is_growing = level + 1 < len(self._nodes) or self._leaf is not None
        return self._counts[level] + is_growing

    def _keys(self, level: int) -> list[str | int]:
        """The keys of what has closed in an object, and of what is growing in it."""
        keys: list[str | int] = list(islice(self._nodes[level].keys, self._counts[level]))
        growing = self._key_that_grows(level)
        return keys if growing is None else [*keys, growing]

    def _part(self, level: int, key: str | int) -> Any:
        nodes = self._nodes
        node = nodes[level]
        at = node.keys.get(key) if isinstance(key, str) else key
        if at is not None and 0 <= at < self._counts[level]:
            value = node.values[at]
            return _EMPTY if value is INVALID else value
        level += 1
        if level < len(nodes):
            return View(self, level) if nodes[level].key == key else ABSENT
        return self._being_written(key)

    def _being_written(self, key: str | int) -> Any:
        """The part that is being written under a key of the innermost container."""
        leaf = self._leaf
        if leaf is None or leaf[0] != key:
            return ABSENT
        start = leaf[1]
        if start is None:
            return _EMPTY
        return GrowingText(_beginning(bytes(self._draft.scanner.text[start : self._length])))


_EMPTY: Final = View()
"""A growing value whose parts cannot be shown; and one that has closed and is not valid."""
_N, _QUOTE = b'n"'


def _step(value: Any, step: str) -> Any:
    """A part of a value or a view."""
    if isinstance(value, View):
        place = value._place
        if place is None:
            return ABSENT
        if place.opens == "array":
            return value[int(step)] if step.isdecimal() else ABSENT
        return value[place.names.get(step, step)]
    try:
        if isinstance(value, list | tuple):
            return value[int(step)]
        if hasattr(value, "__getitem__"):
            return value[step]
        return getattr(value, step if hasattr(value, step) else _attributes(type(value))[step])
    except (AttributeError, LookupError, ValueError, TypeError):
        return ABSENT


def _attributes(kind: type) -> dict[str, str]:
    """The attributes of a model or dataclass by the names that an answer has for them."""
    fields: dict[str, Any] = getattr(kind, "__pydantic_fields__", {})
    aliases = {name: field.validation_alias or field.alias for name, field in fields.items()}
    known = [(getattr(alias, "choices", [alias])[0], name) for name, alias in aliases.items()]
    return {alias: name for alias, name in known if isinstance(alias, str)}


def _beginning(raw: bytes) -> str:
    """The text of a JSON string that may end within a character or an escape."""
    try:
        return str(from_json(raw.decode(errors="ignore"), allow_partial="trailing-strings"))
    except ValueError:
        return ""
