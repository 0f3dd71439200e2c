"""Chooses among worked examples: those whose texts are most like a document."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Mapping, Sequence
from heapq import nlargest
from typing import Final

from structgen.extraction.similarity import SimilarityIndex, normalised
from structgen.values import Example

_CANDIDATES: Final = 30
"""Texts to choose among for each example that is shown, the most like ones."""
_SAME: Final = 0.9
"""From this likeness on, two examples show the same, and only one of them is taken."""
_REMEMBERED: Final = 256
"""Documents whose ranking is kept: one is asked about again after an invalid answer, say."""


class NearestChooser:
    """Chooses among some examples."""

    def __init__(
        self,
        examples: Sequence[Example],
        k: int,
        *,
        max_tokens: int | None,
        diversity: float,
        own: Mapping[str, Collection[str]],
    ) -> None:
        """Index the examples.

        Args:
            examples: What to choose from.
            k: How many to choose at most.
            max_tokens: The tokens that they may have together; None for what each question says.
            diversity: How much likeness to a chosen one counts against another.
            own: The keys of examples that are not shown with a document, by its normalised text.
        """
        self.examples = examples
        self._k, self._max_tokens, self._diversity, self._own = k, max_tokens, diversity, own
        self._texts = [normalised(one.text) for one in examples]
        self._index = SimilarityIndex([one.text for one in examples])
        # Ties are broken by content, so that the order of the pool plays no part.
        by_content = sorted(
            range(len(examples)),
            key=lambda at: (len(examples[at].text), examples[at].text, repr(examples[at].value)),
        )
        self._rank = {number: place for place, number in enumerate(by_content)}
        self._remembered: OrderedDict[tuple[str, str | None], dict[int, float]] = OrderedDict()

    def choose(
        self, document: str, *, whole: str | None, tokens: Callable[[int], int], budget: int
    ) -> list[int]:
        """Give the numbers of the chosen examples, the one most like the document last.

        Args:
            document: The text that is asked about.
            whole: The text that it is a part of; None if it is whole.
            tokens: Gives the length of an example in tokens, by its number.
            budget: The tokens that they may have together, unless the pool has a limit of its own.
        """
        left = budget if self._max_tokens is None else self._max_tokens
        scores = self._candidates(document, whole)
        worth = dict(scores)
        chosen: list[int] = []
        while worth and len(chosen) < self._k:
            best = max(worth, key=lambda one: (worth[one], -self._rank[one]))
            del worth[best]
            if (length := tokens(best)) > left:
                continue
            left -= length
            chosen.append(best)
            worth = self._less_like(best, scores, worth)
        return sorted(chosen, key=lambda one: (scores[one], -self._rank[one]))

    def _less_like(
        self, chosen: int, scores: Mapping[int, float], worth: Mapping[int, float]
    ) -> dict[int, float]:
        """The examples that are left after one was chosen, with the worth of each then."""
        found = {}
        for number, before in worth.items():
            likeness = self._index.likeness(number, chosen)
            if likeness < _SAME and self._texts[number] != self._texts[chosen]:
                found[number] = min(before, scores[number] * (1 - self._diversity * likeness))
        return found

    def _candidates(self, document: str, whole: str | None) -> dict[int, float]:
        """The examples most like a document, with their scores."""
        asked = document, whole
        if asked not in self._remembered:
            self._remembered[asked] = dict(self._ranked(document, whole))
            if len(self._remembered) > _REMEMBERED:
                self._remembered.popitem(last=False)
        return self._remembered[asked]

    def _ranked(self, document: str, whole: str | None) -> list[tuple[int, float]]:
        itself = {normalised(one) for one in (document, whole) if one is not None}
        keys = {key for text in itself for key in self._own.get(text, ())}
        scores = self._index.scores(document)
        others = (
            number
            for number, example in enumerate(self.examples)
            if self._texts[number] not in itself and example.key not in keys
        )
        best = nlargest(
            _CANDIDATES * self._k, others, key=lambda one: (scores[one], -self._rank[one])
        )
        return [(number, scores[number]) for number in best]
