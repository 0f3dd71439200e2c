"""A switch that keeps structgen off the network."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from typing import Any, Final, NoReturn
from unittest import mock
from urllib.parse import urlsplit

from structgen.errors import ConfigurationError
from structgen.values import Request
from structgen.wire.http.client import HttpTransport

_BLOCKING: Final = ("send", "open")
_ASYNCHRONOUS: Final = ("asend", "aopen")


@contextmanager
def no_network(*, allow: Collection[str] = ()) -> Iterator[None]:
    """Let every HTTP request of structgen raise an error while the block runs.

    It holds for all clients and threads of the process, and is neither retried nor sent to a
    fallback. Ports of your own, such as `ScriptedTransport`, work as before. Use it as a context
    manager, as a decorator, or in a fixture for all tests:

        @pytest.fixture(autouse=True)
        def offline():
            with no_network():
                yield

    Args:
        allow: Hosts that may be reached all the same, such as "127.0.0.1".

    Raises:
        ConfigurationError: From the call that would have sent a request.
    """
    with mock.patch.multiple(
        HttpTransport,
        **{name: _guarded(getattr(HttpTransport, name), allow) for name in _BLOCKING},
        **{name: _aguarded(getattr(HttpTransport, name), allow) for name in _ASYNCHRONOUS},
    ):
        yield


def _guarded(method: Any, allow: Collection[str]) -> Any:
    def guarded(transport: HttpTransport, request: Request, timeout: float | None) -> Any:
        if urlsplit(transport.base_url).hostname not in allow:
            _refuse(transport, request)
        return method(transport, request, timeout)

    return guarded


def _aguarded(method: Any, allow: Collection[str]) -> Any:
    async def guarded(transport: HttpTransport, request: Request, timeout: float | None) -> Any:
        if urlsplit(transport.base_url).hostname not in allow:
            _refuse(transport, request)
        return await method(transport, request, timeout)

    return guarded


def _refuse(transport: HttpTransport, request: Request) -> NoReturn:
    host = urlsplit(transport.base_url).hostname
    raise ConfigurationError(
        f"structgen was about to send {request.method} {request.path} to {host}, inside "
        "`no_network()`.",
        hint="Give the client AnyModel() or a ScriptedTransport, or allow the host.",
    )
