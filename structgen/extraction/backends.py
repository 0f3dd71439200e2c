"""From what a user writes ("groq:openai/gpt-oss-20b", "local", a .gguf file) to a backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from structgen.errors import ConfigurationError
from structgen.extraction.backend import Backend
from structgen.flow.ports import EnginePort, HttpPort
from structgen.wire.dialect import Capabilities
from structgen.wire.http import HttpTransport
from structgen.wire.link import Link
from structgen.wire.prices import FREE, Price, price_of
from structgen.wire.providers import PROVIDERS, capabilities, endpoint
from structgen.wire.rate_limits import DAY, MINUTE, Pacer, RateLimits
from structgen.wire.telemetry import Hook

_ANY = "generic"


def is_local(model: str) -> bool:
    """Does it name a model for this process?"""
    return model == "local" or model.startswith("local:") or model.endswith(".gguf")


def engine_backend(engine: EnginePort, name: str | None = None) -> Backend:
    """An engine in this process, held to its schemas by constrained decoding."""
    return Backend(
        name=name or engine.name,
        model=name or engine.name,
        modes=(("decoder", "llguidance"),),
        via=engine,
        price=FREE,
    )


def local_backend(model: str) -> Backend:
    """A model in this process; loaded by the first call. Raises ModelMissingError, ModelCorruptError."""
    from structgen.local.engine import open_engine  # only who runs a model needs its packages

    engine = open_engine(model.removeprefix("local:"))
    return engine_backend(engine, f"local:{engine.model}")


def http_backend(
    spec: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    rows: Sequence[Capabilities] = (),
    prices: Sequence[Price] = (),
    rate_limits: RateLimits | None = None,
    hooks: Sequence[Hook] = (),
    http_client: Any = None,
    http2: bool = False,
    max_connections: int = 512,
    port: HttpPort | None = None,
) -> Backend:
    """A model behind HTTP. `spec`: "provider:model", "provider" alone (the calls name their model), or any name with a `base_url`.

    Raises ConfigurationError.
    """
    provider, model = _parts(spec, base_url, rows)
    caps = capabilities(provider, model, rows)
    where = endpoint(caps, base_url, api_key)
    link = Link(
        port=port
        or HttpTransport(
            where.base_url,
            where.headers,
            http_client=http_client,
            http2=http2,
            max_connections=max_connections,
        ),
        caps=caps,
        rows=tuple(rows),
        # Groq's headers about requests speak of a day, those of the others of a minute.
        pacer=Pacer(
            rate_limits or RateLimits(), request_window=DAY if provider == "groq" else MINUTE
        ),
        hooks=tuple(hooks),
    )
    return Backend(
        name=f"{provider}:{model}" if model else provider,
        model=model,
        modes=caps.modes,
        via=link,
        price=price_of(provider, model, prices),
    )


def _parts(spec: str, base_url: str | None, rows: Sequence[Capabilities]) -> tuple[str, str]:
    provider, _, model = spec.partition(":")
    if provider in PROVIDERS or any(row.provider == provider for row in rows):
        return provider, model
    if base_url is None:
        raise ConfigurationError(
            f"{spec!r} names no known provider and no local model.",
            hint=f"Write provider:model (providers: {', '.join(PROVIDERS)}), local, a .gguf file, or give `base_url`.",
        )
    return _ANY, spec
