"""The tier of a request, checked against those of the server before anything is sent."""

from __future__ import annotations

from structgen.errors import ConfigurationError
from structgen.options import UNSET
from structgen.wire.dialect import Capabilities, ChatRequest


def check_tier(chat_request: ChatRequest, caps: Capabilities) -> None:
    """Raise if a request names a tier that the server does not have.

    Args:
        chat_request: The request.
        caps: The row of the server.

    Raises:
        ConfigurationError: If it does.
    """
    option = chat_request.options.service_tier
    tier = chat_request.members.get("service_tier") or (None if option is UNSET else option)
    if tier is None or caps.service_tiers is None or tier in caps.service_tiers:
        return
    known = ", ".join(caps.service_tiers)
    raise ConfigurationError(
        f"{caps.provider} has no service tier {tier!r}.",
        hint=f"Use one of {known}." if known else "Leave `service_tier` out.",
    )
