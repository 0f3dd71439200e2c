"""Prices and context lengths from the package genai-prices, where it is installed.

It is updated every week, our own rows with each release.
"""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final, NamedTuple

_PROVIDERS: Final = {
    "anthropic": "anthropic",
    "azure": "azure",
    "cerebras": "cerebras",
    "deepseek": "deepseek",
    "fireworks": "fireworks",
    "gemini": "google",
    "groq": "groq",
    "mistral": "mistral",
    "openai": "openai",
    "openrouter": "openrouter",
    "together": "together",
}
"""Our providers, by their names in that package."""


class ListedPrice(NamedTuple):
    """Prices in US dollars per million tokens."""

    above: int
    """Tokens of a prompt above which these are its prices."""
    input: float
    """The price of the prompt's tokens."""
    output: float
    """The price of the answer's tokens."""
    cached: float | None
    """The price of the prompt's tokens that came from the provider's cache, if it has its own."""


def listed_prices(provider: str, model: str) -> list[ListedPrice]:
    """Give the prices of a model today, by the length of the prompt, those of short prompts first.

    Args:
        provider: The provider's name.
        model: The model's name.

    Returns:
        The prices; empty if the package is not installed, or does not know the model.
    """
    found = _listed_model(provider, model)
    if found is None:
        return []
    prices = found.get_prices(datetime.now(timezone.utc))
    by_kind = (prices.input_mtok, prices.output_mtok, prices.cache_read_mtok)
    if by_kind[0] is None or by_kind[1] is None:
        return []  # a model of sounds or images
    bounds = {tier.start for price in by_kind for tier in getattr(price, "tiers", ())}
    return [_prices_above(bound, *by_kind) for bound in sorted({0, *bounds})]


def listed_context(provider: str, model: str) -> int | None:
    """Give the context of a model in tokens; None if it is not known, or nothing is installed."""
    found = _listed_model(provider, model)
    context = None if found is None else found.context_window
    return context if isinstance(context, int) else None


@lru_cache(maxsize=256)
def _listed_model(provider: str, model: str) -> Any:
    """The package's record of a model, or None."""
    theirs = _PROVIDERS.get(provider)
    if theirs is None or not model:
        return None
    try:
        from genai_prices.data_snapshot import get_snapshot
    except ImportError:
        return None
    try:
        _, found = get_snapshot().find_provider_model(model, None, theirs, None)
    except LookupError:
        return None
    return found


def _prices_above(bound: int, asked: Any, answered: Any, cached: Any) -> ListedPrice:
    return ListedPrice(
        bound,
        _price_above(bound, asked),
        _price_above(bound, answered),
        None if cached is None else _price_above(bound, cached),
    )


def _price_above(bound: int, price: Any) -> float:
    """One price, of prompts longer than so many tokens."""
    if isinstance(price, Decimal):
        return float(price)
    reached = [tier.price for tier in price.tiers if tier.start <= bound]
    return float(reached[-1] if reached else price.base)
