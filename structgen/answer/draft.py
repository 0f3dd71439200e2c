"""An answer that is being written: which parts of it have closed, and what they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from structgen.answer.places import Mend, Place, as_it_is, place_of
from structgen.answer.ruled import Verdict
from structgen.answer.scanner import Scanner, Span
from structgen.answer.unstated import Rules, is_open_text
from structgen.errors import OutputError
from structgen.schema.compiler import Compiled
from structgen.schema.inside import described_by, inside
from structgen.schema.json import Path, pointer, pointer_of, unescape
from structgen.values import Json, JsonSchema

T = TypeVar("T")

INVALID: Final = object()
"""A part that has closed and is not valid."""


class _TakenOutError(Exception):
    """The rules take a part out.

    Args:
        shown: Whether a part that is not valid takes its place: the answer may be invalid without
            it, or the items are counted.
    """

    def __init__(self, *, shown: bool) -> None:
        super().__init__()
        self.shown = shown


class Node:
    """An open container with the parts that have closed, in the order they came. It only grows."""

    __slots__ = ("broken", "key", "keys", "name", "place", "schemas", "texts", "values")

    def __init__(
        self, place: Place, key: str | int, name: str, schemas: Sequence[JsonSchema]
    ) -> None:
        self.place = place
        self.key = key
        self.name = name  # of the member that it is or is in
        self.schemas = schemas  # what may describe it in the target's schema
        self.texts: list[str] = []  # of an object: the open texts among its members
        self.values: list[Any] = []
        self.keys: dict[str, int] = {}  # of an object: the index of each part in `values`
        self.broken = False

    def built(self) -> Any:
        """Make the container's value. Raises whatever its type raises if the parts make none."""
        if self.place.opens == "array":
            return self.place.build(self.values)
        return self.place.build(dict(zip(self.keys, self.values, strict=True)))


class Draft(Generic[T]):
    """An answer that is being written. Feed it text, and make a Partial of it at any time.

    A part that has closed and is not valid is never shown as done. The check of the whole answer
    tells what is wrong with it.

    Args:
        compiled: The target, as the model was asked for it.
        check_item: If given, each item of the list at the root is read when it closes and checked
            by this, and its parts are not shown.
        rules: What takes out texts that the document does not state; None keeps all.
    """

    def __init__(
        self,
        compiled: Compiled[T],
        *,
        check_item: Callable[[Any], Any] | None = None,
        rules: Rules | None = None,
    ) -> None:
        self.scanner = Scanner(alone=False)
        self.nodes: tuple[Node, ...] = ()
        self.counts: tuple[int, ...] = ()  # of each node, how many parts it has
        # The container that is being written and will be read as a whole, when it closes.
        self.opaque: tuple[Path, None] | None = None
        self.root_closed: tuple[Path, int] | None = None
        self.thoughts = compiled.thoughts
        self._root = place_of(compiled)
        self._renames = compiled.renames
        self._check_item = check_item
        self._rules = rules if rules is not None and rules.may_change else None
        self._list: Node | None = None  # the first list that opened
        self._opaque_start = 0

    def feed(self, piece: bytes) -> None:
        """Take the next bytes of the answer.

        Raises:
            NotJsonError: If it is no JSON. What came before the fault has been taken.
        """
        spans: list[Span] = []
        try:
            self.scanner.feed(piece, spans)
        finally:
            for span in spans:
                self._take(span)

    def pointer(self) -> str:
        """A JSON Pointer into the value to the part that is being written, or comes next."""
        return self._in_value(self.scanner.pointer())

    @property
    def in_item(self) -> bool:
        """With `check_item`: whether an item of the list at the root is being written."""
        return self.opaque is not None or self.scanner.growing is not None

    def items(self, start: int) -> list[tuple[bool, Any]]:
        """The closed items of the list at the root from an index on, and whether each is valid."""
        values = self._list.values[start:] if self._list else []
        return [(value is not INVALID, value) for value in values]

    def place(self, nodes: tuple[Node, ...], key: str | int) -> Place:
        """The place of a part of the innermost of some nodes."""
        return nodes[-1].place.part(key) if nodes else self._root

    def own_key(self, nodes: tuple[Node, ...], path: Path) -> str | int:
        """The key of a part of the innermost of some nodes, in the value."""
        key = path[1] if path else ""
        own = nodes[-1].place.own if nodes else None
        return own.get(key, key) if own and isinstance(key, str) else key

    def _take(self, span: Span) -> None:
        what, key = span.what, span.path[1] if span.path else ""
        if self._renames:
            key = self.own_key(self.nodes, span.path)
        if self.opaque is not None:
            if what == "closed" and span.start == self._opaque_start:
                self.opaque = None
                self._read(span, key)
        elif what == "scalar":
            self._read(span, key)
        elif what == "closed":
            self._close()
        else:
            place = self.place(self.nodes, key)
            if place.opens == what and not (self._check_item and self._is_item()):
                self.nodes = (*self.nodes, self._opened(place, key))
                self.counts = (*self.counts, 0)
                self._list = self._list or (self.nodes[-1] if what == "array" else None)
            else:
                self.opaque, self._opaque_start = (span.path, None), span.start

    def _is_item(self) -> bool:
        return bool(self.nodes) and self.nodes[-1] is self._list

    def _read(self, span: Span, key: str | int) -> None:
        """Read a scalar, or a container that is read as a whole."""
        if not self.nodes:
            self.root_closed = None, span.start  # the whole answer is checked when it is over
            return
        place = self.place(self.nodes, key)
        if place.dropped:
            return
        if place.optional and span.what == "scalar" and span.value is None:
            return  # the field is absent, and gets its default when the record is built
        text = bytes(self.scanner.text[span.start : span.end])
        try:
            value = place.read(text, self._mend(span, key))
            if self._check_item and self._is_item():
                value = self._check_item(value)
        except _TakenOutError as out:
            if not out.shown:
                return
            value = INVALID
        except OutputError:
            value = INVALID
        self._add(key, value)

    def _mend(self, span: Span, key: str | int) -> Mend:
        """The rules, for a part that has closed, in its own form."""
        rules, node = self._rules, self.nodes[-1]
        if rules is None:
            return as_it_is
        at = self._in_value(pointer_of(span.path)) if rules.endless else ""
        is_other = span.what == "scalar" and not isinstance(span.value, str)
        if is_other and at not in rules.endless:
            return as_it_is
        name = _name(node, key)

        def mend(data: Json) -> Json:
            if isinstance(data, str) and not rules.may_take_out(data):
                return data
            way: Verdict = "keep"
            if node.place.wrapper:
                mended = rules.apply(data).data
            else:
                inner, count = inside(rules.root, node.schemas, key), len(node.values)
                is_row, texts = isinstance(node.key, int), node.texts
                way, _ = rules.verdict(
                    node.schemas, key, data, name, count, is_row=is_row, at=at, others=texts
                )
                is_text = isinstance(data, str) and isinstance(key, str)
                if way == "keep" and is_text and is_open_text(inner):
                    node.texts.append(data)
                is_item = isinstance(key, int)
                mended = rules.apply_at(inner, name, data, is_item=is_item, at=at).data
            if way == "keep" and mended is data:
                return data
            if rules.may_be_refused:
                raise _TakenOutError(shown=True)
            if way in ("absent", "drop"):
                raise _TakenOutError(shown=way == "drop" and self._check_item is not None)
            return None if way == "null" else mended

        return mend

    def _in_value(self, path: str) -> str:
        """The JSON Pointer into the value of a place in the answer."""
        place, steps = self._root, list[str]()
        for step in map(unescape, path.split("/")[1:]):
            steps.append(place.own.get(step, step))
            place = place.part(0 if place.opens == "array" else steps[-1])
        return pointer(steps[1:] if self._root.wrapper else steps)

    def _opened(self, place: Place, key: str | int) -> Node:
        """A container that has opened."""
        above, rules = self.nodes[-1] if self.nodes else None, self._rules
        if above is not None and above.place.opens == "array":
            key = len(above.values)  # items before it may have been left out
        if rules is None:
            return Node(place, key, "", ())
        if above is None or above.place.wrapper:
            return Node(place, key, "", described_by(rules.root, [rules.root]))
        schemas = inside(rules.root, above.schemas, key)
        return Node(place, key, _name(above, key), schemas)

    def _close(self) -> None:
        if len(self.nodes) == 1:
            return  # the whole answer is checked when it is over
        node = self.nodes[-1]
        self.nodes, self.counts = self.nodes[:-1], self.counts[:-1]
        try:
            value = INVALID if node.broken else node.built()
        except Exception:  # a validator of the user's may raise anything
            value = INVALID
        self._add(node.key, value)

    def _add(self, key: str | int, value: Any) -> None:
        node = self.nodes[-1]
        if isinstance(key, str):
            node.keys[key] = len(node.values)
        node.values.append(value)
        node.broken = node.broken or value is INVALID
        self.counts = (*self.counts[:-1], len(node.values))


def _name(node: Node, key: str | int) -> str:
    """The name of the member that a part of a container is or is in."""
    return key if isinstance(key, str) else node.name
