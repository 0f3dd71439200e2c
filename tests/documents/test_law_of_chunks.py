"""Law: chunks in any sizes, with any overlap and any failures that are retried, make the whole."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from structgen import Client, Job
from structgen.errors import RequestTimeoutError
from structgen.options import Options
from structgen.testing.scripted import ScriptedModel
from structgen.values import Answer, JsonSchema, Message

LINE = re.compile(r"^- (.*): (\d+) pieces \[(.*)\]\.$", re.MULTILINE)


class Box(BaseModel):
    name: str
    pieces: int
    labels: list[str]


class Hall(BaseModel):
    boxes: list[Box]


class Shop(BaseModel):
    hall: Hall
    boxes: list[Box]


boxes = st.builds(
    Box,
    name=st.sampled_from(["Coffee", "Black coffee", "Tea", "水", "Ünal & Co"]),
    pieces=st.integers(1, 3),
    labels=st.lists(st.sampled_from(["new", "old", "new new"]), max_size=3),
)


def text_of(listed: Sequence[Box], between: str) -> str:
    lines = (f"- {one.name}: {one.pieces} pieces [{'; '.join(one.labels)}].\n" for one in listed)
    return between.join(lines)


class Perfect(ScriptedModel):
    """States the boxes that are whole in its chunk; fails at some of its first questions."""

    def __init__(self, failing: set[int]) -> None:
        super().__init__()
        self._failing = failing

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        self.asked.append(messages)
        if len(self.asked) in self._failing:
            raise RequestTimeoutError("The model is away.")
        asked = str(messages[-1]["content"]).split("<document>\n")[-1]
        found = [
            {"name": name, "pieces": int(pieces), "labels": [one for one in of.split("; ") if one]}
            for name, pieces, of in LINE.findall(asked.split("\n</document>")[0])
        ]
        answer = {"hall": {"boxes": found}, "boxes": found}
        return Answer(text=json.dumps(answer), finish_reason="stop", model=self.name)


@settings(max_examples=25, deadline=None)
@given(
    st.lists(boxes, min_size=1, max_size=25),
    st.sampled_from(["", "\n", "Some words, 7 of them.\n"]),
    st.integers(36, 90),
    st.sampled_from([0, 14, 17]),
    st.sets(st.integers(1, 12), max_size=6),
)
def test_failed_chunks_that_are_asked_again_leave_no_trace(
    listed: list[Box], between: str, tokens: int, overlap: int, failing: set[int]
) -> None:
    """An overlap has a line at least: one with less shows the end of a line, which states less."""
    document = text_of(listed, between)
    output = Path(tempfile.mkdtemp()) / "out.jsonl"
    rows: Any = None
    for turn in range(2):
        client = Client(Perfect(failing if turn == 0 else set()))
        job = Job(
            Shop,
            [document],
            client=client,
            output=output,
            chunked=True,
            chunk_tokens=tokens,
            overlap=overlap,
            max_retries=0,
            if_exists="replace",
        )
        job.run()
        rows = json.loads(output.read_text("utf-8"))
    expected = [one.model_dump() for one in listed]
    assert rows["error"] is None and rows["failed_chunks"] == []
    assert rows["value"] == {"hall": {"boxes": expected}, "boxes": expected}
