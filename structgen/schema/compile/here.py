"""A place in a source schema while it is compiled."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from structgen.errors import SchemaError

MAX_DEPTH: Final = 64
"""How deep schemas may nest inside one another."""


@dataclass(slots=True)
class Here:
    """A place in the source."""

    at: str
    """Its JSON Pointer."""
    depth: int = 0
    unrolls_left: int | None = None
    """How often the definition around it may still be unrolled; None if none is."""
    words: list[str] = field(default_factory=list)
    """Phrases for the description."""

    def down(self, step: str) -> Here:
        """The place one step further in."""
        if self.depth >= MAX_DEPTH:
            raise SchemaError(
                f"Schemas are nested more than {MAX_DEPTH} deep.",
                path=self.at,
                hint="Move parts into `$defs`.",
            )
        return Here(f"{self.at}/{step}", self.depth + 1, self.unrolls_left)
