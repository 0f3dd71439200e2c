"""Review tasks for Label Studio and Argilla: files that they import, and what they export."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from structgen.errors import InputError, InvalidOutputError, NotJsonError
from structgen.pipeline.journal.reviews import counted
from structgen.schema.json import is_unicode, same_json
from structgen.schema.json_text import parse_json, parse_json_of
from structgen.server.review.files import write_new
from structgen.server.review.records import Records
from structgen.values import Json

TaskForm: TypeAlias = Literal["label-studio", "argilla"]
"""Whom tasks are for."""

_NAME: Final = "value"
"""The name of the text area, or of the question, that holds the value as JSON text."""
_TEXT: Final = "text"
"""The name of the text that is asked about."""
_SHOWN: Final = 5
"""How many tasks that were not taken an error names."""
_EXPORTS: Final = (
    "Give the file that Label Studio exported as JSON, or Argilla's SDK with `records.to_json`."
)
_HINT: Final = (
    "Correct these, or export them again, and import the file once more: nothing is taken twice."
)


def export_tasks(
    records: Records, path: str | os.PathLike[str], form: TaskForm = "label-studio"
) -> int:
    """Write every record as a review task.

    Args:
        records: The records.
        path: A file that does not exist yet; its name ends in `.json`, as Label Studio wants it.
        form: Whom it is for.

    Returns:
        How many were written.

    Raises:
        InputError: If the name ends in something else, or the file cannot be written.
    """
    if Path(path).suffix.lower() != ".json":
        raise InputError(
            f"Cannot write review tasks to {path}: Label Studio and Argilla import .json files.",
            hint="Name a file that ends in .json.",
        )
    tasks = [_FORMS[form](one) for one in records.everything()]
    write_new(path, json.dumps(tasks, indent=1) + "\n")
    return len(tasks)


def import_tasks(records: Records, path: str | os.PathLike[str]) -> int:
    """Take decisions from tasks that Label Studio or Argilla exported.

    Args:
        records: The records.
        path: A JSON file with a list of tasks, or a JSONL file with one a line.

    Returns:
        How many decisions were taken. Tasks without an answer are passed over, and so are those
        whose answer was taken before.

    Raises:
        InputError: If the file holds no tasks, or some of them were not taken: the record is not
            known or was reviewed since, or the value does not fit. All others are taken.
    """
    tasks = _read(path)
    faults: list[str] = []
    done = 0
    for number, task in enumerate(tasks, 1):
        try:
            done += _take(records, task)
        except InputError as error:
            faults.append(f"task {number}: {error.message}")
    if faults:
        shown = "; ".join(faults[:_SHOWN]) + ("; ..." if len(faults) > _SHOWN else "")
        new = counted(done, "new decision", "new decisions")
        raise InputError(
            f"Cannot take {len(faults)} of the {len(tasks)} tasks in {path}: {shown}. The others "
            f"are taken: {new}.",
            hint=_HINT,
        )
    return done


def _read(path: str | os.PathLike[str]) -> list[Any]:
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"Cannot read {path}: {why}.", hint="Name a JSON file.") from error
    with suppress(NotJsonError):
        found = parse_json(text)
        return found if isinstance(found, list) else [found]
    lines = text.split("\n")  # a text may hold other line separators
    return [
        parse_json_of(f"{path}:{number}", line, _EXPORTS)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


@dataclass(frozen=True, slots=True)
class _Answer:
    key: str
    version: int
    """The version of the record's review when the task was exported."""
    document_hash: str
    text: str | None
    """The value as JSON text; None if nobody has answered."""


def _take(records: Records, task: Any) -> bool:
    try:
        answer = _answer(task)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise InputError(
            "it is no review task (Label Studio exports them as JSON, not as JSON-MIN or CSV)"
        ) from error
    if answer.text is None:
        return False
    key = answer.key
    if key not in records:
        raise InputError(f"no record has the key {key!r}")
    try:
        value = parse_json_of(f"the value of {key!r}", answer.text)
        kept = records.save(
            key, answer.version, "corrected", value, document_hash=answer.document_hash
        )
    except InvalidOutputError as error:
        said = "; ".join(str(one) for one in error.violations[:3])
        raise InputError(f"the value of {key!r} does not fit: {said}") from error
    review = records.reviews.of(key)
    if kept or (review is not None and same_json(review.value, value)):
        return kept
    raise InputError(f"{key!r} was reviewed after the task was exported")


def _answer(task: Any) -> _Answer:
    is_argilla = "fields" in task
    noted = task.get("metadata" if is_argilla else "meta") or {}
    key = task["id"] if is_argilla else task["data"]["key"]
    text = _of_argilla(task) if is_argilla else _of_label_studio(task)
    return _Answer(
        str(key), int(noted.get("version") or 0), str(noted.get("document_hash") or ""), text
    )


def _of_label_studio(task: Mapping[str, Any]) -> str | None:
    """The newest answer, of annotations that were not skipped."""
    done = [one for one in task.get("annotations") or () if not one.get("was_cancelled")]
    for annotation in sorted(done, key=lambda one: str(one.get("updated_at") or ""), reverse=True):
        texts = [
            part["value"]["text"] for part in annotation["result"] if part["from_name"] == _NAME
        ]
        if texts:
            return _one_text(texts[-1])
    return None


def _of_argilla(task: Mapping[str, Any]) -> str | None:
    """The last response. A record is pending while all that it has are drafts or discarded."""
    if task.get("status") == "pending":
        return None
    responses = (task.get("responses") or {}).get(_NAME) or []
    given = [one["value"] for one in responses if one.get("value") is not None]
    return _one_text(given[-1]) if given else None


def _one_text(found: str | list[str]) -> str:
    return found if isinstance(found, str) else found[-1]


# ---- what is written -------------------------------------------------------------------------


def _for_label_studio(one: Mapping[str, Any]) -> dict[str, Json]:
    value = _value(one)
    data = {"key": one["key"], _TEXT: _readable(one["text"] or ""), _NAME: value}
    result = {"from_name": _NAME, "to_name": _TEXT, "type": "textarea", "value": {"text": [value]}}
    predictions = [{"model_version": "structgen", "result": [result]}] if value else []
    return {"data": data, "meta": _noted(one), "predictions": predictions}


def _for_argilla(one: Mapping[str, Any]) -> dict[str, Json]:
    value = _value(one)
    return {
        "id": one["key"],
        "fields": {_TEXT: _readable(one["text"] or "")},
        "metadata": _noted(one),
        "suggestions": {_NAME: {"value": value}} if value else {},
        "responses": {},
    }


_FORMS: Final[Mapping[TaskForm, Callable[[Mapping[str, Any]], dict[str, Json]]]] = {
    "label-studio": _for_label_studio,
    "argilla": _for_argilla,
}


def _noted(one: Mapping[str, Any]) -> dict[str, Json]:
    return {"version": one["version"], "document_hash": one["document_hash"]}


def _value(one: Mapping[str, Any]) -> str:
    """The likeliest value as JSON text; "" if there is none."""
    if not one["values"]:
        return ""
    text = json.dumps(one["values"][0]["value"], ensure_ascii=False, indent=2)
    return text if is_unicode(text) else json.dumps(one["values"][0]["value"], indent=2)


def _readable(text: str) -> str:
    """A text without half surrogate pairs, which no database takes."""
    return text.encode("utf-8", "replace").decode()
