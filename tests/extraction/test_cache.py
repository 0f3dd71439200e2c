"""A cache gives the result of an earlier call, whole and free; it never costs or changes a call."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, field_validator

import structgen
from structgen import AsyncClient, Client
from structgen.errors import ConfigurationError, InvalidOutputError, OutputError
from structgen.extraction import cache_file
from structgen.extraction.cache_file import CacheFile
from structgen.providers import Price
from structgen.schema.compiler import compile_schema
from structgen.testing import ScriptedModel, ScriptedTransport, completion
from structgen.values import Reply
from tests.laws.leaves import Typed
from tests.laws.same import same
from tests.laws.strategies import types


class Person(BaseModel):
    name: str
    age: int | None = None
    role: Literal["chair", "guest"] = "guest"


ADA = '{"name":"Ada","age":36,"role":"chair"}'
BOB = '{"name":"Bob","age":null,"role":null}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


def hosted(*script: Any, **options: Any) -> tuple[Client, ScriptedTransport]:
    transport = ScriptedTransport(*script)
    client = Client(
        "openai:gpt",
        api_key="sk-secret",
        transport=transport,
        prices=[Price(provider="openai", model="gpt", input=1, output=2)],
        **{"max_retries": 0, **options},
    )
    return client, transport


def test_the_same_question_is_asked_once_and_then_costs_nothing(path: Path) -> None:
    client, transport = hosted(ADA, BOB, cache=path)
    first = client.extract_result(Person, "Ada, 36.")
    second = client.extract_result(Person, "Ada, 36.")
    assert len(transport.requests) == 1
    assert (first.cached, second.cached) == (False, True)
    assert first.cost
    assert second.cost == 0
    assert second.usage.total_tokens == 0
    left_out = {"cached", "cost", "usage", "attempts", "seconds"}
    one, other = first.to_dict(), second.to_dict()
    assert {k: v for k, v in one.items() if k not in left_out} == {
        k: v for k, v in other.items() if k not in left_out
    }
    assert second.model == first.model == "openai:gpt"
    assert second.attempts[0].text == ADA


@pytest.mark.parametrize(
    "change",
    [
        {"instructions": "Ages are in years."},
        {"context": "Today is Monday."},
        {"temperature": 0},
        {"seed": 7},
        {"max_tokens": 99},
        {"examples": [("Bob", Person(name="Bob"))]},
        {"prompt": "line"},
        {"evidence": "all"},
    ],
    ids=lambda change: next(iter(change)),
)
def test_another_question_is_another_result(path: Path, change: dict[str, Any]) -> None:
    client, transport = hosted(ADA, BOB, cache=path)
    client.extract(Person, "Ada, 36.")
    assert client.extract(Person, "Ada, 36.", **change).name == "Bob"
    assert len(transport.requests) == 2


def test_another_text_target_or_model_is_another_result(path: Path) -> None:
    client, transport = hosted(ADA, ADA, '{"name":"Ada"}', cache=path)
    client.extract(Person, "Ada, 36.")
    client.extract(Person, "Ada, 36")
    client.extract({"type": "object", "properties": {"name": {"type": "string"}}}, "Ada, 36.")
    assert len(transport.requests) == 3
    other = Client("groq:gpt", api_key="k", transport=ScriptedTransport(BOB), cache=path)
    assert other.extract(Person, "Ada, 36.").name == "Bob"


def test_what_only_bounds_a_call_does_not_matter(path: Path) -> None:
    client, transport = hosted(ADA, cache=path)
    client.extract(Person, "Ada, 36.", timeout=5, token_budget=9_000)
    assert client.extract_result(Person, "Ada, 36.", max_retries=3).cached
    assert len(transport.requests) == 1


def test_failures_are_not_kept(path: Path) -> None:
    client, transport = hosted("no json", ADA, cache=path, max_reasks=0)
    with pytest.raises(OutputError):
        client.extract(Person, "Ada, 36.")
    assert client.extract(Person, "Ada, 36.").name == "Ada"
    assert client.extract_result(Person, "Ada, 36.").cached
    assert len(transport.requests) == 2


def test_sampling_without_a_seed_asks_anew_and_keeps_nothing(path: Path) -> None:
    client, transport = hosted(ADA, BOB, ADA, cache=path)
    assert client.extract(Person, "Ada, 36.", temperature=1).name == "Ada"
    assert client.extract(Person, "Ada, 36.", temperature=1).name == "Bob"
    assert not client.extract_result(Person, "Ada, 36.", temperature=1, seed=3).cached
    assert client.extract_result(Person, "Ada, 36.", temperature=1, seed=3).cached
    assert len(transport.requests) == 3


def test_a_call_can_do_without_the_cache_of_its_client(path: Path) -> None:
    client, transport = hosted(ADA, BOB, cache=path)
    client.extract(Person, "Ada, 36.")
    assert client.extract(Person, "Ada, 36.", cache=None).name == "Bob"
    assert client.with_options(cache=None).plan(Person, "Ada").options.cache is None
    assert len(transport.requests) == 2


def test_a_raw_response_always_comes_from_the_server(path: Path) -> None:
    client, _ = hosted(ADA, BOB, cache=path)
    client.extract(Person, "Ada, 36.")
    assert client.with_raw_response.extract(Person, "Ada, 36.").result.name == "Bob"


def test_async_clients_share_the_file(path: Path) -> None:
    client, _ = hosted(ADA, cache=path)
    client.extract(Person, "Ada, 36.")

    async def ask() -> structgen.Extraction[Person]:
        other = ScriptedTransport()
        async with AsyncClient("openai:gpt", api_key="k", transport=other, cache=path) as own:
            return await own.extract_result(Person, "Ada, 36.")

    found = asyncio.run(ask())
    assert found.cached
    assert found.value == Person(name="Ada", age=36, role="chair")


def test_documents_in_chunks_maps_and_forms_use_it(path: Path) -> None:
    client = Client(ScriptedModel(ADA), cache=path)
    client.extract(Person, "Ada, 36.")
    empty = Client(ScriptedModel(BOB), cache=path)
    outcome = next(iter(empty.map(Person, ["Ada, 36."])))
    assert outcome.value.name == "Ada"
    assert (outcome.cost, outcome.tries, outcome.usage.total_tokens) == (0, 0, 0)
    whole = client.extract_document(Person, "Ada, 36.")
    assert empty.extract_document(Person, "Ada, 36.").value == whole.value
    for asked in (client, empty):
        form = asked.form(Person)
        form.fill("I am Ada, 36.")
        assert form.data["name"] == "Ada"


def test_no_secret_is_in_the_file(path: Path) -> None:
    transport = ScriptedTransport(
        Reply(200, {"set-cookie": "sk-secret", "x-request-id": "r"}, completion(ADA))
    )
    client = Client(
        "openai:gpt",
        api_key="sk-secret",
        default_headers={"x-team": "sk-secret"},
        default_query={"token": "sk-secret"},
        transport=transport,
        cache=path,
    )
    client.extract(Person, "Ada, 36.")
    assert b"sk-secret" not in path.read_bytes()
    assert b"Ada, 36." not in path.read_bytes()  # the document is a part of the hash alone


def test_a_value_that_the_type_refuses_by_now_is_asked_for_anew(path: Path) -> None:
    def person(refused: str) -> type[BaseModel]:
        class Guest(BaseModel):
            name: str

            @field_validator("name")
            @classmethod
            def check(cls, name: str) -> str:
                if name == refused:
                    raise ValueError(f"{name} is not invited")
                return name

        return Guest

    client, transport = hosted('{"name":"Ada"}', '{"name":"Bob"}', cache=path)
    assert client.extract(person(""), "Guests").model_dump() == {"name": "Ada"}
    assert client.extract(person("Ada"), "Guests").model_dump() == {"name": "Bob"}
    assert len(transport.requests) == 2


def test_a_confidence_is_judged_anew(path: Path) -> None:
    client, transport = hosted(ADA, ADA, cache=path)
    first = client.extract_result(Person, "Ada, 36, chair.", confidence=True)
    again = client.extract_result(Person, "Ada, 36, chair.", confidence=True)
    assert len(transport.requests) == 2  # the first call read the document twice
    assert again.cached
    assert (again.confidence, again.kinds) == (first.confidence, first.kinds)


@settings(max_examples=40)
@given(types(), st.data())
def test_every_value_comes_back(
    tmp_path_factory: pytest.TempPathFactory, typed: Typed, data: st.DataObject
) -> None:
    compiled = compile_schema(typed.type, "llguidance")
    answer = json.dumps(compiled.encode(data.draw(typed.values)))
    file = tmp_path_factory.mktemp("cache") / "cache.db"
    client = Client(ScriptedModel(answer), cache=file, on_ungrounded="keep")
    first = client.extract_result(typed.type, "A text.")
    second = client.extract_result(typed.type, "A text.")
    assert second.cached
    assert same(second.value, first.value)


def test_a_field_that_nobody_set_stays_unset(path: Path) -> None:
    client, _ = hosted('{"name":"Ada"}', cache=path)
    first, second = (client.extract(Person, "Ada.") for _ in range(2))
    assert first.model_fields_set == second.model_fields_set == {"name"}


def test_a_default_that_is_new_each_time_is_the_first_one(path: Path) -> None:
    class Stamped(BaseModel):
        name: str
        number: int = Field(default_factory=count().__next__)

    client, _ = hosted('{"name":"Ada"}', cache=path)
    first, second = (client.extract(Stamped, "Ada.") for _ in range(2))
    assert first == second


# ---- the file -----------------------------------------------------------------------------------


def test_threads_and_processes_write_the_same_file(path: Path) -> None:
    script = (
        "import sys; from pathlib import Path\n"
        "from structgen.extraction.cache_file import CacheFile\n"
        "file = CacheFile(Path(sys.argv[1]))\n"
        "for i in range(20): file.keep(bytes([i]), bytes([i]) * 9)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    others = [subprocess.Popen(command) for _ in range(2)]
    file = CacheFile(path)

    def write() -> None:
        for i in range(20):
            file.keep(bytes([i]), bytes([i]) * 9)

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [other.wait() for other in others] == [0, 0]
    assert [file.find(bytes([i])) for i in range(20)] == [bytes([i]) * 9 for i in range(20)]


def test_the_oldest_results_go_first(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_file, "MOST_BYTES", 200_000)
    file = CacheFile(path)
    for i in range(100):
        file.keep(bytes([i]), b"x" * 10_000)
    kept = [i for i in range(100) if file.find(bytes([i]))]
    assert kept == list(range(kept[0], 100))
    assert 5 <= len(kept) <= 20
    assert path.stat().st_size < 400_000


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:5_000])


def _flip(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("UPDATE results SET body = CAST(replace(body, 'Ada', 'Eva') AS BLOB)")
    db.close()


@pytest.mark.parametrize("damage", [_cut, _flip, Path.unlink])
def test_a_damaged_cache_costs_no_call_and_gives_no_wrong_value(
    path: Path, damage: Callable[[Path], Any]
) -> None:
    client, transport = hosted(ADA, BOB, cache=path)
    client.extract(Person, "Ada, 36.")
    damage(path)
    assert client.extract(Person, "Ada, 36.").name == "Bob"
    assert len(transport.requests) == 2


def test_a_file_of_something_else_is_refused_and_stays(path: Path, tmp_path: Path) -> None:
    path.write_text("my notes")
    database = tmp_path / "mine.db"
    with sqlite3.connect(database) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    alike = tmp_path / "alike.db"  # nothing but its table's name is that of a cache
    with sqlite3.connect(alike) as db:
        db.execute("CREATE TABLE results (x)")
    db.close()
    for name in (path, database, alike, tmp_path, tmp_path / "no folder" / "cache"):
        before = name.read_bytes() if name.is_file() else None
        client, transport = hosted(ADA, cache=name)
        with pytest.raises(ConfigurationError, match=r"no cache of structgen|does not exist"):
            client.extract(Person, "Ada, 36.")
        assert not transport.requests
        assert before is None or name.read_bytes() == before


def test_a_database_that_took_the_place_of_a_cache_stays(path: Path) -> None:
    client, _ = hosted(ADA, BOB, cache=path)
    client.extract(Person, "Ada, 36.")
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE mine (x)")
    db.close()
    before = path.read_bytes()
    assert client.extract(Person, "Ada, 36.").name == "Bob"
    assert path.read_bytes() == before


def test_the_option_takes_a_path() -> None:
    with pytest.raises(ConfigurationError, match="`cache` is 3, but must be a path, or None"):
        Client(ScriptedModel(ADA), cache=3)  # type: ignore[arg-type]


def test_an_error_of_the_call_is_raised_as_without_a_cache(path: Path) -> None:
    client, _ = hosted(ADA, cache=path)
    for document in ("", "  "):
        with pytest.raises(structgen.InputError, match="empty"):
            client.extract(Person, document)
    with pytest.raises(InvalidOutputError):
        hosted('{"name":3}', cache=path, max_reasks=0)[0].extract(Person, "Ada")
