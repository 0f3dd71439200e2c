"""The client that a user gives to an integration."""

from __future__ import annotations

from typing import Any

from structgen.client.blocking import Client
from structgen.errors import ConfigurationError
from structgen.values import kind_of_value


def client_of(client: Any) -> Any:
    """Give a client as it is, or make one of the name of a model.

    Args:
        client: What the user gave.

    Raises:
        ConfigurationError: If it is neither, or there is no such model.
    """
    if isinstance(client, str):
        return Client(client)
    if not hasattr(client, "caller"):
        raise ConfigurationError(
            f"`client` is {kind_of_value(client)}, but must be a client or the name of a model.",
            hint='Give structgen.Client(...), or a name such as "groq:openai/gpt-oss-20b".',
        )
    return client
