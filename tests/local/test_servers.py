"""The real server and the network guard that other tests lean on."""

from __future__ import annotations

import json
import socket
import urllib.error
import urllib.request
from typing import Any

import pytest

from tests.network import NetworkRefused
from tests.servers import Server


def post(server: Any, body: Any, key: str) -> Any:
    request = urllib.request.Request(
        f"{server.base_url}/chat/completions",
        json.dumps(body).encode(),
        {"Authorization": f"Bearer {key}"},
        method="POST",
    )
    with urllib.request.urlopen(request, timeout=600) as reply:
        return json.load(reply)


def test_the_server_answers_with_its_key_and_refuses_without(llama_server: Server) -> None:
    body = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 3}
    assert post(llama_server, body, llama_server.api_key)["usage"]["completion_tokens"] == 3
    with pytest.raises(urllib.error.HTTPError) as refused:
        post(llama_server, body, "wrong")
    with refused.value as reply:
        assert reply.code == 401
    assert llama_server.api_key not in repr(llama_server)


@pytest.mark.parametrize("address", [("192.0.2.1", 80), ("2001:db8::1", 80)])
def test_no_test_connects_beyond_loopback(address: Any) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with (
        socket.socket(family) as probe,
        pytest.raises(NetworkRefused, match="test_no_test_connects_beyond_loopback"),
    ):
        probe.connect(address)


def test_no_test_resolves_foreign_names() -> None:
    with pytest.raises(NetworkRefused, match=r"example\.org"):
        socket.getaddrinfo("example.org", 80)
