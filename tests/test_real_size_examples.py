"""The examples of real size run from data that a seed makes, here with less of it and no model."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from structgen.evaluation import load_gold
from structgen.schema.load import load_target

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"

pytestmark = pytest.mark.slow


def run(*words: str | Path, code: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == code, done.stderr
    return done.stdout


def digest(folder: Path) -> str:
    """A hash of all that is in a folder, as it is when it is unpacked."""
    found = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        found.update(file.relative_to(folder).as_posix().encode() + file.read_bytes()[10:])
    return found.hexdigest()


def test_orders_from_mails(tmp_path: Path) -> None:
    folder = EXAMPLES / "order_mails"
    for name in ("one", "two"):
        run(folder / "make_mails.py", tmp_path / name, "--count", "40")
    assert digest(tmp_path / "one") == digest(tmp_path / "two")
    gold = load_gold(tmp_path / "one" / "gold.jsonl", load_target(f"{folder}/mail_order.py:Order"))
    assert len(gold) == 40
    first = run(folder / "read_mails.py", tmp_path / "one", "--rehearse")
    assert first.startswith("0 failed, 0 were read before, 40 have values to look at")
    again = run(folder / "read_mails.py", tmp_path / "one", "--rehearse")
    assert again.startswith("0 failed, 40 were read before")
    rows = (tmp_path / "one" / "orders.jsonl").read_text().splitlines()
    assert [json.loads(row)["mail"] for row in rows] == [record.key for record in gold]


def test_an_archive_of_tickets(tmp_path: Path) -> None:
    folder = EXAMPLES / "ticket_archive"
    run(folder / "make_archive.py", tmp_path / "archive", "--count", "600")
    out = tmp_path / "tickets.parquet"
    job = (folder / "run.py", tmp_path / "archive", out, "--rehearse")
    stopped = run(*job, "--max-seconds", "0.001", code=5)
    assert "The job stopped" in stopped
    assert not out.exists()
    done = run(*job)
    assert done.startswith("600 tickets have a record, 0 failed")
    table = pq.read_table(out)
    keys = table.column("key").to_pylist()
    assert sorted(keys) == [f"T-{number:07}" for number in range(600)]
    assert "600 were read before" in run(*job)


def test_many_guests_book_at_once() -> None:
    done = run("-m", "examples.form_service.rehearse", "--guests", "24")
    assert done.startswith("24 of 24 bookings are as entered")
