"""Ask about a wide record in parts, merge the answers, and check the record as a whole.

The first part is asked alone, so that the document is in the prompt cache of the server, or of the
engine, before the others are asked. The parts are checked by their schemas alone; validators of the
user's see the whole record. If it has violations, the parts that they are about are asked again.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from structgen.answer.salvage import value_at
from structgen.errors import Attempt, InvalidOutputError, StructgenError, TotalTimeoutError
from structgen.extraction.attempts import cost_of
from structgen.extraction.backend import Backend
from structgen.extraction.outcome import told_of
from structgen.extraction.parts import parts_for, question_about
from structgen.extraction.question import Question
from structgen.extraction.vote import consensus, joint_guarantee
from structgen.flow.steps import Flow, Gather
from structgen.options import UNSET
from structgen.prompt.messages import reask
from structgen.results import ConfidenceBy, Extraction, answering
from structgen.schema.check import validate
from structgen.schema.json import to_text
from structgen.schema.split import SplitPart, notes_of_split
from structgen.schema.wire_names import on_wire
from structgen.values import Json, Usage, Violation

T = TypeVar("T")
V = TypeVar("V")

_AT_ONCE_ON_SERVER: Final = 8
_AT_ONCE_IN_PROCESS: Final = 1
"""The next question reuses what the engine has read for the one before it."""


def extract_in_parts(
    backends: Sequence[Backend], question: Question[T], billed: list[Attempt] | None = None
) -> Flow[Extraction[T]]:
    """The value that the document states, asked about in as many questions as its schema needs.

    Args:
        backends: Who to ask, in order. The first one decides how the target is split.
        question: What to ask.
        billed: Takes the attempts, if several questions of one call share its budgets.

    Returns:
        The result.

    Raises:
        StructgenError: If no backend gives a value of a part: the error of the first such part.
        InvalidOutputError: If the parts together are no value of the target.
    """
    parts = parts_for(backends[0], question) if backends else ()
    if not parts:
        return (yield from consensus(backends, question, billed))
    for backend in backends:
        question.check_options(backend)
    billed = [] if billed is None else billed
    return (yield from _Wide(backends, question, parts, billed).extract())


@dataclass(slots=True)
class _Wide(Generic[T]):
    """One call that asks about a record in parts."""

    backends: Sequence[Backend]
    question: Question[T]
    parts: Sequence[SplitPart]
    billed: list[Attempt]
    began: float = field(default_factory=time.monotonic)
    found: dict[int, Extraction[Json]] = field(default_factory=dict)
    """The last result of each part, by its number."""
    attempts: list[Attempt] = field(default_factory=list)

    def extract(self) -> Flow[Extraction[T]]:
        first, *others = range(len(self.parts))
        yield from self._ask({first: ()})
        yield from self._ask(dict.fromkeys(others, ()))
        options = self.question.options
        reasks = 0 if options.max_reasks is UNSET else options.max_reasks
        while True:
            data: Json = None
            for number in range(len(self.parts)):
                data = _joined(data, self.found[number].value)
            try:
                value = validate(self.question.target, data)
            except InvalidOutputError as error:
                wrong = self._wrong_parts(error.violations)
                if not reasks or not wrong:
                    error.attempts = tuple(self.attempts)
                    raise
                reasks -= 1
                yield from self._ask(wrong)
            else:
                return self._result(value, data)

    def _ask(self, wanted: Mapping[int, Sequence[Violation]]) -> Flow[None]:
        """Ask about some parts; again, if there are violations of theirs."""
        if not wanted:
            return
        is_server = self.backends[0].is_server
        flows = [self._ask_about(number, faults) for number, faults in wanted.items()]
        at_once = _AT_ONCE_ON_SERVER if is_server else _AT_ONCE_IN_PROCESS
        outcomes: list[Extraction[Json] | StructgenError] = yield Gather(flows, at_once)
        for outcome in outcomes:
            self.attempts += outcome.attempts
        for number, outcome in zip(wanted, outcomes, strict=True):
            if isinstance(outcome, StructgenError):
                raise self._of_part(number, outcome)
            self.found[number] = outcome

    def _ask_about(self, number: int, faults: Sequence[Violation]) -> Flow[Extraction[Json]]:
        asked = question_about(self.question, self.parts[number])
        whole = asked.options.total_timeout
        if isinstance(whole, int | float):
            left = whole - (time.monotonic() - self.began)
            if left <= 0:
                raise TotalTimeoutError(
                    f"The call took longer than its total_timeout of {whole:g} s.",
                    hint="Raise `total_timeout`, or ask for fewer fields.",
                )
            asked = replace(asked, options=replace(asked.options, total_timeout=left))
        if faults:
            told = told_of(faults, asked.target)
            asked = replace(asked, corrections=reask(self._answer(number), told))
        return (yield from consensus(self.backends, asked, self.billed))

    def _answer(self, number: int) -> str:
        """What a part was answered, as text."""
        before = self.found[number]
        given = [attempt.text for attempt in answering(before.attempts)]
        shown = on_wire(self.parts[number].target.schema, before.value)
        return (given[-1] if given else None) or to_text(shown)

    def _wrong_parts(self, violations: Sequence[Violation]) -> dict[int, list[Violation]]:
        """The violations that are about each part; those of the whole are about all of them."""
        wrong: dict[int, list[Violation]] = {}
        for number, part in enumerate(self.parts):
            mine = [one for one in violations if any(_touch(one.path, at) for at in part.fields)]
            if mine:
                wrong[number] = mine
        return wrong

    def _of_part(self, number: int, error: StructgenError) -> StructgenError:
        """The error of a part as that of the call."""
        fields = self.parts[number].fields
        named = fields[0] if len(fields) == 1 else f"{fields[0]} to {fields[-1]}"
        where = f"Part {number + 1} of {len(self.parts)} ({named})"
        error.message = f"{where}: {error.message}"
        error.attempts = tuple(self.attempts)
        return error

    def _result(self, value: T, data: Json) -> Extraction[T]:
        found = [self.found[number] for number in range(len(self.parts))]
        own_notes = notes_of_split(self.question.target, self.parts)
        guarantee = joint_guarantee(found, max(one.guarantee.samples for one in found))
        checked = (*guarantee.checked, *(note for note in own_notes if note.action == "checked"))
        thoughts = "\n\n".join(one.reasoning for one in found if one.reasoning)
        return Extraction(
            value=value,
            target=self.question.target,
            guarantee=replace(guarantee, checked=checked),
            notes=tuple(dict.fromkeys((*own_notes, *(n for one in found for n in one.notes)))),
            absent=_absent(found, data),
            shortened=frozenset[str]().union(*(one.shortened for one in found)),
            rejected=tuple(item for one in found for item in one.rejected),
            removed=tuple(item for one in found for item in one.removed),
            copied=frozenset[str]().union(*(one.copied for one in found)),
            evidence=_together([one.evidence for one in found]),
            leaf_evidence=_together([one.leaf_evidence for one in found]),
            to_review=frozenset[str]().union(*(one.to_review for one in found)),
            confidence=_together([one.confidence for one in found]),
            confidence_by=_source(found),
            alternatives=_together([one.alternatives for one in found]),
            pressure=_together([one.pressure for one in found]),
            reasoning=thoughts or None,
            usage=sum((attempt.usage for attempt in self.attempts), Usage()),
            cost=cost_of(self.attempts),
            attempts=tuple(self.attempts),
            seconds={"answer": time.monotonic() - self.began},
        )


def _joined(data: Json, more: Json) -> Json:
    """The record that two parts make: records in both are joined, and null gives way."""
    if isinstance(data, dict) and isinstance(more, dict):
        return {**data, **{name: _joined(data.get(name), more[name]) for name in more}}
    return more if data is None else data


def _touch(path: str, other: str) -> bool:
    """Whether one of two places is in the other, or they are one."""
    inner, outer = max(path, other, key=len), min(path, other, key=len)
    return inner == outer or inner.startswith(f"{outer}/")


def _together(known: Sequence[Mapping[str, V]]) -> dict[str, V]:
    """What is known of the leaves of each part: no leaf is in two."""
    return {path: value for one in known for path, value in one.items()}


def _absent(found: Sequence[Extraction[Json]], data: Json) -> frozenset[str]:
    """The fields that the document does not state; none that another part has a record for."""
    told = frozenset[str]().union(*(one.absent for one in found))
    return frozenset(path for path in told if not _has_record(data, path))


def _has_record(data: Json, path: str) -> bool:
    try:
        return isinstance(value_at(data, path), dict)
    except LookupError:
        return False


def _source(found: Sequence[Extraction[Any]]) -> ConfidenceBy | None:
    """What the confidence of the whole was made from."""
    sources = {one.confidence_by for one in found}
    if sources <= {"decisions", None} and sources != {None}:
        return "decisions"
    if sources == {"decisions", "tokens"}:
        return "tokens"
    return sources.pop() if len(sources) == 1 else None
