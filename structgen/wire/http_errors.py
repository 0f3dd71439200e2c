"""What an HTTP library raises -> our errors, and whether the server may have processed the request.

Told apart by the names of the exceptions' classes, of the cause first, so that httpx, httpx2 and aiohttp below them need not be
loaded to be understood alike.
"""

from __future__ import annotations

import time
from typing import Final

from structgen.errors import (
    ConfigurationError,
    ConnectionFailedError,
    RequestTimeoutError,
    StructgenError,
)

CONNECT: Final = 20.0
"""Seconds to connect, at most; generous, since a starved event loop sees a finished handshake late."""

MAX_BODY: Final = 256 * 1024 * 1024
"""Bytes a whole answer may have."""

_ERRORS: Final[
    dict[str, tuple[type[RequestTimeoutError | ConnectionFailedError | ConfigurationError], bool]]
] = {
    # the flag: may the server have processed the request?
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


def mapped(error: Exception, server: str, timeout: float | None) -> StructgenError:
    """Our error for one of an HTTP library. `server`: host and port; `timeout`: what the try was given."""
    names = [cls.__name__ for one in (error.__cause__, error) if one for cls in type(one).__mro__]
    kind, sent = next(
        (_ERRORS[name] for name in names if name in _ERRORS), (ConnectionFailedError, True)
    )
    if kind is RequestTimeoutError:
        done = "after the request was sent" if sent else "before the request was sent"
        return RequestTimeoutError(
            f"{server} did not answer within {timeout or CONNECT:g} s, {done}.",
            sent=sent,
            hint="Raise `timeout`.",
        )
    reason = str(error) or type(error).__name__
    if kind is ConfigurationError:
        return ConfigurationError(
            f"The request to {server} cannot be sent: {reason}.",
            hint="Check `base_url` and the headers.",
        )
    if sent:
        return ConnectionFailedError(
            f"The connection to {server} broke: {reason}.", sent=True, hint="Ask again."
        )
    return ConnectionFailedError(
        f"No connection to {server}: {reason}.", hint="Is the server running, and `base_url` right?"
    )


def checked(size: int, ends_at: float | None) -> int:
    """The size of what came of an answer. Raises TimeoutError behind `ends_at`, ConnectionFailedError for too much."""
    if size > MAX_BODY:
        raise ConnectionFailedError(
            f"The answer is longer than {MAX_BODY} bytes.",
            sent=True,
            hint="Is this a Chat Completions server?",
        )
    if ends_at is not None and time.monotonic() > ends_at:
        raise TimeoutError
    return size
