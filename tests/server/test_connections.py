"""Connections without a request are closed, and bodies are taken as clients send them."""

from __future__ import annotations

import gzip
import json
import socket
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import groq
import httpx
import openai
import pytest

from structgen.server.body import read_body
from structgen.server.connections import BoundedConnection
from structgen.server.models import GROQ_MODELS, GROQ_RETIRED_MODELS
from tests.server.conftest import Running, running

HELLO: dict[str, Any] = {
    "model": "local",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 1,
}
PATH = "/v1/chat/completions"


def connected(served: Running) -> socket.socket:
    url = httpx.URL(served.address)
    return socket.create_connection((url.host, url.port or 0), timeout=20)


def is_closed(one: socket.socket) -> bool:
    """Whether the server has closed a connection. Waits for it."""
    with suppress(ConnectionError):  # as if what was sent came after the end
        while one.recv(4096):
            pass
    return True


HALVES = [
    b"",
    b"P",
    b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n",
    b"GET /health HTTP/1.1\r\nHost: x\r\n\r\nGET /hea",
]


@pytest.mark.parametrize("half", HALVES)
def test_a_connection_without_a_whole_request_is_closed(
    half: bytes, served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "seconds", 0.2)
    with connected(served) as one:
        one.sendall(half)
        assert is_closed(one)


def test_headers_that_drip_are_not_waited_for(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "seconds", 0.3)
    with connected(served) as one, pytest.raises(ConnectionError):
        for _ in range(1000):
            one.sendall(b"G")
            time.sleep(0.05)


def test_a_body_that_does_not_come_is_not_waited_for(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def read_soon(request: Any, limit: int) -> bytes:
        return await read_body(request, limit, 0.2)

    monkeypatch.setattr("structgen.server.app.read_body", read_soon)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 900\r\n\r\n{{"
    with connected(served) as one:
        one.sendall(head.encode())
        assert one.recv(4096).startswith(b"HTTP/1.1 408")
        monkeypatch.setattr(BoundedConnection, "seconds", 0.2)
        one.sendall(b" ")
        assert is_closed(one)


def test_the_longest_waiting_connection_makes_room(
    served: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BoundedConnection, "most_waiting", 5)
    ones = [connected(served) for _ in range(8)]
    try:
        assert all(is_closed(one) for one in ones[:2])
        ones[-1].sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        assert ones[-1].recv(4096).startswith(b"HTTP/1.1 200")
    finally:
        for one in ones:
            one.close()


PACKED: list[tuple[str, Callable[[bytes], bytes]]] = [
    ("identity", lambda body: body),
    ("gzip", gzip.compress),
    ("x-gzip", gzip.compress),
    ("deflate", zlib.compress),
    ("GZIP", lambda body: gzip.compress(b"\xef\xbb\xbf" + body, mtime=0)),
    ("identity", lambda body: b"\xef\xbb\xbf" + body),
]


@pytest.mark.parametrize(("coding", "pack"), PACKED)
def test_bodies_may_be_packed_and_have_a_byte_order_mark(
    coding: str, pack: Callable[[bytes], bytes], served: Running
) -> None:
    body = pack(json.dumps(HELLO).encode())
    reply = served.http.post(PATH, content=body, headers={"content-encoding": coding})
    assert reply.status_code == 200, reply.text


BAD = [
    ("br", b"x", 415),
    ("gzip", b"{}", 400),
    ("gzip", gzip.compress(json.dumps(HELLO).encode(), mtime=0)[:-9], 400),
    ("gzip", gzip.compress(b" " * 20_000_000, mtime=0), 413),
]


@pytest.mark.parametrize(("coding", "body", "status"), BAD)
def test_bodies_that_cannot_be_unpacked_are_refused(
    coding: str, body: bytes, status: int, served: Running
) -> None:
    reply = served.http.post(PATH, content=body, headers={"content-encoding": coding})
    assert reply.status_code == status
    assert reply.json()["error"]["message"]


def test_each_api_has_its_own_word_for_the_tier(served: Running) -> None:
    """OpenAI's SDK in its strict mode checks every member of an answer."""
    with openai.OpenAI(
        base_url=f"{served.address}/v1", api_key="k", _strict_response_validation=True
    ) as client:
        for tier in ("auto", "default", "flex", "priority"):
            whole = client.chat.completions.create(**HELLO, service_tier=tier)
            assert type(whole)(**whole.model_dump()).service_tier == "default"
        chunks = list(client.chat.completions.create(**HELLO, stream=True))
        assert {chunk.service_tier for chunk in chunks} == {"default"}
    with groq.Groq(
        base_url=served.address, api_key="k", _strict_response_validation=True
    ) as client:
        assert client.chat.completions.create(**HELLO).service_tier == "on_demand"


@pytest.mark.parametrize("seed", [-1, 0, 2**31, -(2**63), 2**63 - 1])
def test_every_seed_is_answered_and_told(seed: int, served: Running) -> None:
    served.chat()  # so that both read all of the prompt from memory
    replies = [served.chat(seed=seed, max_tokens=4, temperature=1.5) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert {reply.json()["x_groq"]["seed"] for reply in replies} == {seed}
    texts = {reply.json()["choices"][0]["message"]["content"] for reply in replies}
    assert len(texts) == 1


def test_names_that_groq_had_are_answered_and_not_listed(served: Running) -> None:
    with groq.Groq(base_url=served.address, api_key="k") as client:
        listed = {model.id for model in client.models.list().data}
        assert {"local", *GROQ_MODELS} <= listed
        assert not listed & {*GROQ_RETIRED_MODELS}
        for name in GROQ_RETIRED_MODELS:
            assert client.models.retrieve(name).id == name
        asked = {**HELLO, "model": GROQ_RETIRED_MODELS[0]}
        assert client.chat.completions.create(**asked).model == GROQ_RETIRED_MODELS[0]


def test_any_name_is_answered_if_the_server_is_told_so(served: Running) -> None:
    with running(served.server.engine, any_model=True, max_tokens=1) as it:
        assert it.chat(model="gpt-4o").json()["model"] == "gpt-4o"
        assert it.http.get("/v1/models/anything/at/all").status_code == 200
        assert it.chat(model="").status_code == 404
    with running(served.server.engine, names=["mine"]) as it:
        assert it.chat(model="mine").status_code == 200
        assert it.chat(model=GROQ_RETIRED_MODELS[0]).status_code == 404
