"""What is known of single models: lengths, reasoning, and when they end.

The rows are in `structgen/wire/models/rows.py`, each with its source. Several rows may fit a model,
such as one of its own and one of its family: their facts add up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Any, Final

from structgen.wire.models.facts import ModelFacts
from structgen.wire.models.price_list import listed_context
from structgen.wire.models.rows import MODELS

_NAMES: Final = tuple(
    one.name for one in fields(ModelFacts) if one.name not in ("provider", "model", "source")
)


def facts_of(provider: str, model: str, rows: Sequence[ModelFacts] | None = None) -> ModelFacts:
    """Find what is known of a model.

    Args:
        provider: The provider's name.
        model: The model's name, in any letter case.
        rows: The rows to look in; by default the built-in ones.

    Returns:
        The facts of all rows that fit, the first row's before those of the next. If the package
        genai-prices knows a shorter context, that one counts.
    """
    if rows is None:
        return _known_facts(provider, model)
    return _added_up(provider, model, rows)


@lru_cache(maxsize=256)
def _known_facts(provider: str, model: str) -> ModelFacts:
    found = _added_up(provider, model, MODELS)
    contexts = [one for one in (found.context, listed_context(provider, model)) if one]
    return replace(found, context=min(contexts, default=None))


def _added_up(provider: str, model: str, rows: Sequence[ModelFacts]) -> ModelFacts:
    name = model.lower()
    facts: dict[str, Any] = {}
    sources: list[str] = []
    for row in rows:
        if row.provider != provider or not fnmatchcase(name, row.model.lower()):
            continue
        known = {one: value for one in _NAMES if (value := getattr(row, one)) is not None}
        facts = known | facts
        if row.source and row.source not in sources:
            sources.append(row.source)
    return ModelFacts(provider=provider, model=model, source="; ".join(sources), **facts)
