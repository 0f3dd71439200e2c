"""Ask a model about every document of the gold, and score what it answers.

The questions are a job's (`structgen.Job`): they are bounded, reported, kept in a journal and, when
the same evaluation is started again, not asked again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from structgen.errors import InputError, OutputError, StructgenError
from structgen.evaluation.answers import checked_answer, held_to
from structgen.evaluation.checked_gold import check_records
from structgen.evaluation.gold import GoldRecord, fingerprint, load_gold
from structgen.evaluation.notes import notes_of
from structgen.evaluation.record import RecordScore, Shown, kept_of, score_of_leaves
from structgen.evaluation.result import Evaluation
from structgen.evaluation.rules import Place, rules_of
from structgen.evaluation.scoring import Known, leaves_of
from structgen.evaluation.spans import (
    Span,
    all_spans,
    relaxed_spans,
    spans_of_evidence,
    strict_spans,
)
from structgen.pipeline.job import Job
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.record import Item, Outcome
from structgen.schema.json import digest
from structgen.schema.stripped import without_keywords
from structgen.schema.target import Target, target_of
from structgen.schema.wire_names import WIRE_NAME
from structgen.values import Usage

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from structgen.extraction.caller import HasCaller
    from structgen.options import CallArgs
    from structgen.pipeline.counts import Counts as Progress


def evaluate(
    target: Any,
    gold: str | os.PathLike[str] | Sequence[GoldRecord],
    *,
    client: HasCaller,
    journal: str | os.PathLike[str] | None = None,
    concurrency: int | None = None,
    limits: JobLimits | None = None,
    log: Callable[[str], None] = lambda line: None,
    on_progress: Callable[[Progress], None] = lambda counts: None,
    **call: Unpack[CallArgs],
) -> Evaluation:
    """Extract from every document of the gold and compare the answers with it.

    An answer that fails counts as one without leaves. Started again with the same journal, an
    evaluation asks only what is missing or failed before.

    Args:
        target: What is extracted: a type, a JSON Schema or a `Target`.
        gold: The path of a file or folder (`load_gold`), or records.
        client: Who is asked.
        journal: Where outcomes are kept; by default the gold's path with `.journal` after it.
        concurrency: Questions at a time at most; by default as for `Job`.
        limits: When to stop; by default never, because failures are part of the result.
        log: Is told what is worth a line.
        on_progress: Is told of progress, twice a second.
        **call: The other arguments of a call, such as `instructions` and `examples`.

    Raises:
        InputError: If the gold cannot be read or does not fit the target, or has no journal.
        JobStoppedError: If the evaluation was stopped; the same one started again goes on.
        StructgenError: If no record reached a model: the error of the first.
    """
    wanted = target_of(target).with_context(call.get("validation_context"))
    records, journal = gold_and_journal(wanted, gold, journal)
    answers = ask_about(
        wanted,
        records,
        client=client,
        journal=journal,
        concurrency=concurrency,
        limits=limits,
        log=log,
        on_progress=on_progress,
        **call,
    )
    model = " then ".join(backend.name for backend in client.caller.all_backends)
    return score(wanted, records, answers, model=model)


def gold_and_journal(
    target: Target[Any],
    gold: str | os.PathLike[str] | Sequence[GoldRecord],
    journal: str | os.PathLike[str] | None,
) -> tuple[Sequence[GoldRecord], str | os.PathLike[str]]:
    """Load gold if it is a path, and name the journal of the questions about it.

    Args:
        target: What is extracted.
        gold: The path of a file or folder (`load_gold`), or records.
        journal: Where outcomes are kept; by default the gold's path with `.journal` after it.

    Raises:
        InputError: If the gold cannot be read or does not fit the target, or has no journal.
    """
    records: Sequence[GoldRecord]
    if isinstance(gold, (str, os.PathLike)):
        records = load_gold(gold, target)
        journal = journal or f"{os.fspath(gold)}.journal"
    else:
        check_records(gold)
        records = gold
    if journal is None:
        raise InputError("There is no journal to keep answers in.", hint="Give `journal=PATH`.")
    return records, journal


def ask_about(
    target: Target[Any],
    gold: Sequence[GoldRecord],
    *,
    client: HasCaller,
    journal: str | os.PathLike[str],
    concurrency: int | None = None,
    limits: JobLimits | None = None,
    log: Callable[[str], None] = lambda line: None,
    on_progress: Callable[[Progress], None] = lambda counts: None,
    **call: Unpack[CallArgs],
) -> list[dict[str, Any]]:
    """Extract from every document of the gold.

    Args:
        target: What is extracted.
        gold: The records.
        client: Who is asked.
        journal: Where outcomes are kept.
        concurrency: Questions at a time at most.
        limits: When to stop.
        log: Is told what is worth a line.
        on_progress: Is told of progress, twice a second.
        **call: The other arguments of a call.

    Returns:
        The answers in the order of the gold, as rows of results.

    Raises:
        JobStoppedError: If it was stopped.
        StructgenError: If no record reached a model: the error of the first.
    """
    if apart_from := getattr(call.get("examples"), "apart_from", None):
        call["examples"] = apart_from(gold)
    collected = _Collected()
    Job(
        target,
        [Item(record.key, record.document) for record in gold],
        client=client,
        output=collected,
        journal=journal,
        concurrency=concurrency,
        limits=limits or JobLimits(max_failure_share=1.0, first=len(gold) + 1),
        log=log,
        on_progress=on_progress,
        **call,
    ).run()
    _require_asked(collected.outcomes)
    return [answer_of(outcome) for outcome in collected.outcomes]


class _Collected:
    """A sink that keeps outcomes in memory."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome[Any]] = []

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        self.outcomes += rows

    def close(self) -> None:
        """There is nothing to close."""

    def abort(self) -> None:
        self.outcomes.clear()


def _require_asked(outcomes: Sequence[Outcome[Any]]) -> None:
    """Raise the first error if no record was answered and no model is to blame for it."""
    errors = [outcome.error for outcome in outcomes]
    if errors and not any(error is None or isinstance(error, OutputError) for error in errors):
        first = errors[0]
        if isinstance(first, StructgenError):
            raise first


def answer_of(outcome: Outcome[Any]) -> dict[str, Any]:
    """Give an outcome as `score` takes answers: its row, with what it took.

    Args:
        outcome: The outcome of a job or of `Client.map`.
    """
    usage: Usage = outcome.usage
    figures = {"tokens": usage.total_tokens, "cost": outcome.cost, "seconds": outcome.seconds}
    return {**outcome.row(), **figures}


# ---- scores -------------------------------------------------------------------------------------


def score(
    target: Target[Any],
    gold: Sequence[GoldRecord],
    answers: Iterable[Mapping[str, Any]],
    *,
    model: str = "",
) -> Evaluation:
    """Score answers that are there already. A value that does not fit the target is a failure.

    Args:
        target: What was extracted.
        gold: The right values.
        answers: Plain rows as `structgen run` writes them: `key`, `value` or `error`, and, if they
            are known, `absent`, `copied`, `evidence`, `confidence`, `tokens`, `cost` and `seconds`.
        model: Who answered, for people.

    Raises:
        InputError: If there is no gold, or a record of it has no answer, or two; if an answer is no
            such row.
    """
    if not gold:
        raise InputError("There is no gold.", hint="Give at least one record.")
    rules = rules_of(target.schema)
    by_key: dict[str, Mapping[str, Any]] = {}
    for number, given in enumerate(answers, 1):
        answer = checked_answer(f"Answer {number}", given)
        key = str(answer["key"])
        if key in by_key:
            raise InputError(f"There are two answers with the key {key!r}.")
        by_key[key] = answer
    missing = [record.key for record in gold if record.key not in by_key]
    if missing:
        raise InputError(
            f"{len(missing)} records of the gold have no answer, first {missing[0]!r}.",
            hint="Answers and gold are matched by `key`: give each answer the key of its gold, or "
            "take out the gold that was not asked about.",
        )
    with_spans = any(_gold_spans(record) for record in gold)
    records = []
    for record in gold:
        held = held_to(target, record.value, by_key[record.key])
        records.append(_score(rules, record, held, with_spans))
    return Evaluation(
        target=target.name,
        schema=values_fingerprint(target),
        gold=fingerprint(gold),
        model=model,
        records=records,
        notes=notes_of(target.schema),
    )


def fields_of_gold(target: Target[Any], gold: Sequence[GoldRecord]) -> list[str]:
    """Give the fields that an evaluation of this gold has figures of.

    Args:
        target: What is extracted.
        gold: The right values.
    """
    right = [{"key": one.key, "value": one.value, "error": None} for one in gold]
    return score(target, gold, right).fields


_SAID: Final = frozenset({"title", "description", "examples", "$comment", WIRE_NAME})
"""Keywords that say something to people and models, and change no value."""


def values_fingerprint(target: Target[Any]) -> str:
    """Hash what the values of a target are to 16 hexadecimal digits.

    Descriptions play no part: runs with other descriptions are there to be compared.

    Args:
        target: The target.
    """
    return digest(without_keywords(target.schema, _SAID))[:16]


def _score(
    rules: Place, gold: GoldRecord, answer: Mapping[str, Any], with_spans: bool
) -> RecordScore:
    error: Any = answer.get("error")
    found = None if error else answer.get("value")
    absent = frozenset(answer.get("absent") or ())
    known = Known(absent=absent, alternatives=gold.alternatives)
    leaves = leaves_of(rules, found, gold.value, known)
    confidence = answer.get("confidence") or {}
    pressure = answer.get("pressure") or {}
    evidence = answer.get("evidence") or {}
    ours = all_spans(found, spans_of_evidence(evidence)) if with_spans else []
    theirs = _gold_spans(gold)
    return RecordScore(
        key=gold.key,
        error=error["type"] if error else None,
        strict=strict_spans(ours, theirs),
        relaxed=relaxed_spans(ours, theirs),
        accepted=answer.get("accepted"),
        kept=kept_of(leaves, answer),
        copied=len(answer.get("copied") or ()),
        tokens=answer.get("tokens") or 0,
        cost=answer.get("cost"),
        seconds=answer.get("seconds") or 0.0,
        shown=Shown(
            document=gold.document,
            value=found,
            gold=gold.value,
            leaves=leaves,
            evidence=evidence,
            confidence=confidence,
            pressure=pressure,
            error=f"{error['type']}: {error['message']}" if error else None,
        ),
        **score_of_leaves(leaves, confidence, pressure),
    )


def _gold_spans(gold: GoldRecord) -> list[Span]:
    return all_spans(gold.value, spans_of_evidence(gold.evidence))
