"""The way to one server: its port, what it can do, and what all calls of a client share."""

from __future__ import annotations

from dataclasses import dataclass, field

from structgen.flow.ports import HttpPort
from structgen.wire.dialect import Capabilities
from structgen.wire.rate_limits import Pacer
from structgen.wire.retry import Policy
from structgen.wire.telemetry import Hook


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The way to one server, shared by all calls of a client."""

    port: HttpPort
    """The port that sends the requests."""
    caps: Capabilities
    """The row of the server, for the client's default model."""
    address: str = ""
    """The address of the server, without its query; "" if it is not known."""
    rows: tuple[Capabilities, ...] = ()
    """The user's own rows of capabilities, for other models of the same provider."""
    policy: Policy = Policy()
    """Which errors are worth another try, and after how long."""
    pacer: Pacer | None = None
    """The rate limits; None to send every request at once."""
    hooks: tuple[Hook, ...] = ()
    """Functions that are called with a record of every try."""
    contexts: dict[str, int] = field(default_factory=dict, repr=False)
    """The context of each model that the server has listed, in tokens."""

    def context_of(self, model: str) -> int | None:
        """Give the context of a model in tokens: as its row has it, else as the server listed it.

        Args:
            model: The model's name.
        """
        known = self.caps.context
        return self.contexts.get(model) if known is None else known
