"""Law 8: a job that is killed at any moment and started again ends with the same results.

None is lost and none is there twice. The server on loopback misbehaves all the while; the process,
SIGKILL, the limit of the disk and the file are real.
"""

from __future__ import annotations

import itertools
import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from structgen.testing.faulty import FaultyServer, Served
from structgen.testing.scripted import completion
from structgen.values import Request

DOCUMENTS = 2_000
FEW = 500
SCRIPT = Path(__file__).with_name("lives.py")
PASSING = ("wait-milliseconds", "broken", "reset", "cut", "page", "error-in-200")


def answering(seed: int) -> FaultyServer:
    """Answer by what is asked.

    Every twentieth request meets a fault that passes, and some documents one that does not.
    """
    draw = random.Random(seed)
    turn = itertools.count()
    faults = {n: draw.choice(PASSING) for n in range(100_000) if draw.random() < 0.05}

    def answer(request: Request) -> str | Served:
        if fault := faults.get(next(turn)):
            return fault
        found = re.search(rb"number (\d+)\.", request.body)
        assert found
        n = int(found[1])
        if n % 100 == 17:
            return "refusal"
        if n % 100 == 18:
            return "truncated"
        return Served(body=completion(json.dumps({"name": f"Person {n}", "age": n})))

    return FaultyServer(answer)


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with answering(seed=7) as server:
        yield server.base_url


def lives(base_url: str, folder: Path, *each: str, documents: int = DOCUMENTS) -> str:
    folder.mkdir(exist_ok=True)
    command = [sys.executable, str(SCRIPT), base_url, str(folder), str(documents), *each]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def results(folder: Path) -> list[str]:
    return (folder / "out.jsonl").read_text().splitlines()


@pytest.fixture(scope="module")
def undisturbed(base_url: str, tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("undisturbed")
    lives(base_url, folder, "whole")
    rows = [json.loads(line) for line in results(folder)]
    assert [row["key"] for row in rows] == [f"document {n}" for n in range(DOCUMENTS)]
    assert sum(row["error"] is not None for row in rows) == 2 * DOCUMENTS // 100
    assert all(
        row["value"] == {"name": f"Person {row['meta']['n']}", "age": row["meta"]["n"]}
        for row in rows
        if not row["error"]
    )
    return results(folder)


@pytest.mark.slow
def test_killed_at_fifty_random_moments_a_job_ends_as_one_never_killed(
    base_url: str, undisturbed: list[str], tmp_path: Path
) -> None:
    draw = random.Random(8)
    said = lives(
        base_url, tmp_path, *(f"kill:{draw.uniform(0, 0.5):.3f}" for _ in range(50)), "whole"
    )
    assert said.count("ended with -9") > 10  # how soon one is whole is the machine's affair
    assert results(tmp_path) == undisturbed


def test_a_disk_that_is_full_loses_nothing(
    base_url: str, undisturbed: list[str], tmp_path: Path
) -> None:
    said = lives(
        base_url,
        tmp_path,
        "disk:30000",
        "disk:60000",
        "disk:100000",
        "disk:130000",
        "whole",
        documents=FEW,
    )
    assert said.count("JournalError") + said.count("JobError") == 4
    assert "start the same job again" in said
    assert results(tmp_path) == undisturbed[:FEW]
    assert not (tmp_path / "out.part").exists()


@pytest.mark.parametrize("page", ["last", "middle"])
def test_a_damaged_page_of_the_journal_costs_only_what_stood_on_it(
    base_url: str, undisturbed: list[str], tmp_path: Path, page: str
) -> None:
    lives(base_url, tmp_path, "stop:200", documents=FEW)
    journal = tmp_path / "journal"
    pages = journal.stat().st_size // 4096
    damage(journal, pages - 1 if page == "last" else pages // 2)
    said = lives(base_url, tmp_path, "whole", documents=FEW)
    kept = re.search(r"(\d+) finished results could be read and are kept", said)
    assert kept, said
    assert int(kept[1]) > 0
    assert (tmp_path / "journal.damaged-1").exists()
    assert results(tmp_path) == undisturbed[:FEW]


def test_a_torn_end_of_the_log_is_as_if_it_had_not_been_written(
    base_url: str, undisturbed: list[str], tmp_path: Path
) -> None:
    log = tmp_path / "journal-wal"
    lives(base_url, tmp_path, f"torn:{5 * 4096}", documents=FEW)
    damage(log, log.stat().st_size // 4096 - 1)
    lives(base_url, tmp_path, "whole", documents=FEW)
    assert results(tmp_path) == undisturbed[:FEW]


def damage(path: Path, page: int) -> None:
    with path.open("r+b") as file:
        file.seek(page * 4096)
        file.write(os.urandom(4096))
