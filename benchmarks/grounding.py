"""Grounded fields against free ones: the same model and texts, with and without `x-verbatim`.

Figures for each task, free and grounded: `f1` of leaves against gold; `invented`, the share of
strings that are not in the text; `seconds`. `time` is seconds grounded over seconds free. A
contract is read in a window that holds its title and its parties.

Needs ../shared/data/dev. Set $TEXTS (texts of each task, 3 by default) and $MODEL (the embedded
model by default).
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from benchmarks._score import score
from structgen import Client
from structgen.errors import StructgenError
from structgen.evaluation.metrics import f1
from structgen.evaluation.scoring import Counts
from structgen.schema.verbatim import SourceText

SHARED: Final = Path(__file__).parent.parent.parent / "shared" / "data"
WINDOW: Final = 1500
"""Characters of a contract that are read."""


def main() -> dict[str, Any]:
    texts = int(os.environ.get("TEXTS", "3"))
    with Client(os.environ.get("MODEL", "local"), temperature=0.0, max_tokens=100) as client:
        return {
            name: _task(client, schema, read, name, texts) for name, (schema, read) in TASKS.items()
        }


def _task(
    client: Client,
    schema: dict[str, Any],
    read: Callable[[Any], tuple[str, Any]],
    name: str,
    texts: int,
) -> dict[str, Any]:
    ways = {"free": schema, "grounded": grounded(schema)}
    scores, seconds = dict.fromkeys(ways, Counts()), dict.fromkeys(ways, 0.0)
    strings, invented = dict.fromkeys(ways, 0), dict.fromkeys(ways, 0)
    for number, (text, gold) in enumerate(map(read, records(name, texts))):
        for way in sorted(ways, reverse=bool(number % 2)):
            began = time.perf_counter()
            try:
                value = client.extract(ways[way], text)
            except StructgenError:
                value = None
            seconds[way] += time.perf_counter() - began
            scores[way] += score(value, gold)
            source = SourceText(text)
            found = list(copied(value, schema))
            strings[way] += len(found)
            invented[way] += sum(not source.holds(string, "words") for string in found)
    return {
        **{
            way: {
                "f1": round(f1(scores[way]), 3),
                "invented": round(invented[way] / max(1, strings[way]), 3),
                "seconds": round(seconds[way], 1),
            }
            for way in ways
        },
        "time": round(seconds["grounded"] / seconds["free"], 2),
    }


def records(name: str, count: int) -> Iterator[Any]:
    with (SHARED / "dev" / f"{name}.jsonl").open(encoding="utf-8") as lines:
        yield from (json.loads(line) for line, _ in zip(lines, range(count), strict=False))


def grounded(schema: Any) -> Any:
    """The schema with `x-verbatim` on every string whose values it does not list."""
    if isinstance(schema, list):
        return [grounded(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {
        key: value if key in ("enum", "const", "required", "type") else grounded(value)
        for key, value in schema.items()
    }
    return {**inner, "x-verbatim": "words"} if _is_free(schema) else inner


def copied(value: Any, schema: Mapping[str, Any]) -> Iterator[str]:
    """The strings of a value, but for those that the schema lists."""
    listed = set(_listed(schema))
    if isinstance(value, str) and value not in listed:
        yield value
    for inner in _parts(value):
        yield from copied(inner, schema)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, Mapping):
        return value.values()
    return value if isinstance(value, list) else ()


def _is_free(schema: Mapping[str, Any]) -> bool:
    kinds = schema.get("type")
    is_string = kinds == "string" or (isinstance(kinds, list) and "string" in kinds)
    return is_string and not schema.keys() & {"enum", "const"}


def _listed(schema: Any) -> Iterator[str]:
    for inner in _parts(schema):
        yield from _listed(inner)
    if isinstance(schema, Mapping) and isinstance(schema.get("enum"), list):
        yield from schema["enum"]


def _entities(record: Any) -> tuple[str, Any]:
    return record["text"], {
        "entities": [
            {key: entity[key] for key in ("text", "type")} for entity in record["gold"]["entities"]
        ]
    }


def _reference(record: Any) -> tuple[str, Any]:
    return record["text"], record["gold"]


def _contract(record: Any) -> tuple[str, Any]:
    """The part of a contract that holds its title and the first mention of its parties."""
    evidence = record["meta"]["evidence"]
    spans = evidence["parties"] + evidence.get("document_name", [])
    start = max(0, min(span[0] for span in spans) - 100)
    parties = [party["name"] for party in record["gold"]["parties"]]
    return record["text"][start : start + WINDOW], {
        "title": record["gold"]["document_name"],
        "parties": parties,
    }


def _closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _text(description: str, *, nullable: bool = False) -> dict[str, Any]:
    return {"type": ["string", "null"] if nullable else "string", "description": description}


TYPES: Final = ["PER", "FAC", "GPE", "LOC", "VEH", "ORG"]
_CITED: Final = ("authors", "title", "journal", "date", "volume", "issue", "pages", "publisher")
TASKS: Final[dict[str, tuple[dict[str, Any], Callable[[Any], tuple[str, Any]]]]] = {
    "citations": (
        _closed(**{name: _text(f"the {name} of the reference", nullable=True) for name in _CITED}),
        _reference,
    ),
    "ner_litbank": (
        _closed(
            entities={
                "type": "array",
                "description": "people and places named in the text",
                "items": _closed(
                    text=_text("the words that name it"), type={"type": "string", "enum": TYPES}
                ),
            }
        ),
        _entities,
    ),
    "contracts": (
        _closed(
            title=_text("the title of the contract"),
            parties={
                "type": "array",
                "description": "names of the parties",
                "items": _text("a name"),
                "maxItems": 6,
            },
        ),
        _contract,
    ),
}
