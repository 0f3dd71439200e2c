"""Outcomes on their way into the journal and out of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import fields, replace
from typing import Any, Final, TypeVar

from structgen.errors import Attempt, InvalidOutputError, PromptTooLongError, StructgenError
from structgen.pipeline.journal.rows import Entry
from structgen.pipeline.record import Outcome, error_from_data, error_to_data
from structgen.results import Extraction
from structgen.schema.check import validate
from structgen.schema.target import Target
from structgen.values import Json, Usage

T = TypeVar("T")

CHUNKS: Final = "chunks"
"""The member of a row's body that counts the chunks of its document."""
_USAGE_MEMBERS: Final = tuple(one.name for one in fields(Usage))


def entry_of(run: str, hash: bytes, outcome: Outcome[Any]) -> Entry:
    """Give an outcome as the journal keeps it, with every attempt that failed.

    Args:
        run: The fingerprint of the question without its document.
        hash: The hash of the question with its document.
        outcome: The outcome.
    """
    usage = {name: getattr(outcome.usage, name) for name in _USAGE_MEMBERS}
    body: dict[str, Json] = {
        "record": outcome.record(),
        "tries": outcome.tries,
        "usage": {name: count for name, count in usage.items() if count},
        "seconds": round(outcome.seconds, 3),
        "attempts": [_attempt_data(one) for one in outcome.attempts if one.error is not None],
    }
    if outcome.chunks:  # their own rows have the cost
        body[CHUNKS] = {"asked": outcome.chunks, "failed": outcome.failed_chunks}
        body["cost"] = outcome.cost
        return Entry(hash, run, outcome.ok, body)
    if isinstance(outcome.result, Extraction) and outcome.result.kinds:
        body |= {"kinds": dict(outcome.result.kinds), "model": outcome.result.model}
    return Entry(hash, run, outcome.ok, body, outcome.cost)


def outcome_of(
    entry: Entry,
    target: Target[T],
    key: str,
    meta: Mapping[str, Json],
    *,
    document_hash: str = "",
    check: bool = True,
) -> Outcome[T]:
    """Give the outcome that the journal kept.

    Args:
        entry: What the journal kept.
        target: The target of the job.
        key: The key of the input.
        meta: The meta of the input.
        document_hash: Tells which document the input has; "" if that is not known.
        check: Whether to check the value again: the target's validators may have changed since.

    Returns:
        The outcome. A value that the target refuses by now has become an InvalidOutputError.
    """
    body, record = entry.body, entry.body["record"]
    outcome = Outcome(
        key=key,
        meta=meta,
        document_hash=document_hash,
        target=target,
        stored=record,
        tries=body["tries"] if isinstance(body.get("tries"), int) else 0,
        usage=_usage(body.get("usage")),
        cost=body.get("cost") if entry.cost is None else entry.cost,
        seconds=body["seconds"] if isinstance(body.get("seconds"), (int, float)) else 0.0,
        chunks=_counted(body, "asked"),
        failed_chunks=_counted(body, "failed"),
    )
    if not entry.ok:
        error = error_from_data(record["error"])
        error.attempts = tuple(_attempts(body.get("attempts")))
        return replace(outcome, error=error)
    return _checked(outcome) if check else outcome


def needed_chunks(entry: Entry) -> bool:
    """Whether a document was split, or failed because it was too long to be asked about whole.

    Args:
        entry: What the journal kept of it.
    """
    if isinstance(entry.body.get(CHUNKS), dict):
        return True
    error = None if entry.ok else error_from_data(entry.body["record"]["error"])
    return isinstance(error, PromptTooLongError)


def _counted(body: Mapping[str, Json], name: str) -> int:
    counts = body.get(CHUNKS)
    found = counts.get(name) if isinstance(counts, dict) else 0
    return found if isinstance(found, int) else 0


def _checked(outcome: Outcome[T]) -> Outcome[T]:
    try:
        validate(outcome.target, outcome.record()["value"])
    except InvalidOutputError as error:
        return replace(outcome, error=error, stored={"error": error_to_data(error)})
    return outcome


def _usage(data: Json) -> Usage:
    known = data if isinstance(data, dict) else {}
    counts = {name: known[name] for name in _USAGE_MEMBERS if isinstance(known.get(name), int)}
    return Usage(**counts)


def _attempt_data(attempt: Attempt) -> dict[str, Json]:
    return {
        "backend": attempt.backend,
        "mode": attempt.mode,
        "text": attempt.text,
        "finish_reason": attempt.finish_reason,
        "seconds": round(attempt.seconds, 3),
        "error": error_to_data(attempt.error) if attempt.error else None,
    }


def _attempts(data: Json) -> Iterator[Attempt]:
    rows: Sequence[Any] = data if isinstance(data, list) else ()
    for row in rows:
        if isinstance(row, dict):
            yield Attempt(
                backend=str(row.get("backend")),
                mode=row.get("mode", "prompt"),
                text=row.get("text"),
                finish_reason=row.get("finish_reason"),
                seconds=row.get("seconds", 0.0),
                error=_error(row.get("error")),
            )


def _error(data: Json) -> StructgenError:
    if isinstance(data, dict):
        return error_from_data(data)
    return StructgenError(str(data))  # 0.1.0 kept "TYPE: MESSAGE"
