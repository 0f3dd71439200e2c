"""Conservative repair of what should be one JSON document: what stands around it is taken away, trailing commas are dropped.

No value is ever invented, closed, quoted or chosen: a text that is cut, or holds two documents, stays as it is and fails to parse.
"""

from __future__ import annotations

import re
from typing import Final

_REASONING: Final = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
_OPENERS: Final = re.compile(r"[{\[]")
_BRACKETS: Final = re.compile(r"[{}\[\]]")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)
_CLOSER: Final = {"{": "}", "[": "]"}


def repaired(text: str) -> tuple[str, tuple[str, ...]]:
    """The text with what can be taken away taken away, and what that was; the text itself and () where nothing applies.

    The result need not be JSON. Linear in the length of the text.
    """
    done: list[str] = []
    if found := _REASONING.match(text):
        text = text[found.end() :]
        done.append("reasoning before the answer")
    text = _alone(text, done)
    return _without_trailing_commas(text, done), tuple(done)


def _alone(text: str, done: list[str]) -> str:
    """The one bracketed document in the text, without the prose and the code fence around it."""
    found = _OPENERS.search(text)
    if found is None or text.lstrip().startswith('"') or not (end := _end(text, found.start())):
        return text
    before, behind = text[: found.start()], text[end:]
    if _BRACKETS.search(behind):
        return (
            text  # a second document, or a bracket too many: which part is meant is not ours to say
        )
    if before.strip():
        done.append("text before the answer")
    if behind.strip():
        done.append("text behind the answer")
    return text[found.start() : end]


def _end(text: str, start: int) -> int | None:
    """Where the bracket at `start` is closed, strings skipped; None where it is not, or its brackets do not match."""
    open_brackets: list[str] = []
    at = start
    while at < len(text):
        character = text[at]
        if character == '"':
            string = _STRING.match(text, at)
            if string is None:
                return None
            at = string.end()
            continue
        if character in _CLOSER:
            open_brackets.append(_CLOSER[character])
        elif character in "}]":
            if open_brackets.pop() != character:
                return None
            if not open_brackets:
                return at + 1
        at += 1
    return None


def _without_trailing_commas(text: str, done: list[str]) -> str:
    found = [token for token in _TOKEN.finditer(text) if token[0] == ","]
    if not found:
        return text
    done.append("trailing commas")
    pieces, last = [], 0
    for comma in found:
        pieces.append(text[last : comma.start()])
        last = comma.end()
    return "".join((*pieces, text[last:]))
