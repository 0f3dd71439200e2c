"""Make a backend of what a user writes: "groq:openai/gpt-oss-20b", "local", or a .gguf file."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Mapping, Sequence
from typing import Any, Final

from structgen.errors import ConfigurationError
from structgen.extraction.backend import Backend
from structgen.flow.ports import EnginePort, HttpPort
from structgen.wire.dialect import Capabilities
from structgen.wire.endpoint import ApiKey, endpoint
from structgen.wire.http.client import HttpTransport
from structgen.wire.link import Link
from structgen.wire.models.prices import FREE, Price, price_of
from structgen.wire.models.retired import retired_model
from structgen.wire.providers import PROVIDERS, capabilities
from structgen.wire.rate_limits import DAY, MINUTE, Pacer, RateLimits
from structgen.wire.telemetry import Hook

_BY_DAY: Final = frozenset({"groq", "structgen"})
"""Providers whose headers about requests speak of a day; those of the others speak of a minute."""
_ANY_SERVER: Final = "generic"
"""The provider whose row serves any server with a `base_url`."""


def is_local(model: str) -> bool:
    """Whether a name stands for a model in this process."""
    if is_address(model):
        return False
    return model == "local" or model.startswith("local:") or model.endswith(".gguf")


def is_address(model: str) -> bool:
    """Whether a name is the address of a server, as in "http://host:8000/v1#model"."""
    return model.lower().startswith(("http://", "https://"))


def engine_backend(engine: EnginePort, name: str | None = None) -> Backend:
    """The backend of an engine in this process, which constrained decoding holds to its schemas.

    Args:
        engine: The engine.
        name: The backend's name for people; that of the engine if None.

    Returns:
        The backend.
    """
    own = getattr(engine, "model", None)  # the layout of the prompt depends on these two
    family = getattr(engine, "family", None)
    language = getattr(engine, "grammar", "llguidance")
    return Backend(
        name=name or engine.name,
        model=name or (own if isinstance(own, str) else engine.name),
        family=family if isinstance(family, str) else "",
        modes=(("decoder", language),),
        via=engine,
        price=FREE,
    )


def local_backend(model: str, mmproj: str | os.PathLike[str] | None = None) -> Backend:
    """The backend of a model in this process, which the first call loads.

    Args:
        model: "local" for the embedded model, "local:NAME" for one of the catalog, or a .gguf file.
        mmproj: The file of its projector, with which it sees images.

    Returns:
        The backend.

    Raises:
        ModelMissingError: If there is no such model.
        ModelCorruptError: If a file is not what it should be.
        ConfigurationError: If the model takes no projector.
    """
    from structgen.local.engine import open_engine  # needs packages that only some users install

    engine = open_engine(model.removeprefix("local:"), mmproj=mmproj)
    return engine_backend(engine, f"local:{engine.model}")


def http_backend(
    spec: str,
    *,
    base_url: str | None = None,
    api_key: ApiKey = None,
    headers: Mapping[str, str] | None = None,
    query: Mapping[str, str] | None = None,
    rows: Sequence[Capabilities] = (),
    prices: Sequence[Price] = (),
    rate_limits: RateLimits | None = None,
    hooks: Sequence[Hook] = (),
    http_client: Any = None,
    http2: bool = False,
    max_connections: int = 512,
    port: HttpPort | None = None,
) -> Backend:
    """The backend of a model on a server.

    Args:
        spec: "provider:model"; "provider" alone, if each call names its model; the address of any
            server with the model after a "#"; or any model name together with `base_url`.
        base_url: Where the server is, if not where its provider usually is.
        api_key: The key, or a function that gives it; from the provider's environment variable if
            None.
        headers: Further headers of every request.
        query: Further members of every URL's query.
        rows: The user's own capabilities, which come before the built-in ones.
        prices: The user's own prices, which come before the built-in ones.
        rate_limits: How much may be sent; what the server's headers say if None.
        hooks: Functions that are told of every try.
        http_client: An httpx or aiohttp client to use instead of our own.
        http2: Whether to use HTTP/2.
        max_connections: How many connections may be open at the same time.
        port: A transport to use instead of HTTP.

    Returns:
        The backend.

    Raises:
        ConfigurationError: If the provider is not known and there is no `base_url`, or a key is
            missing.
    """
    if is_address(spec) and base_url is None:
        base_url, _, spec = spec.partition("#")
    provider, model = _parts(spec, base_url, rows)
    caps = capabilities(provider, model, rows)
    _warn_of_its_end(caps.owner, model)
    where = endpoint(caps, base_url, api_key, headers=headers, query=query)
    link = Link(
        port=port
        or HttpTransport(
            where.base_url,
            where.headers,
            query=where.query,
            key=where.key,
            http_client=http_client,
            http2=http2,
            max_connections=max_connections,
        ),
        caps=caps,
        address=where.base_url,
        rows=tuple(rows),
        pacer=Pacer(
            rate_limits or RateLimits(), request_window=DAY if provider in _BY_DAY else MINUTE
        ),
        hooks=tuple(hooks),
    )
    return Backend(
        name=f"{provider}:{model}" if model else provider,
        model=model,
        modes=caps.modes,
        via=link,
        price=price_of(caps.owner, model, prices),
    )


def _warn_of_its_end(provider: str, model: str) -> None:
    """Warn of a model that will be switched off. One that was may live on under a contract."""
    found = retired_model(provider, model)
    if found is not None and not found.has_ended:
        warnings.warn(f"{found.end_in_words()}.", FutureWarning, stacklevel=_level_of_caller())


def _level_of_caller() -> int:
    """Count the frames up to the code that uses structgen, for the warning that points there."""
    level, frame = 1, sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__", "").startswith("structgen."):
        level, frame = level + 1, frame.f_back
    return level


def _parts(spec: str, base_url: str | None, rows: Sequence[Capabilities]) -> tuple[str, str]:
    provider, _, model = spec.partition(":")
    if provider in PROVIDERS or any(row.provider == provider for row in rows):
        # Our own server has one model, and answers to this name of it.
        return provider, model or ("local" if provider == "structgen" else "")
    if base_url is None:
        raise ConfigurationError(
            f"{spec!r} is neither a known provider nor a local model.",
            hint=f"Write provider:model (providers: {', '.join(PROVIDERS)}), local, or a .gguf "
            "file; or pass `base_url`.",
        )
    return _ANY_SERVER, spec
