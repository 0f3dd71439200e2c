"""Errors of HTTP libraries as errors of ours, which say whether the server may have been reached.

The libraries' exceptions are recognised by the names of their classes, the cause before the
exception itself. So httpx, httpx2 and aiohttp are understood alike, and none needs to be loaded.
"""

from __future__ import annotations

from typing import Final, NoReturn, TypeAlias

from structgen.errors import (
    ConfigurationError,
    ConnectionFailedError,
    RequestTimeoutError,
    StructgenError,
)
from structgen.wire.http.settings import CONNECT_TIMEOUT

_ErrorType: TypeAlias = type[RequestTimeoutError | ConnectionFailedError | ConfigurationError]

_ERRORS: Final[dict[str, tuple[_ErrorType, bool]]] = {
    "ConnectionTimeoutError": (RequestTimeoutError, False),
    "ServerTimeoutError": (RequestTimeoutError, True),
    "ClientConnectorError": (ConnectionFailedError, False),
    "ClientConnectionError": (ConnectionFailedError, True),
    "ConnectTimeout": (RequestTimeoutError, False),
    "PoolTimeout": (RequestTimeoutError, False),
    "TimeoutException": (RequestTimeoutError, True),
    "TimeoutError": (RequestTimeoutError, True),
    "ConnectError": (ConnectionFailedError, False),
    "ProxyError": (ConnectionFailedError, False),
    "UnsupportedProtocol": (ConfigurationError, False),
    "InvalidURL": (ConfigurationError, False),
    "LocalProtocolError": (ConfigurationError, False),
}
"""Our error for a class's name, and whether the server may have processed the request."""

_LIBRARIES: Final = frozenset(
    {"httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "anyio", "asyncio", "h11", "h2", "ssl"}
)
"""Packages whose exceptions tell of the network."""

_UNKNOWN: Final = (ConnectionFailedError, True)


def raise_translated(error: BaseException, server: str, timeout: float | None) -> NoReturn:
    """Raise our error for one of an HTTP library.

    An error of ours, and one that is no `Exception` (such as a cancellation), is raised as it is.

    Args:
        error: The error that was caught.
        server: The server's host and port, for the message.
        timeout: The seconds that the try was given; None for no limit.
    """
    if isinstance(error, StructgenError) or not isinstance(error, Exception):
        raise error
    raise _translated(error, server, timeout) from error


def raise_from_client(error: Exception, server: str, timeout: float | None) -> NoReturn:
    """Raise our error for one that came out of the user's own client.

    What is no failure of the network, such as an exception of the user's own hook, is no reason
    to ask again.

    Args:
        error: The error that was caught.
        server: As for `raise_translated`.
        timeout: As for `raise_translated`.
    """
    library = type(error).__module__.partition(".")[0]
    if isinstance(error, (StructgenError, OSError)) or library in _LIBRARIES:
        raise_translated(error, server, timeout)
    raise ConfigurationError(
        f"The `http_client` raised {type(error).__name__}: {error}",
        hint="Correct its hooks or its transport.",
    ) from error


def _translated(error: Exception, server: str, timeout: float | None) -> StructgenError:
    kind, sent = _kind_of(error)
    if kind is RequestTimeoutError:
        when = "after the request was sent" if sent else "before the request was sent"
        return RequestTimeoutError(
            f"{server} did not answer within {timeout or CONNECT_TIMEOUT:g} s, {when}.",
            sent=sent,
            hint="Raise `timeout`.",
        )
    reason = str(error).rstrip(".") or type(error).__name__
    if kind is ConfigurationError:
        return ConfigurationError(
            f"Cannot send the request to {server}: {reason}.",
            hint="Check `base_url` and the headers.",
        )
    if sent:
        return ConnectionFailedError(
            f"The connection to {server} broke: {reason}.", sent=True, hint="Ask again."
        )
    return ConnectionFailedError(
        f"Cannot connect to {server}: {reason}.",
        hint="Check that the server is running and that `base_url` is right.",
    )


def _kind_of(error: Exception) -> tuple[_ErrorType, bool]:
    for one in (error.__cause__, error):
        for cls in type(one).__mro__:
            # That a socket timed out says nothing of the phase that the library was in.
            is_told = one is error or cls.__module__ != "builtins"
            if is_told and cls.__name__ in _ERRORS:
                return _ERRORS[cls.__name__]
    return _UNKNOWN
