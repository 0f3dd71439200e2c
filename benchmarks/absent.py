"""Absent fields as null against absent fields left out: tokens, time, and how right the values are.

    python -m benchmarks absent --tasks addresses,citations --records 6 --model local

Needs ../shared/data/dev. A task's fields that may be null are made optional, as `X | None = None`
is in a type, and both ways are asked about the same texts in turns, at temperature 0. An answer
that is cut or invalid counts as one without values.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from statistics import fmean
from typing import Any, Final

from benchmarks._measure import cpu
from benchmarks.truth import cases_of
from structgen import Client
from structgen.errors import StructgenError
from structgen.evaluation.gold import GoldRecord
from structgen.evaluation.run import score
from structgen.schema.target import target_of

WAYS: Final = ("null", "omit")


def main(argv: Sequence[str] = ()) -> dict[str, Any]:
    """Ask both ways, and give the figures of each.

    Args:
        argv: The arguments after the benchmark's name.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks absent")
    parser.add_argument("--tasks", default="addresses,citations", help="separated by commas")
    parser.add_argument("--records", type=int, default=6, help="of each task")
    parser.add_argument("--skip", type=int, default=0, help="texts at the beginning of each task")
    parser.add_argument("--model", default="local", help="local, or a GGUF file")
    parser.add_argument("--max-tokens", type=int, default=400, help="of each answer")
    arguments = parser.parse_args(argv)
    figures: dict[str, Any] = {}
    options = {"temperature": 0.0, "max_tokens": arguments.max_tokens}
    with Client(arguments.model, **options) as client:
        for task in arguments.tasks.split(","):
            figures[task] = _task(client, task, arguments.records, arguments.skip)
            print(task, figures[task], flush=True)
    return {"model": arguments.model, "tasks": figures}


def _task(client: Client, task: str, records: int, skip: int) -> dict[str, Any]:
    cases = list(cases_of(task, records, skip))
    schema = optional(dict(cases[0].asked.schema))
    cases = [case for case in cases if case.asked.schema == cases[0].asked.schema]
    rows: dict[str, list[dict[str, Any]]] = {way: [] for way in WAYS}
    for number, case in enumerate(cases):
        for way in WAYS if number % 2 else WAYS[::-1]:
            rows[way].append(_answer(client, schema, case.asked.text, case.key, way))
    gold = [
        GoldRecord(key=case.key, document=case.asked.text, value=without_nulls(case.gold))
        for case in cases
    ]
    return {way: _figures(schema, gold, found) for way, found in rows.items()}


def _answer(client: Client, schema: Any, text: str, key: str, way: Any) -> dict[str, Any]:
    began = cpu()
    try:
        result = client.extract_result(schema, text, absent_fields=way)
    except StructgenError as error:
        tokens = sum(attempt.usage.completion_tokens for attempt in error.attempts)
        found = {"value": None, "error": error.to_dict(), "tokens": tokens}
    else:
        found = {"value": result.value, "error": None, "tokens": result.usage.completion_tokens}
    return {"key": key, "cpu": cpu() - began, **found}


def _figures(schema: Any, gold: Sequence[GoldRecord], rows: list[dict[str, Any]]) -> dict[str, Any]:
    found = score(target_of(schema), gold, rows, model="absent")
    return {
        "f1": round(found.f1, 3),
        "valid": round(fmean(one.valid for one in found.records), 3),
        "invented": round(fmean(one.total.invented for one in found.records), 2),
        "left_out": round(fmean(one.total.omitted for one in found.records), 2),
        "tokens": round(fmean(row["tokens"] for row in rows), 1),
        "cpu_seconds": round(fmean(row["cpu"] for row in rows), 2),
    }


def optional(node: Any) -> Any:
    """A schema in which what may be null is optional instead."""
    if isinstance(node, list):
        return [optional(one) for one in node]
    if not isinstance(node, dict):
        return node
    out = {key: optional(value) for key, value in node.items()}
    properties = out.get("properties")
    if isinstance(properties, dict) and isinstance(out.get("required"), list):
        nullable = [name for name, sub in properties.items() if _takes_null(sub)]
        out["properties"] = {name: _without_null(sub) for name, sub in properties.items()}
        out["required"] = [name for name in out["required"] if name not in nullable]
    return out


def _takes_null(node: Any) -> bool:
    options = node.get("anyOf", ())
    return "null" in node.get("type", ()) or any(one.get("type") == "null" for one in options)


def _without_null(node: Any) -> Any:
    out = dict(node)
    if isinstance(out.get("type"), list):
        rest = [one for one in out["type"] if one != "null"]
        out["type"] = rest[0] if len(rest) == 1 else rest
    if "enum" in out:
        out["enum"] = [one for one in out["enum"] if one is not None]
    if "anyOf" in out:
        out["anyOf"] = [one for one in out["anyOf"] if one.get("type") != "null"]
    return out


def without_nulls(node: Any) -> Any:
    """A record without members that are null."""
    if isinstance(node, list):
        return [without_nulls(one) for one in node]
    if not isinstance(node, dict):
        return node
    return {key: without_nulls(value) for key, value in node.items() if value is not None}
