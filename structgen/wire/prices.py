"""What tokens cost: provider x model -> US dollars per million tokens. A price is added here, or given to a client.

Prices change, and a wrong one is worse than none: a row stands here only with its source and the month it was read. For anything
else give your own rows (`Client(..., prices=[...])`), which go before these.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from structgen.values import Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars per million tokens. `model`: glob pattern of the models it is for. `cached`: of prompt tokens that the provider
    served from its cache; as `input` where None."""

    provider: str
    model: str = "*"
    input: float
    output: float
    cached: float | None = None

    def of(self, usage: Usage) -> float:
        """What these tokens cost, in US dollars. Reasoning tokens are among the completion's."""
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        rate = self.input if self.cached is None else self.cached
        dollars = (
            (usage.prompt_tokens - cached) * self.input
            + cached * rate
            + usage.completion_tokens * self.output
        )
        return dollars / 1e6


PRICES: Final[tuple[Price, ...]] = (
    # Groq: groq.com/pricing and console.groq.com/docs/models, as quoted in January and May 2026. Cache hits cost half
    # (console.groq.com/docs/prompt-caching).
    Price(provider="groq", model="openai/gpt-oss-20b", input=0.075, cached=0.0375, output=0.30),
    Price(provider="groq", model="openai/gpt-oss-120b", input=0.15, cached=0.075, output=0.60),
    Price(provider="groq", model="openai/gpt-oss-safeguard-20b", input=0.075, output=0.30),
)
"""Known prices; rows of your own go before them."""

FREE: Final = Price(provider="local", input=0.0, output=0.0)
"""Of a model in this process."""


def price_of(provider: str, model: str, rows: Sequence[Price] = ()) -> Price | None:
    """The first price for this provider whose pattern fits the model, `rows` of the user before ours; None where none is known."""
    for row in (*rows, *PRICES):
        if row.provider == provider and fnmatchcase(model.lower(), row.model.lower()):
            return row
    return None
