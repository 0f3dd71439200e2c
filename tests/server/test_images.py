"""Images in messages to a served model: shown if it sees, and otherwise refused as Groq does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

import httpx
import pytest
from pydantic import BaseModel, Field

import structgen
from structgen import Client
from structgen.local.engine import open_engine
from tests.local.tiny_vision import picture, write_model, write_projector
from tests.server.conftest import Running, running

IMAGE = structgen.image(picture(1))


class Receipt(BaseModel):
    shop: Annotated[str, Field(max_length=6)]
    paid: bool


@pytest.fixture(scope="module")
def sighted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("models")
    model, projector = write_model(folder / "m.gguf"), write_projector(folder / "p.gguf")
    with (
        open_engine(str(model), mmproj=projector, threads=1, parallel=2) as engine,
        running(engine, max_tokens=150) as it,
    ):
        yield it


def asked(running: Running, content: Any, role: str = "user") -> httpx.Response:
    return running.chat(messages=[{"role": role, "content": content}])


def test_an_image_is_extracted_from_through_the_server(sighted: Running) -> None:
    with Client("structgen", base_url=f"{sighted.address}/v1", on_shortened="keep") as client:
        seen = client.extract_result(Receipt, ["Here:", IMAGE])
        assert isinstance(seen.value, Receipt)
        twice = client.extract_result(Receipt, ["Here:", IMAGE, IMAGE])
    assert twice.usage.prompt_tokens == seen.usage.prompt_tokens + 16


@pytest.mark.parametrize(
    ("content", "role", "told"),
    [
        ([structgen.image("https://example.com/a.png")], "user", "as a data URL"),
        ([{"type": "image_url"}], "user", "as a data URL"),
        ([IMAGE, {"type": "input_audio"}], "user", "only parts of type 'text'"),
        ([IMAGE], "system", "only parts of type 'text'"),
        ([structgen.image(picture(1)[:150])], "user", "damaged"),
    ],
    ids=["url", "empty", "sound", "system", "damaged"],
)
def test_what_cannot_be_shown_is_a_bad_request(
    sighted: Running, content: Any, role: str, told: str
) -> None:
    answer = asked(sighted, content, role)
    assert answer.status_code == 400
    assert told in answer.json()["error"]["message"]


def test_a_model_that_does_not_see_refuses_images(served: Running) -> None:
    answer = asked(served, [IMAGE])
    assert answer.status_code == 400
    assert "only parts of type 'text'" in answer.json()["error"]["message"]
