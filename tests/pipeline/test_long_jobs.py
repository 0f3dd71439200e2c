"""Jobs over long documents: every chunk is kept as an input is, and a document is one row."""

from __future__ import annotations

import asyncio
import io
import json
import re
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import pyarrow
import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client, Verbatim, read
from structgen.cli import main as cli
from structgen.distributed import Extractor
from structgen.documents.options import ChunkingArgs
from structgen.errors import (
    ConfigurationError,
    ConnectionFailedError,
    EnginePromptTooLongError,
    InputError,
    JobError,
    JobStoppedError,
    PromptTooLongError,
)
from structgen.options import Options
from structgen.pipeline.job import Job
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.record import Item
from structgen.providers import Price
from structgen.testing.faulty import FaultyServer, Served
from structgen.testing.scripted import ScriptedModel, completion
from structgen.values import Answer, JsonSchema, Message, PromptParts, Request
from tests.reading.pdfs import Text, pdf_of

SCRIPT = Path(__file__).with_name("long_lives.py")


class Guest(BaseModel):
    name: Annotated[str, Verbatim()]
    room: int


class Register(BaseModel):
    house: str | None
    guests: list[Guest]


def text_of(document: str, guests: range) -> str:
    stays = (f"Guest{document}{n} stays in room {n}, and says nothing else." for n in guests)
    return f"House {document}.\n\n" + "\n\n".join(stays)


def answer_about(text: str) -> str:
    house = re.search(r"House (\w+)\.", text)
    guests = [
        {"name": name, "room": int(room)}
        for name, room in re.findall(r"(Guest\w+) stays in room (\d+)", text)
    ]
    return json.dumps({"house": house and house[1], "guests": guests})


class Oracle(ScriptedModel):
    """States what its document says. A text with a word of `fails` gets no answer."""

    def __init__(self, context: int | None = None, limit: int | None = None) -> None:
        super().__init__()
        self.fails: set[str] = set()
        self.context = context
        self._limit = limit

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
    ) -> Answer:
        self.asked.append(messages)
        found = re.search(r"<document>\n(.*)\n</document>", messages[-1]["content"], re.DOTALL)
        assert found
        if self._limit is not None and len(found[1]) > self._limit:
            raise EnginePromptTooLongError("The prompt is too long.", tokens=2, limit=1)
        if any(word in found[1] for word in self.fails):
            raise ConnectionFailedError("The server is away.")
        return Answer(text=answer_about(found[1]), finish_reason="stop", model=self.name)


NEVER = JobLimits(max_failure_share=1.0, first=0, patience=0.0)
DOCUMENTS = [Item("a", text_of("A", range(12))), Item("b", text_of("B", range(9)))]
CHUNKS: ChunkingArgs = {"chunk_tokens": 40}


def run(oracle: Oracle, folder: Path, documents: Any = DOCUMENTS, **args: Any) -> list[Any]:
    given = {"chunked": True, "limits": NEVER, **CHUNKS, **args}
    job = Job(Register, documents, client=Client(oracle), output=folder / "out.jsonl", **given)
    job.run()
    return rows(folder)


def rows(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "out.jsonl").read_text().splitlines()]


def expected(document: str, guests: range) -> dict[str, Any]:
    return {
        "house": document,
        "guests": [{"name": f"Guest{document}{n}", "room": n} for n in guests],
    }


def test_a_document_in_chunks_is_one_row_with_offsets_in_the_whole(tmp_path: Path) -> None:
    oracle = Oracle()
    found = run(oracle, tmp_path)
    assert [row["value"] for row in found] == [expected("A", range(12)), expected("B", range(9))]
    assert len(oracle.asked) > 4
    for row, item in zip(found, DOCUMENTS, strict=True):
        assert len(row["evidence"]) == len(row["value"]["guests"])
        for quoted in row["evidence"].values():
            assert str(item.document)[quoted["start"] : quoted["end"]] == quoted["quote"]
        assert row["conflicts"] == row["failed_chunks"] == []


def test_a_job_that_is_started_again_asks_nothing(tmp_path: Path) -> None:
    first = run(Oracle(), tmp_path)
    again = Oracle()
    assert run(again, tmp_path) == first
    assert not again.asked


def test_only_the_chunks_that_failed_are_asked_again(tmp_path: Path) -> None:
    oracle = Oracle()
    oracle.fails = {"GuestA7 "}
    found = run(oracle, tmp_path, max_retries=0)
    assert len(found[0]["failed_chunks"]) == 1
    failed = found[0]["failed_chunks"][0]
    assert "GuestA7 " in str(DOCUMENTS[0].document)[failed["start"] : failed["end"]]
    assert failed["error"]["type"] == "ConnectionFailedError"
    assert found[1]["failed_chunks"] == []
    kept = Oracle()
    assert run(kept, tmp_path, retry_failed=False, max_retries=0) == found
    assert not kept.asked
    again = Oracle()
    mended = run(again, tmp_path, max_retries=0)
    assert len(again.asked) == 1
    assert [row["value"] for row in mended] == [expected("A", range(12)), expected("B", range(9))]
    assert mended[0]["failed_chunks"] == []


def faulty_prompt(parts: PromptParts) -> list[Message]:
    """A function of the user's that fails for one chunk with an error of its own."""
    if "GuestA3 " in str(parts.document):
        raise OSError("the list of rooms cannot be read")
    return [{"role": "user", "content": f"<document>\n{parts.document}\n</document>"}]


def test_a_foreign_error_of_one_chunk_costs_that_chunk_alone(tmp_path: Path) -> None:
    args = {"chunk_tokens": 15, "prompt": faulty_prompt}
    client, text = Client(Oracle()), DOCUMENTS[0].document
    whole = client.extract_document(Register, text, **args)  # type: ignore[call-overload]
    found = run(Oracle(), tmp_path, DOCUMENTS[:1], **args)[0]
    left = expected("A", range(12))
    del left["guests"][3]
    assert found["value"] == whole.value.model_dump() == left
    for error in (found["failed_chunks"][0]["error"], whole.failures[0].error.to_dict()):
        assert error["type"] == JobError.__name__
        assert "OSError" in error["message"]


def test_other_settings_of_chunks_are_another_job(tmp_path: Path) -> None:
    run(Oracle(), tmp_path)
    same, other, keyed = Oracle(), Oracle(), Oracle()
    run(same, tmp_path)
    run(other, tmp_path, overlap=5)
    run(keyed, tmp_path, keys={"/guests": ("name",)})
    assert not same.asked
    assert other.asked
    assert keyed.asked


def test_a_document_is_split_only_where_the_context_demands_it(tmp_path: Path) -> None:
    short, long = text_of("A", range(2)), text_of("B", range(250))
    oracle = Oracle(context=3000)
    found = run(oracle, tmp_path, [short, long], chunked="auto", chunk_tokens=400, max_tokens=900)
    assert [row["value"] for row in found] == [expected("A", range(2)), expected("B", range(250))]
    assert found[0]["failed_chunks"] is None
    whole = [str(messages[-1]["content"]) for messages in oracle.asked]
    assert not any(long in content for content in whole)
    assert sum(short in content for content in whole) == 1


@pytest.mark.parametrize("chunked", ["never", False])
def test_without_chunks_a_long_document_fails_as_before(tmp_path: Path, chunked: Any) -> None:
    oracle = Oracle(limit=400)
    found = run(oracle, tmp_path, chunked=chunked)
    assert {row["error"]["type"] for row in found} == {"EnginePromptTooLongError"}
    with pytest.raises(PromptTooLongError):
        next(Client(oracle).map(Register, [DOCUMENTS[0]], chunked=chunked)).value  # noqa: B018


def test_a_document_that_turns_out_to_be_too_long_is_asked_about_whole_once(
    tmp_path: Path,
) -> None:
    oracle = Oracle(limit=400)
    oracle.fails = {"GuestA7 "}
    found = run(oracle, tmp_path, chunked="auto", max_retries=0)
    assert len(found[0]["failed_chunks"]) == 1
    again = Oracle(limit=400)
    found = run(again, tmp_path, chunked="auto", max_retries=0)
    assert [row["value"] for row in found] == [expected("A", range(12)), expected("B", range(9))]
    assert len(again.asked) == 1


def test_a_chunk_that_is_too_long_is_asked_in_halves_and_never_again(tmp_path: Path) -> None:
    oracle = Oracle(limit=150)
    oracle.fails = {"GuestA7 "}
    run(oracle, tmp_path, chunk_tokens=80, max_retries=0)
    again = Oracle(limit=150)
    found = run(again, tmp_path, chunk_tokens=80, max_retries=0)
    assert found[0]["value"] == expected("A", range(12))
    assert len(again.asked) == 1


def test_map_and_extractors_split_alike(tmp_path: Path) -> None:
    outcomes = list(
        Client(Oracle()).map(
            Register,
            [item.document for item in DOCUMENTS],
            chunked=True,
            journal=tmp_path / "journal",
            **CHUNKS,
        )
    )
    assert outcomes[0].value.model_dump() == expected("A", range(12))
    assert outcomes[0].chunks > 2
    assert sum(one.tries for one in outcomes) == sum(one.chunks for one in outcomes)
    with FaultyServer(served) as server:
        extractor = Extractor(
            Register,
            "m",
            client={"base_url": server.base_url, "api_key": "k"},
            chunked=True,
            **CHUNKS,
        )
        table = extractor(pyarrow.table({"text": [item.document for item in DOCUMENTS]}))
    assert json.loads(table.column("value")[0].as_py()) == expected("A", range(12))


def test_the_cost_of_chunks_stops_a_job_within_a_document(tmp_path: Path) -> None:
    price = Price(provider="vllm", model="m", input=1000.0, output=1000.0)
    with FaultyServer(served) as server:
        client = Client("vllm:m", base_url=server.base_url, prices=[price])
        limits = JobLimits(max_cost=0.03)
        job = Job(
            Register,
            [text_of("A", range(40))],
            client=client,
            output=tmp_path / "out.jsonl",
            limits=limits,
            concurrency=1,
            chunked=True,
            **CHUNKS,
        )
        with pytest.raises(JobStoppedError) as stopped:
            job.run()
        spent = stopped.value.summary.cost
        assert spent == pytest.approx(0.036)
        with pytest.raises(JobStoppedError):
            job.run()  # earlier chunks count


def test_a_batch_cannot_split(tmp_path: Path) -> None:
    client = Client("groq:m", api_key="k")
    job = Job(Register, ["a"], client=client, output=tmp_path / "o.jsonl", batch=True, chunked=True)
    with pytest.raises(ConfigurationError, match="`chunked` splits"):
        job.run()
    assert list(tmp_path.iterdir()) == []  # a job that is refused leaves no journal


@pytest.mark.parametrize(
    "wrong", [{"chunked": "often"}, {"passes": 0}, {"overlap": 50, "chunk_tokens": 40}]
)
def test_wrong_settings_are_told(tmp_path: Path, wrong: Any) -> None:
    try:
        found = run(Oracle(), tmp_path, **wrong)
    except ConfigurationError:
        return
    assert {row["error"]["type"] for row in found} == {"ConfigurationError"}


@pytest.mark.parametrize("how", [str, Path, read], ids=["text", "path", "document"])
def test_extract_document_takes_what_extract_takes(tmp_path: Path, how: Any) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text_of("A", range(12)))
    document = path.read_text() if how is str else how(path)
    blocking = Client(Oracle()).extract_document(Register, document, **CHUNKS)
    awaited = asyncio.run(AsyncClient(Oracle()).extract_document(Register, document, **CHUNKS))
    assert blocking.value == awaited.value
    assert blocking.value.model_dump() == expected("A", range(12))


def test_a_list_of_texts_is_refused_with_what_to_do() -> None:
    with pytest.raises(InputError, match="a list of texts"):
        Client(Oracle()).extract(Register, ["House A.", "House B."])


# ---- the command line ------------------------------------------------------------------------


def served(request: Request) -> Served:
    body = json.loads(request.body)
    content = body["messages"][-1]["content"]
    found = re.search(r"<document>\n(.*)\n</document>", content, re.DOTALL)
    assert found
    return Served(body=completion(answer_about(found[1])))


def shell(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(argv, io.StringIO(), out, err)
    return code, out.getvalue(), err.getvalue()


TARGET = f"{SCRIPT}:Register"


def test_the_command_line_splits(tmp_path: Path) -> None:
    folder = tmp_path / "texts"
    folder.mkdir()
    for item in DOCUMENTS:
        (folder / f"{item.key}.txt").write_text(str(item.document))
    with FaultyServer(served) as server:
        asked = "--model", "vllm:m", "--base-url", server.base_url
        chunks = "--chunked", "--chunk-tokens", "40", "--keys", '{"/guests": ["name"]}'
        output = str(tmp_path / "out.jsonl")
        code, _, err = shell("run", TARGET, str(folder), "-o", output, "--quiet", *asked, *chunks)
        assert (code, err) == (0, "")
        values = [row["value"] for row in rows(tmp_path)]
        assert values == [expected("A", range(12)), expected("B", range(9))]
        code, out, err = shell("extract", TARGET, str(folder / "a.txt"), *asked, *chunks)
    assert code == 0
    assert json.loads(out) == expected("A", range(12))
    assert "chunks, 0 conflicts" in err


# ---- law 8 -----------------------------------------------------------------------------------


def test_a_job_of_long_pdfs_that_is_killed_loses_no_chunk_and_asks_none_twice(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "pdfs"
    folder.mkdir()
    for name in ("a", "b", "c"):
        guests = range(30)
        lines = [f"Guest{name}{n} stays in room {n}, and says nothing else." for n in guests]
        pages = [page_of(f"House {name}.", *lines[:15]), page_of(*lines[15:])]
        (folder / f"{name}.pdf").write_bytes(pdf_of(pages))
    undisturbed, _ = one_life(folder, tmp_path / "undisturbed", kill_after=None)
    killed = tmp_path / "killed"
    asked_in: list[list[str]] = []
    for kill_after in (6, 9, 12):
        kept_before = kept(killed)
        code, asked = one_life(folder, killed, kill_after)
        assert code == -9
        assert not kept_before & set(asked)
        asked_in.append(asked)
    kept_before = kept(killed)
    code, asked = one_life(folder, killed, kill_after=None)
    assert code == undisturbed == 0
    assert not kept_before & set(asked)
    whole = (tmp_path / "undisturbed" / "out.jsonl").read_text()
    assert (killed / "out.jsonl").read_text() == whole
    for row in map(json.loads, whole.splitlines()):
        assert len(row["value"]["guests"]) == 30
        assert row["failed_chunks"] == []


def page_of(*lines: str) -> list[Text]:
    return [Text(50, 50 + 40 * n, line) for n, line in enumerate(lines)]


def one_life(folder: Path, into: Path, kill_after: int | None) -> tuple[int, list[str]]:
    """Run the job; kill its process at a number of questions. Gives its end and what it asked."""
    into.mkdir(exist_ok=True)
    asked: list[str] = []
    process: list[subprocess.Popen[bytes]] = []

    def answer(request: Request) -> Served:
        body = served(request)
        asked.append(signature(json.loads(body.body)["choices"][0]["message"]["content"]))
        if len(asked) == kill_after:
            process[0].kill()
        return body

    with FaultyServer(answer) as server:
        command = [sys.executable, str(SCRIPT), server.base_url, str(folder)]
        process.append(subprocess.Popen([*command, str(into / "out.jsonl")]))
        return process[0].wait(timeout=600), asked


def kept(into: Path) -> set[str]:
    """What the journal has of chunks."""
    journal = into / "out.jsonl.journal"
    if not journal.exists():
        return set()
    with closing(sqlite3.connect(journal)) as db:
        found = db.execute("SELECT body FROM outcomes WHERE run LIKE '%/chunks'").fetchall()
    return {signature(json.dumps(json.loads(body)["record"]["value"])) for (body,) in found}


def signature(answer: str) -> str:
    """What tells the answer about one chunk from all others."""
    data = json.loads(answer)
    return " ".join([str(data.get("house")), *(one["name"] for one in data.get("guests") or ())])
