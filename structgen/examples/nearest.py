"""Worked examples chosen for each document: those of a pool whose texts are most like it."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from copy import copy
from typing import Any, Final

from structgen.answer.grounding import document_text
from structgen.errors import ConfigurationError, InputError
from structgen.evaluation.gold import GoldRecord, OnInvalid, load_gold
from structgen.extraction.examples import Examples, examples_of
from structgen.extraction.nearest import NearestChooser
from structgen.extraction.similarity import normalised
from structgen.schema.target import Target, target_of
from structgen.values import Example, TextOrMessages

_MOST_OPENED: Final = 16
"""Targets for which the pool is kept as it was read and checked."""


class Nearest:
    """Chooses worked examples for each document: those of a pool whose texts are most like it.

    Likeness is that of words and letters: it costs no model call and works in any script. Texts
    that are much like one that is chosen already are passed over, and the document itself is never
    shown: neither a text that is equal but for case, punctuation and white space, nor, in an
    evaluation, a record with its key.
    """

    def __init__(
        self,
        pool: str | os.PathLike[str] | Iterable[Any],
        k: int = 3,
        *,
        max_tokens: int | None = None,
        diversity: float = 0.5,
    ) -> None:
        """Take a pool; it is read and checked when the first question is made.

        Args:
            pool: The path of gold (`load_gold`); or gold records, pairs of a text and a value, or
                mappings with `text` and `value`.
            k: How many examples to show at most.
            max_tokens: How long they may be together, in tokens (estimated at 4 bytes each). By
                default a quarter of the model's context, as far as it has room, and 4,000 at most;
                2,000 if the context is not known.
            diversity: How much it counts against a text that it is like one that is chosen
                already, from 0 (nothing) to 1: its likeness to the document is reduced by this
                part of its likeness to the other. After maximal marginal relevance (Carbonell and
                Goldstein 1998).

        Raises:
            ConfigurationError: If a number is out of range.
            InputError: If the pool is a list with something that is no example.
        """
        if not isinstance(k, int) or k < 1:
            raise ConfigurationError(
                f"The number of nearest examples is {k!r}.", hint="Show at least 1 example."
            )
        if max_tokens is not None and max_tokens < 1:
            raise ConfigurationError(
                f"`max_tokens` of the examples is {max_tokens}.", hint="Give at least 1."
            )
        if not 0 <= diversity <= 1:
            raise ConfigurationError(f"`diversity` is {diversity}.", hint="Give 0 to 1.")
        self._source: str | list[Example]
        if isinstance(pool, str | os.PathLike):
            self._source = os.fspath(pool)
        else:
            self._source = examples_of(pool)
        self.k, self.max_tokens, self.diversity = k, max_tokens, diversity
        self._own: Mapping[str, frozenset[str]] = {}
        self._opened: dict[Target[Any], tuple[NearestChooser, Examples[Any]]] = {}

    def __repr__(self) -> str:
        of = self._source if isinstance(self._source, str) else f"{len(self._source)} examples"
        return f"Nearest({of}, k={self.k})"

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_opened": {}}

    def examples(self, target: Target[Any]) -> Examples[Any]:
        """Read the pool and check it against a target; the second time it is a look-up.

        Args:
            target: What the values are values of.

        Raises:
            InputError: If something cannot be read or is no example, or a value does not fit the
                target. The message names the line.
        """
        return self._open(target)[1]

    def _open(self, target: Target[Any]) -> tuple[NearestChooser, Examples[Any]]:
        if target not in self._opened:
            if len(self._opened) >= _MOST_OPENED:  # each call may have a context of its own
                self._opened.clear()
            chooser = self.chooser(target)
            self._opened[target] = chooser, Examples(target, chooser.examples, chooser)
        return self._opened[target]

    def chooser(self, target: Target[Any], *, partial: bool = False) -> NearestChooser:
        """Read the pool.

        Args:
            target: What the values are values of.
            partial: Whether values may lack members that the target requires, as turns of a form
                do.

        Raises:
            InputError: If something cannot be read or is no example.
        """
        examples = self._source
        if isinstance(examples, str):
            on_invalid: OnInvalid = "keep" if partial else "raise"
            examples = examples_of(load_gold(examples, target, on_invalid=on_invalid))
        if not examples:
            raise InputError("There are no examples to choose from.", hint="Give at least one.")
        return NearestChooser(
            examples, self.k, max_tokens=self.max_tokens, diversity=self.diversity, own=self._own
        )

    def choose(self, target: Any, document: TextOrMessages) -> list[Example]:
        """Give the examples that are shown with a document if they have room, the nearest last.

        Args:
            target: What is extracted: a type, a JSON Schema or a `Target`.
            document: The document.

        Raises:
            InputError: As for a question: if the pool cannot be read or does not fit the target.
        """
        chooser, _ = self._open(target_of(target))
        text = document_text(document)
        numbers = chooser.choose(text, whole=None, tokens=lambda number: 0, budget=1)
        return [chooser.examples[number] for number in numbers]

    def apart_from(self, records: Iterable[GoldRecord]) -> Nearest:
        """Make one that never shows a record with its own document, by key; for evaluations.

        Args:
            records: The gold of the evaluation.
        """
        own: dict[str, frozenset[str]] = {}
        for record in records:
            text = normalised(document_text(record.document))
            own[text] = own.get(text, frozenset()) | {record.key}
        apart = copy(self)
        apart._own, apart._opened = own, {}
        return apart
