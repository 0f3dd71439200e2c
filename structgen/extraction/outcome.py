"""What came of one question: a value, the reason why there is none, and what to tell the model."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar

from structgen.answer.confidence import chances_of_decided, confidence
from structgen.answer.continuation import Continuation
from structgen.answer.grounding import evidence_of
from structgen.answer.origins import Origins
from structgen.answer.read import Reading, is_cut, json_text, read_answer, recover_rejected
from structgen.answer.repair import reasoning_in, repair
from structgen.answer.salvage import drop_invalid_items, value_at, without_cut_values
from structgen.answer.unstated import Rules
from structgen.errors import (
    InvalidOutputError,
    NotJsonError,
    OutputError,
    OutputRejectedError,
    StructgenError,
    Truncated,
)
from structgen.extraction.attempts import CallState, cost_of
from structgen.extraction.backend import Backend
from structgen.extraction.copied import copied_values
from structgen.options import Options
from structgen.results import Extraction, Guarantee, LeafEvidence
from structgen.schema.compiler import Compiled
from structgen.schema.json_text import parse_json
from structgen.schema.target import Target
from structgen.schema.wire_names import path_on_wire
from structgen.values import Answer, Message, Mode, Note, Removed, Usage, Violation
from structgen.wire.link import Link
from structgen.wire.own_server import engine_in

T = TypeVar("T")


@dataclass(slots=True)
class Turn(Generic[T]):
    """One question of a conversation, and what came of it."""

    began: float
    """When it was asked, as `time.monotonic()` counts."""
    answered: float = 0.0
    """When the answer was there."""
    answer: Answer | None = None
    """The answer as it came."""
    joined: Answer | None = None
    """The answer together with the parts before it, if it continues a list."""
    joins: tuple[str, ...] = ()
    """What was done to join them."""
    reading: Reading[T] | None = None
    """The value, if there is one to give."""


_BEGINS_JSON: Final = ("{", "[", '"')
_MOST_TOLD: Final = 20
"""Faults that the model is told; a long list has the same one in every row."""
_ASK_FOR_LESS: Final = "Raise max_tokens, ask for less in one call"
_REASONS: Final = {
    frozenset[str](): ("it reached max_tokens, or repeated itself", _ASK_FOR_LESS),
    frozenset({"limit"}): ("it did not fit into max_tokens", _ASK_FOR_LESS),
    frozenset({"repetition"}): (
        "the model repeated itself without end",
        "Ask for less in one call, use a larger model or a higher temperature",
    ),
    frozenset({"limit", "repetition"}): (
        "the model repeated itself, and the rest did not fit into max_tokens",
        _ASK_FOR_LESS,
    ),
}
"""By `Answer.shortened_by`: why an answer was cut short, and what to do about it."""


# ---- reading ------------------------------------------------------------------------------------


def read_turn(
    turn: Turn[T], continuation: Continuation, compiled: Compiled[T], state: CallState
) -> None:
    """Read the answer of a turn.

    Raises:
        OutputError: If it gives no value; Truncated if it was cut, even if it is valid as it is.
    """
    assert turn.answer is not None  # noqa: S101 - a turn is read once it is answered
    turn.joined = turn.answer
    if not is_cut(turn.answer):
        turn.joined, turn.joins = continuation.join(turn.answer)
    try:
        rules = rules_of_cut(turn.joined, compiled, state)
        reading = read_answer(turn.joined, compiled, state.document, rules)
        if state.support is not None:
            reading = state.support.hold(reading, compiled.target)
        turn.reading = reading
    except (InvalidOutputError, NotJsonError):
        # The cut may be what makes it invalid, so another try would fare no better.
        if not turn.answer.shortened or state.options.on_shortened == "keep":
            raise
    if turn.answer.shortened and not _cut_is_out(turn.joined, turn.reading, compiled):
        raise _cut_short(turn.joined, turn.reading, compiled)


def rules_of_cut(answer: Answer, compiled: Compiled[Any], state: CallState) -> Rules | None:
    """The rules for an answer: they also take out values in which the model repeated itself."""
    keeps = state.options.on_shortened == "keep"
    if state.rules is None or keeps or set(answer.shortened_by) != {"repetition"}:
        return state.rules
    return state.rules.of_cut(_places(answer.shortened, json_text(answer), compiled))


def stays_whole(answer: Answer, compiled: Compiled[Any], rules: Rules | None) -> bool:
    """Whether a valid answer that was cut is whole without what the rules take out."""
    try:
        reading = read_answer(answer, compiled, None, rules)
    except OutputError:
        return False
    return _cut_is_out(answer, reading, compiled)


def _cut_is_out(answer: Answer, reading: Reading[Any] | None, compiled: Compiled[Any]) -> bool:
    """Whether the rules took out all that was cut: values in which the model repeated itself."""
    if reading is None or set(answer.shortened_by) != {"repetition"}:
        return False
    return not reading.ruled.moved(_places(answer.shortened, reading.text, compiled))


def _cut_short(answer: Answer, reading: Reading[Any] | None, compiled: Compiled[Any]) -> Truncated:
    """The error for an answer that the decoder ended early to keep it valid."""
    text = reading.text if reading else json_text(answer)
    where = "The shortened value is in `salvaged`." if reading else "`partial` has what was whole."
    why, remedy = _REASONS.get(frozenset(answer.shortened_by), _REASONS[frozenset()])
    error = Truncated(
        f"The answer was cut short: {why}.",
        partial=without_cut_values(text, answer.shortened),
        hint=f"{remedy}, or accept shortened values with on_shortened='keep'. {where}",
    )
    error.salvaged = reading.value if reading else None
    error.shortened = _places(answer.shortened, text, compiled)
    return error


def _places(shortened: Sequence[str], text: str, compiled: Compiled[Any]) -> frozenset[str]:
    """Map places in the answer to places in the value; a place that has none stays as it is."""
    if not shortened:
        return frozenset()
    try:
        origins = Origins(compiled, parse_json(text))
    except NotJsonError:
        return frozenset(shortened)
    places = [(at, origins.place(at)) for at in shortened]
    return frozenset(at if place is None else place for at, place in places)


def _moved(by_place: Mapping[str, T], text: str, compiled: Compiled[Any]) -> dict[str, T]:
    """What is known by place in the answer, by place in the value if it has one there."""
    if not by_place:
        return {}
    try:
        origins = Origins(compiled, parse_json(text))
    except NotJsonError:
        return {}
    places = ((origins.place(at), known) for at, known in by_place.items())
    return {place: known for place, known in places if place is not None}


def _repeated_items(
    repeated: Sequence[str], text: str, compiled: Compiled[Any]
) -> tuple[Removed, ...]:
    """The items that came again and so ended their lists, at the places they would have had."""
    if not repeated:
        return ()
    data = compiled.restored(parse_json(text))[0]
    places = _places(repeated, text, compiled)
    found = []
    for place in sorted(places):
        items = value_at(data, place.rpartition("/")[0])
        if isinstance(items, list):  # a map, written as entries, has no item to name
            path = f"{place.rpartition('/')[0]}/{len(items)}"
            found.append(Removed(path, value_at(data, place), "repeated"))
    return tuple(found)


def ask_for_rest(
    continuation: Continuation, turn: Turn[Any], error: Truncated, state: CallState
) -> tuple[tuple[Message, ...], Options] | None:
    """The question for the rest of an answer that was cut, and its options.

    None if nothing further may be asked, or nothing would come of it.
    """
    if state.handed_out:
        return None
    answer = turn.answer or state.received or Answer(text=None)
    return continuation.next_question(
        json_text(answer),
        error,
        used=answer.usage.completion_tokens,
        options=state.options,
        shortened=answer.shortened,
    )


def keep_valid_items(
    error: StructgenError, turn: Turn[T], compiled: Compiled[T], state: CallState
) -> Reading[T] | None:
    """Put the valid part of an invalid answer on its error.

    Returns:
        That part as a reading, if the options keep it.
    """
    if not isinstance(error, InvalidOutputError) or turn.joined is None:
        return None
    text = repair(json_text(turn.joined))[0]
    found = drop_invalid_items(text, compiled, error.violations, state.document, state.rules)
    if found is None:
        return None
    error.salvaged, error.rejected, ruled = found
    if state.options.on_invalid_items != "keep":
        return None
    return Reading(
        value=error.salvaged,
        absent=ruled.absent,
        text=text,
        ruled=ruled,
        evidence=evidence_of(compiled.target, error.salvaged, state.document),
        rejected=error.rejected,
    )


def faults_to_report(
    error: OutputError | OutputRejectedError, compiled: Compiled[Any], document: str | None
) -> list[str]:
    """What to tell the model about its answer; [] if another answer would fare no better."""
    if isinstance(error, OutputRejectedError):
        fault = recover_rejected(error, compiled, document)
        if isinstance(fault, OutputError):
            return faults_to_report(fault, compiled, document)
        return [error.message]
    if isinstance(error, InvalidOutputError):
        return told_of(error.violations, compiled.target)
    return [error.message] if isinstance(error, NotJsonError) else []


def told_of(violations: Sequence[Violation], target: Target[Any]) -> list[str]:
    """What to tell the model about violations: a line for each of the first ones.

    Args:
        violations: What is wrong with an answer.
        target: What was asked for.
    """
    first = violations[:_MOST_TOLD]
    told = [str(replace(one, path=path_on_wire(target.schema, one.path))) for one in first]
    left = len(violations) - len(told)
    return [*told, f"and {left} more of this kind"] if left else told


# ---- the result ---------------------------------------------------------------------------------


def make_extraction(
    backend: Backend, mode: Mode, compiled: Compiled[T], turn: Turn[T], state: CallState
) -> Extraction[T]:
    """The result of a call whose last turn has a reading."""
    answer, reading = turn.joined, turn.reading
    assert answer is not None  # noqa: S101 - a turn with a reading has an answer
    assert reading is not None  # noqa: S101
    if reading.rejected:
        # The places of its parts have moved; that it was cut is still told.
        shortened = ("",) if answer.shortened else ()
        answer = replace(
            answer,
            logprobs=(),
            alternatives={},
            pressure={},
            shortened=shortened,
            repeated=(),
        )
    ruled, notes = reading.ruled, (*compiled.notes, *answer.notes)
    seconds = answer.seconds or {"answer": turn.answered - turn.began}
    alternatives = ruled.moved_known(_moved(answer.alternatives, reading.text, compiled))
    sure = confidence(reading.text, answer.logprobs, compiled) if answer.logprobs else {}
    taken_back = {one.path for one in answer.removed}
    written = ruled.moved_known(
        {place: chance for place, chance in sure.items() if place not in taken_back}
    )
    decided = chances_of_decided(alternatives, compiled.target, reading.value)
    leaf_evidence: Mapping[str, LeafEvidence] = {}
    to_review = frozenset[str]()
    if state.support is not None:
        leaf_evidence = state.support.find(
            compiled.target, reading.value, reading.evidence, reading.absent
        )
        to_review = state.support.to_review(compiled.target, reading.value, leaf_evidence)
    return Extraction(
        value=reading.value,
        target=compiled.target,
        guarantee=_guarantee(backend, mode, notes, (*reading.repairs, *turn.joins), answer.raw),
        notes=notes,
        absent=reading.absent,
        shortened=ruled.moved(_places(answer.shortened, reading.text, compiled)),
        rejected=reading.rejected,
        removed=(
            *answer.removed,
            *ruled.removed,
            *_repeated_items(answer.repeated, reading.text, compiled),
        ),
        copied=copied_values(compiled.target, reading.value, state.sources),
        evidence=reading.evidence,
        leaf_evidence=leaf_evidence,
        to_review=to_review,
        alternatives=alternatives,
        pressure=ruled.moved_known(_moved(answer.pressure, reading.text, compiled)),
        confidence={**written, **decided},
        confidence_by="tokens" if written else "decisions" if decided else None,
        reasoning=_reasoning_of(answer, reading.text, compiled),
        usage=sum((attempt.usage for attempt in state.attempts), Usage()),
        cost=cost_of(state.attempts),
        attempts=tuple(state.attempts),
        seconds={**seconds, "check": time.monotonic() - turn.answered},
    )


def _reasoning_of(answer: Answer, text: str, compiled: Compiled[Any]) -> str | None:
    """What the model thought: apart from its answer, before the JSON text, or in a member."""
    written = answer.text or ""
    # An answer that begins with JSON has no thoughts before it; most answers do.
    before = None if written.lstrip()[:1] in _BEGINS_JSON else reasoning_in(written)
    data = parse_json(text) if compiled.thoughts else None
    inside = data.get(compiled.thoughts) if isinstance(data, dict) else None
    parts = [answer.reasoning, before, inside]
    return "\n".join(part for part in parts if isinstance(part, str) and part.strip()) or None


_HELD_BY_SERVER: Final = frozenset({"decoder", "decisions", "strict"})
"""Modes in which a server holds its answer to the schema."""


def _guarantee(
    backend: Backend,
    mode: Mode,
    notes: tuple[Note, ...],
    repairs: tuple[str, ...],
    raw: Any,
) -> Guarantee:
    checked = tuple(note for note in notes if note.action == "checked")
    if not isinstance(backend.via, Link):
        return Guarantee(by="decoder", engine=backend.via.name, checked=checked, repairs=repairs)
    held = mode in _HELD_BY_SERVER and not repairs and not backend.ignores_schema.is_set()
    engine = engine_in(raw)
    if held and engine is not None:
        return Guarantee(by="decoder", engine=f"{engine} on {backend.name}", checked=checked)
    return Guarantee(
        by="server" if held and mode != "decoder" else "check",
        engine=f"{backend.name}, {mode}",
        checked=checked,
        repairs=repairs,
    )
