"""The libraries that HTTP is spoken with, and what differs between them.

httpx is what structgen depends on. httpx2 goes on where httpx has stopped, under the same names; it
is used if it is installed. Requests go through the layer below them, httpcore and httpcore2, which
saves a third of the work of a call and lets a call end in the middle of the headers.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from structgen.errors import ConfigurationError
from structgen.wire.http.settings import proxy_for


class HttpLibrary(NamedTuple):
    """A library of httpx's family."""

    name: str
    """The name of its package, with URLs, proxies and TLS contexts."""
    core: str
    """The name of the package below it, with connections."""
    python: tuple[int, int]
    """The oldest Python that it runs on."""
    certificates: str
    """Whose certificates it trusts if neither SSL_CERT_FILE nor SSL_CERT_DIR is set."""


LIBRARIES: Final = (
    HttpLibrary("httpx2", "httpcore2", (3, 11), "those of the operating system (truststore)"),
    HttpLibrary("httpx", "httpcore", (3, 10), "those of certifi"),
)
"""The libraries, the preferred one first. The last one is always there."""


def http_library() -> HttpLibrary:
    """Choose the library: the first one that is installed and runs on this Python."""
    for library in LIBRARIES[:-1]:
        if sys.version_info >= library.python and find_spec(library.name) is not None:
            return library
    return LIBRARIES[-1]


@lru_cache(maxsize=256)
def url_of(library: HttpLibrary, base_url: str, path: str) -> tuple[Any, bytes]:
    """Give the URL of a path below a server's address, as httpcore has it, and its Host header.

    Args:
        library: The library.
        base_url: The server's address.
        path: The path, with its query.

    Raises:
        ConfigurationError: If that is no URL.
    """
    httpx, core = import_module(library.name), import_module(library.core)
    try:
        url = httpx.URL(f"{base_url}/{path}")
    except httpx.InvalidURL as error:
        raise ConfigurationError(
            f"The base URL is not a URL: {error}.", hint="Give http(s)://host[:port]/path."
        ) from error
    found = core.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)
    return found, url.netloc


def tls_for(library: HttpLibrary, base_url: str) -> Any:
    """Give the TLS context of connections to a server; None if there is nothing to encrypt.

    Args:
        library: The library.
        base_url: The server's address.
    """
    needs_one = base_url.startswith("https") or proxy_for(base_url) is not None
    return _tls_context(library) if needs_one else None


@lru_cache(maxsize=len(LIBRARIES))
def _tls_context(library: HttpLibrary) -> Any:
    """One TLS context for all connections: it takes tens of milliseconds and a megabyte to make."""
    return import_module(library.name).create_ssl_context()
