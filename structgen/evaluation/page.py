"""The page: one HTML file, without any network, that shows each record in its text.

Values stand beside the gold and are marked in the text where their evidence is; a value without
evidence is looked up in the text, and marked with a dashed line. The worst records come first.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from structgen.answer.grounding import document_text
from structgen.errors import InputError
from structgen.evaluation.intervals import Interval
from structgen.evaluation.record import Shown
from structgen.evaluation.result import Evaluation
from structgen.evaluation.rules import rules_of
from structgen.evaluation.scoring import KINDS, Leaf, leaves_of
from structgen.reading.images.pages import boxes_of, pictures_of, places_of, size_of, with_pictures
from structgen.values import Json, TextOrMessages

_PLACEHOLDER: Final = "/*DATA*/"
_VALUE: Final = len(KINDS)
"""The kind of a leaf that is compared with nothing."""
_LARGEST: Final = 2**53
"""Whole numbers up to here are exact in JavaScript."""
_ROOM_FOR_PAGES: Final = 50_000_000
"""Characters that the pages of documents may take; those of later records are left out."""
_HEADLINE: Final = ("f1", "precision", "recall", "perfect", "valid", "auroc", "ece")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What a page shows."""

    title: str
    """Its title."""
    records: Sequence[tuple[str, Shown]] = field(repr=False)
    """The records with their keys."""
    has_gold: bool
    """Whether values are compared with gold."""
    figures: Sequence[tuple[str, str, str]] = ()
    """Figures for the head of the page: names, values and intervals as texts."""
    reliability: Sequence[Sequence[str]] = ()
    """The table of confidence against what is right: a head, then rows; none if there is none."""
    labels: Mapping[str, str] = field(default_factory=dict)
    """What the list of fields says of each; its name if there is nothing."""

    def html(self) -> str:
        """Render the page as HTML."""
        page = (files("structgen.evaluation") / "page.html").read_text(encoding="utf-8")
        template = with_pictures(page)
        text = json.dumps(self._data(), ensure_ascii=False, separators=(",", ":"))
        # "<" would let a text end the script element; JSON has another way to write it.
        return template.replace(_PLACEHOLDER, text.replace("<", "\\u003c"))

    def _data(self) -> dict[str, Json]:
        numbers: dict[str, int] = {}
        records = [_record(key, one, numbers, self.has_gold) for key, one in self.records]
        room = _ROOM_FOR_PAGES
        for record in records:
            room -= sum(map(size_of, record["pages"]))
            if room < 0:
                record["pages"] = []
        return {
            "title": self.title,
            "gold": self.has_gold,
            "figures": [list(one) for one in self.figures],
            "reliability": [list(row) for row in self.reliability],
            "fields": list(numbers),
            "labels": dict(self.labels),
            "records": records,
        }


def _record(key: str, one: Shown, numbers: dict[str, int], has_gold: bool) -> dict[str, Json]:
    leaves = [list(_row(leaf, one, numbers, has_gold)) for leaf in one.leaves]
    boxes = [box for leaf in leaves for box in leaf[-1]]
    return {
        "key": key,
        "text": None if one.document is None else document_text(one.document),
        "error": one.error,
        "leaves": leaves,
        "pages": pictures_of(one.document, boxes),
    }


def _row(leaf: Leaf, shown: Shown, numbers: dict[str, int], has_gold: bool) -> Iterator[Json]:
    """A leaf as the page reads it.

    Field, kind, found, gold, confidence, start, end, pressure, boxes.
    """
    place = shown.evidence.get(leaf.path or "") if leaf.path is not None else None
    is_null = leaf.kind == "null"
    yield numbers.setdefault(leaf.field, len(numbers))
    yield KINDS.index(leaf.kind) if has_gold or is_null else _VALUE
    yield _exact(leaf.found)
    yield _exact(leaf.gold)
    yield None if leaf.path is None else shown.confidence.get(leaf.path)
    yield place["start"] if place else None
    yield place["end"] if place else None
    yield None if leaf.path is None else shown.pressure.get(leaf.path)
    yield boxes_of(shown.document, place)


def _exact(value: Json) -> Json:
    """A whole number that JavaScript would round becomes a text."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_whole and abs(value) > _LARGEST else value


def page_of_evaluation(evaluation: Evaluation) -> Page:
    """Make the page of an evaluation.

    Args:
        evaluation: The evaluation; one that was loaded from a file no longer has its texts.

    Raises:
        InputError: If it has no texts.
    """
    records = [(one.key, one.shown) for one in evaluation.records if one.shown is not None]
    if not records:
        raise InputError(
            "A saved evaluation has no texts to show.",
            hint="Run it again with the same journal: nothing is asked again.",
        )
    return Page(
        title=f"{evaluation.target} by {evaluation.model}",
        records=records,
        has_gold=True,
        figures=[
            _figure(name, evaluation.intervals[name])
            for name in _HEADLINE
            if name in evaluation.intervals
        ],
        reliability=evaluation.trust.rows(),
        labels={
            name: f"{name or '/'}  {interval.value:.2f}"
            for name, interval in evaluation.field_intervals.items()
        },
    )


def _figure(name: str, interval: Interval) -> tuple[str, str, str]:
    return name, f"{interval.value:.3f}", f"{interval.low:.3f} to {interval.high:.3f}"


def page_of_results(
    rows: Sequence[Mapping[str, Any]],
    documents: Mapping[str, TextOrMessages] | None = None,
    *,
    title: str = "Results",
) -> Page:
    """Make the page of results without gold.

    Args:
        rows: Plain rows as `structgen run` writes them.
        documents: What they were extracted from, by key.
        title: The title of the page.
    """
    known = documents or {}
    return Page(
        title=title,
        records=[(row["key"], _shown(row, known.get(row["key"]))) for row in rows],
        has_gold=False,
        figures=[("extracted", str(sum(not row["error"] for row in rows)), f"of {len(rows)}")],
    )


def _shown(row: Mapping[str, Any], document: TextOrMessages | None) -> Shown:
    error = row["error"]
    return Shown(
        document=document,
        value=row["value"],
        leaves=leaves_of(rules_of({}), row["value"], None),
        evidence=places_of(row),
        confidence=row.get("confidence") or {},
        pressure=row.get("pressure") or {},
        error=f"{error['type']}: {error['message']}" if error else None,
    )


_MARK: Final = b'<meta name="generator" content="structgen">'
"""Is at the beginning of every page, so that nothing else is replaced."""
_BEGINNING: Final = 500
"""The bytes of a page that hold the mark."""


def _is_page(path: Path) -> bool:
    with path.open("rb") as file:
        return _MARK in file.read(_BEGINNING)


def write_page(path: str | os.PathLike[str], page: Page) -> None:
    """Write a page to a file.

    Args:
        path: The file.
        page: The page.

    Raises:
        InputError: If the file cannot be written, or is one that this function did not write.
    """
    try:
        if os.path.exists(path) and not _is_page(Path(path)):
            raise InputError(
                f"{path} exists, and is no page of structgen.", hint="Name another file."
            )
        Path(path).write_bytes(page.html().encode(errors="replace"))
    except OSError as error:
        raise InputError(
            f"Cannot write {path}: {error.strerror}.", hint="Name a file in a folder that exists."
        ) from error
