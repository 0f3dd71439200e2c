"""Prepare a tuning: the records in their order, the candidates, and what they need."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from typing import Any, Final, NamedTuple

from structgen.documents.chunk import estimate_tokens
from structgen.documents.need import is_too_long
from structgen.errors import ConfigurationError, InputError, StructgenError
from structgen.evaluation.checked_gold import require_fit
from structgen.evaluation.gold import GoldRecord, fingerprint
from structgen.evaluation.run import gold_and_journal
from structgen.extraction.caller import HasCaller, caller_of
from structgen.kinds import Kind, check_values, sequence, whole
from structgen.pipeline.questions import require_prices
from structgen.schema.json import to_text
from structgen.schema.target import target_of
from structgen.tuning.candidates import (
    Candidate,
    Tried,
    candidates_for,
    pool_apart_from,
    pool_of,
)
from structgen.tuning.judging import Budget
from structgen.tuning.result import Estimate
from structgen.tuning.schedule import FEWEST_GOLD, most_of, rungs_of
from structgen.values import Example, TextOrMessages, Usage

_KINDS: Final[Mapping[str, Kind]] = {
    "tuning_seed": whole(),
    "try_wire_names": sequence(
        lambda one: isinstance(one, Mapping), 'a list such as [{"/total": "total_in_eur"}]'
    ),
}
_LOOKED_AT: Final = 3
"""Documents from which the length of a candidate's prompt is estimated."""


class Half(NamedTuple):
    """One half of the records."""

    name: str
    """Its name, for people."""
    records: Sequence[GoldRecord]
    """The records."""
    pool: Sequence[Example]
    """The examples that they are shown: the records of the other half."""
    document: TextOrMessages
    """The document by which it is told what can be asked: the first that the default can be asked
    about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A tuning that is about to begin."""

    tried: Tried
    """The question that is tuned."""
    halves: tuple[Half, Half]
    """The records in two halves: each chooses a candidate, and judges what the other one chose."""
    pool: Sequence[Example]
    """All records as examples."""
    candidates: Sequence[Candidate]
    """The candidates to try."""
    left_out: Sequence[Candidate]
    """The candidates for which the budget has no room."""
    journal: str
    """Where answers are kept."""
    gold: str
    """The fingerprint of the gold."""

    @property
    def records(self) -> int:
        """How many records of gold there are."""
        return sum(len(half.records) for half in self.halves)

    def estimate(self) -> Estimate:
        """Tell what it takes at most."""
        needs = Needs(self, Known())
        return Estimate(
            candidates=[str(one) for one in self.candidates],
            left_out=[str(one) for one in self.left_out],
            records=self.records,
            rungs=rungs_of(len(self.candidates), len(self.halves[0].records)),
            calls=int(needs.most(needs.calls_of)),
            tokens=int(needs.most(needs.tokens_of)),
            cost=needs.most(needs.cost_of) if needs.has_price else None,
        )


def prepare(
    target: Any,
    gold: str | os.PathLike[str] | Sequence[GoldRecord],
    *,
    client: HasCaller,
    journal: str | os.PathLike[str] | None,
    seed: int,
    budget: Budget,
    call: Mapping[str, Any],
    names: Sequence[Mapping[str, str]] = (),
) -> Prepared:
    """Read the gold, put it in order, and list the candidates for which the budget has room.

    Args:
        target: What is extracted.
        gold: The path of gold, or records.
        client: Who is asked.
        journal: Where answers are kept; by default the gold's path with `.journal` after it.
        seed: The seed of the order of the records.
        budget: What may be spent.
        call: The arguments of each call, which no candidate changes.
        names: Names on the wire to try, before those that follow from the target.

    Raises:
        InputError: If the gold cannot be read or does not fit the target, is too little, or has no
            journal.
        ConfigurationError: If the budget has no room for a single candidate or needs a price that
            is not known, or names name no field.
        StructgenError: If the default cannot be asked.
    """
    check_values({"tuning_seed": seed, "try_wire_names": names}, _KINDS)
    wanted = target_of(target).with_context(call.get("validation_context"))
    records, kept_in = gold_and_journal(wanted, gold, journal)
    if len(records) < FEWEST_GOLD:
        raise InputError(
            f"Records of gold: {len(records)}, which is too little to tune with.",
            hint=f"Give at least {FEWEST_GOLD}; 40 or more tell small gains from noise.",
        )
    require_fit(wanted, records)
    tried = Tried(wanted, caller_of(client).of_first_model(), call, names)
    if budget.max_cost is not None:
        require_prices(tried.caller)
    order = sorted(records, key=lambda one: one.key)
    random.Random(seed).shuffle(order)  # noqa: S311  # an order, no secret
    middle = len(order) // 2
    one, other = order[:middle], order[middle:]
    halves = (_half(tried, "first", one, other), _half(tried, "second", other, one))
    found = candidates_for(
        tried,
        halves[0].document,
        halves[0].pool,
        is_long=any(_is_long(tried, record) for record in order),
    )
    prepared = Prepared(
        tried=tried,
        halves=halves,
        pool=pool_of(order),
        candidates=found,
        left_out=[],
        journal=os.fspath(kept_in),
        gold=fingerprint(order),
    )
    return _within(prepared, budget)


def _half(
    tried: Tried, name: str, records: Sequence[GoldRecord], others: Sequence[GoldRecord]
) -> Half:
    """Make one half. Raises the error of its first document if none can be asked about."""
    pool = pool_apart_from(records, others)
    documents = [record.document for record in records]
    can = (one for one in documents if tried.can_ask(Candidate(), one, pool))
    return Half(name, records, pool, next(can, documents[0]))


def _is_long(tried: Tried, record: GoldRecord) -> bool:
    call: Any = tried.call
    question = tried.caller.question(tried.target, record.document, call)
    return is_too_long(tried.caller.backends[0], question)


def _within(prepared: Prepared, budget: Budget) -> Prepared:
    """Leave out the last candidates until the budget has room for all others."""
    everything = prepared.candidates
    known = Known()
    for count in range(len(everything), -1, -1):
        smaller = replace(
            prepared, candidates=everything[:count], left_out=list(everything[count:])
        )
        if _has_room(Needs(smaller, known), budget):
            break
    if everything and not smaller.candidates:
        least = Needs(replace(prepared, candidates=everything[:1]), known)
        cost = f" and about {least.most(least.cost_of):.4f} US dollars" if least.has_price else ""
        raise ConfigurationError(
            f"The budget has no room for a single candidate: one takes {least.calls} calls{cost}, "
            "if each invalid answer is asked for again.",
            hint="Raise `max_calls` or `max_cost`, or give fewer records of gold.",
        )
    return smaller


def _has_room(needs: Needs, budget: Budget) -> bool:
    if budget.max_calls is not None and needs.calls > budget.max_calls:
        return False
    return budget.max_cost is None or needs.most(needs.cost_of) <= budget.max_cost


@dataclass(slots=True)
class Known:
    """The needs of candidates for a record, by their changes in one line."""

    calls: dict[str, int] = field(default_factory=dict)
    usage: dict[str, Usage] = field(default_factory=dict)


class Needs:
    """The needs of the candidates for a record, and of all of them together at most."""

    def __init__(self, prepared: Prepared, known: Known) -> None:
        """Look at some documents.

        Args:
            prepared: The tuning.
            known: What candidates need for a record, as far as it is known already.
        """
        self._prepared, self._known = prepared, known
        self._price = prepared.tried.caller.backends[0].price

    @property
    def has_price(self) -> bool:
        """Whether the price of the model is known."""
        return self._price is not None

    @property
    def calls(self) -> int:
        """The calls that are made at most, those after invalid answers included."""
        return int(self.most(self.calls_of) * self._prepared.tried.most_tries)

    def calls_of(self, candidate: Candidate) -> float:
        """Tell how many answers a candidate asks for about a record, if all are valid.

        Args:
            candidate: The candidate.
        """
        name = str(candidate)
        if name not in self._known.calls:
            prepared = self._prepared
            documents = [one.document for half in prepared.halves for one in half.records]
            pool = prepared.halves[0].pool
            self._known.calls[name] = prepared.tried.calls_of(candidate, documents, pool)
        return self._known.calls[name]

    def tokens_of(self, candidate: Candidate) -> float:
        """Estimate the tokens that a candidate needs for a record.

        Args:
            candidate: The candidate.
        """
        return self._usage_of(candidate).total_tokens

    def cost_of(self, candidate: Candidate) -> float:
        """Estimate what a candidate costs for a record, in US dollars.

        Args:
            candidate: The candidate.
        """
        return 0.0 if self._price is None else self._price.cost_of(self._usage_of(candidate))

    def most(self, need: Callable[[Candidate], float]) -> float:
        """Add up what the whole tuning needs at most.

        Args:
            need: Gives what a candidate needs for a record.
        """
        prepared, default = self._prepared, need(Candidate())
        weights = [need(one) for one in prepared.candidates]
        times: dict[frozenset[str], float] = {}
        for candidate, weight in zip(prepared.candidates, weights, strict=True):
            sets = candidate.arguments
            times[sets] = max(times.get(sets, 1.0), weight / default if default else 1.0)
        joined = default * prod(times.values())
        first, second = (len(half.records) for half in prepared.halves)
        return sum(
            most_of(weights, default, joined, *sizes)
            for sizes in ((first, second), (second, first))
        )

    def _usage_of(self, candidate: Candidate) -> Usage:
        """The tokens of a record, estimated: those of the plan, and of the right answer."""
        name = str(candidate)
        if name not in self._known.usage:
            prepared = self._prepared
            _, records, pool, _ = prepared.halves[0]
            looked_at = records[:_LOOKED_AT]
            prompts, answers = [], []
            for record in looked_at:
                prompts.append(self._prompt_of(candidate, record, pool))
                answers.append(estimate_tokens(to_text(record.value)))
            count = len(looked_at)
            times = prepared.tried.repeats_of(candidate)
            self._known.usage[name] = Usage(
                prompt_tokens=sum(prompts) * times // count,
                completion_tokens=sum(answers) * times // count,
            )
        return self._known.usage[name]

    def _prompt_of(self, candidate: Candidate, record: GoldRecord, pool: Sequence[Example]) -> int:
        try:
            planned = self._prepared.tried.plan(candidate, record.document, pool)
            return sum(part.tokens for part in planned.parts) or planned.tokens
        except StructgenError:  # this document cannot be asked about
            return 0
