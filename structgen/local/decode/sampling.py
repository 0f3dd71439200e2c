"""Which token comes next: the likeliest, or one drawn with temperature, top-k, top-p and min-p, among those a grammar allows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy

from structgen.errors import ConfigurationError

if TYPE_CHECKING:
    from structgen.local.runtimes.base import Logits

    Mask = numpy.ndarray[tuple[int], numpy.dtype[numpy.bool_]]

EXTRA: Final = ("top_k", "min_p")
"""What `Options.extra_body` may hold for a model in this process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampling:
    """How a token is chosen. `temperature` 0 takes the likeliest; the others narrow what is drawn from, as in llama.cpp's order:
    the `top_k` likeliest (0: all), those that together hold `top_p`, those with at least `min_p` of the likeliest's chance."""

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    seed: int | None = None

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
                    f"`{name}` is {value!r}; it has to be a number from {low} to {high}."
                )


class Sampler:
    """Chooses the tokens of one answer. The same seed chooses the same."""

    def __init__(self, sampling: Sampling, logprobs: bool = False) -> None:
        self._sampling = sampling
        self._logprobs = logprobs
        self._random = numpy.random.default_rng(sampling.seed)

    def pick(
        self, scores: Logits, allows: Callable[[int], bool], mask: Callable[[], Mask]
    ) -> tuple[int, float]:
        """The token, and the natural log of its chance among the allowed ones at temperature 1 (0 where nobody asked for it).

        `allows` asks for one token, which is cheaper than the `mask` of all: most likeliest tokens are allowed.
        """
        if not self._sampling.temperature:
            token = int(scores.argmax())
            if not allows(token):
                token = int(numpy.where(mask(), scores, -numpy.inf).argmax())
            return token, self._chance(scores, token, mask) if self._logprobs else 0.0
        choices = numpy.flatnonzero(mask())
        token = int(choices[self._draw(scores[choices])])
        return token, self._chance(scores, token, mask) if self._logprobs else 0.0

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
    def _chance(scores: Logits, token: int, mask: Callable[[], Mask]) -> float:
        allowed = scores[mask()].astype(numpy.float64)
        top = allowed.max()
        return float(scores[token] - top - numpy.log(numpy.exp(allowed - top).sum()))
