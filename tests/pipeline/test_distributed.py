"""A job on a real engine, in a process of its own, gives what the plain job gives."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from structgen import Client
from structgen.distributed import Extractor
from structgen.distributed.extractor import RESULTS
from structgen.pipeline.outputs.flat import flat_row
from structgen.pipeline.record import Item
from structgen.testing.faulty import FaultyServer, Served
from structgen.testing.scripted import completion
from structgen.values import Request
from tests.pipeline import engines


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    def answer(request: Request) -> str | Served:
        found = re.search(rb"number (\d+)\.", request.body)
        assert found
        n = int(found[1])
        return (
            "refusal"
            if n % 10 == 7
            else Served(body=completion(json.dumps({"name": f"Person {n}", "age": n})))
        )

    with FaultyServer(answer) as server:
        yield server.base_url


@pytest.fixture(scope="module")
def plain(base_url: str) -> list[dict[str, object]]:
    """What the plain job gives; the row without a text stands for itself."""
    rows = engines.table().to_pylist()
    items = [Item(str(row["id"]), row["text"]) for row in rows if row["text"] is not None]
    with Client("m", base_url=base_url, api_key="k") as client:
        found = {outcome.key: flat_row(outcome) for outcome in client.map(engines.PERSON, items)}
    missing = {
        **dict.fromkeys(RESULTS),
        "error": '{"type":"InputError","message":"The row has no text.","hint":null}',
    }
    return [
        {**row, **{name: found.get(str(row["id"]), missing)[name] for name in RESULTS}}
        for row in rows
    ]


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["pandas", "dask", "ray", "spark"])
def test_an_engine_gives_what_the_plain_job_gives(
    engine: str, base_url: str, plain: list[dict[str, object]], tmp_path: Path
) -> None:
    script = Path(engines.__file__)
    done = subprocess.run(
        [sys.executable, str(script), engine, base_url],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(done.stdout.splitlines()[-1]) == plain
    assert sum(row["value"] is not None for row in plain) == 21


def test_an_extractor_crosses_to_other_processes() -> None:
    positional, named = engines.arguments("http://127.0.0.1:9/v1")
    assert len(pickle.dumps(Extractor(*positional, **named))) < 2_000
