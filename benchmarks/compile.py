"""The schema compiler against Pydantic: compiling, compiling again, and reading an answer.

Ratios of the best times of one interleaved run, so that a busy machine slows both sides. Goals:
compile in less than 3 times Pydantic's own `json_schema()`; the second call free; read in less
than 1.5 times `TypeAdapter.validate_json` if the codecs change nothing, and less than 3 times
if they do.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable
from enum import Enum
from statistics import median
from typing import Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from structgen.schema.compiler import _compile, compile_schema
from structgen.schema.subset import subset_of
from structgen.schema.target import target_of

ROUNDS = 150


class Size(Enum):
    SMALL = "small"
    LARGE = "large"


class Person(BaseModel):
    name: str = Field(description="As written")
    age: int | None
    emails: list[str]


class Line(BaseModel):
    sku: str
    quantity: int = 1
    price: float = Field(ge=0)
    note: str | None = None


class Invoice(BaseModel):
    number: str
    date: dt.date
    lines: list[Line]
    paid: bool = False
    labels: dict[str, str] = {}


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    kind: Literal["dog"]
    size: Size


class Shelter(BaseModel):
    animals: list[Cat | Dog]
    place: tuple[float, float]


class Plain(BaseModel):
    """Nothing here needs another form in a strict language."""

    title: str
    rows: list[Person]
    size: Size


PEOPLE = [Person(name=f"Person {i}", age=i, emails=[f"p{i}@example.org"]) for i in range(20)]
VALUES: list[Any] = [
    PEOPLE[0],
    Plain(title="All", rows=PEOPLE, size=Size.LARGE),
    Invoice(
        number="A-1",
        date=dt.date(2024, 2, 29),
        lines=[Line(sku=f"sku {i}", quantity=i, price=1.5) for i in range(20)],
        labels={"a": "b"},
    ),
    Shelter(
        animals=[Cat(kind="cat", lives=9), Dog(kind="dog", size=Size.SMALL)] * 5, place=(1.5, 2.5)
    ),
]


def best(*calls: Callable[[], Any]) -> list[float]:
    """The shortest time of each call in microseconds, taken in turns."""
    shortest = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for i, call in enumerate(calls):
            start = time.perf_counter()
            for _ in range(10):
                call()
            shortest[i] = min(shortest[i], (time.perf_counter() - start) * 1e5)
    return shortest


def compiling(value: Any, subset: str) -> dict[str, float]:
    """Times for one model: pydantic's schema, ours from there, and the second call."""
    type_, target, row = type(value), target_of(type(value)), subset_of(subset)
    theirs, ours, again = best(
        lambda: type_.model_json_schema(),
        lambda: _compile(target, row),
        lambda: compile_schema(type_, subset),
    )
    return {"json_schema": theirs, "compile": ours, "again": again, "ratio": ours / theirs}


def reading(value: Any, subset: str) -> dict[str, Any]:
    """Times for one value: pydantic from its own JSON, ours from the answer that means the same."""
    it, adapter = compile_schema(type(value), subset), TypeAdapter(type(value))
    own, answer = adapter.dump_json(value), TypeAdapter(Any).dump_json(it.encode(value))
    theirs, ours = best(lambda: adapter.validate_json(own), lambda: it.decode_json(answer))
    return {
        "validate_json": theirs,
        "decode_json": ours,
        "ratio": ours / theirs,
        "changed": not it.identity,
    }


def main() -> dict[str, Any]:
    """Print a table, and return the ratios."""
    figures: dict[str, Any] = {}
    compiled: list[float] = []
    same: list[float] = []
    changed: list[float] = []
    for subset in ("openai-strict", "groq-strict", "llguidance"):
        for value in VALUES:
            name = type(value).__name__
            first, read = compiling(value, subset), reading(value, subset)
            compiled.append(first["ratio"])
            (changed if read["changed"] else same).append(read["ratio"])
            print(
                f"{subset:14} {name:8} json_schema {first['json_schema']:6.0f} µs"
                f"  compile {first['ratio']:4.2f}x  again {first['again']:4.1f} µs"
                f"   validate_json {read['validate_json']:6.1f} µs  decode {read['ratio']:4.2f}x"
                f"{'  (changed)' if read['changed'] else ''}"
            )
            figures["again_us"] = max(figures.get("again_us", 0.0), round(first["again"], 1))
    for label, ratios in (
        ("compile", compiled),
        ("decode_same", same),
        ("decode_changed", changed),
    ):
        figures |= {
            f"{label}_median": round(median(ratios), 2),
            f"{label}_max": round(max(ratios), 2),
        }
    return figures
