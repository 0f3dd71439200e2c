"""Finding the place of a quote without its offsets: how often is it right, and how fast?

The gold of three public tasks has offsets. They are taken away, and looked for again: by
`structgen.find_evidence`, and by the aligner of langextract in the same run. The half of the
records that is reported on was not looked at while the rules were written. It needs
`pip install langextract`, which nothing else does. The aligner's time grows with the length of the
text times the number of quotes, so it is asked about the shorter contracts alone; the figures of
both are about the same quotes, and a second figure of ours is about all.
"""

from __future__ import annotations

import importlib
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

from structgen import find_evidence

DATA = Path(__file__).parents[2] / "shared" / "data" / "dev"
TASKS = ("ner_litbank", "ner_crossner", "contracts")
LONG = 300_000
"""Characters of the long text."""
QUOTES = 40
"""Quotes that are looked up in it."""
SHORTER = 120_000
"""Characters of the longest text that both are asked about, but for the long one."""
LENGTHS = (50_000, 500_000)
"""Characters of the texts that show how the time grows."""


class Quoted(NamedTuple):
    """A text, and quotes with their places in it."""

    text: str
    quotes: dict[str, list[str]]
    """The quotes, as a model would list them: by field, in the order of the text."""
    places: list[tuple[int, int]]
    """The places of all quotes, in their order."""

    @property
    def flat(self) -> list[str]:
        """All quotes, in their order."""
        return [quote for quotes in self.quotes.values() for quote in quotes]


def records(task: str) -> list[Quoted]:
    """Read the reported half of a task."""
    lines = (DATA / f"{task}.jsonl").read_text().splitlines()
    return [_quoted(json.loads(line)) for line in lines[: len(lines) // 2]]


def _quoted(record: dict[str, Any]) -> Quoted:
    text = record["text"]
    by_field = record.get("meta", {}).get("evidence") or {
        "entities": [(one["start"], one["end"]) for one in record["gold"].get("entities", ())]
    }
    spans = {name: [(start, end) for start, end in found] for name, found in by_field.items()}
    quotes = {name: [text[slice(*one)] for one in found] for name, found in spans.items()}
    return Quoted(text, quotes, [one for found in spans.values() for one in found])


def ours(record: Quoted) -> list[tuple[int, int] | None]:
    """Find quotes as the items of lists."""
    found = find_evidence(record.quotes, record.text)
    return [_span(one.start, one.end) for one in found.values()]


def theirs(record: Quoted) -> list[tuple[int, int] | None]:
    """Find quotes with langextract."""
    data: Any = importlib.import_module("langextract.core.data")
    resolver: Any = importlib.import_module("langextract.resolver")
    wanted = [data.Extraction("quote", quote) for quote in record.flat]
    if not wanted:
        return []
    aligned = resolver.WordAligner().align_extractions([wanted], record.text)
    places = [one.char_interval for group in aligned for one in group]
    return [None if at is None else _span(at.start_pos, at.end_pos) for at in places]


Find: TypeAlias = Callable[[Quoted], "list[tuple[int, int] | None]"]
ALIGNERS: Final[dict[str, Find]] = {"structgen": ours, "langextract": theirs}


def _span(start: int | None, end: int | None) -> tuple[int, int] | None:
    return None if start is None or end is None else (start, end)


def is_same(text: str, place: tuple[int, int] | None, gold: tuple[int, int]) -> bool:
    """Whether a place is that of the gold, white space and punctuation at its ends aside."""
    if place is None:
        return False
    return _trimmed(text, *place) == _trimmed(text, *gold)


def _trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and not text[start].isalnum():
        start += 1
    while end > start and not text[end - 1].isalnum():
        end -= 1
    return start, end


def joined(length: int, most: int) -> Quoted:
    """Join contracts until they are long, and choose some of their quotes.

    The contracts come again in the same order if there are too few, but are quoted once.
    """
    text, quotes, places = "", list[str](), list[tuple[int, int]]()
    contracts = records("contracts")
    for at in range(length):
        record = contracts[at % len(contracts)]
        if at < len(contracts):
            quotes += record.flat
            places += [(start + len(text), end + len(text)) for start, end in record.places]
        text += record.text + "\n\n"
        if len(text) >= length:
            break
    inside = [at for at in range(len(quotes)) if places[at][1] <= length]
    step = max(len(inside) // most, 1)
    chosen = sorted(inside, key=lambda at: places[at])[::step][:most]
    listed = {"quotes": [quotes[at] for at in chosen]}
    return Quoted(text[:length], listed, [places[at] for at in chosen])


def timed(find: Find, record: Quoted) -> tuple[float, list[tuple[int, int] | None]]:
    """Find quotes, and tell the seconds of one core that it took."""
    began = time.process_time()
    found = find(record)
    return time.process_time() - began, found


def right(record: Quoted, found: Sequence[tuple[int, int] | None]) -> int:
    """Count the places that are those of the gold."""
    pairs = zip(found, record.places, strict=True)
    return sum(is_same(record.text, *pair) for pair in pairs)


def growth() -> float:
    """Tell how many times as long ten times the text takes, with the same number of quotes."""
    seconds = []
    for length in LENGTHS:
        record = joined(length, QUOTES)
        seconds.append(min(timed(ours, record)[0] for _ in range(5)))
    return seconds[1] / seconds[0]


def main() -> dict[str, Any]:
    figures: dict[str, Any] = {}
    for task in TASKS:
        counts: Counter[str] = Counter()
        seconds: dict[str, float] = dict.fromkeys(ALIGNERS, 0.0)
        for record in records(task):
            counts["quotes"] += len(record.places)
            counts["right"] += right(record, ours(record))
            if len(record.text) > SHORTER:
                continue
            counts["asked of both"] += len(record.places)
            for name, find in ALIGNERS.items():
                spent, found = timed(find, record)
                counts[name] += right(record, found)
                seconds[name] += spent
        print(task, dict(counts), {name: round(spent, 3) for name, spent in seconds.items()})
        figures[f"{task}, quotes"] = counts["quotes"]
        figures[f"{task}, right"] = round(counts["right"] / max(counts["quotes"], 1), 4)
        figures[f"{task}, asked of both"] = counts["asked of both"]
        for name in ALIGNERS:
            share = counts[name] / max(counts["asked of both"], 1)
            figures[f"{task}, right, {name}"] = round(share, 4)
        ratio = seconds["langextract"] / max(seconds["structgen"], 1e-9)
        figures[f"{task}, times as fast"] = round(ratio, 1)
    long = joined(LONG, QUOTES)
    on_long: dict[str, float] = {}
    for name, find in ALIGNERS.items():
        on_long[name], found = timed(find, long)
        figures[f"{LONG} characters, right, {name}"] = right(long, found)
        figures[f"{LONG} characters, seconds, {name}"] = round(on_long[name], 3)
    figures["quotes in the long text"] = len(long.places)
    figures["times as fast on it"] = round(on_long["langextract"] / on_long["structgen"], 1)
    figures["time for ten times the text"] = round(growth(), 1)
    return figures
