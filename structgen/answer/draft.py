"""An answer that is being written: which parts of it have closed, and what they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, Generic, TypeVar

from structgen.answer.places import Mend, Place, as_it_is, place_of
from structgen.answer.scanner import Scanner, Span
from structgen.answer.unstated import Rules, Verdict
from structgen.errors import OutputError
from structgen.schema.codecs.codec import VALUE
from structgen.schema.compiler import Compiled
from structgen.schema.inside import described_by, inside
from structgen.schema.json import Path
from structgen.values import JsonSchema

T = TypeVar("T")

INVALID: Final = object()
"""A part that has closed and is not valid."""


class Node:
    """An open container with the parts that have closed, in the order they came. It only grows."""

    __slots__ = ("broken", "key", "keys", "name", "place", "schemas", "values")

    def __init__(
        self, place: Place, key: str | int, name: str, schemas: Sequence[JsonSchema]
    ) -> None:
        self.place = place
        self.key = key
        self.name = name  # of the member that it is or is in
        self.schemas = schemas  # what may describe it in the target's schema
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
        self._root = place_of(compiled)
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
        path = self.scanner.pointer()
        return path.removeprefix(f"/{VALUE}") if self._root.wrapper else path

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

    def _take(self, span: Span) -> None:
        what, key = span.what, span.path[1] if span.path else ""
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
        if place.optional and span.what == "scalar" and span.value is None:
            return  # the field is absent, and gets its default when the record is built
        text = bytes(self.scanner.text[span.start : span.end])
        way: Verdict = "keep"
        mend: Mend = as_it_is
        if self._rules is not None:
            way, mend = self._by_rules(self._rules, span, key)
            if way != "keep" and self._rules.may_be_refused:
                self._add(key, INVALID)
                return
            if way == "absent" or (way == "drop" and not self._check_item):
                return
            text = b"null" if way == "null" else text
        try:
            value = INVALID if way == "drop" else place.read(text, mend)
            if self._check_item and self._is_item() and value is not INVALID:
                value = self._check_item(value)
        except OutputError:
            value = INVALID
        self._add(key, value)

    def _by_rules(self, rules: Rules, span: Span, key: str | int) -> tuple[Verdict, Mend]:
        """What the rules make of a part: of a text itself, or of the texts inside it."""
        node = self.nodes[-1]
        if node.place.wrapper:
            return "keep", lambda data: rules.apply(data).data
        if span.what == "scalar":
            verdict, _ = rules.verdict(node.schemas, key, span.value, node.name, len(node.values))
            return verdict, as_it_is
        inner, name = inside(rules.root, node.schemas, key), _name(node, key)
        return "keep", lambda data: rules.apply_at(inner, name, data).data

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
