"""A confidence for each field, from the probabilities of the answer's tokens.

A field's confidence is the probability that the model gave to exactly this value: the product over
the tokens that overlap its text. For a string that includes the closing quote, because the place
where it ends is part of what it says. It is not the mean: most tokens of a value follow from the
ones before them, or from a grammar, and have a probability of almost 1; a mean would hide the one
digit among them that was guessed. So long texts have a low confidence, which is true of them: the
model would rarely choose the same words again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import exp
from typing import Any, Final, TypeVar

from structgen.answer.origins import Origins
from structgen.answer.scanner import Scanner
from structgen.schema.compiler import Compiled
from structgen.schema.json import pointer_of, same_json, unescape
from structgen.schema.json_text import parse_json
from structgen.schema.shown import shown
from structgen.schema.target import Target
from structgen.values import Alternatives, Json

T = TypeVar("T")

_QUOTE: Final = b'"'[0]


def confidence(
    text: str, tokens: Sequence[tuple[str, float]], compiled: Compiled[Any]
) -> dict[str, float]:
    """The confidence of each scalar of a value.

    Args:
        text: The answer's JSON text, which is valid.
        tokens: The answer's tokens in order: (text, natural logarithm of its probability).
        compiled: The target, as the model was asked for it.

    Returns:
        JSON Pointers into the value, each with a number from 0 to 1. A field that the answer leaves
        out with a null has the probability of that null. {} if the tokens do not spell the text,
        because it was mended.
    """
    spelled = "".join(piece for piece, _ in tokens)
    before = spelled.rfind(text)
    if not text or before < 0:
        return {}
    base = len(spelled[:before].encode(errors="surrogatepass"))
    starts, logs = _token_starts(tokens)
    raw = text.encode(errors="surrogatepass")
    scanner = Scanner()
    spans = [*scanner.feed(raw), *scanner.finish()[1]]
    origins = Origins(compiled, parse_json(text))
    found: dict[str, float] = {}
    for span in spans:
        place = origins.place(pointer_of(span.path)) if span.what == "scalar" else None
        if place is not None:
            begins = span.start + (raw[span.start] == _QUOTE)
            first = bisect_right(starts, base + begins) - 1
            after = bisect_right(starts, base + span.end - 1)
            found[place] = min(1.0, exp(sum(logs[first:after])))
    return found


def chances_of_decided(alternatives: Alternatives, target: Target[T], value: T) -> dict[str, float]:
    """The probability of each value that was decided among options.

    Args:
        alternatives: The options with their probabilities, by JSON Pointer into the value.
        target: What the value is of.
        value: The value.
    """
    data = shown(target, value) if alternatives else None
    return {
        path: chance
        for path, options in alternatives.items()
        for option, chance in options
        if same_json(option, _at(data, path))
    }


def _at(data: Json, path: str) -> Json:
    """The part of some data at a JSON Pointer; None if there is none."""
    for step in map(unescape, path.split("/")[1:]):
        if isinstance(data, list):
            data = data[int(step)] if step.isdecimal() and int(step) < len(data) else None
        else:
            data = data.get(step) if isinstance(data, dict) else None
    return data


def _token_starts(tokens: Sequence[tuple[str, float]]) -> tuple[list[int], list[float]]:
    """Where each token begins, in bytes, and its logarithm.

    A token without text is part of a character that the next one ends, and is counted with that.
    """
    starts: list[int] = []
    logs: list[float] = []
    at, pending = 0, 0.0
    for text, log in tokens:
        pending += log
        if text:
            starts.append(at)
            logs.append(pending)
            at, pending = at + len(text.encode(errors="surrogatepass")), 0.0
    return starts, logs
