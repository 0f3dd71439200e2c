"""After an answer that was cut at its token limit: what to ask for, so that the whole comes after all.

A list goes on behind its last whole item; its parts are put together, and items that the model repeats at the seam are left out.
Anything else is asked for once more with twice the tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from structgen.answer.repair import repaired
from structgen.answer.scanner import Scanner, plain
from structgen.errors import NotJsonError, Truncated
from structgen.options import UNSET, Options
from structgen.schema.codecs.codec import VALUE
from structgen.schema.compiler import Compiled
from structgen.schema.json import same_json, to_text
from structgen.schema.json_text import parse_json
from structgen.values import Answer, Json, Message

_ASK = (
    "That answer was cut off behind {count} whole items. Answer with the items of the document that follow the last one, "
    "as JSON of the same form and nothing else; with an empty list if none follow."
)


class Rest:
    """What is still to come of one answer. `left`: how many further questions may be asked for it."""

    def __init__(self, compiled: Compiled[Any], messages: Sequence[Message], left: int) -> None:
        self._messages = tuple(messages)
        self._left = left
        self._items: list[Json] = []
        self._wrapped = compiled.wrapped and compiled.schema.get("properties", {}).keys() == {VALUE}
        form = compiled.schema["properties"][VALUE] if self._wrapped else compiled.schema
        self._is_list = (
            compiled.target.schema.get("type") == form.get("type") == "array"
            and "prefixItems" not in form
        )
        self._repeated = False

    @property
    def begun(self) -> bool:
        """Is there a part of the list already?"""
        return bool(self._items)

    @property
    def repairs(self) -> tuple[str, ...]:
        """What was done to the parts."""
        repeated = (
            ("items that stood on both sides of a cut, left out once",) if self._repeated else ()
        )
        return ("put together from several answers", *repeated) if self._items else ()

    def after(
        self,
        text: str,
        error: Truncated,
        used: int,
        options: Options,
        shortened: Sequence[str] = (),
    ) -> tuple[tuple[Message, ...], Options] | None:
        """What to ask next, and with which options, once `text` was cut after `used` tokens; None where nothing would help.

        `shortened`: JSON Pointers of the values that were cut short in it, where it was ended so that it is valid.
        """
        salvaged = None if self.begun else error.salvaged
        grown = self._is_list and self._take(
            self._untouched(_closed(text, self._wrapped), shortened)
        )
        if self._items:
            error.partial, error.salvaged = self._form(self._items), salvaged
        if not self._left:
            return None
        self._left -= 1
        if grown:
            so_far: Message = {"role": "assistant", "content": to_text(self._form(self._items))}
            ask: Message = {"role": "user", "content": _ASK.format(count=len(self._items))}
            return (*self._messages, so_far, ask), options
        limit = options.max_tokens if options.max_tokens is not UNSET else used
        if self._items or not limit:
            return None
        return self._messages, replace(options, max_tokens=2 * limit)

    def whole(self, answer: Answer, text: str) -> Answer:
        """The answer behind the parts before it; itself where it is no list. `text`: its document."""
        if not self._items:
            return answer
        data = _read(text)
        items = data.get(VALUE) if self._wrapped and isinstance(data, dict) else data
        if not isinstance(items, list):
            return answer
        self._take(items)
        return replace(
            answer, text=to_text(self._form(self._items)), tool_calls=(), logprobs=(), shortened=()
        )

    def _untouched(self, items: list[Json], shortened: Sequence[str]) -> list[Json]:
        """The items before the first that was cut short."""
        prefix = f"/{VALUE}/" if self._wrapped else "/"
        steps = [at.removeprefix(prefix).split("/")[0] for at in shortened if at.startswith(prefix)]
        return items[: min((int(step) for step in steps if step.isdigit()), default=len(items))]

    def _form(self, items: list[Json]) -> Json:
        return {VALUE: items} if self._wrapped else items

    def _take(self, items: list[Json]) -> bool:
        """Take the items that are new. Were there any?"""
        seam = next(
            (
                n
                for n in range(min(len(items), len(self._items)), 0, -1)
                if same_json(self._items[-n:], items[:n])
            ),
            0,
        )
        self._repeated = self._repeated or bool(seam)
        self._items += items[seam:]
        return len(items) > seam


def _read(text: str) -> Json:
    """The document in the text, None where it is none: what is wrong with it is told when the answer is read."""
    for candidate in (text, repaired(text)[0]):
        with suppress(NotJsonError):
            return parse_json(candidate)
    return None


def _closed(text: str, wrapped: bool) -> list[Json]:
    """The items that were whole in a list that was cut."""
    scanner = Scanner()
    try:
        spans = scanner.feed(text.encode(errors="surrogatepass"))
    except NotJsonError:
        return []
    above = (None, VALUE) if wrapped else None
    count = sum(
        span.what in ("closed", "scalar") and span.path is not None and span.path[0] == above
        for span in spans
    )
    data = plain(scanner.text, scanner.closed, scanner.closers)
    items = data.get(VALUE) if wrapped and isinstance(data, dict) else data
    return items[:count] if isinstance(items, list) else []
