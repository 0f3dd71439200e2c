"""A record of what is known of a model: lengths, reasoning, and when it ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal, TypeAlias

from structgen.wire.models.image_tokens import ImageTokens

TemperatureRule: TypeAlias = Literal["always", "without-reasoning", "never"]
"""When a model takes `temperature`; it refuses the whole request otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What is known of a model, or of all models of a family. None means unknown."""

    provider: str
    """The provider's name, as in "groq:openai/gpt-oss-20b"."""
    model: str
    """A glob pattern of the models that the row is for; a whole name if they end."""
    context: int | None = None
    """Tokens of prompt and answer together."""
    max_output: int | None = None
    """Tokens of the longest answer, reasoning included."""
    image_tokens: ImageTokens | None = None
    """Tokens that one image counts as: a number, or a rule about its size."""
    efforts: tuple[str, ...] | None = None
    """The levels of reasoning that can be asked for, least first; empty if there are none."""
    default_effort: str | None = None
    """The level of a request that names none."""
    temperature: TemperatureRule | None = None
    """When it takes `temperature`."""
    deprecated: date | None = None
    """The day on which its end was announced."""
    ends: date | None = None
    """The first day without it."""
    replacement: str | None = None
    """The model to take instead."""
    source: str = ""
    """Where the facts are from, and when they were read."""

    @property
    def has_ended(self) -> bool:
        """Whether it is gone by today."""
        return self.ends is not None and self.ends <= date.today()

    def end_in_words(self) -> str:
        """Say when it ends and what to take instead, as one clause; empty if it does not end."""
        if self.ends is None:
            return ""
        ended = "ended" if self.has_ended else "ends"
        instead = f"; use {self.replacement}" if self.replacement else ""
        return f"{self.provider}:{self.model} {ended} on {self.ends}{instead}"
