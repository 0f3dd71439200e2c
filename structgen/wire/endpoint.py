"""The address of a backend, and what every request to it carries: its key, headers, and a query."""

from __future__ import annotations

import inspect
import os
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final, TypeAlias
from urllib.parse import urlencode, urlsplit

from structgen.errors import ConfigurationError
from structgen.values import kind_of_value, shorten
from structgen.wire.dialect import Capabilities

_HEADER_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token of HTTP (RFC 9110, section 5.6.2)."""

ApiKey: TypeAlias = "str | Callable[[], str | Awaitable[str]] | None"
"""A key, or a function that gives the key of each request; an async one for async clients."""


@dataclass(frozen=True, slots=True)
class KeyFunction:
    """A function that gives the key of each request, and the headers that carry a key."""

    function: Callable[[], str | Awaitable[str]] = field(repr=False)
    """Gives the key, at once or after waiting for it."""
    to_headers: Callable[[str], Mapping[str, str]] = field(repr=False)
    """Gives the headers of a key."""

    def headers(self) -> Mapping[str, str]:
        """Ask for the key, and give its headers.

        Raises:
            ConfigurationError: If the function is async, or gives no key.
        """
        found = self.function()
        if not inspect.isawaitable(found):
            return self.to_headers(_key_text(found))
        if inspect.iscoroutine(found):
            found.close()
        raise ConfigurationError(
            "The function for `api_key` is async, but the call is sync.",
            hint="Use AsyncClient, or give a function that returns the key.",
        )

    async def aheaders(self) -> Mapping[str, str]:
        """As `headers`, waiting for the key if the function is async."""
        found = self.function()
        return self.to_headers(_key_text(await found if inspect.isawaitable(found) else found))


def _key_text(found: Any) -> str:
    if isinstance(found, str):
        return found.strip()
    raise ConfigurationError(
        f"The function for `api_key` gave a value of type {type(found).__name__}, not a text.",
        hint="Let it return the key.",
    )


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The address of a backend, and the headers of every request to it."""

    base_url: str
    """The address, with the path before "chat/completions"."""
    headers: Mapping[str, str] = field(repr=False)
    """The headers, the key's among them; they are never shown."""
    query: str = field(default="", repr=False)
    """The query of every URL, as it is written in one."""
    key: KeyFunction | None = field(default=None, repr=False)
    """Gives the key of each request; None if the key is among `headers`."""


def endpoint(
    caps: Capabilities,
    base_url: str | None = None,
    api_key: ApiKey = None,
    environ: Mapping[str, str] | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
) -> Endpoint:
    """Find the address and the headers of a provider.

    What is not given comes from the provider's environment variables, and then from its defaults.

    Args:
        caps: The provider's row.
        base_url: The address, with or without the path of the provider's API: the Groq SDK wants
            it without, OpenAI clients with it. Its query is that of every request.
        api_key: The key, or a function that gives it; an empty text for none.
        environ: The environment variables; by default those of the process.
        headers: Further headers of every request.
        query: Further members of every URL's query.

    Raises:
        ConfigurationError: If the address or a needed key is missing or malformed.
    """
    environ = os.environ if environ is None else environ
    url = base_url or _first_set(environ, caps.base_url_env) or caps.base_url
    if not url:
        variable = f" or set {caps.base_url_env[0]}" if caps.base_url_env else ""
        raise ConfigurationError(
            f"{caps.provider} needs an address.", hint=f"Give `base_url`{variable}."
        )
    address, _, own_query = url.partition("?")
    check_headers(headers or {}, "default_headers")
    given = {name.lower(): value for name, value in (headers or {}).items()}
    shared = {**_custom_headers(_first_set(environ, caps.headers_env) or ""), **given}
    whole_query = "&".join(filter(None, (own_query, urlencode(query or {}))))
    if callable(api_key):
        key = KeyFunction(api_key, partial(_key_header, caps=caps))
        return Endpoint(_normalised(address, caps), shared, whole_query, key)
    known = api_key if api_key is not None else _first_set(environ, caps.key_env)
    has_own_key = caps.key_header in shared and not known
    if not has_own_key:
        shared.update(_key_header((known or "").strip(), caps))
    return Endpoint(_normalised(address, caps), shared, whole_query)


def check_headers(headers: Any, argument: str) -> None:
    """Raise ConfigurationError if HTTP cannot carry some headers.

    Args:
        headers: What the user gave.
        argument: The name of the argument, for the error.
    """
    hint = f"Give `{argument}` as a mapping of names to texts."
    if not isinstance(headers, Mapping):
        raise ConfigurationError(f"`{argument}` is {kind_of_value(headers)}.", hint=hint)
    for name, value in headers.items():
        if not isinstance(name, str) or not _HEADER_NAME.fullmatch(name):
            raise ConfigurationError(
                f"{shorten(str(name), 40)!r} cannot be the name of a header.", hint=hint
            )
        if not isinstance(value, str) or not value.isprintable():
            raise ConfigurationError(
                f"The header {shorten(name, 40)!r} is not one line of text.", hint=hint
            )


def _key_header(key: str, caps: Capabilities) -> dict[str, str]:
    if not key and caps.needs_key:
        raise ConfigurationError(
            f"{caps.provider} needs an API key.", hint=f"Set {caps.key_env[0]}, or give `api_key`."
        )
    if not (key.isascii() and key.isprintable()):
        raise ConfigurationError(
            "The API key has characters that an HTTP header cannot carry.",
            hint="Check that it was copied whole and without other text.",
        )
    if not key:
        return {}
    return {caps.key_header: f"Bearer {key}" if caps.key_header == "authorization" else key}


def _first_set(environ: Mapping[str, str], names: Sequence[str]) -> str | None:
    return next((environ[name] for name in names if environ.get(name)), None)


def _custom_headers(lines: str) -> dict[str, str]:
    """Headers of an environment variable, one `Name: value` per line, with lower-case names."""
    pairs = [line.partition(":") for line in lines.splitlines() if ":" in line]
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _with_port(address: str, port: int | None) -> str:
    """An address without a scheme, with the provider's port if it has none."""
    host, slash, path = address.partition("/")
    if port is None or re.search(r":\d+$", host):
        return address
    return f"{host}:{port}{slash}{path}"


def _normalised(url: str, caps: Capabilities) -> str:
    """The address with its scheme, and with the path of the provider's API if it has none."""
    if "://" not in url:
        url = f"http://{_with_port(url, caps.base_port)}"
    url = url.rstrip("/")
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise ConfigurationError(
            f"`base_url` is not the address of a server: {error}.",
            hint="Give an http(s) URL as `base_url`.",
        ) from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ConfigurationError(
            f"{parts.scheme}://{parts.hostname or ''} is not the address of a server.",
            hint="Give an http(s) URL as `base_url`.",
        )
    has_version = re.search(r"/v\d|/deployments/", parts.path)
    if not has_version and (not parts.path or caps.adds_base_path):
        url += caps.base_path or "/v1"
    return url
