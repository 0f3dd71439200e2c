"""Null is one thing: what a model writes where the document states nothing becomes null.

Three rules look at the strings of an answer that may be null, and at the items of lists of strings:

- *A word for null* ("", "none", "n/a", ...) is null.
- *Grounded or null* (`on_ungrounded="null"`): a text that the document does not hold in any form
  (`held`) is null, unless the field asks for something that no document holds, such as a label or
  a summary.
- *A mention fills one field* (along with it): a text that other fields of the same record have
  already, as often as the document has it, is null. A small model copies one name into six fields.

- Another one takes out an *endless* value: a text or number in which the model repeated itself
  without end, so that the decoder ended it. It says nothing, whatever the document holds.

An item of a list is left out instead, if the list may be shorter; one of a list in a list, which
may be a row of a table, stays at its place. What was taken out is told. A
string whose schema lists or describes its values (`enum`, `const`, `pattern`, `format`) is never
touched, and neither is a value that the document holds, unless it is endless. What becomes of a
value depends on nothing that comes after it, so that a stream and the whole answer agree.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from structgen.answer.glance import NULL_OR_WORDS, NULL_WORDS, may_say_only, says_only
from structgen.answer.held import HeldTexts
from structgen.answer.ruled import Found, Reason, Ruled, Verdict
from structgen.answer.word_forms import folded, words_of
from structgen.answer.wording import asks_for_a_copy, asks_for_more, names_a_label, worked_out
from structgen.schema.compile.keywords import listed_values, types_of
from structgen.schema.inside import described_by, inside, rivals_left_out
from structgen.schema.json import escape, to_text
from structgen.schema.source.reader import children
from structgen.schema.target import Target
from structgen.schema.verbatim import INFERRED, VERBATIM
from structgen.values import Json, JsonSchema

_RELATING: Final = ("minProperties", "dependentRequired", "dependentSchemas", "if", "not", "oneOf")
"""Keywords by which a schema may refuse a record that has null, or one member less."""

_MANY: Final = 1 << 30
"""Items of a list that surely has as many as it must have."""
_SPEAKS_FOR_ITSELF: Final = frozenset({"enum", "const", "pattern", "format"})
"""Keywords that say what a string means."""


class Rules:
    """The rules of one call.

    Args:
        target: What is extracted.
        document: The text that values are looked up in; None looks nothing up.
    """

    def __init__(self, target: Target[Any], document: str | None) -> None:
        self.root: JsonSchema = target.schema
        self._held = HeldTexts(document or "")
        self._looks_up = document is not None
        self._copies, self.may_change, may_refuse = _facts_of(target)
        """Whether the target has a text that may be taken out."""
        self.may_be_refused = self.may_change and may_refuse
        """Whether a value may be invalid after the rules, so that they are not applied."""
        self.may_take_back = self._looks_up and self.may_change and not self.may_be_refused
        """Whether a text may be taken out as soon as it has closed."""
        self.endless: frozenset[str] = frozenset()
        """JSON Pointers of values in which the model repeated itself without end."""

    def of_cut(self, endless: Collection[str]) -> Rules:
        """Give the rules for an answer of which some values had no end.

        Args:
            endless: JSON Pointers of the values in which the model repeated itself without end.
        """
        rules = copy.copy(self)
        rules.endless = frozenset(endless)
        rules.may_change = rules.may_change or bool(endless)
        return rules

    def may_change_text(self, text: str) -> bool:
        """Whether the rules may change an answer, by a glance at its JSON text.

        Args:
            text: The JSON text.
        """
        if not self.may_change:
            return False
        return self._looks_up or bool(self.endless) or may_say_only(text, NULL_OR_WORDS)

    def may_take_out(self, value: str) -> bool:
        """Whether the rules may take out a text, wherever it is.

        Args:
            value: The text.
        """
        if self._looks_up or self.endless:
            return True
        return not value.strip() or says_only(value, NULL_OR_WORDS)

    def apply(self, data: Json) -> Ruled:
        """Apply the rules to a value.

        Args:
            data: The value as plain data. It is not changed.
        """
        return self.apply_at(described_by(self.root, [self.root]), "", data)

    def apply_at(
        self,
        schemas: Sequence[JsonSchema],
        name: str,
        data: Json,
        *,
        is_item: bool = False,
        at: str = "",
    ) -> Ruled:
        """Apply the rules inside a part of a value.

        Args:
            schemas: What may describe the part.
            name: The name of the member that it is or is in; "" if it is in none.
            data: The part as plain data. It is not changed.
            is_item: Whether it is an item of a list.
            at: The JSON Pointer of the part.
        """
        found = Found()
        ruled = self._inside(schemas, data, name, at, found, is_item=is_item)
        if not found.removed:
            return Ruled(data)
        return Ruled(ruled, tuple(found.removed), frozenset(found.absent), frozenset(found.dropped))

    def _inside(
        self,
        schemas: Sequence[JsonSchema],
        data: Json,
        name: str,
        at: str,
        found: Found,
        *,
        is_item: bool = False,
    ) -> Json:
        if isinstance(data, dict):
            return self._members(rivals_left_out(schemas, data), data, at, found)
        if isinstance(data, list):
            return self._items(schemas, data, name, at, found, is_row=is_item)
        return data

    def _members(
        self, schemas: Sequence[JsonSchema], data: JsonSchema, at: str, found: Found
    ) -> Json:
        members: dict[str, Json] = {}
        texts: list[str] = []
        for name, value in data.items():
            path = f"{at}/{escape(name)}"
            verdict, reason = self.verdict(schemas, name, value, name, at=path, others=texts)
            found.note(path, value, reason, verdict)
            if verdict == "null":
                members[name] = None
            elif verdict == "keep":
                inner = inside(self.root, schemas, name)
                if isinstance(value, str) and is_open_text(inner):
                    texts.append(value)
                members[name] = self._inside(inner, value, name, path, found)
        return members

    def _items(
        self,
        schemas: Sequence[JsonSchema],
        data: list[Json],
        name: str,
        at: str,
        found: Found,
        *,
        is_row: bool,
    ) -> Json:
        items: list[Json] = []
        for index, value in enumerate(data):
            path = f"{at}/{index}"
            before = len(items)
            verdict, reason = self.verdict(
                schemas, index, value, name, before, is_row=is_row, at=path
            )
            found.note(path, value, reason, verdict)
            if verdict == "null":
                items.append(None)
            elif verdict == "keep":
                inner = inside(self.root, schemas, index)
                items.append(self._inside(inner, value, name, path, found, is_item=True))
        return items

    def verdict(
        self,
        schemas: Sequence[JsonSchema],
        key: str | int,
        value: Json,
        name: str,
        before: int = 0,
        *,
        is_row: bool = False,
        at: str = "",
        others: Sequence[str] = (),
    ) -> tuple[Verdict, Reason | None]:
        """What becomes of a member or an item, and why.

        Args:
            schemas: What may describe the object or list that it is in.
            key: Its name or its index.
            value: The member or the item, as plain data.
            name: The name of the member that it is or is in; "" if it is in none.
            before: The items that its list has so far.
            is_row: Whether its list is an item of a list itself.
            at: Its JSON Pointer.
            others: The open texts of the members before it in its record.
        """
        inner = inside(self.root, schemas, key)
        if at in self.endless and not isinstance(value, list | dict):
            verdict = _way_out(schemas, key, inner, before)
            if verdict == "keep" or (verdict == "drop" and is_row):
                return "keep", None
            return verdict, "endless"
        if not isinstance(value, str):
            return "keep", None
        verdict = _way_out(schemas, key, inner, before) if is_open_text(inner) else "keep"
        if verdict == "keep" or (verdict == "drop" and is_row):
            return "keep", None
        about = (*inner, *schemas) if isinstance(key, int) else inner
        reason = self._reason(about, name, value, others)
        if reason is None or (reason == "ungrounded" and _has_default(inner)):
            return "keep", None
        return verdict, reason

    def _reason(
        self,
        about: Sequence[JsonSchema],
        name: str,
        value: str,
        others: Sequence[str],
    ) -> Reason | None:
        words = " ".join(words_of(value))
        if not value.strip() or (words == "null" and not self._is_name(value)):
            return "null"
        stated = self._held.says if words in NULL_WORDS else self._held.holds
        is_stated = stated(value)
        if _may_be_made_up(about) or (is_stated and not others):
            return None
        if words in NULL_WORDS and not is_stated:
            return "null"
        if not self._looks_up or (is_stated and not self._is_used_up(value, others)):
            return None
        is_free = names_a_label(name) or worked_out(value)
        if is_free and not self._asks_for_a_copy(about):
            return None
        return "repeated" if is_stated else "ungrounded"

    def _is_used_up(self, value: str, others: Sequence[str]) -> bool:
        """Whether other texts are the same, as many as the document has mentions of it."""
        same = folded(value).strip()
        count = sum(folded(other).strip() == same for other in others)
        return count > 0 and count >= self._held.mentions(value)

    def looks_up(self, schemas: Sequence[JsonSchema], key: str | int, name: str) -> bool:
        """Whether a text that is written at a place may be taken out, because of what it says.

        Args:
            schemas: What may describe the object or list that it is in.
            key: Its name or its index.
            name: The name of the member that it is or is in; "" if it is in none.
        """
        inner = inside(self.root, schemas, key)
        about = (*inner, *schemas) if isinstance(key, int) else inner
        if not self._looks_up or not is_open_text(inner) or _may_be_made_up(about):
            return False
        if _way_out(schemas, key, inner, _MANY) == "keep" or _has_default(inner):
            return False
        return not names_a_label(name) or self._asks_for_a_copy(about)

    def may_hold(self, beginning: str) -> bool:
        """Whether the document may hold a text that begins so.

        Args:
            beginning: The beginning of a text, up to the end of a word.
        """
        return self._held.may_hold(beginning)

    def _asks_for_a_copy(self, about: Sequence[JsonSchema]) -> bool:
        described = map(_description, about)
        return self._copies or any(map(asks_for_a_copy, described))

    def _is_name(self, value: str) -> bool:
        """Whether the document has a word for null in title case, as a name: Jennifer Null."""
        return value.istitle() and value in self._held.text


_FACTS: Final[WeakKeyDictionary[Target[Any], tuple[bool, bool, bool]]] = WeakKeyDictionary()


def _facts_of(target: Target[Any]) -> tuple[bool, bool, bool]:
    """Whether a target asks for copies, has a text that may be taken out, and may refuse a value
    afterwards; remembered, since each call asks.
    """
    found = _FACTS.get(target)
    if found is None:
        copies = asks_for_a_copy(_description(target.schema))
        found = copies, _has_open_text(target.schema), _may_refuse(target)
        _FACTS[target] = found
    return found


def _may_be_made_up(about: Sequence[JsonSchema]) -> bool:
    """Whether a text need not consist of the document's words, or is held to them anyway."""
    if any(VERBATIM in node or node.get(INFERRED) is True for node in about):
        return True
    return any(map(asks_for_more, map(_description, about)))


def _description(schema: JsonSchema) -> str:
    return str(schema.get("description", ""))


def _has_open_text(schema: Json) -> bool:
    """Whether a string that may be null, or an item, is somewhere in a schema; errs on yes."""
    return "string" in to_text(schema)


def _may_refuse(target: Target[Any]) -> bool:
    """Whether something relates parts of a value, or checks them by code of the user's."""
    if target.adapter is None:
        return any(f'"{keyword}"' in to_text(target.schema) for keyword in _RELATING)
    todo = [target.adapter.core_schema]
    while todo:
        core = todo.pop()
        if core["type"].startswith("function-"):
            return True
        todo += children(core)
    return False


def is_open_text(schemas: Sequence[JsonSchema]) -> bool:
    """Whether a value is a string of which the schema says nothing further.

    Args:
        schemas: What may describe it.
    """
    if any(not _SPEAKS_FOR_ITSELF.isdisjoint(_without_null(node)) for node in schemas):
        return False
    return any("string" in (types_of(node) or ()) for node in schemas)


def _without_null(schema: JsonSchema) -> JsonSchema:
    """A schema; nothing if all it lists is null."""
    return {} if listed_values(schema) == [None] else schema


def _way_out(
    schemas: Sequence[JsonSchema], key: str | int, inner: Sequence[JsonSchema], before: int
) -> Verdict:
    """What a value becomes if the document does not state it."""
    nullable = any(
        "null" in (types_of(node) or ()) or None in (listed_values(node) or ()) for node in inner
    )
    if isinstance(key, str):
        optional = all(key not in node.get("required", ()) for node in schemas) and any(
            key in node.get("properties", {}) for node in schemas
        )
        if optional and not (nullable and _has_default(inner)):
            return "absent"
    elif not nullable:
        fixed = any("prefixItems" in node for node in schemas)
        least = max((node.get("minItems", 0) for node in schemas), default=0)
        return "keep" if fixed or before < least else "drop"
    return "null" if nullable else "keep"


def _has_default(schemas: Sequence[JsonSchema]) -> bool:
    """Whether a member that is absent has another value than null."""
    return any(node.get("default") is not None for node in schemas)
