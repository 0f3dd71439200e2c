"""Fill in a form turn by turn, against reading the whole conversation anew at each turn.

Needs ../shared/data. Set $DIALOGUES (how many, of one service after the other; `all` for all 183; 2
by default) and $MODEL (else the embedded model). Free texts are grounded: in what the user says, or
in the conversation. After each turn of the user the slots are compared with the gold's; every
alternative counts as right.

Figures of both ways: `joint`, the share of turns after which every slot is right (joint goal
accuracy); `f1` of slots over all turns; `seconds` for a turn. `nothing` is the joint goal accuracy
of an empty form.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from benchmarks._score import score
from benchmarks.grounding import grounded
from structgen import Client
from structgen.errors import StructgenError
from structgen.evaluation.metrics import f1
from structgen.evaluation.scoring import Counts
from structgen.values import Json, JsonSchema

SHARED: Final = Path(__file__).parent.parent.parent / "shared" / "data"


Turn: TypeAlias = "tuple[dict[str, Json], Json, float]"
"""After a turn of the user: the gold's slots, the record found, and the seconds it took."""


@dataclass
class Tally:
    """What one way came to."""

    turns: int = 0
    right: int = 0
    slots: Counts = Counts()
    seconds: float = 0.0

    def add(self, found: Mapping[str, Any], gold: Mapping[str, Any], seconds: float) -> None:
        scored = score(found, gold)
        self.turns += 1
        self.right += scored.right == scored.found == scored.wanted
        self.slots += scored
        self.seconds += seconds

    def figures(self) -> dict[str, float]:
        return {
            "joint": round(self.right / self.turns, 3),
            "f1": round(f1(self.slots), 3),
            "seconds": round(self.seconds / self.turns, 2),
        }


def main() -> dict[str, Any]:
    tallies = {"form": Tally(), "anew": Tally()}
    dialogues = list(sample(os.environ.get("DIALOGUES", "2")))
    golds = [
        turn["state"]["slots"]
        for dialogue in dialogues
        for turn in dialogue["turns"]
        if turn["speaker"] == "user"
    ]
    with Client(os.environ.get("MODEL", "local"), temperature=0.0, max_tokens=200) as client:
        for number, dialogue in enumerate(dialogues):
            schema = json.loads(
                (SHARED / "schemas" / f"{dialogue['schema']}.schema.json").read_text(
                    encoding="utf-8"
                )
            )
            for way in sorted(WAYS, reverse=bool(number % 2)):
                for gold, found, seconds in WAYS[way](client, grounded(schema), dialogue["turns"]):
                    tallies[way].add(
                        settled(slots(found), gold, dialogue["meta"].get("alternatives", {})),
                        gold,
                        seconds,
                    )
    figures = {way: tally.figures() for way, tally in tallies.items()}
    nothing = round(sum(not gold for gold in golds) / len(golds), 3)
    return {"dialogues": len(dialogues), "turns": len(golds), "nothing": nothing, **figures}


def sample(count: str) -> Iterator[Any]:
    """Dialogues, one of each service after the other."""
    with (SHARED / "dev" / "forms.jsonl").open(encoding="utf-8") as lines:
        every = [json.loads(line) for line in lines]
    seen: dict[str, int] = {}
    rounds = []
    for dialogue in every:
        seen[dialogue["schema"]] = seen.get(dialogue["schema"], 0) + 1
        rounds.append((seen[dialogue["schema"]], dialogue["id"], dialogue))
    ordered = [dialogue for *_, dialogue in sorted(rounds, key=lambda one: one[:2])]
    yield from ordered if count == "all" else ordered[: int(count)]


def filled(client: Client, schema: JsonSchema, turns: Sequence[Any]) -> Iterator[Turn]:
    """A form that takes in what the user says, turn by turn."""
    form, asked = client.form(schema), None
    for turn in turns:
        if turn["speaker"] == "user":
            began = time.perf_counter()
            with suppress(StructgenError):  # the form is then as it was
                form.fill(turn["text"], asked=asked)
            yield turn["state"]["slots"], form.data, time.perf_counter() - began
        else:
            asked = turn["text"]


def read_anew(client: Client, schema: JsonSchema, turns: Sequence[Any]) -> Iterator[Turn]:
    """A record from the whole conversation so far, after each of the user's turns."""
    said: list[str] = []
    for turn in turns:
        said.append(f"{turn['speaker'].capitalize()}: {turn['text']}")
        if turn["speaker"] == "user":
            began, found = time.perf_counter(), {}
            with suppress(StructgenError):
                found = client.extract(schema, "\n".join(said))
            yield turn["state"]["slots"], found, time.perf_counter() - began


WAYS: Final[dict[str, Callable[[Client, JsonSchema, Sequence[Any]], Iterator[Turn]]]] = {
    "form": filled,
    "anew": read_anew,
}


def slots(record: Mapping[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in record.items() if name != "intent" and value is not None}


def settled(
    found: Mapping[str, Json], gold: Mapping[str, Json], alternatives: Mapping[str, Sequence[str]]
) -> dict[str, Json]:
    """What was found, with the gold's own value where it is an alternative to it."""

    def is_right(name: str, value: Json) -> bool:
        others = alternatives.get(name, ())
        return (
            name in gold
            and gold[name] in others
            and any(score(value, other).right for other in others)
        )

    return {name: gold[name] if is_right(name, value) else value for name, value in found.items()}
