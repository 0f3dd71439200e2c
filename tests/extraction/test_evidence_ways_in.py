"""Whichever way a document goes in, each leaf of its record comes out with the same evidence."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client
from structgen.cli import exits
from structgen.cli import main as cli
from structgen.distributed import Extractor
from structgen.testing import FaultyServer, ScriptedModel, Served, completion

TEXT = "Invoice 77 of March 3, 2024. The total of USD 1,250.00 is to be paid by nobody."
ANSWER = '{"number": "77", "issued": "2024-03-03", "total": 1250, "payer": "Ada"}'


class Invoice(BaseModel):
    number: str
    issued: str
    total: float
    payer: str | None = None


EXPECTED = {
    "/number": ("verified", "77"),
    "/issued": ("normalised", "March 3, 2024"),
    "/total": ("normalised", "1,250.00"),
    "/payer": ("not-found", None),
}
NULLED = {**EXPECTED, "/payer": ("absent", None)}


def found_in(evidence: dict[str, Any]) -> dict[str, tuple[str, str | None]]:
    """Give status and quote of each leaf of evidence as plain data."""
    for one in evidence.values():
        if one["quote"] is not None:
            assert TEXT[one["start"] : one["end"]] == one["quote"]
    return {path: (one["status"], one["quote"]) for path, one in evidence.items()}


def plain(result: Any) -> dict[str, Any]:
    members: dict[str, Any] = result.to_dict("leaf_evidence")["leaf_evidence"]
    return members


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    with FaultyServer(Served(body=completion(ANSWER))) as server:
        yield server.base_url


def run(*argv: str, stdin: str = "") -> str:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(argv, io.StringIO(stdin), out, err)
    assert code == exits.OK, err.getvalue()
    return out.getvalue()


def schema(folder: Path) -> str:
    file = folder / "invoice.json"
    file.write_text(json.dumps(Invoice.model_json_schema()))
    return str(file)


def test_a_stream_ends_with_the_evidence() -> None:
    with Client(ScriptedModel(ANSWER)).stream(Invoice, TEXT, evidence="all") as stream:
        list(stream)
        assert found_in(plain(stream.result)) == EXPECTED


def test_an_asynchronous_call_gives_the_evidence() -> None:
    async def ask() -> Any:
        async with AsyncClient(ScriptedModel(ANSWER)) as client:
            return await client.extract_result(Invoice, TEXT, require_evidence="null")

    assert found_in(plain(asyncio.run(ask()))) == NULLED


@pytest.mark.parametrize(("option", "expected"), [("off", EXPECTED), ("null", NULLED)])
def test_rows_of_a_map_have_the_evidence(option: Any, expected: Any) -> None:
    with Client(ScriptedModel(ANSWER)) as client:
        outcomes = list(client.map(Invoice, [TEXT], evidence="all", require_evidence=option))
    assert found_in(outcomes[0].row()["leaf_evidence"]) == expected


def test_the_command_line_prints_the_evidence(base_url: str, tmp_path: Path) -> None:
    out = run(
        *("extract", schema(tmp_path), "--model", "m", "--base-url", base_url, "--result"),
        *("--evidence", "all"),
        stdin=TEXT,
    )
    assert found_in(json.loads(out)["leaf_evidence"]) == EXPECTED


def test_the_rows_of_a_job_have_the_evidence(base_url: str, tmp_path: Path) -> None:
    inputs, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    inputs.write_text(json.dumps({"text": TEXT}) + "\n")
    run(
        *("run", schema(tmp_path), str(inputs), "-o", str(output), "--progress", "none"),
        *("--model", "m", "--base-url", base_url, "--require-evidence", "null"),
    )
    row = json.loads(output.read_text())
    assert found_in(row["leaf_evidence"]) == NULLED
    assert row["value"]["payer"] is None


def test_the_columns_of_an_extractor_have_the_evidence(base_url: str) -> None:
    arrow = pytest.importorskip("pyarrow")
    client = {"base_url": base_url, "api_key": "k"}
    extractor = Extractor(Invoice, "m", client=client, evidence="all")
    batch = arrow.RecordBatch.from_pylist([{"text": TEXT}, {"text": None}])
    columns = extractor(batch).to_pydict()
    assert found_in(json.loads(columns["leaf_evidence"][0])) == EXPECTED
    assert columns["leaf_evidence"][1] is None
