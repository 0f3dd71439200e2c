"""Repair what should be one JSON document, without inventing anything.

Reasoning, the text before or after it and the fence around it are taken away, and trailing commas
are dropped. No value is ever invented, closed, quoted or chosen: a text that is cut, holds two
documents, or has one in the middle of prose or in unfinished reasoning fails to parse.
"""

from __future__ import annotations

import re
from typing import Final

_NAMES: Final = "think|thinking|thought|thoughts|reasoning|reflection|analysis|scratchpad"
OPENING_TAG: Final = re.compile(rf"\s*(?:<(?:{_NAMES})>|\[THINK\]|◁think▷)", re.IGNORECASE)
"""Opens what a model thinks before it answers."""
CLOSING_TAG: Final = re.compile(rf"</(?:{_NAMES})>|\[/THINK\]|◁/think▷", re.IGNORECASE)
"""Ends it."""
_TAG: Final = re.compile(f"{OPENING_TAG.pattern}|{CLOSING_TAG.pattern}", re.IGNORECASE)
_FENCE: Final = re.compile(r"```[a-zA-Z0-9]*\s*$")
_OPENERS: Final = re.compile(r"[{\[]")
_BRACKETS: Final = re.compile(r"[{}\[\]]")
_STRING: Final = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
_STRING_OR_TRAILING_COMMA: Final = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[}\]])', re.DOTALL)
_CLOSER: Final = {"{": "}", "[": "]"}


def repair(text: str) -> tuple[str, tuple[str, ...]]:
    """Take away what is not part of the JSON document. Takes time linear in the length.

    Args:
        text: The answer.

    Returns:
        The text, which need not be JSON, and what was taken away; the text itself and () if
        nothing was.
    """
    done: list[str] = []
    text = _without_reasoning(text, done)
    text = _without_surroundings(text, done)
    return _without_trailing_commas(text, done), tuple(done)


def reasoning_in(text: str) -> str | None:
    """Give what the model thought in the text of its answer, without the tags around it.

    Args:
        text: The answer.

    Returns:
        The thoughts before the answer; None if there are none.
    """
    thought = text[: len(text) - len(_after_reasoning(text))]
    return _TAG.sub("", thought).strip() or None


def _without_reasoning(text: str, done: list[str]) -> str:
    """The text after what the model thought; "" if it was still thinking when it ended."""
    rest = _after_reasoning(text)
    if rest != text:
        done.append("reasoning before the answer")
    return rest


def _after_reasoning(text: str) -> str:
    """The text after what the model thought; "" if it was still thinking when it ended.

    A server may cut off the opening tag, because its chat template writes that.
    """
    rest = text
    while OPENING_TAG.match(rest):
        end = CLOSING_TAG.search(rest)
        if end is None:
            return ""
        rest = rest[end.end() :]
    begins_with_json = rest.lstrip()[:1] in ("{", "[", '"')
    if rest == text and not begins_with_json:
        ends = list(CLOSING_TAG.finditer(rest))
        rest = rest[ends[-1].end() :] if ends else rest
    return rest


def _without_surroundings(text: str, done: list[str]) -> str:
    """The one bracketed document in the text, without the prose and the code fence around it."""
    opener = _OPENERS.search(text)
    if opener is None or text.lstrip().startswith('"'):
        return text
    end = _end_of_document(text, opener.start())
    if end is None:
        return text
    before, after = text[: opener.start()], text[end:]
    if _BRACKETS.search(after) or CLOSING_TAG.search(after):
        # A second document, a bracket too many, or the end of reasoning, which this was then a
        # part of: choosing one would be a guess.
        return text
    if before.strip() and after.strip() and not _FENCE.search(before):
        # JSON in the middle of prose may be an example, or what the answer is not.
        return text
    if before.strip():
        done.append("text before the answer")
    if after.strip():
        done.append("text after the answer")
    return text[opener.start() : end]


def _end_of_document(text: str, start: int) -> int | None:
    """Where the bracket at `start` is closed; None if it is not, or the brackets do not match."""
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
    found = [token for token in _STRING_OR_TRAILING_COMMA.finditer(text) if token[0] == ","]
    if not found:
        return text
    done.append("trailing commas")
    pieces, last = [], 0
    for comma in found:
        pieces.append(text[last : comma.start()])
        last = comma.end()
    return "".join((*pieces, text[last:]))
