"""Twenty short texts of our own, one per kind of task, with what a careful reader finds in each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple


class Example(NamedTuple):
    """A text and its gold, as plain JSON data."""

    name: str
    text: str
    gold: Any


def _load() -> dict[str, Example]:
    lines = (Path(__file__).parent / "texts.jsonl").read_text(encoding="utf-8").splitlines()
    examples = [Example(**json.loads(line)) for line in lines]
    return {example.name: example for example in examples}


EXAMPLES = _load()
