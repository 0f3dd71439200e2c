"""A cache tells apart all questions whose results may differ, and knows a question again."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, ValidationInfo, field_validator

from structgen import Client
from structgen.reading.document import Document
from structgen.reading.layout import Box, Layout, Page, Words
from structgen.testing import ScriptedModel, ScriptedTransport


class Person(BaseModel):
    name: str
    age: int | None = None


ADA = '{"name":"Ada","age":36}'
BOB = '{"name":"Bob","age":null}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "cache.db"


def hosted(*script: Any, **options: Any) -> tuple[Client, ScriptedTransport]:
    transport = ScriptedTransport(*script)
    return Client("openai:gpt", api_key="k", transport=transport, **options), transport


def at_place(left: float) -> Document:
    words = Words()
    words.add(0, 3, 0, Box(1, left, 1, left + 9, 5))
    return Document("Ada, 36.", layout=Layout(pages=(Page(1, 100, 100, 0, 8),), words=words))


def test_equal_texts_at_other_places_have_evidence_of_their_own(path: Path) -> None:
    client, transport = hosted(ADA, ADA, cache=path, evidence="all")
    for left in (1, 50):
        for _ in range(2):
            found = client.extract_result(Person, at_place(left))
            box = found.leaf_evidence["/name"].boxes[0]
            assert isinstance(box, Box)
            assert box.left == left
    assert len(transport.requests) == 2


class Coded(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def code(cls, name: str, info: ValidationInfo) -> str:
        return str((info.context or {}).get(name, name))


def test_another_validation_context_is_another_result(path: Path) -> None:
    client, transport = hosted(*['{"name":"Ada"}'] * 3, cache=path)
    for codes in ({"Ada": "C1"}, {"Ada": "C2"}, None):
        for _ in range(2):
            found = client.extract(Coded, "Ada, 36.", validation_context=codes)
            assert found.name == (codes["Ada"] if codes else "Ada")
    assert len(transport.requests) == 3


def test_sets_in_a_context_are_known_again_by_another_process(path: Path) -> None:
    script = (
        "import sys\n"
        "from pydantic import BaseModel\n"
        "from structgen import Client\n"
        "from structgen.testing import ScriptedModel\n"
        "class Coded(BaseModel):\n"
        "    name: str\n"
        'client = Client(ScriptedModel(\'{"name":"Ada"}\'), cache=sys.argv[1])\n'
        "names = {'known': {*'abcdefgh'}}\n"
        "print(client.extract_result(Coded, 'Ada.', validation_context=names).cached)\n"
    )
    command = [sys.executable, "-c", script, str(path)]
    said = [
        subprocess.run(
            command,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("1", "2")
    ]
    assert said == ["False", "True"]


def test_a_context_that_is_no_plain_data_passes_the_cache_by(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    client, transport = hosted(ADA, BOB, cache=path)
    for name in ("Ada", "Bob"):
        context = {"look up": lambda name: name}
        assert client.extract(Person, "Ada, 36.", validation_context=context).name == name
    assert len(transport.requests) == 2
    assert "`validation_context` is no plain data, so the cache is not used" in caplog.text


def test_a_model_of_the_same_name_on_another_server_is_another_model(path: Path) -> None:
    found = []
    for address, answer in [("http://one/v1", ADA), ("http://two/v1", BOB), ("http://one/v1", "")]:
        transport = ScriptedTransport(answer)
        client = Client("gemma", base_url=address, transport=transport, cache=path)
        found.append(client.extract(Person, "Ada, 36.").name)
    assert found == ["Ada", "Bob", "Ada"]


def test_another_file_of_the_same_name_is_another_model(path: Path, tmp_path: Path) -> None:
    weights = tmp_path / "model.gguf"

    class FromFile(ScriptedModel):
        own_files = (weights,)

    found = []
    for data, answer in [(b"one", ADA), (b"another", BOB), (b"another", "")]:
        if not weights.exists() or weights.read_bytes() != data:
            weights.write_bytes(data)
        found.append(Client(FromFile(answer), cache=path).extract(Person, "Ada, 36.").name)
    assert found == ["Ada", "Bob", "Bob"]


def test_a_draw_that_the_extra_body_asks_for_is_made_anew(path: Path) -> None:
    client, transport = hosted(ADA, BOB, cache=path)
    for name in ("Ada", "Bob"):
        assert client.extract(Person, "Ada, 36.", extra_body={"temperature": 1}).name == name
    assert len(transport.requests) == 2
