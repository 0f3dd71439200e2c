"""What a client sent to a scripted transport."""

from __future__ import annotations

from structgen import AsyncClient, Client
from structgen.testing import ScriptedTransport
from structgen.values import Request


def sent(client: Client | AsyncClient) -> list[Request]:
    """The requests that the client's first backend was sent, in order."""
    port = client.caller.backends[0].port
    assert isinstance(port, ScriptedTransport)
    return port.requests
