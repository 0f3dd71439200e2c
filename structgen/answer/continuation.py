"""Continue an answer that was cut at its token limit.

A list goes on after its last whole item. Its parts are joined, and items that the model repeats at
the seam are left out. Anything else is asked for once more with twice the tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from structgen.answer.read import json_text
from structgen.answer.repair import repair
from structgen.answer.scanner import Scanner, closed_data
from structgen.errors import NotJsonError, Truncated
from structgen.options import UNSET, Options
from structgen.schema.codecs.codec import VALUE
from structgen.schema.compiler import Compiled
from structgen.schema.json import same_json, to_text
from structgen.schema.json_text import parse_json
from structgen.values import Answer, Json, Message

_NEXT_ITEMS: Final = (
    "That answer was cut off after {count} whole items. Answer with the items of the document that "
    "follow the last one, as JSON of the same form and nothing else; with an empty list if none "
    "follow."
)
_JOINED: Final = "put together from several answers"
_REPEATED: Final = "items that stood on both sides of a cut, left out once"


class Continuation:
    """The parts of one answer that was cut, and what to ask for next.

    Args:
        compiled: The target, as the model is asked for it.
        messages: The first question.
        left: How many further questions may be asked for the rest.
    """

    def __init__(self, compiled: Compiled[Any], messages: Sequence[Message], left: int) -> None:
        self._messages = tuple(messages)
        self._left = left
        self._items: list[Json] = []
        members = compiled.schema.get("properties", {})
        self._wrapped = compiled.wrapped and members.keys() - {compiled.thoughts} == {VALUE}
        self._prefix = _item_prefix(compiled)
        shape = members[VALUE] if self._wrapped else compiled.schema
        self._is_list = (
            compiled.target.schema.get("type") == shape.get("type") == "array"
            and "prefixItems" not in shape
        )
        self._repeated = False

    @property
    def has_items(self) -> bool:
        """Whether the first part of a list is there."""
        return bool(self._items)

    def join(self, answer: Answer) -> tuple[Answer, tuple[str, ...]]:
        """Join an answer to the parts before it.

        Args:
            answer: The last part, which is whole or was ended early so that it is valid.

        Returns:
            The joined answer and what was done for it; the answer itself and () if no part came
            before it, or it is no list.
        """
        items = self._items_in(_parse(json_text(answer))) if self._items else None
        if items is None:
            return answer, ()
        seam = _overlap(self._items, items)
        offset = len(self._items) - seam
        joined = replace(
            answer,
            text=to_text(self._in_answer_form([*self._items, *items[seam:]])),
            tool_calls=(),
            logprobs=(),
            alternatives={},
            pressure={},
            shortened=tuple(self._moved(answer.shortened, seam, offset)),
            repeated=tuple(self._moved(answer.repeated, seam, offset)),
        )
        repeated = self._repeated or seam > 0
        return joined, (_JOINED, _REPEATED) if repeated else (_JOINED,)

    def next_question(
        self,
        text: str,
        error: Truncated,
        *,
        used: int,
        options: Options,
        shortened: Sequence[str] = (),
    ) -> tuple[tuple[Message, ...], Options] | None:
        """What to ask after an answer that was cut. Sets `partial` of its error.

        Args:
            text: The JSON text of the answer.
            error: The error for it.
            used: How many tokens it took.
            options: The options of the question that it answers.
            shortened: JSON Pointers of the values that were cut short in it, if it was ended early
                so that it is valid.

        Returns:
            The messages and the options of the next question; None if nothing would help.
        """
        grown = self._is_list and self._append(self._whole_items(text, shortened))
        if self._items:
            error.partial = self._in_answer_form(self._items)
        if not self._left:
            return None
        self._left -= 1
        if grown:
            so_far = to_text(self._in_answer_form(self._items))
            shown: Message = {"role": "assistant", "content": so_far}
            ask: Message = {"role": "user", "content": _NEXT_ITEMS.format(count=len(self._items))}
            return (*self._messages, shown, ask), options
        limit = options.max_tokens if options.max_tokens is not UNSET else used
        if self._items or not limit:
            return None
        return self._messages, replace(options, max_tokens=2 * limit)

    def _append(self, items: list[Json]) -> bool:
        """Add the items that are new; say whether there were any."""
        seam = _overlap(self._items, items)
        self._repeated = self._repeated or seam > 0
        self._items += items[seam:]
        return len(items) > seam

    def _whole_items(self, text: str, shortened: Sequence[str]) -> list[Json]:
        """The items before the first that was cut."""
        scanner = Scanner()
        try:
            spans = scanner.feed(text.encode(errors="surrogatepass"))
        except NotJsonError:
            return []
        above = (None, VALUE) if self._wrapped else None
        count = sum(
            span.what in ("closed", "scalar") and span.path is not None and span.path[0] == above
            for span in spans
        )
        items = self._items_in(closed_data(scanner.text, scanner.closed, scanner.closers)) or []
        cut = _first_index(shortened, self._prefix)
        return items[: count if cut is None else min(count, cut)]

    def _items_in(self, data: Json) -> list[Json] | None:
        """The items of an answer; None if it is no list."""
        items = data.get(VALUE) if self._wrapped and isinstance(data, dict) else data
        return items if isinstance(items, list) else None

    def _in_answer_form(self, items: list[Json]) -> Json:
        return {VALUE: items} if self._wrapped else items

    def _moved(self, pointers: Sequence[str], seam: int, offset: int) -> Iterator[str]:
        """Pointers into a part, as pointers into the joined answer."""
        for pointer in pointers:
            index, slash, rest = pointer.removeprefix(self._prefix).partition("/")
            if not (pointer.startswith(self._prefix) and index.isdecimal()):
                yield pointer
            elif int(index) >= seam:
                yield f"{self._prefix}{int(index) + offset}{slash}{rest}"


def first_cut_item(shortened: Sequence[str], compiled: Compiled[Any]) -> int | None:
    """The first item of an answer's list that was cut.

    Args:
        shortened: JSON Pointers into the answer, of the values that were cut short.
        compiled: The target, a list.

    Returns:
        Its index; None if all items are whole.
    """
    return _first_index(shortened, _item_prefix(compiled))


def _item_prefix(compiled: Compiled[Any]) -> str:
    """What JSON Pointers to the items of an answer's list begin with."""
    return f"/{VALUE}/" if compiled.wrapped else "/"


def _first_index(pointers: Sequence[str], prefix: str) -> int | None:
    steps = [
        pointer.removeprefix(prefix).partition("/")[0]
        for pointer in pointers
        if pointer.startswith(prefix)
    ]
    return min((int(step) for step in steps if step.isdecimal()), default=None)


def _overlap(items: list[Json], more: list[Json]) -> int:
    """How many items at the end of one list are repeated at the beginning of the next."""
    lengths = range(min(len(more), len(items)), 0, -1)
    return next((n for n in lengths if same_json(items[-n:], more[:n])), 0)


def _parse(text: str) -> Json:
    """The data of a text; None if it is no JSON, which reading the answer reports."""
    for candidate in (text, repair(text)[0]):
        with suppress(NotJsonError):
            return parse_json(candidate)
    return None
