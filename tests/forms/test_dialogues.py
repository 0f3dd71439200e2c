"""Real service dialogues through a form whose model reads each turn perfectly: nothing may be lost
between what a turn says and what the form holds.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest

from structgen import Client
from tests.forms.speaking import SpeakingModel


def spoken(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What a perfect reader says of a turn: what is new or different, and what was taken back."""
    said = {f"/{name}": value for name, value in after.items() if before.get(name) != value}
    gone = [f"/{name}" for name in before if name not in after]
    return {**said, "/cleared": gone} if gone else said


@pytest.mark.slow
@pytest.mark.parametrize("takes_back", [False, True])
def test_every_turn_of_every_dialogue_is_right(takes_back: bool, shared_data: Path) -> None:
    """The dialogues empty no slot themselves; with `takes_back`, users take back some."""
    choice = random.Random(7)
    turns = 0
    for line in (shared_data / "dev" / "forms.jsonl").read_text(encoding="utf-8").splitlines():
        dialogue = json.loads(line)
        schema = json.loads(
            (shared_data / "schemas" / f"{dialogue['schema']}.schema.json").read_text()
        )
        model = SpeakingModel()
        form = Client(model).form(schema)
        before: dict[str, Any] = {}
        for turn in dialogue["turns"]:
            if turn["speaker"] != "user":
                continue
            slots = turn["state"]["slots"]
            model.said = spoken(before, slots)
            form.fill(turn["text"])
            before = dict(slots)
            if takes_back and before:
                before.pop(choice.choice(sorted(before)))
                model.said = spoken(slots, before)
                form.fill("Forget that one.")
            held = {path[1:]: entry.value for path, entry in form.entries.items()}
            assert held == before, (dialogue["id"], turn["text"])
            turns += 1
    assert turns > 1000
