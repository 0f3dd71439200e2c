"""The price of tokens by provider and model, in US dollars per million tokens.

Prices change, and a wrong price is worse than none. Prices of the package genai-prices go first,
where it is installed; the rows here name their source and the month in which they were read. For
other models give rows of your own, as `Client(..., prices=[...])`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Final

from structgen.kinds import TEXT, Kind, check_fields, number, or_none, sequence, whole
from structgen.values import Usage
from structgen.wire.models.price_list import ListedPrice, listed_prices

_MILLION: Final = 1e6
_KINDS: Final[Mapping[str, Kind]] = {
    "provider": TEXT,
    "model": TEXT,
    "input": number(0, of="US dollars"),
    "output": number(0, of="US dollars"),
    "cached": or_none(number(0, of="US dollars")),
    "above": whole(0),
}
"""Which values the members of a price take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """The price of one or more models, in US dollars per million tokens."""

    provider: str
    """The provider's name, as in "groq:openai/gpt-oss-20b"."""
    model: str = "*"
    """A glob pattern of the models that have this price."""
    input: float
    """The price of the prompt's tokens."""
    output: float
    """The price of the answer's tokens, reasoning included."""
    cached: float | None = None
    """The price of prompt tokens that the provider served from its cache; None if it is the same
    as `input`."""
    longer: tuple[Price, ...] = ()
    """Other prices, of longer prompts, the shortest of them first."""
    above: int = 0
    """Tokens of a prompt above which this is its price, if it is one of `longer`."""

    def __post_init__(self) -> None:
        check_fields(self, {**_KINDS, "longer": _PRICES})

    def cost_of(self, usage: Usage) -> float:
        """Compute the cost of one answer, in US dollars.

        Args:
            usage: Its tokens. Reasoning tokens are among those of the completion.
        """
        for price in reversed(self.longer):
            if usage.prompt_tokens > price.above:
                return price.cost_of(usage)
        cached = min(usage.cached_tokens, usage.prompt_tokens)
        uncached = usage.prompt_tokens - cached
        cached_price = self.input if self.cached is None else self.cached
        dollars = (
            uncached * self.input + cached * cached_price + usage.completion_tokens * self.output
        )
        return dollars / _MILLION


_PRICES: Final = sequence(lambda one: isinstance(one, Price), "a list of prices")


def _above(provider: str, tokens: int, asked: float, cached: float, answered: float) -> Price:
    """The price of prompts with more tokens than this."""
    return Price(provider=provider, above=tokens, input=asked, cached=cached, output=answered)


PRICES: Final[tuple[Price, ...]] = (
    # Groq: groq.com/pricing and console.groq.com/docs/models, as quoted in January and May 2026.
    # Cache hits cost half (console.groq.com/docs/prompt-caching).
    Price(provider="groq", model="openai/gpt-oss-20b", input=0.075, cached=0.0375, output=0.30),
    Price(provider="groq", model="openai/gpt-oss-120b", input=0.15, cached=0.075, output=0.60),
    Price(provider="groq", model="openai/gpt-oss-safeguard-20b", input=0.075, output=0.30),
    # As quoted on 2026-08-29.
    Price(provider="groq", model="qwen/qwen3.8-27b", input=0.80, cached=0.40, output=4.00),
    # platform.claude.com/docs/en/models, read in November 2026.
    Price(provider="anthropic", model="claude-fable-5-1*", input=10.0, cached=0.25, output=50.0),
    Price(provider="anthropic", model="claude-opus-5-5*", input=4.0, cached=0.20, output=20.0),
    Price(provider="anthropic", model="claude-sonnet-5-5*", input=2.0, cached=0.10, output=10.0),
    Price(
        provider="anthropic",
        model="claude-haiku-5-5*",
        input=0.10,
        cached=0.01,
        output=0.50,
        longer=(_above("anthropic", 100_000, 0.50, 0.05, 2.50),),
    ),
    # genai-prices 0.2.3 of November 2026, which reads developers.openai.com/api/docs/pricing.
    Price(
        provider="openai",
        model="gpt-6-luna",
        input=0.10,
        cached=0.01,
        output=0.50,
        longer=(_above("openai", 272_000, 0.20, 0.02, 0.75),),
    ),
    Price(
        provider="openai",
        model="gpt-6.1-terra",
        input=1.0,
        cached=0.05,
        output=5.0,
        longer=(_above("openai", 272_000, 2.0, 0.10, 7.5),),
    ),
    Price(
        provider="openai",
        model="gpt-6.1-sol",
        input=2.0,
        cached=0.10,
        output=10.0,
        longer=(_above("openai", 272_000, 4.0, 0.20, 15.0),),
    ),
    # The same of ai.google.dev/gemini-api/docs/pricing.
    Price(provider="gemini", model="gemini-3.5-flash", input=1.5, cached=0.15, output=9.0),
    Price(provider="gemini", model="gemini-3.5-flash-lite", input=0.30, cached=0.03, output=2.5),
)
"""Known prices. Rows of your own and those of genai-prices go before them."""

FREE: Final = Price(provider="local", input=0.0, output=0.0)
"""The price of a model in this process."""


def price_of(provider: str, model: str, rows: Sequence[Price] = ()) -> Price | None:
    """Find the price of a model.

    Args:
        provider: The provider's name.
        model: The model's name.
        rows: The user's own prices, which go before the known ones.

    Returns:
        The first of the user's rows that fits, else the price that genai-prices has, else the
        first of the known rows; None if no price is known.
    """
    return (
        _first_that_fits(provider, model, rows)
        or _listed_price(provider, model)
        or _first_that_fits(provider, model, PRICES)
    )


def _first_that_fits(provider: str, model: str, rows: Sequence[Price]) -> Price | None:
    name = model.lower()
    fitting = (
        row for row in rows if row.provider == provider and fnmatchcase(name, row.model.lower())
    )
    return next(fitting, None)


def _listed_price(provider: str, model: str) -> Price | None:
    listed = listed_prices(provider, model)
    if not listed:
        return None
    first, *longer = (_as_price(provider, model, one) for one in listed)
    return replace(first, longer=tuple(longer))


def _as_price(provider: str, model: str, listed: ListedPrice) -> Price:
    return Price(
        provider=provider,
        model=model,
        input=listed.input,
        output=listed.output,
        cached=listed.cached,
        above=listed.above,
    )
