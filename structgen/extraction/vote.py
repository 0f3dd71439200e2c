"""Ask several times, and take the value that most answers give, field by field.

This serves models whose token probabilities are not available. Answers are compared in the value's
own JSON form, so equal numbers are equal however they are written. Lists are aligned first: items
belong together if they are equal, or have half of their fields in common. The voted value is
checked like any answer. If the votes on single fields do not make a valid value together, the whole
answer that agrees best with the others is taken.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from structgen.answer.grounding import document_text, ground
from structgen.errors import Attempt, ConfigurationError, InvalidOutputError, StructgenError
from structgen.extraction.attempts import cost_of
from structgen.extraction.backend import Backend
from structgen.extraction.extract import extract
from structgen.extraction.question import Question
from structgen.extraction.supported import support_for
from structgen.flow.steps import Flow, Gather
from structgen.options import UNSET
from structgen.results import Extraction, Guarantee
from structgen.schema.check import validate
from structgen.schema.json import escape, same_json, to_text, unescape
from structgen.values import Json, Usage

T = TypeVar("T")
V = TypeVar("V", bound=Hashable)

TEMPERATURE: Final = 0.7
"""Of samples, if the call sets none. At 0 all answers would be the same."""

_ALIKE: Final = 0.5
"""The least share of equal fields with which two items are taken for the same one."""

_NEAR: Final = 32
"""How many places apart two items may be that are not equal and still the same one.

It bounds the cost of a vote on long lists: each item is compared with at most 64 others.
"""


def consensus(
    backends: Sequence[Backend], question: Question[T], billed: list[Attempt] | None = None
) -> Flow[Extraction[T]]:
    """The value that most of `samples` answers give; without `samples`, what `extract` gives.

    The confidence of a field is the share of all samples that agree with the value there. A sample
    that failed agrees with none.

    Args:
        backends: Who to ask, in order.
        question: What to ask.
        billed: Takes the attempts, if several questions of one call share its budgets.

    Returns:
        The result.

    Raises:
        ConfigurationError: If `samples` is less than 1.
        StructgenError: What the first sample raised, if all of them failed.
    """
    count = 1 if question.options.samples is UNSET else question.options.samples
    if count < 1:
        raise ConfigurationError(f"samples is {count}.", hint="Ask for at least 1.")
    if count == 1:
        return (yield from extract(backends, question, billed=billed))
    began = time.monotonic()
    billed = [] if billed is None else billed
    flows = [extract(backends, _sample(question, number), billed=billed) for number in range(count)]
    outcomes: list[Extraction[T] | StructgenError] = yield Gather(flows)
    attempts = tuple(attempt for outcome in outcomes for attempt in outcome.attempts)
    samples = [outcome for outcome in outcomes if isinstance(outcome, Extraction)]
    if not samples:
        error = next(outcome for outcome in outcomes if isinstance(outcome, StructgenError))
        error.attempts = attempts
        raise error
    answered = time.monotonic()
    winner, data = _winner(question, samples)
    document = document_text(question.document)
    evidence = ground(question.target, data, document).evidence if winner.evidence else {}
    support = support_for(question)
    leaves = support.finder.find(data, known=evidence) if support else {}
    ballots = [question.target.dump(sample.value) for sample in samples]
    return replace(
        winner,
        guarantee=joint_guarantee(samples, len(samples)),
        evidence=evidence,
        leaf_evidence=leaves,
        notes=_distinct(note for sample in samples for note in sample.notes),
        confidence=agreement(data, ballots, count),
        confidence_by="agreement",
        usage=sum((attempt.usage for attempt in attempts), Usage()),
        cost=cost_of(attempts),
        attempts=attempts,
        seconds={"answer": answered - began, "check": time.monotonic() - answered},
    )


def _distinct(values: Iterable[V]) -> tuple[V, ...]:
    return tuple(dict.fromkeys(values))


def _sample(question: Question[T], number: int) -> Question[T]:
    """The question of one sample: with a temperature, and a seed of its own."""
    options = question.options
    temperature = TEMPERATURE if options.temperature is UNSET else options.temperature
    seed = UNSET if options.seed is UNSET else options.seed + number
    return replace(question, options=replace(options, temperature=temperature, seed=seed))


def _winner(question: Question[T], samples: Sequence[Extraction[T]]) -> tuple[Extraction[T], Json]:
    """The result with the voted value, and the value's JSON form."""
    ballots = [question.target.dump(sample.value) for sample in samples]
    best = max(
        range(len(ballots)),
        key=lambda at: (sum(_likeness(ballots[at], other) for other in ballots), -at),
    )
    voted = vote(ballots)
    try:
        value = validate(question.target, voted)
    except InvalidOutputError:
        return samples[best], ballots[best]
    votes = Counter(path for sample in samples for path in sample.absent)
    winner = replace(
        samples[best],
        value=value,
        absent=frozenset(path for path, count in votes.items() if 2 * count > len(samples)),
        shortened=_where(voted, ballots, [sample.shortened for sample in samples]),
        copied=_where(voted, ballots, [sample.copied for sample in samples]),
        alternatives={},  # those of one sample say nothing about the voted value
        pressure={},
    )
    return winner, voted


def _where(voted: Json, ballots: Sequence[Json], told: Sequence[Collection[str]]) -> frozenset[str]:
    """The places of the voted value of which a sample that gave the same tells something."""
    places = (
        _place_in(voted, ballot, path)
        for ballot, paths in zip(ballots, told, strict=True)
        for path in paths
    )
    return frozenset(place for place in places if place is not None)


def _place_in(voted: Json, ballot: Json, path: str) -> str | None:
    """Where a part of a ballot is in the voted data; None if that has something else there."""
    place = ""
    for step in map(unescape, path.split("/")[1:]):
        if isinstance(ballot, list) and isinstance(voted, list):
            index = _aligned(ballot, voted).get(int(step))
            if index is None:
                return None
            ballot, voted, place = ballot[int(step)], voted[index], f"{place}/{index}"
        elif isinstance(ballot, dict) and isinstance(voted, dict) and step in ballot.keys() & voted:
            ballot, voted, place = ballot[step], voted[step], f"{place}/{escape(step)}"
        else:
            return None
    same = same_json(voted, ballot) if _kind(voted) is None else _kind(voted) is _kind(ballot)
    return place if same else None


def joint_guarantee(samples: Sequence[Extraction[Any]], count: int) -> Guarantee:
    """The guarantee of a value that several answers make: that of the least held one.

    Args:
        samples: The results, one for each answer.
        count: How many answers voted on the value.
    """
    guarantees = [sample.guarantee for sample in samples]
    weakest = max((one.by for one in guarantees), key=("decoder", "server", "check").index)
    return Guarantee(
        by=weakest,
        engine=" and ".join(_distinct(one.engine for one in guarantees)),
        checked=_distinct(note for one in guarantees for note in one.checked),
        repairs=_distinct(repair for one in guarantees for repair in one.repairs),
        samples=count,
    )


# ---- votes on plain data ------------------------------------------------------------------------


def vote(ballots: Sequence[Json]) -> Json:
    """What most ballots say, part by part.

    Args:
        ballots: Plain data, at least one.

    Returns:
        The voted data. If several parts have equally many votes, the first of them wins.
    """
    kinds = [_kind(ballot) for ballot in ballots]
    kind = max(dict.fromkeys(kinds), key=kinds.count)
    same = [ballot for ballot in ballots if _kind(ballot) is kind]
    if kind is dict:
        keys = dict.fromkeys(key for ballot in same for key in ballot)
        by_key = {key: [ballot[key] for ballot in same if key in ballot] for key in keys}
        return {
            key: vote(values)
            for key, values in by_key.items()
            if _most(len(values), len(same), key in same[0])
        }
    if kind is list:
        groups = _grouped(same)
        return [vote(items) for first, items in groups if _most(len(items), len(same), first)]
    return max(same, key=lambda ballot: sum(same_json(ballot, other) for other in same))


def agreement(value: Json, ballots: Sequence[Json], count: int) -> dict[str, float]:
    """How many samples agree with a value, part by part.

    Args:
        value: Plain data.
        ballots: What the samples say.
        count: How many samples were asked for, with those that failed.

    Returns:
        JSON Pointers of the scalars and empty containers, each with a share from 0 to 1.
    """
    found: dict[str, float] = {}

    def walk(node: Json, others: list[Json], at: str) -> None:
        same = [other for other in others if _kind(other) is _kind(node)]
        if isinstance(node, dict) and node:
            for key, item in node.items():
                walk(item, [other[key] for other in same if key in other], f"{at}/{escape(key)}")
        elif isinstance(node, list) and node:
            aligned = [_aligned(node, other) for other in same]
            for index, item in enumerate(node):
                walk(
                    item,
                    [
                        other[to[index]]
                        for other, to in zip(same, aligned, strict=True)
                        if index in to
                    ],
                    f"{at}/{index}",
                )
        else:
            found[at] = sum(same_json(node, other) for other in same) / count

    walk(value, list(ballots), "")
    return found


def _kind(value: Json) -> type | None:
    return type(value) if isinstance(value, dict | list) else None


def _most(votes: int, of: int, first: bool) -> bool:
    """Whether more than half have it, or exactly half with the first among them."""
    return 2 * votes > of or (2 * votes == of and first)


def _grouped(lists: Sequence[list[Json]]) -> list[tuple[bool, list[Json]]]:
    """The items that belong together, in their order, and whether the first list has one."""
    groups = [(True, [item]) for item in lists[0]]
    for other in lists[1:]:
        to = {
            index: groups[at]
            for at, index in _aligned([items[0] for _, items in groups], other).items()
        }
        last = -1
        for index, item in enumerate(other):
            if group := to.get(index):
                group[1].append(item)
                last = next(at for at, known in enumerate(groups) if known is group)
            else:
                last += 1
                groups.insert(last, (False, [item]))
    return groups


def _aligned(items: Sequence[Json], others: Sequence[Json]) -> dict[int, int]:
    """For each index, the index of the other list's item that belongs with it.

    Equal items come first, then the likest among those that are near.
    """
    to: dict[int, int] = {}
    written: dict[str, list[int]] = {}
    for at, other in enumerate(others):
        written.setdefault(to_text(other), []).append(at)
    for index, item in enumerate(items):
        if equal := written.get(to_text(item)):
            to[index] = equal.pop(0)
    free = sorted(set(range(len(others))) - set(to.values()))
    for index in range(len(items)):
        if index in to:
            continue
        near = free[bisect_left(free, index - _NEAR) : bisect_left(free, index + _NEAR)]
        likeness, _, at = max(
            ((_likeness(items[index], others[at]), -abs(at - index), at) for at in near),
            default=(0.0, 0, 0),
        )
        if likeness >= _ALIKE:
            to[index] = at
            free.remove(at)
    return to


def _likeness(one: Json, other: Json) -> float:
    """The share of parts that two values have in common, 0 to 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        shared = sum(_likeness(one[key], other[key]) for key in one.keys() & other.keys())
        return shared / len(keys) if keys else 1.0
    if isinstance(one, list) and isinstance(other, list):
        longer = max(len(one), len(other))
        return sum(map(_likeness, one, other)) / longer if longer else 1.0
    return float(same_json(one, other))
