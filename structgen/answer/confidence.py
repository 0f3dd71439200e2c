"""The tokens' probabilities -> a confidence per field.

A field's confidence is the probability that the model gave to exactly this value: the product over the tokens that overlap its text
(of a string, its closing quote too: where it ends is part of what it says). Not the mean: most tokens of a value follow from the
ones before them, or from a grammar, and have a probability of almost 1; a mean would hide the one digit that was guessed among
them. So long texts have a low one, which is true of them: the model would rarely choose the same words again.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import exp
from typing import Any

from structgen.answer.origins import Origins
from structgen.answer.scanner import Scanner
from structgen.schema.compiler import Compiled
from structgen.schema.json import pointer_of
from structgen.schema.json_text import parse_json


def confidence(
    document: str, tokens: Sequence[tuple[str, float]], compiled: Compiled[Any]
) -> dict[str, float]:
    """JSON Pointers of the value's scalars -> 0 to 1. `document`: the answer's JSON text, valid; `tokens`: (text, natural log of
    its probability), the answer in order.

    A field that the answer leaves out with a null has the probability of that null. {} where the tokens are not the document's
    (it was mended).
    """
    whole = "".join(text for text, _ in tokens)
    before = whole.rfind(document)
    if not document or before < 0:
        return {}
    base = len(whole[:before].encode(errors="surrogatepass"))
    starts, logs = _placed(tokens)
    raw = document.encode(errors="surrogatepass")
    scanner = Scanner()
    spans = [*scanner.feed(raw), *scanner.finish()[1]]
    origins = Origins(compiled, parse_json(document))
    found: dict[str, float] = {}
    for span in spans:
        place = origins.place(pointer_of(span.path)) if span.what == "scalar" else None
        if place is not None:
            first = span.start + (raw[span.start] == _QUOTE)
            low, high = (
                bisect_right(starts, base + first) - 1,
                bisect_right(starts, base + span.end - 1),
            )
            found[place] = min(1.0, exp(sum(logs[low:high])))
    return found


_QUOTE = b'"'[0]


def _placed(tokens: Sequence[tuple[str, float]]) -> tuple[list[int], list[float]]:
    """Where each token begins, in bytes, and its logarithm. One without text is part of a character that the next one ends."""
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
