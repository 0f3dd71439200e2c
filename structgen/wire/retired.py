"""Models that providers switch off: when, and what to take instead.

Some days before and after the date a provider says so (Groq: 400 `model_decommissioned`);
later it says that there is no such model, as it does of a name with a typo (404
`model_not_found`). Only a table of dates can tell the two apart.

The sources are public announcements and the reports of those who were hit, as of autumn 2026:
Groq's deprecation page (console.groq.com/docs/deprecations) and what issue trackers quote of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final


@dataclass(frozen=True, slots=True)
class RetiredModel:
    """A model with an end."""

    provider: str
    """The provider's name, as in "groq:openai/gpt-oss-20b"."""
    model: str
    """The model's name."""
    ends: date
    """The first day without it."""
    replacement: str
    """The model to take instead."""

    @property
    def has_ended(self) -> bool:
        """Whether it is gone by today."""
        return self.ends <= date.today()

    def __str__(self) -> str:
        ended = "ended" if self.has_ended else "ends"
        return f"{self.provider}:{self.model} {ended} on {self.ends}; use {self.replacement}"


_LARGE: Final = "openai/gpt-oss-120b"
_SMALL: Final = "openai/gpt-oss-20b"
_SEES: Final = "qwen/qwen3.8-27b"
RETIRED: Final = (
    RetiredModel("groq", "meta-llama/llama-4-maverick-17b-128e-instruct", date(2026, 3, 9), _SEES),
    RetiredModel("groq", "meta-llama/llama-4-scout-17b-16e-instruct", date(2026, 7, 17), _SEES),
    RetiredModel("groq", "qwen/qwen3-32b", date(2026, 7, 17), _SEES),
    RetiredModel("groq", "llama-3.3-70b-versatile", date(2026, 8, 16), _LARGE),
    RetiredModel("groq", "llama-3.1-8b-instant", date(2026, 8, 16), _SMALL),
    RetiredModel("groq", "groq/compound", date(2026, 9, 21), _LARGE),
    RetiredModel("groq", "groq/compound-mini", date(2026, 9, 21), _SMALL),
)
"""The models whose end is known. Contracts of single customers may keep one for longer."""


def retired_model(provider: str, model: str) -> RetiredModel | None:
    """Find a model among those whose end is known.

    Args:
        provider: The provider's name.
        model: The model's name, in any letter case.
    """
    name = model.lower()
    return next((row for row in RETIRED if (row.provider, row.model) == (provider, name)), None)


def named_in(
    text: str, rows: Sequence[RetiredModel] = RETIRED
) -> Iterator[tuple[int, RetiredModel]]:
    """Find the models with a known end that a text names.

    Args:
        text: A program, its settings, or a page.
        rows: The models to look for.

    Yields:
        The number of a line, from 1, and a model that it names.
    """
    by_name = {row.model: row for row in rows}
    longest_first = sorted(by_name, key=len, reverse=True)
    pattern = re.compile(
        rf"(?<![\w./-])(?:groq:)?({'|'.join(map(re.escape, longest_first))})(?![\w./-])",
        re.IGNORECASE,
    )
    for number, line in enumerate(text.splitlines(), 1):
        for found in pattern.finditer(line):
            yield number, by_name[found[1].lower()]
