"""One server in a thread of the test process, over the embedded model, for every test here."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from structgen.cli.serve import listening
from structgen.local.engine import Engine, open_engine
from structgen.server.app import Server, app
from structgen.server.connections import BoundedConnection
from structgen.server.places import Places
from structgen.server.rate_limiter import RateLimiter

MANY = 10**9


@dataclass(frozen=True)
class Running:
    """`address`: without a path; `server`: what it is made of; `http`: a client of it."""

    address: str
    server: Server
    http: httpx.Client

    def chat(self, **body: Any) -> httpx.Response:
        asked = {
            "model": "local",
            "messages": [{"role": "user", "content": "Hello"}],
            "max_tokens": 2,
            **body,
        }
        return self.http.post("/openai/v1/chat/completions", json=asked)


@contextmanager
def asking(address: str, path: str, body: Any) -> Iterator[socket.socket]:
    """A connection on which a request was sent, and whose client leaves with the block."""
    url = httpx.URL(address)
    data = json.dumps(body).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(data)}\r\n\r\n"
    with socket.create_connection((url.host, url.port or 0)) as connection:
        connection.sendall(head.encode() + data)
        yield connection


@contextmanager
def running(
    engine: Engine,
    *,
    parallel: int = 2,
    queue: int = 64,
    rate_limiter: RateLimiter | None = None,
    **more: Any,
) -> Iterator[Running]:
    server = Server(
        engine=engine,
        places=Places(parallel, queue),
        rate_limiter=rate_limiter or RateLimiter(MANY, MANY),
        **more,
    )
    with listening("127.0.0.1", 0) as listener:
        uvicorn_server = uvicorn.Server(
            uvicorn.Config(
                app(server),
                http=BoundedConnection,
                log_level="warning",
                access_log=False,
                ws="none",
            )
        )
        thread = threading.Thread(target=uvicorn_server.run, args=([listener],))
        thread.start()
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            with httpx.Client(base_url=address, timeout=600) as http:
                yield Running(address, server, http)
        finally:
            uvicorn_server.should_exit = True
            thread.join()


@pytest.fixture(scope="session")
def small_engine(embedded_model: Path) -> Iterator[Engine]:
    with open_engine("local", context=2048, threads=1, parallel=2) as engine:
        yield engine


@pytest.fixture(scope="session")
def served(small_engine: Engine) -> Iterator[Running]:
    """Answers are at most 24 tokens long, whatever is asked for: they are soon there."""
    with running(small_engine, max_tokens=24) as it:
        yield it
