"""Clients made of the clients of the OpenAI and Groq SDKs, with their keys and connections."""

from __future__ import annotations

import inspect
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, Protocol, overload
from urllib.parse import urlsplit

from typing_extensions import Unpack

from structgen.client.asynchronous import AsyncClient
from structgen.client.blocking import Client
from structgen.errors import ConfigurationError
from structgen.options import OptionArgs
from structgen.wire.dialect import Capabilities
from structgen.wire.providers import ROWS

_SDKS: Final = ("openai", "groq")
_OF_THE_SDK: Final = ("accept", "content-type", "user-agent", "authorization", "api-key")
"""Headers that an SDK sets itself, besides its `x-stainless-` ones: structgen sets its own."""
_ANY_SERVER: Final = "generic"


class SdkClient(Protocol):
    """A client of an SDK: `openai.OpenAI`, `openai.AzureOpenAI` or `groq.Groq`."""

    def close(self) -> None:
        """Close its connections."""
        ...


class AsyncSdkClient(Protocol):
    """An async client of an SDK, such as `openai.AsyncOpenAI`."""

    async def close(self) -> None:
        """Close its connections."""
        ...


@overload
def wrap(
    sdk: AsyncSdkClient,
    model: str = "",
    *,
    provider: str | None = None,
    **options: Unpack[OptionArgs],
) -> AsyncClient: ...
@overload
def wrap(
    sdk: SdkClient,
    model: str = "",
    *,
    provider: str | None = None,
    **options: Unpack[OptionArgs],
) -> Client: ...
def wrap(
    sdk: Any,
    model: str = "",
    *,
    provider: str | None = None,
    **options: Unpack[OptionArgs],
) -> Client | AsyncClient:
    """Make a client that asks over an existing client of the OpenAI or Groq SDK.

    The address, the key, the headers, the query, the HTTP client with its proxies and certificates,
    the timeout and the number of retries are those of the SDK's client. A key that is set anew
    later, or that a function gives, is asked for with each request. Close the SDK's client
    yourself.

    Args:
        sdk: The SDK's client; an async one makes an AsyncClient.
        model: The model's name, as the SDK takes it. Only `chat` can do without.
        provider: The provider whose rules the server follows, such as "vllm"; by default the one
            that has the address, itself or in its environment variable, else "generic".
        **options: Defaults of every call, before the SDK's; see `OptionArgs`.

    Raises:
        ConfigurationError: If it is no client of these SDKs, or signs in without an API key.
    """
    if not _is_sdk_client(sdk):
        raise ConfigurationError(
            f"`wrap` got a value of type {type(sdk).__name__}.",
            hint="Give a client of the openai or groq package: wrap(openai.OpenAI(), model).",
        )
    key = _key_of(sdk)
    if key is None:
        raise ConfigurationError(
            f"This {type(sdk).__name__} has no API key: it signs in another way.",
            hint="Make a structgen.Client with a function that gives the token as `api_key`.",
        )
    provider = provider or _provider_of(sdk)
    given: dict[str, Any] = {**_limits_of(sdk), **options}
    is_async = inspect.iscoroutinefunction(type(sdk).close)
    kind: type[Client] | type[AsyncClient] = AsyncClient if is_async else Client
    return kind(
        f"{provider}:{model}" if model else provider,
        base_url=str(sdk.base_url),
        api_key=key,
        default_headers=_headers_of(sdk),
        default_query={name: str(value) for name, value in sdk.default_query.items()},
        http_client=sdk._client,
        **given,
    )


def _is_sdk_client(sdk: Any) -> bool:
    """Whether it is an instance of a client of an SDK, or of a class derived from one."""
    bases = type(sdk).__mro__
    return hasattr(sdk, "_client") and any(
        base.__module__.partition(".")[0] in _SDKS for base in bases
    )


def _provider_of(sdk: Any) -> str:
    """The provider whose address the client has."""
    names = {base.__name__ for base in type(sdk).__mro__}
    if "BaseAzureClient" in names:
        return "azure"
    host = urlsplit(str(sdk.base_url)).netloc
    known = (row.provider for row in ROWS if host in _hosts(row))
    return next(known, _ANY_SERVER)


def _hosts(row: Capabilities) -> set[str]:
    """The hosts of a provider: its own, and those that its environment variables name."""
    addresses = [row.base_url, *(os.environ.get(name) for name in row.base_url_env)]
    return {urlsplit(address).netloc for address in addresses if address}


def _key_of(sdk: Any) -> Callable[[], str | Awaitable[str]] | None:
    """A function that gives the client's key of the moment; None if it has none."""
    if getattr(sdk, "_api_key_provider", None) is not None:
        refresh: Callable[[], str | Awaitable[str]] = sdk._refresh_api_key
        return refresh
    # Azure's client writes this in place of a key if it signs in with a token.
    if not sdk.api_key or sdk.api_key.startswith("<missing"):
        return None
    return lambda: str(sdk.api_key)


def _headers_of(sdk: Any) -> dict[str, str]:
    """The headers that the user, or an argument such as `organization`, added."""
    headers: Mapping[str, Any] = sdk.default_headers
    return {
        name: value
        for name, value in headers.items()
        if isinstance(value, str)
        and name.lower() not in _OF_THE_SDK
        and not name.lower().startswith("x-stainless-")
    }


def _limits_of(sdk: Any) -> dict[str, Any]:
    """The client's timeout of one try, in seconds, and its number of retries."""
    timeout = sdk.timeout
    seconds = timeout if isinstance(timeout, int | float | None) else timeout.read
    return {"timeout": seconds, "max_retries": sdk.max_retries}
