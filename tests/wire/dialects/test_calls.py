"""What is built on one call works over every dialect: samples, documents, jobs, images, plans."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client, image
from structgen.testing import ScriptedTransport
from tests.wire.dialects.parts import SERVERS, Said, Server


class City(BaseModel):
    name: str
    people: int


ROME = City(name="Rome", people=5)
TEXT = "Five people live in Rome."
PNG = b"\x89PNG\r\n\x1a\n"

CALLS: dict[str, Callable[[Client], Any]] = {
    "samples": lambda client: client.extract(City, TEXT, samples=3),
    "a second reading": lambda client: client.extract_result(City, TEXT, confidence=True).value,
    "an effort": lambda client: client.extract(City, TEXT, reasoning_effort="low"),
    "thoughts": lambda client: client.extract(City, TEXT, reasoning="first"),
    "a limit": lambda client: client.extract(City, TEXT, max_tokens=50),
    "a long document": lambda client: client.extract_document(City, TEXT * 50).value,
    "many documents": lambda client: next(iter(client.map(City, [TEXT] * 2))).value,
    "an image": lambda client: client.extract(City, image(PNG)),
    "partials": lambda client: list(client.stream(City, TEXT))[-1].value,
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("server", SERVERS, ids=[server.provider for server in SERVERS])
def test_every_call_over_every_dialect(server: Server, call: str) -> None:
    port = ScriptedTransport(server.line(Said('{"name":"Rome","people":5}')))
    with Client(server.model, api_key="k", transport=port, max_retries=0) as client:
        planned = client.plan(City, TEXT)
        assert not port.requests
        assert planned.body is not None
        assert server.schema(planned.body)["properties"].keys() == {"name", "people"}
        assert CALLS[call](client) == ROME
    assert port.requests
