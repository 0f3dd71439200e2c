"""Law 10: one bad part never takes its container with it.

Each container is made of numbered parts, some of them bad. Whatever is bad about them, the good
ones come in their order, and each bad one is told.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, NonNegativeInt

from structgen import Client, Job
from structgen.errors import ConnectionFailedError
from structgen.pipeline import open_source
from structgen.pipeline.batch_rounds import Batching
from structgen.testing import FaultyServer, ScriptedModel, ScriptedTransport
from structgen.testing.scripted import Line, completion
from structgen.values import Reply, Request
from tests.laws.test_laws import LAW, LONG
from tests.pipeline.batches import BatchServer

Parts = Sequence[str | None]
"""The parts of a container: what is bad about each, or None for a good one."""


class Found(NamedTuple):
    """What came of a container."""

    good: list[int]
    """The numbers of the parts that came, in their order."""
    told: int
    """How many bad parts were told."""


class Numbered(BaseModel):
    numbers: list[int]


# ---- an item its list ---------------------------------------------------------------------------

ITEMS: Final[Mapping[str, Any]] = {"out of bounds": -1, "no number": "x", "null": None, "list": []}


def answered(parts: Parts) -> str:
    return json.dumps({"value": [n if bad is None else ITEMS[bad] for n, bad in enumerate(parts)]})


def items(parts: Parts, folder: Path) -> Found:
    client = Client("openai:m", api_key="k", transport=ScriptedTransport(answered(parts)))
    kept = client.with_options(max_reasks=0, on_invalid_items="keep")
    result = kept.extract_result(list[NonNegativeInt], "a text")
    return Found(result.value, len(result.rejected))


def streamed_items(parts: Parts, folder: Path) -> Found:
    client = Client("openai:m", api_key="k", transport=ScriptedTransport(answered(parts)))
    with client.stream_items(NonNegativeInt, "a text", on_invalid_items="keep") as stream:
        came = list(stream)
    assert stream.result is not None
    return Found(came, len(stream.result.rejected))


# ---- a chunk its document -----------------------------------------------------------------------

CHUNKS: Final[Mapping[str, Line]] = {
    "refused": Reply(200, {}, completion(None, refusal="I would rather not.")),
    "no JSON": "Certainly!",
    "invalid": '{"numbers": "all of them"}',
    "away": ConnectionFailedError("The server is away."),
}


def chunk(request: Request) -> Line:
    """The number of the chunk that is shown, or what is bad about it."""
    shown = re.search(r"Page (\d+)\. ([\w ]+)", request.body.decode())
    assert shown
    return CHUNKS.get(shown[2], json.dumps({"numbers": [int(shown[1])]}))


def asked_once(line: Line) -> Client:
    transport = ScriptedTransport(line)
    return Client(
        "vllm:m", base_url="http://s/v1", transport=transport, max_reasks=0, max_retries=0
    )


def chunks(parts: Parts, folder: Path) -> Found:
    pages = [f"Page {n}. {bad or 'good'}\n{'word ' * 40}" for n, bad in enumerate(parts)]
    client = asked_once(chunk)
    result = client.extract_document(Numbered, "\n\n".join(pages), chunk_tokens=70)
    return Found(result.value.numbers, len(result.failures))


# ---- a field its turn ---------------------------------------------------------------------------

FIELDS: Final[Mapping[str, Any]] = {"out of bounds": -1, "no number": "many", "list": [1]}


def fields(parts: Parts, folder: Path) -> Found:
    properties = {f"f{n}": {"type": "integer", "minimum": 0} for n in range(len(parts))}
    target = {"type": "object", "properties": properties, "required": list(properties)}
    said = {f"f{n}": n if bad is None else FIELDS[bad] for n, bad in enumerate(parts)}
    form = Client(ScriptedModel(json.dumps(said)), max_reasks=0).form(target)
    form.fill("These are the numbers.")
    told = {fault.path for fault in form.invalid}
    good = [n for n in range(len(parts)) if f"/f{n}" not in told and form.data.get(f"f{n}") == n]
    return Found(good, len(told))


# ---- a row its file, a file its folder ----------------------------------------------------------

ROWS: Final[Mapping[str, bytes]] = {
    "cut": b'{"text": "a',
    "empty": b'{"text": ""}',
    "no text": b'{"text": {"a": 1}}',
    "not UTF-8": b'{"text": "\xff\xfe"}',
    "no object": b"7",
}
FILES: Final[Mapping[str, tuple[str, bytes]]] = {
    "empty": (".txt", b""),
    "no PDF": (".pdf", b"%PDF-1.7 and no more"),
    "no archive": (".zip", b"PK\x03\x04 and no more"),
    "no table": (".parquet", b"PAR1 and no more"),
    "no document": (".docx", b"\0\1\2"),
}


def read(source: Any) -> Found:
    read_in = list(open_source(source))
    came = [int(str(item.document).split()[-1]) for item in read_in if item.error is None]
    return Found(came, sum(item.error is not None for item in read_in))


def rows(parts: Parts, folder: Path) -> Found:
    path = folder / "in.jsonl"
    good = (json.dumps({"text": f"row {n}"}).encode() for n in range(len(parts)))
    path.write_bytes(
        b"\n".join(row if bad is None else ROWS[bad] for row, bad in zip(good, parts, strict=True))
    )
    return read(path)


def written(parts: Parts, folder: Path) -> list[Path]:
    paths = []
    for n, bad in enumerate(parts):
        suffix, data = (".txt", f"file {n}".encode()) if bad is None else FILES[bad]
        paths.append(folder / f"{n:02d}{suffix}")
        paths[-1].write_bytes(data)
    return paths


def files(parts: Parts, folder: Path) -> Found:
    written(parts, folder)
    return read(folder)


def members(parts: Parts, folder: Path) -> Found:
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for path in written(parts, folder):
            archive.write(path, path.name)
    return read(folder / "all.zip")


# ---- a line its batch, a document its job -------------------------------------------------------


def body(content: str, **members: Any) -> Any:
    made = json.loads(completion(content))
    made["choices"][0].update(members)
    return made


LINES: Final[Mapping[str, tuple[int, Any]]] = {
    "bad request": (400, {"error": {"message": "Bad", "type": "invalid_request_error"}}),
    "no JSON": (200, body("Certainly!")),
    "invalid": (200, body('{"numbers": 7}')),
    "cut": (200, body('{"numbers": [1', finish_reason="length")),
}


def answer(asked: Any) -> tuple[int, Any]:
    """The answer to a request whose document is `document N.` and what is bad about it."""
    shown = re.search(r"document (\d+)\. ([\w ]+)", json.dumps(asked))
    assert shown
    return LINES.get(shown[2], (200, body(json.dumps({"numbers": [int(shown[1])]}))))


def outcomes(parts: Parts, folder: Path, **options: Any) -> Found:
    documents = [f"document {n}. {bad or 'good'}" for n, bad in enumerate(parts)]
    output = folder / "out.jsonl"
    with options.pop("client") as client:
        done = Job(Numbered, documents, client=client, output=output, **options).run()
    lines = [json.loads(line) for line in output.read_text().splitlines()]
    assert (len(lines), done.failed) == (len(parts), sum(row["error"] is not None for row in lines))
    return Found([n for row in lines if row["value"] for n in row["value"]["numbers"]], done.failed)


def job(parts: Parts, folder: Path) -> Found:
    def line(request: Request) -> Reply:
        status, content = answer(json.loads(request.body))
        return Reply(status, {}, json.dumps(content).encode())

    return outcomes(parts, folder, client=asked_once(line))


def batch(parts: Parts, folder: Path) -> Found:
    with FaultyServer(BatchServer(answer)) as server:
        client = Client("vllm:m", base_url=server.base_url, max_reasks=0, max_retries=0)
        return outcomes(parts, folder, client=client, batch=Batching(poll=0.001))


CONTAINERS: Final[Mapping[Callable[[Parts, Path], Found], tuple[Mapping[str, Any], int]]] = {
    items: (ITEMS, 100),
    streamed_items: (ITEMS, 100),
    chunks: (CHUNKS, 50),
    fields: (FIELDS, 100),
    rows: (ROWS, 50),
    files: (FILES, 20),
    members: (FILES, 20),
    job: (LINES, 30),
    batch: (LINES, 10),
}
"""How each container is read, what may be bad about its parts, and how many examples are tried."""


@pytest.mark.timeout(3_600 if LONG else 120)
@pytest.mark.parametrize("container", CONTAINERS, ids=lambda container: container.__name__)
def test_a_bad_part_costs_itself(
    container: Callable[[Parts, Path], Found], tmp_path_factory: pytest.TempPathFactory
) -> None:
    bad, examples = CONTAINERS[container]
    part = st.one_of(st.none(), st.sampled_from(sorted(bad)))

    @settings(LAW, max_examples=examples * (20 if LONG else 1))
    @given(st.lists(part, max_size=8), st.lists(part, max_size=8))
    def law(before: list[str | None], after: list[str | None]) -> None:
        parts = [*before, None, *after]
        found = container(parts, tmp_path_factory.mktemp("container"))
        assert found.good == [n for n, what in enumerate(parts) if what is None]
        assert found.told == len(parts) - len(found.good)

    law()
