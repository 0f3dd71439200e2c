"""What is not compared as a schema says: lines for people."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from structgen.evaluation.comparisons import (
    ASK_A_MODEL,
    CONFIG,
    OF_CONTAINERS,
    STICKLER,
    metrics_of,
)


def notes_of(schema: Any) -> list[str]:
    """List what is not compared as a schema says, one line each, for people.

    Args:
        schema: The schema of a target.
    """
    return sorted(set(_notes(schema)))


def _notes(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for inner in node:
            yield from _notes(inner)
    if not isinstance(node, dict):
        return
    yield from _of_config(node.get(CONFIG))
    yield from _of_comparator(node.get(f"{STICKLER}comparator"))
    if f"{STICKLER}weight" in node:
        yield _unused(f"{STICKLER}weight")
    for key, inner in node.items():
        if key != CONFIG:
            yield from _notes(inner)


def _of_config(config: Any) -> Iterator[str]:
    first, *others = metrics_of(config) or [{}]
    yield from _of_comparator(first.get("metric_id"))
    for other in others:
        yield (
            f"{other['metric_id']} is not used: the first metric of a field counts, "
            f"here {first['metric_id']}"
        )
    if any(metric.get("weight") is not None for metric in (first, *others)):
        yield _unused(f"`weight` of {CONFIG}")
    if isinstance(config, dict) and config.get("aggregation_weight") is not None:
        yield _unused(f"`aggregation_weight` of {CONFIG}")


def _of_comparator(name: Any) -> Iterator[str]:
    if not isinstance(name, str):
        return
    if name in ASK_A_MODEL:
        yield f"{name} asks a model; words are compared here"
    elif name in OF_CONTAINERS and name.endswith("_llm"):
        yield f"{name} asks a model; items are paired and compared leaf by leaf here"


def _unused(keyword: str) -> str:
    return f"{keyword} is not used: every leaf counts once"
