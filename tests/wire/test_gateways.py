"""Gateways and clouds: headers and a query for every request, keys from a function, proxies, and
servers that write events and bodies a little differently.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import httpx
import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client
from structgen.errors import ConfigurationError, InputError, RateLimitError
from structgen.options import options_of
from structgen.prompt.attachments import estimate_tokens, estimate_tokens_of_body
from structgen.testing import ScriptedTransport, completion, events
from structgen.values import Reply

BO = '{"name":"Bo","age":9}'


class Person(BaseModel):
    name: str
    age: int


class Gateway:
    """A server that keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                body = completion(BO)
                self.send_response(200)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"
        Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def gateway() -> Iterator[Gateway]:
    opened = Gateway()
    yield opened
    opened.server.shutdown()
    opened.server.server_close()


def ask(provider: str, **options: Any) -> None:
    """Ask once, sync and async."""
    with Client(provider, **options) as client:
        assert client.extract(Person, "Bo is 9.") == Person(name="Bo", age=9)

    async def run() -> None:
        async with AsyncClient(provider, **options) as client:
            assert await client.extract(Person, "Bo is 9.") == Person(name="Bo", age=9)

    asyncio.run(run())


def test_headers_and_a_query_go_with_every_request(gateway: Gateway) -> None:
    ask(
        "azure:D",
        base_url=f"{gateway.url}/openai/deployments/D?api-version=2026-05-01",
        api_key="secret",
        default_headers={"Helicone-Auth": "Bearer h"},
        default_query={"tag": "a b"},
    )
    wanted = "/openai/deployments/D/chat/completions?api-version=2026-05-01&tag=a+b"
    assert [path for path, _ in gateway.asked] == [wanted] * 2
    assert all(headers["helicone-auth"] == "Bearer h" for _, headers in gateway.asked)
    assert all(headers["api-key"] == "secret" for _, headers in gateway.asked)


def test_a_function_gives_the_key_of_each_request(gateway: Gateway) -> None:
    keys = iter(["one", "two"])
    with Client("openai:m", base_url=gateway.url, api_key=lambda: next(keys)) as client:
        client.extract(Person, "Bo is 9.")
        client.extract(Person, "Bo is 9.")
    sent = [headers["authorization"] for _, headers in gateway.asked]
    assert sent == ["Bearer one", "Bearer two"]

    async def key() -> str:
        await asyncio.sleep(0)
        return "three"

    async def run() -> None:
        async with AsyncClient("openai:m", base_url=gateway.url, api_key=key) as client:
            await client.extract(Person, "Bo is 9.")

    asyncio.run(run())
    assert gateway.asked[-1][1]["authorization"] == "Bearer three"
    with Client("openai:m", base_url=gateway.url, api_key=key) as client:
        with pytest.raises(ConfigurationError, match="is async, but the call is sync"):
            client.extract(Person, "Bo is 9.")


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": b"k"},
        {"api_key": "k\n"[:1] + "\u20ac"},
        {"base_url": "http://[::1"},
        {"default_headers": {"x": None}},
        {"default_headers": {"x": "a\r\nb: c"}},
        {"default_headers": "x"},
    ],
    ids=str,
)
def test_mistakes_are_told_before_anything_is_sent(options: Any) -> None:
    with pytest.raises(ConfigurationError):
        Client("openai:m", **{"api_key": "k", **options})


def test_proxies_are_read_as_curl_reads_them(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "")
    monkeypatch.setenv("http_proxy", gateway.url.removeprefix("http://"))
    with Client("openai:m", base_url="http://elsewhere.invalid/v1", api_key="k") as client:
        client.extract(Person, "Bo is 9.")
    assert gateway.asked[0][0] == "http://elsewhere.invalid/v1/chat/completions"
    for proxy in ("socks5://127.0.0.1:1", "gopher://127.0.0.1:1"):
        monkeypatch.setenv("http_proxy", proxy)
        with Client("openai:m", base_url="http://elsewhere.invalid/v1", api_key="k") as client:
            with pytest.raises(ConfigurationError):
                client.extract(Person, "Bo is 9.")


@pytest.mark.parametrize(
    "end",
    [b"data: [DONE] \n\n", b"data:\n\ndata: [DONE]\n\n", b"data: null\n\n", b'data: "[DONE]"\n\n'],
)
def test_events_that_say_nothing_break_no_stream(end: bytes) -> None:
    script = ScriptedTransport([*events(BO, done=False), end])
    with Client("openai:m", api_key="k", transport=script) as client:
        with client.stream(Person, "Bo is 9.") as running:
            list(running)
    assert running.result is not None
    assert running.result.value == Person(name="Bo", age=9)


def test_a_byte_order_mark_and_another_2xx_are_read() -> None:
    for reply in (
        Reply(200, {}, b"\xef\xbb\xbf" + completion(BO)),
        Reply(201, {}, completion(BO)),
    ):
        client = Client("openai:m", api_key="k", transport=ScriptedTransport(reply))
        assert client.extract(Person, "Bo is 9.") == Person(name="Bo", age=9)


def test_a_spent_account_is_not_asked_again() -> None:
    body = {"error": {"code": "insufficient_quota", "message": "You exceeded your quota."}}
    script = ScriptedTransport(Reply(429, {}, json.dumps(body).encode()), [completion(BO)])
    client = Client("openai:m", api_key="k", max_retries=3, transport=script)
    with pytest.raises(RateLimitError, match="no credit left"):
        client.extract(Person, "Bo is 9.")


def test_an_image_counts_as_the_provider_counts_it() -> None:
    image = "data:image/png;base64," + "A" * 1_000_000
    part = {"type": "image_url", "image_url": {"url": image}}
    messages = [{"role": "user", "content": [part]}]
    body = json.dumps({"messages": messages}).encode()
    assert 2048 <= estimate_tokens_of_body(body, messages) <= 2100
    assert 2048 <= estimate_tokens(messages) <= 2100
    assert estimate_tokens_of_body(b"x" * 400, []) == 100


def test_the_sdks_timeouts_are_taken() -> None:
    assert options_of({"timeout": httpx.Timeout(5.0)}).timeout == 5.0  # type: ignore[typeddict-item]


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "user", "content": " "}],
        [{"role": "system", "content": "Read."}, {"role": "user", "content": ""}],
        [{"role": "user"}],
    ],
)
def test_a_conversation_that_says_nothing_is_told(messages: Any) -> None:
    client = Client("openai:m", api_key="k", transport=ScriptedTransport([completion(BO)]))
    with pytest.raises(InputError, match="empty"):
        client.extract(Person, messages)
