"""Reviews to and from files: gold, and tasks for Label Studio and Argilla."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from structgen.errors import InputError, InvalidOutputError
from structgen.server.review.records import Records
from structgen.values import Json


def export_gold(records: Records, path: str | os.PathLike[str]) -> int:
    """Write accepted and corrected records as gold, which serves for examples too.

    Args:
        records: The records.
        path: A file that does not exist yet.

    Returns:
        How many were written.

    Raises:
        InputError: If a text is not known, a value does not fit the target any more, or the file
            cannot be written.
    """
    reviews = records.reviews.all()
    rows: list[dict[str, Json]] = []
    for row in records.rows:
        review = reviews.get(row["key"])
        if review is None or review.status == "rejected":
            continue
        if not records.fits(review):
            raise InputError(
                f"The reviewed value of {row['key']!r} does not fit the target any more.",
                hint="Review it again, or export with the target that it was reviewed with.",
            )
        text = records.text(row["key"])
        if text is None:
            raise InputError(
                f"The text of {row['key']} is not known.", hint="Name the inputs of the run."
            )
        rows.append({"key": row["key"], "text": text, "value": review.value})
    return _write(path, rows)


def export_tasks(records: Records, path: str | os.PathLike[str]) -> int:
    """Write every record as a review task, in the form that Label Studio imports.

    Args:
        records: The records.
        path: A file that does not exist yet.

    Returns:
        How many were written.

    Raises:
        InputError: If the file cannot be written.
    """
    return _write(
        path,
        [
            {
                "data": {
                    "key": one["key"],
                    "text": one["text"],
                    "value": json.dumps(one["value"], ensure_ascii=False),
                },
                "meta": {"version": one["version"], "status": one["status"]},
            }
            for one in records.listed()
        ],
    )


def import_tasks(records: Records, path: str | os.PathLike[str]) -> int:
    """Take decisions from tasks that Label Studio or Argilla exported, one a line.

    Args:
        records: The records.
        path: A JSONL file.

    Returns:
        How many decisions were taken; tasks without an answer are passed over.

    Raises:
        InputError: If a line is no such task, its record is not known or was reviewed since, or
            its value does not fit. Lines before it are kept.
    """
    done = 0
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"Cannot read {path}: {error}.", hint="Name a JSONL file.") from error
    for number, line in enumerate(lines, 1):
        if line.strip():
            done += _take(records, f"{path}:{number}", line)
    return done


def _take(records: Records, where: str, line: str) -> bool:
    try:
        task = json.loads(line)
        key, version, answer = _answer(task)
        value = None if answer is None else json.loads(answer)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise InputError(
            f"{where} is no review task.", hint="Export tasks with --export-tasks to see the form."
        ) from error
    if answer is None:
        return False
    if key not in records:
        raise InputError(f"{where}: no record has the key {key!r}.", hint="Check the results.")
    try:
        kept = records.save(key, version, "corrected", value)
    except InvalidOutputError as error:
        raise InputError(f"{where}: {error.message}", hint="Correct the value.") from error
    if not kept:
        raise InputError(
            f"{where}: {key} was reviewed after the task was exported.",
            hint="Remove the line, or export the tasks again.",
        )
    return True


def _answer(task: Any) -> tuple[str, int, str | None]:
    """The key, the version that was exported, and the answer as JSON text, if there is one."""
    if "fields" in task:  # Argilla
        responses = (task.get("responses") or {}).get("value") or []
        version = int((task.get("metadata") or {}).get("version", 0))
        return str(task["id"]), version, responses[-1]["value"] if responses else None
    version = int((task.get("meta") or {}).get("version", 0))
    done = [one for one in task.get("annotations") or () if not one.get("was_cancelled")]
    results = [part for one in done for part in one["result"] if part["from_name"] == "value"]
    text = results[-1]["value"]["text"] if results else None
    return str(task["data"]["key"]), version, text[-1] if isinstance(text, list) else text


def _write(path: str | os.PathLike[str], rows: Iterable[dict[str, Json]]) -> int:
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.writelines(lines)
    except OSError as error:
        raise InputError(
            f"Cannot write {path}: {error.strerror}.", hint="Name a file that does not exist."
        ) from error
    return len(lines)
