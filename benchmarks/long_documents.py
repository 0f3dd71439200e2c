"""Long documents end to end with the embedded model: chunks, conflicts, and whether offsets hold.

A contract takes a small model on one core far longer than a benchmark may, so each document is cut
after `CHARACTERS`; set the environment variable STRUCTGEN_BENCH_CHARACTERS for more.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel

from structgen import Client, Verbatim

DATA = Path(__file__).parents[2] / "shared" / "data" / "dev"
CHARACTERS = int(os.environ.get("STRUCTGEN_BENCH_CHARACTERS", "2000"))


class Found(BaseModel):
    """What any of these texts may speak of."""

    names: list[Annotated[str, Verbatim()]]
    date: Annotated[str, Verbatim()] | None


def main() -> dict[str, Any]:
    with Client("local") as client:
        return {name: _measured(client, name) for name in ("contracts", "plays", "ics_advisories")}


def _measured(client: Client, name: str) -> dict[str, Any]:
    with (DATA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        text = json.loads(next(lines))["text"]
    window, began = text[:CHARACTERS], time.monotonic()
    result = client.extract_document(Found, window, chunk_tokens=250, max_tokens=48, concurrency=1)
    return {
        "characters": f"{len(window)} of {len(text)}",
        "seconds": round(time.monotonic() - began, 1),
        "chunks": len(result.chunks),
        "failed": len(result.failures),
        "conflicts": len(result.conflicts),
        "evidence": len(result.evidence),
        "offsets hold": all(
            window[found.start : found.end] == found.quote for found in result.evidence.values()
        )
        and all(
            window[outcome.chunk.start : outcome.chunk.end] == outcome.chunk.text
            for outcome in result.chunks
        ),
    }
