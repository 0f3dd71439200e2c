"""The rules for what is not stated, while an answer is being written.

A decoder asks them about each text as soon as it has closed. It takes a text back that the document
does not hold and writes null in its place, so that what follows does not follow from an invention.
`Rules` judges whole values, so this is for the parts of an answer that have the form of the value:
all other texts wait for the end of the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from structgen.answer.unstated import Rules, is_open_text
from structgen.schema.codecs.codec import SAME, Codec, Items, Nullable, Ref
from structgen.schema.codecs.linked import linked
from structgen.schema.codecs.records import Fields
from structgen.schema.codecs.root import Root
from structgen.schema.compiler import Compiled
from structgen.schema.inside import described_by, inside
from structgen.schema.json import Path, pointer_of, to_text
from structgen.values import JsonSchema, Removed


class _At(NamedTuple):
    """What is known of a place of an answer."""

    schemas: Sequence[JsonSchema]
    """What may describe it in the target's schema."""
    codec: Codec
    """How it is written."""
    name: str
    """The name of the member that it is or is in; "" if it is in none."""

    @property
    def is_same(self) -> bool:
        """Whether it is written as it is in the value."""
        return self.codec is SAME


class Unheld(NamedTuple):
    """A text that is taken back."""

    removed: Removed
    """What is taken out, with its place in the value."""
    is_left_out: bool
    """Whether its list goes without it. If not, null takes its place."""


class TakingBack:
    """Tells which texts of an answer are to be taken back.

    Args:
        compiled: The target, as the model was asked for it.
        rules: The rules of the call.
    """

    def __init__(self, compiled: Compiled[Any], rules: Rules) -> None:
        self._rules, self._codecs = rules, compiled.codecs
        codec: Codec = compiled.codec
        self._renames = compiled.renames
        self._wrapped = False
        has_others = False
        if isinstance(codec, Root):
            self._wrapped, has_others = codec.wrapped, bool(codec.other_members)
            codec = codec.part
        root = _At(described_by(rules.root, [rules.root]), codec, "")
        self._has_tuples = '"prefixItems"' in to_text(rules.root)
        # Members without a place of their own come last, and may belong anywhere.
        self._places: dict[Path, _At | None] = {None: None if has_others else root}
        self._looked_up: dict[Path, bool] = {}

    def looks_up(self, path: Path) -> bool:
        """Whether a text at a place may have to be taken back.

        Args:
            path: A path in the answer.
        """
        kind = self._kind(self._in_value(path))
        if kind not in self._looked_up:
            at = self._container(kind)
            self._looked_up[kind] = (
                kind is not None
                and at is not None
                and self._rules.looks_up(at.schemas, kind[1], _name(at, kind[1]))
            )
        return self._looked_up[kind]

    def is_open(self, path: Path) -> bool:
        """Whether a text at a place is one of which the schema says nothing further.

        Args:
            path: A path in the answer.
        """
        at = self._at(self._kind(self._in_value(path)))
        return at is not None and at.is_same and is_open_text(at.schemas)

    def judge(self, path: Path, text: str, others: Sequence[str] = ()) -> Unheld | None:
        """Judge a text that has closed.

        Args:
            path: Its path in the answer, at which texts are looked up.
            text: The text.
            others: The open texts of the members before it in its record.

        Returns:
            What is taken back; None if the text stays.
        """
        within = self._in_value(path)
        at = self._container(self._kind(within))
        if within is None or at is None:
            return None
        above, key = within
        before = key if isinstance(key, int) else 0
        is_row = above is not None and isinstance(above[1], int)
        pointer = pointer_of(within)
        verdict, reason = self._rules.verdict(
            at.schemas,
            key,
            text,
            _name(at, key),
            before,
            is_row=is_row,
            at=pointer,
            others=others,
        )
        if verdict == "keep" or reason is None:
            return None
        return Unheld(Removed(pointer, text, reason), verdict == "drop")

    def judge_begun(self, path: Path, beginning: str) -> Unheld | None:
        """Judge a text that is being written: whatever follows, the document may not hold it.

        Args:
            path: Its path in the answer, at which texts are looked up.
            beginning: What was written of it, up to the end of a word.

        Returns:
            What is taken back; None if the text goes on.
        """
        return None if self._rules.may_hold(beginning) else self.judge(path, beginning)

    def _kind(self, path: Path) -> Path:
        """A path in which all items of a list are one, unless a tuple tells them apart."""
        if path is None or self._has_tuples:
            return path
        above, key = path
        return self._kind(above), 0 if isinstance(key, int) else key

    def _in_value(self, path: Path) -> Path:
        """The path in the value of a path in the answer."""
        if path is None or not (self._wrapped or self._renames):
            return path
        above, key = path
        if self._wrapped and above is None:
            return None
        within = self._in_value(above)
        return within, self._own_name(within, key) if self._renames else key

    def _own_name(self, within: Path, key: str | int) -> str | int:
        """The key in the value of a part that an answer may have under another name."""
        at = self._at(self._kind(within))
        codec = None if at is None else self._opened(at.codec)
        members = codec.members if isinstance(codec, Fields) else ()
        return next((one.name for one in members if one.wire == key), key)

    def _container(self, path: Path) -> _At | None:
        """What a text is in; None if the text has another form in the value."""
        at = self._at(path)
        return self._at(path[0]) if path is not None and at is not None and at.is_same else None

    def _at(self, path: Path) -> _At | None:
        """A place of the value; None if it has another form in the answer."""
        if path not in self._places:
            assert path is not None  # noqa: S101 - the root is there from the beginning
            above, key = self._at(path[0]), path[1]
            part = None if above is None else self._part(above.codec, key)
            found = None
            if above is not None and part is not None:
                schemas = inside(self._rules.root, above.schemas, key)
                is_same = linked(part, self._codecs)[1] is None
                found = _At(schemas, SAME if is_same else part, _name(above, key))
            self._places[path] = found
        return self._places[path]

    def _opened(self, codec: Codec) -> Codec:
        """The codec that references and nullability lead to."""
        while isinstance(codec, Ref | Nullable):
            codec = self._codecs[codec.name] if isinstance(codec, Ref) else codec.part
        return codec

    def _part(self, codec: Codec, key: str | int) -> Codec | None:
        """The codec of a member or an item; None if it is not written at its own place."""
        codec = self._opened(codec)
        if codec is SAME:
            return SAME
        if isinstance(codec, Items) and not codec.head and isinstance(key, int):
            return codec.part
        if isinstance(codec, Fields) and isinstance(key, str):
            members = (one for one in codec.members if one.name == key)
            member = next(members, None)
            return None if member is None or member.absent == "boxed" else member.codec
        return None


def _name(at: _At, key: str | int) -> str:
    """The name of the member that a part of a container is or is in."""
    return key if isinstance(key, str) else at.name
