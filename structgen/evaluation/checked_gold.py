"""Checks of gold that a caller made, before anything is asked about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from structgen.errors import InputError
from structgen.evaluation.answers import fault_of
from structgen.evaluation.gold import GoldRecord
from structgen.schema.json import is_unicode, short, to_text
from structgen.schema.target import Target


def check_records(records: Any) -> None:
    """See that records that a caller made have the form of gold, before anything is asked.

    Args:
        records: The records.

    Raises:
        InputError: If one is no `GoldRecord`, or has no key of its own.
    """
    if isinstance(records, str | Mapping) or not isinstance(records, Sequence):
        raise InputError(
            f"The gold is of type {type(records).__name__}, and no list of records.",
            hint="Give the path of a file or folder, or a list of GoldRecord.",
        )
    seen: set[str] = set()
    for number, record in enumerate(records, 1):
        if not isinstance(record, GoldRecord):
            raise InputError(
                f"Record {number} of the gold is of type {type(record).__name__}.",
                hint="Make it a GoldRecord(key=..., document=..., value=...).",
            )
        key = record.key
        if not isinstance(key, str) or not key or not is_unicode(key):
            raise InputError(
                f"Record {number} of the gold: the key {key!a} is empty or no text.",
                hint="Name each record by a text.",
            )
        if key in seen:
            raise InputError(
                f"Record {number} of the gold: the key {short(key)} is that of an earlier one.",
                hint="Give each record a key of its own.",
            )
        seen.add(key)
        if not isinstance(record.document, str | Sequence) or isinstance(record.document, bytes):
            raise InputError(
                f"The document of the record {short(key)} is of type "
                f"{type(record.document).__name__}, not a text or messages.",
                hint="Give its text: structgen.read(PATH) reads a file.",
            )


def require_fit(target: Target[Any], records: Sequence[GoldRecord]) -> None:
    """See that all values fit the target, as those of worked examples have to.

    Args:
        target: What the values are values of.
        records: The records.

    Raises:
        InputError: If one does not fit.
    """
    for record in records:
        fault = record.invalid or _no_json(record.value) or fault_of(target, record.value)
        if fault is not None:
            raise InputError(
                f"The value of the record {short(record.key)} does not fit {target.name}: {fault}.",
                hint="Correct it, or leave the record out.",
            )


def _no_json(value: Any) -> str | None:
    try:
        to_text(value)
    except (TypeError, ValueError):
        return "it is no plain JSON data"
    return None
