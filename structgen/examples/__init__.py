"""Worked examples: a pool from which those are chosen that are most like each document."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.examples.nearest import Nearest as Nearest
    from structgen.values import Example as Example
    from structgen.values import ExamplePool as ExamplePool
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.examples.nearest": "Nearest",
            "structgen.values": "Example ExamplePool",
        },
    )
