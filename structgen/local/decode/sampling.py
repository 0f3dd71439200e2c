"""Choose the next token: the likeliest one, or one drawn with temperature, top-k, top-p and
min-p.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy

from structgen.errors import ConfigurationError
from structgen.options import UNSET, Options

if TYPE_CHECKING:
    from structgen.local.runtimes.base import Logits, TokenSet

EXTRA: Final = ("top_k", "min_p")
"""The members of `extra_body` that a model in this process takes."""


_SEEDS: Final = 1 << 64
"""Seeds count from 0 to this; a negative one, which servers take, counts from its end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a token is chosen. Tokens are narrowed in llama.cpp's order: top-k, top-p, min-p."""

    temperature: float = 0.0
    """0 takes the likeliest token."""
    top_p: float = 1.0
    """Draw from the likeliest tokens that together have this probability."""
    top_k: int = 0
    """Draw from so many of the likeliest tokens; 0 for all."""
    min_p: float = 0.0
    """Draw from the tokens that have at least this share of the likeliest token's probability."""
    seed: int | None = None
    """The same seed draws the same tokens; None for another draw each time."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("temperature", 0.0, 100.0),
            ("top_p", 0.0, 1.0),
            ("min_p", 0.0, 1.0),
            ("top_k", 0, 1 << 31),
        ):
            value = getattr(self, name)
            if (
                isinstance(value, bool)
                or not isinstance(value, (int, float))
                or not low <= value <= high
            ):
                raise ConfigurationError(
                    f"`{name}` is {value!r}, but must be a number from {low} to {high}."
                )


def sampling_of(options: Options) -> Sampling:
    """Say how the tokens of a call are chosen.

    Args:
        options: The options of the call.

    Raises:
        ConfigurationError: If a number is out of range, or `extra_body` has another member.
    """
    extra = {} if options.extra_body is UNSET else dict(options.extra_body)
    if unknown := extra.keys() - set(EXTRA):
        raise ConfigurationError(
            f"A model in this process does not take {', '.join(sorted(unknown))} in `extra_body`.",
            hint=f"It takes {' and '.join(EXTRA)}.",
        )
    asked = {name: getattr(options, name) for name in ("temperature", "top_p", "seed")}
    return Sampling(**{name: value for name, value in asked.items() if value is not UNSET}, **extra)


class Sampler:
    """Chooses the tokens of one answer."""

    def __init__(self, sampling: Sampling, logprobs: bool = False) -> None:
        self._sampling = sampling
        self._logprobs = logprobs
        seed = None if sampling.seed is None else sampling.seed % _SEEDS
        self._random = numpy.random.default_rng(seed)

    def pick(
        self, scores: Logits, allows: Callable[[int], bool], choices: Callable[[], TokenSet]
    ) -> tuple[int, float]:
        """Choose a token.

        Args:
            scores: The model's scores (logits), one for each token.
            allows: Whether the grammar allows a token: cheaper than all of them, and mostly true.
            choices: Gives all allowed tokens.

        Returns:
            The token, and the natural logarithm of its probability among the allowed tokens at
            temperature 1 (0.0 if nobody asked for it).
        """
        if not self._sampling.temperature:
            token = int(scores.argmax())
            if not allows(token):
                allowed = choices()
                token = int(allowed[scores.take(allowed).argmax()])
            return token, self._chance(scores, token, choices) if self._logprobs else 0.0
        allowed = choices()
        token = int(allowed[self._draw(scores.take(allowed))])
        return token, self._chance(scores, token, choices) if self._logprobs else 0.0

    @property
    def temperature(self) -> float:
        """The temperature; 0 for the likeliest token."""
        return self._sampling.temperature

    def noise(self, count: int) -> numpy.ndarray[tuple[int], numpy.dtype[numpy.float64]]:
        """Draw noise of the standard Gumbel distribution; zeros at temperature 0.

        Args:
            count: How many numbers to draw.
        """
        if not self._sampling.temperature:
            return numpy.zeros(count)
        return self._random.gumbel(size=count)

    def _draw(self, scores: Logits) -> int:
        how = self._sampling
        order = numpy.argsort(-scores, kind="stable")[: how.top_k or None]
        weights = numpy.exp(
            (scores[order].astype(numpy.float64) - scores[order[0]]) / how.temperature
        )
        before = (weights / weights.sum()).cumsum() - weights / weights.sum()
        kept = (before < max(how.top_p, 1e-9)) & (weights >= how.min_p)
        weights = numpy.where(kept, weights, 0.0).cumsum()
        return int(order[weights.searchsorted(self._random.random() * weights[-1], side="right")])

    @staticmethod
    def _chance(scores: Logits, token: int, choices: Callable[[], TokenSet]) -> float:
        allowed = scores.take(choices()).astype(numpy.float64)
        top = allowed.max()
        return float(scores[token] - top - numpy.log(numpy.exp(allowed - top).sum()))
