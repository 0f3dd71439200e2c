"""The values of one answer that were decided: how, and among what."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol

import numpy

from structgen.local.decide.by_place import ByPlace
from structgen.local.decide.closed_values import place_of
from structgen.local.decide.decisions import Decision, Option, decide
from structgen.local.runtimes.base import Step
from structgen.schema.json import Path, pointer_of

if TYPE_CHECKING:
    from structgen.local.decide.decisions import Floats
    from structgen.local.runtimes.base import Logits, Rows
    from structgen.values import Json

_TOLD: Final = 10
"""Options of a decided value that are told, unless all are scored."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deciding:
    """How closed values are decided."""

    share: float = 0.0
    """The share of an option's prior that is taken off its score, 0 to 1."""
    priors: Mapping[str, Mapping[str, float]] = field(default_factory=dict, repr=False)
    """By place (a JSON Pointer with `*` for any index): the prior of each option's JSON text."""
    all_scores: bool = False
    """Whether every option is scored to its end, to learn the priors."""


class Chance(Protocol):
    """How options are drawn."""

    @property
    def temperature(self) -> float:
        """0 for the best option."""
        ...

    def noise(self, count: int) -> Floats:
        """Draw noise of the standard Gumbel distribution; zeros at temperature 0."""
        ...


class DecidedValues:
    """Decides the values of one answer, and keeps what was decided."""

    def __init__(self, deciding: Deciding, chance: Chance) -> None:
        self._deciding, self._chance = deciding, chance
        self.alternatives = ByPlace[tuple[tuple["Json", float], ...]]()
        """The likeliest options of each value."""
        self.scores: dict[str, dict[str, float]] = {}
        """The scores of options as `Deciding.priors` has them, if all were wanted."""

    def decide(
        self,
        path: Path,
        start: int,
        options: Sequence[Option],
        scores: Logits,
        fits: Callable[[Option], bool],
    ) -> Generator[Step, Rows, Decision | None]:
        """Decide a value.

        Args:
            path: The path of the value.
            start: Where it begins in the answer, in bytes.
            options: Its options.
            scores: The scores of the next token.
            fits: Whether the answer still fits its budget with an option.

        Returns:
            The decision; None if no option fits.
        """
        place = place_of(path)
        decision = yield from decide(
            options,
            scores,
            priors=self._priors(place, options),
            noise=self._chance.noise(len(options)),
            temperature=self._chance.temperature,
            fits=fits,
            all_scores=self._deciding.all_scores,
        )
        if decision is None:
            return None
        told = None if self._deciding.all_scores else _TOLD
        self.alternatives.put(pointer_of(path), start, decision.probabilities[:told])
        if self._deciding.all_scores:
            texts = [one.text.decode() for one in options]
            known = self.scores.setdefault(place, {})
            for text, score in zip(texts, decision.scores, strict=True):
                known.setdefault(text, score)
        return decision

    def _priors(self, place: str, options: Sequence[Option]) -> Floats:
        """What to take off the scores; nothing if the prior of an option is not known."""
        known = self._deciding.priors.get(place, {})
        texts = [option.text.decode() for option in options]
        if not self._deciding.share or not all(text in known for text in texts):
            return numpy.zeros(len(options))
        return self._deciding.share * numpy.array([known[text] for text in texts])
