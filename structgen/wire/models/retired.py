"""Models that providers switch off: found by their name, and in the texts of a project."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Final

from structgen.wire.models.facts import ModelFacts
from structgen.wire.models.rows import MODELS

RETIRED: Final = tuple(row for row in MODELS if row.ends is not None)
"""The models whose end is known."""
_SHORT: Final = 6
"""Characters of names up to which a text names a model only within quotes, or with its provider:
`o1` is the name of many things."""


def retired_model(provider: str, model: str) -> ModelFacts | None:
    """Find a model among those whose end is known.

    Args:
        provider: The provider's name.
        model: The model's name, in any letter case.
    """
    name = model.lower()
    return next((row for row in RETIRED if (row.provider, row.model) == (provider, name)), None)


def named_in(text: str, rows: Sequence[ModelFacts] = RETIRED) -> Iterator[tuple[int, ModelFacts]]:
    """Find the models with a known end that a text names.

    Args:
        text: A program, its settings, or a page.
        rows: The models to look for.

    Yields:
        The number of a line, from 1, and a model that it names.
    """
    by_name: dict[str, list[ModelFacts]] = {}
    for row in rows:
        by_name.setdefault(row.model, []).append(row)
    longest_first = sorted(by_name, key=len, reverse=True)
    pattern = re.compile(
        rf"(?<![\w./-])(?:(\w[\w-]*):)?({'|'.join(map(re.escape, longest_first))})(?![\w./*-])",
        re.IGNORECASE,
    )
    for number, line in enumerate(text.splitlines(), 1):
        for found in pattern.finditer(line):
            meant = _meant(found, line, by_name[found[2].lower()])
            if meant is not None:
                yield number, meant


def _meant(found: re.Match[str], line: str, rows: Sequence[ModelFacts]) -> ModelFacts | None:
    """The model that a line names: that of the provider it names, if it names one."""
    provider, name = found[1], found[2]
    if provider is not None:
        named = provider.lower()
        of_provider = [row for row in rows if row.provider == named]
        is_ours = any(row.provider == named for row in MODELS)
        return next(iter(of_provider), None if is_ours else rows[0])
    quoted = line[: found.start()][-1:] in ("'", '"', "`") and line[found.end() :][:1] in "'\"`"
    return rows[0] if quoted or len(name) > _SHORT else None
