"""Cascades over many inputs: `map`, jobs with budgets and a journal, and the Extractor."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client, Job
from structgen.errors import ConfigurationError, JobStoppedError
from structgen.pipeline import JobLimits
from structgen.providers import Price
from structgen.testing.scripted import ScriptedModel, ScriptedTransport
from tests.extraction.perfect import Perfect


class Guest(BaseModel):
    name: str
    city: str


TEXTS = [f"Guest {number} is Ada from Ulm." for number in range(6)]
FIRST = json.dumps({"name": "Qxa", "city": "Ulm"})
GOLD = {"name": "Ada", "city": "Ulm"}


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def job(folder: Path, *models: Any, **args: Any) -> Job[Guest]:
    client = Client(cascade=models)
    options: dict[str, Any] = {"concurrency": 1, "log": lambda line: None, **args}
    return Job(
        Guest,
        TEXTS,
        client=client,
        output=folder / "out.jsonl",
        journal=folder / "out.journal",
        **options,
    )


def test_map_escalates_each_document_by_itself() -> None:
    second = Perfect(GOLD)
    with Client(cascade=[ScriptedModel(FIRST), second]) as client:
        outcomes = list(client.map(Guest, TEXTS))
    assert [outcome.value.name for outcome in outcomes] == ["Ada"] * 6
    assert len(second.asked) == 6
    assert all(outcome.tries == 2 for outcome in outcomes)


def test_a_job_writes_who_answered_and_asks_nothing_again(tmp_path: Path) -> None:
    second = Perfect(GOLD)
    assert job(tmp_path, ScriptedModel(FIRST), second).run().ok == 6
    (first, *_) = written = rows(tmp_path / "out.jsonl")
    assert [row["value"] for row in written] == [GOLD] * 6
    assert first["answered_by"] == {"/name": "perfect", "/city": "scripted"}
    assert first["escalations"] == [
        {
            "model": "perfect",
            "fields": {"/name": "not in the document"},
            "error": None,
            "held_back": False,
        }
    ]
    again = Perfect(GOLD)
    job(tmp_path, ScriptedModel(FIRST), again, if_exists="replace").run()
    assert again.asked == []
    assert rows(tmp_path / "out.jsonl") == written


def test_the_journal_tells_cascades_apart(tmp_path: Path) -> None:
    job(tmp_path, ScriptedModel(FIRST), Perfect(GOLD)).run()
    for models, options in [
        ([ScriptedModel(FIRST), Perfect(GOLD, "another")], {}),
        ([ScriptedModel(FIRST), Perfect(GOLD)], {"cascade_below": 0.2}),
        ([ScriptedModel(FIRST), Perfect(GOLD), Perfect(GOLD, "third")], {}),
    ]:
        first: Any = models[0]
        job(tmp_path, *models, if_exists="replace", **options).run()
        assert len(first.asked) == 6


def test_a_budget_of_calls_stops_escalations_and_keeps_the_answers(tmp_path: Path) -> None:
    second = Perfect(GOLD)
    limits = JobLimits(max_calls=3)
    with pytest.raises(JobStoppedError):
        job(tmp_path, ScriptedModel(FIRST), second, limits=limits).run()
    assert len(second.asked) == 1
    models = [ScriptedModel(FIRST), Perfect(GOLD)]
    job(tmp_path, *models, if_exists="replace", retry_failed=False).run()
    found = rows(tmp_path / "out.jsonl")
    assert [row["value"]["name"] for row in found] == ["Ada", "Qxa", "Ada", "Ada", "Ada", "Ada"]
    (left,) = found[1]["escalations"]
    assert left["held_back"]
    assert "max_calls" in left["error"]
    assert found[1]["answered_by"]["/name"] == "scripted"
    # As a job that was killed, one that was stopped ends with the results of one that was not.
    first, second = ScriptedModel(FIRST), Perfect(GOLD)
    job(tmp_path, first, second, if_exists="replace").run()
    assert (len(first.asked), len(second.asked)) == (1, 1)
    assert [row["value"] for row in rows(tmp_path / "out.jsonl")] == [GOLD] * 6


def test_chunks_that_were_held_back_are_asked_about_again(tmp_path: Path) -> None:
    limits = JobLimits(max_calls=1)
    first, second = ScriptedModel(FIRST), Perfect(GOLD)
    with pytest.raises(JobStoppedError):
        job(tmp_path, first, second, limits=limits, chunked=True).run()
    assert second.asked == []
    job(tmp_path, first, second, chunked=True, if_exists="replace").run()
    assert [row["value"] for row in rows(tmp_path / "out.jsonl")] == [GOLD] * 6


def test_a_budget_of_money_stops_escalations_and_keeps_the_answers(tmp_path: Path) -> None:
    transport = ScriptedTransport('{"name": "Ada"}')
    costly = Client(
        "strong",
        base_url="http://strong/v1",
        transport=transport,
        prices=[Price(provider="generic", model="strong", input=1e4, output=1e4)],
    )
    limits = JobLimits(max_cost=0.01)
    with pytest.raises(JobStoppedError):
        job(tmp_path, ScriptedModel(FIRST), costly, limits=limits).run()
    assert len(transport.requests) == 1
    with pytest.raises(ConfigurationError, match="No price known"):
        unknown = Client("unknown", base_url="http://strong/v1", transport=transport)
        job(tmp_path, ScriptedModel(FIRST), unknown, limits=limits).run()


def test_the_batch_api_has_no_cascade(tmp_path: Path) -> None:
    client = Client(cascade=["groq:a", "groq:b"], api_key="k")
    batch = Job(
        Guest,
        TEXTS,
        client=client,
        output=tmp_path / "out.jsonl",
        journal=tmp_path / "out.journal",
        batch=True,
    )
    with pytest.raises(ConfigurationError, match="cascade"):
        batch.run()


async def _mapped(client: AsyncClient) -> list[str]:
    return [outcome.value.name async for outcome in client.map(Guest, TEXTS)]


def test_an_async_client_maps_with_a_cascade() -> None:
    import asyncio

    client = AsyncClient(cascade=[ScriptedModel(FIRST), Perfect(GOLD)])
    assert asyncio.run(_mapped(client)) == ["Ada"] * 6


def test_an_extractor_takes_a_cascade() -> None:
    arrow = pytest.importorskip("pyarrow")
    from structgen.distributed import Extractor

    extract = Extractor(Guest, client={"cascade": [ScriptedModel(FIRST), Perfect(GOLD)]})
    found = extract(arrow.table({"text": TEXTS[:2]}))
    assert [json.loads(value) for value in found.column("value").to_pylist()] == [GOLD, GOLD]
