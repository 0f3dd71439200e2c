"""Settings of HTTP connections that need no HTTP library: timeouts and proxies."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Coroutine
from importlib.util import find_spec
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from structgen.errors import ConfigurationError

T = TypeVar("T")

CONNECT_TIMEOUT: Final = 20.0
"""The greatest number of seconds to connect. It is generous, since an event loop that is busy sees
a finished handshake late."""

KEEP_ALIVE: Final = 15.0
"""Seconds that an idle connection stays open."""

_GRACE: Final = 0.05
"""Seconds by which the end of a whole try comes after those of its steps."""

_PROXY_SCHEMES: Final = frozenset({"http", "https", "socks5", "socks5h"})

_PROXY_HINT: Final = (
    "Set HTTP_PROXY or HTTPS_PROXY to an address that begins with http://, https:// or socks5://."
)


def connect_timeout(timeout: float | None) -> float:
    """Compute the seconds to connect in.

    Args:
        timeout: Seconds for the whole try; None for no limit.
    """
    return CONNECT_TIMEOUT if timeout is None else min(timeout, CONNECT_TIMEOUT)


def whole_timeout(timeout: float | None) -> float | None:
    """Compute the seconds after which a try is ended whatever comes.

    They are a little more than the timeouts of its steps, whose errors say more.

    Args:
        timeout: Seconds for the whole try; None for no limit.
    """
    return None if timeout is None else timeout + _GRACE


async def within(answer: Coroutine[Any, Any, T], timeout: float | None) -> T:
    """Await the headers of an answer, also if they come byte by byte.

    Args:
        answer: What gives the answer.
        timeout: Seconds for the whole try; None for no limit.

    Raises:
        TimeoutError: If the time is over.
    """
    if sys.version_info < (3, 11):
        return await asyncio.wait_for(answer, whole_timeout(timeout))
    # `wait_for` makes a task, and so gives the body time to arrive and break off before it is read:
    # aiohttp then keeps what came of it to itself.
    async with asyncio.timeout(whole_timeout(timeout)):
        return await answer


def proxy_for(base_url: str) -> str | None:
    """Find the proxy that the environment names for a server (HTTPS_PROXY, NO_PROXY ...).

    Args:
        base_url: The server's address.

    Returns:
        The proxy's URL; None to connect directly.

    Raises:
        ConfigurationError: If the proxy's address is of an unknown kind, or a package is missing.
    """
    # Slow to import, and needed only for the first connection.
    from urllib.request import getproxies, proxy_bypass

    parts = urlsplit(base_url)
    proxies = getproxies()
    url = proxies.get(parts.scheme) or proxies.get("all")
    if not url or proxy_bypass(parts.hostname or ""):
        return None
    url = url if "://" in url else f"http://{url}"  # as curl and requests read it
    scheme = _scheme_of_proxy(url)
    if scheme not in _PROXY_SCHEMES:
        raise ConfigurationError(
            f"The proxy of the environment has the unknown scheme {scheme!r}.", hint=_PROXY_HINT
        )
    if scheme.startswith("socks") and find_spec("socksio") is None:
        raise ConfigurationError(
            "The environment names a SOCKS proxy, which needs the package socksio.",
            hint="Install it: pip install socksio.",
        )
    return url


def _scheme_of_proxy(url: str) -> str:
    """The scheme of a proxy's address, which may hold a password and so is not shown.

    Raises:
        ConfigurationError: If it is no address.
    """
    try:
        parts = urlsplit(url)
        is_address = bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        is_address = False
    if not is_address or " " in url or not url.isprintable():
        raise ConfigurationError(
            "The proxy of the environment is not the address of a server.", hint=_PROXY_HINT
        )
    return parts.scheme
