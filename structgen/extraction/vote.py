"""Several answers to one question, and the value that most of them give, field by field; with the agreement on each field.

For models whose token probabilities nobody tells. Answers are compared in the value's own JSON form: equal numbers are equal
however they are written. Lists are aligned first: items belong together when they are equal, or have half of their fields in
common. What is voted is proved like any answer; where the votes of single fields do not make a valid value together, the whole
answer that agrees best with the others is taken.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from structgen.answer.grounding import ground, source_of
from structgen.errors import Attempt, ConfigurationError, InvalidOutputError, StructgenError
from structgen.extraction.attempts import cost_of
from structgen.extraction.backend import Backend
from structgen.extraction.extract import extract
from structgen.extraction.question import Question
from structgen.flow.steps import Flow, Gather
from structgen.options import UNSET
from structgen.results import Extraction, Guarantee
from structgen.schema.check import validate
from structgen.schema.json import escape, same_json, to_text
from structgen.values import Json, Usage

T = TypeVar("T")

TEMPERATURE: Final = 0.7
"""For samples, where the call sets none: at 0 all answers would be the same."""

_ALIKE: Final = 0.5
"""The share of equal fields from which on two items are taken for the same one."""

_NEAR: Final = 32
"""How many places apart two items may stand that belong together without being equal: what a long vote costs."""


def consensus(backends: Sequence[Backend], question: Question[T]) -> Flow[Extraction[T]]:
    """The value that most of `samples` answers give; with one sample, or none asked for, what `extract` gives.

    The confidence of a field is the share of all samples that agree with the value there; a sample that failed agrees with nobody.
    Raises what the first sample raised, where all of them failed.
    """
    count = 1 if question.options.samples is UNSET else question.options.samples
    if count < 1:
        raise ConfigurationError(f"`samples` is {count}.", hint="It has to be at least 1.")
    if count == 1:
        return (yield from extract(backends, question))
    began, spent = time.monotonic(), list[Attempt]()
    flows = [extract(backends, _sample(question, number), spent=spent) for number in range(count)]
    outcomes: list[Extraction[T] | StructgenError] = yield Gather(flows)
    attempts = tuple(attempt for outcome in outcomes for attempt in outcome.attempts)
    samples = [outcome for outcome in outcomes if isinstance(outcome, Extraction)]
    for outcome in outcomes if not samples else ():
        if isinstance(outcome, StructgenError):
            outcome.attempts = attempts
            raise outcome
    asked = time.monotonic()
    winner, data = _winner(question, samples)
    return replace(
        winner,
        guarantee=_guarantee(samples),
        evidence=ground(question.target, data, source_of(question.document)).evidence
        if winner.evidence
        else {},
        notes=tuple(dict.fromkeys(note for sample in samples for note in sample.notes)),
        shortened=frozenset[str]().union(*(sample.shortened for sample in samples)),
        confidence=agreement(
            data, [question.target.dump(sample.value) for sample in samples], count
        ),
        usage=sum((attempt.usage for attempt in attempts), Usage()),
        cost=cost_of(attempts),
        attempts=attempts,
        seconds={"answer": asked - began, "check": time.monotonic() - asked},
    )


def _sample(question: Question[T], number: int) -> Question[T]:
    options = question.options
    temperature = TEMPERATURE if options.temperature is UNSET else options.temperature
    seed = UNSET if options.seed is UNSET else options.seed + number
    return replace(question, options=replace(options, temperature=temperature, seed=seed))


def _winner(question: Question[T], samples: Sequence[Extraction[T]]) -> tuple[Extraction[T], Json]:
    """What the vote comes to, and its JSON form."""
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
    absent = frozenset[str]().union(*(sample.absent for sample in samples))
    most = frozenset(
        path
        for path in absent
        if 2 * sum(path in sample.absent for sample in samples) > len(samples)
    )
    return replace(samples[best], value=value, absent=most), voted


def _guarantee(samples: Sequence[Extraction[Any]]) -> Guarantee:
    """What held the least held of the answers that were voted on."""
    guarantees = [sample.guarantee for sample in samples]
    return Guarantee(
        by=max(
            (guarantee.by for guarantee in guarantees), key=("decoder", "server", "check").index
        ),
        engine=" and ".join(dict.fromkeys(guarantee.engine for guarantee in guarantees)),
        checked=tuple(
            dict.fromkeys(note for guarantee in guarantees for note in guarantee.checked)
        ),
        repairs=tuple(
            dict.fromkeys(repair for guarantee in guarantees for repair in guarantee.repairs)
        ),
        samples=len(samples),
    )


# ---- votes on plain data --------------------------------------------------------------------------------------------------


def vote(ballots: Sequence[Json]) -> Json:
    """What most ballots say, part by part. Of equally many, the first says it."""
    kinds = [_kind(ballot) for ballot in ballots]
    kind = max(dict.fromkeys(kinds), key=kinds.count)
    same = [ballot for ballot in ballots if _kind(ballot) is kind]
    if kind is dict:
        keys = dict.fromkeys(key for ballot in same for key in ballot)
        held = {key: [ballot[key] for ballot in same if key in ballot] for key in keys}
        return {
            key: vote(values)
            for key, values in held.items()
            if _most(len(values), len(same), key in same[0])
        }
    if kind is list:
        groups = _grouped(same)
        return [vote(items) for first, items in groups if _most(len(items), len(same), first)]
    return max(same, key=lambda ballot: sum(same_json(ballot, other) for other in same))


def agreement(value: Json, ballots: Sequence[Json], count: int) -> dict[str, float]:
    """JSON Pointers of the value's scalars (and empty containers) -> the share of `count` that has the same there."""
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
    """Is it in most of them? Of half of them, where the first has it."""
    return 2 * votes > of or (2 * votes == of and first)


def _grouped(lists: Sequence[list[Json]]) -> list[tuple[bool, list[Json]]]:
    """The items that belong together, in the order they came: does the first list have one, and the items."""
    groups = [(True, [item]) for item in lists[0]]
    for other in lists[1:]:
        to = {
            index: groups[at]
            for at, index in _aligned([items[0] for _, items in groups], other).items()
        }
        behind = -1
        for index, item in enumerate(other):
            if group := to.get(index):
                group[1].append(item)
                behind = next(at for at, known in enumerate(groups) if known is group)
            else:
                behind += 1
                groups.insert(behind, (False, [item]))
    return groups


def _aligned(items: Sequence[Json], others: Sequence[Json]) -> dict[int, int]:
    """Index -> index of the other list's item that it belongs with: equal ones first, then the likest that is near."""
    to: dict[int, int] = {}
    written: dict[str, list[int]] = {}
    for at, other in enumerate(others):
        written.setdefault(to_text(other), []).append(at)
    for index, item in enumerate(items):
        if equal := written.get(to_text(item)):
            to[index] = equal.pop(0)
    free = sorted(set(range(len(others))) - set(to.values()))
    for index in (index for index in range(len(items)) if index not in to):
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
