"""The inputs of a run as rows of the journal, each beside the newest outcome of its question."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pydantic_core import from_json

from structgen.pipeline.journal.rows import Entry, entry_of_row, plain_json
from structgen.values import Json

COLUMNS: Final = """
i.position, i.key, i.meta, i.hash, i.document,
    o.seq, o.run, o.hash, o.ok, o.cost, CAST(o.body AS BLOB), o.sum
"""
"""What `input_and_entry` takes, of an input `i` and an outcome `o`."""
WITH_NEWEST: Final = """
LEFT JOIN outcomes o ON o.seq = (SELECT max(seq) FROM outcomes WHERE hash = i.hash)
"""
"""Joins an input `i` with the newest outcome `o` of its question."""
INSERT_INPUT: Final = """
INSERT INTO inputs (position, key, meta, hash, document) VALUES (?, ?, ?, ?, ?)
"""
"""Takes what `row_of_input` gives."""


@dataclass(frozen=True, slots=True)
class Input:
    """One input of a run."""

    position: int
    """Its place among the inputs, from 0."""
    key: str
    """The key of its Item."""
    meta: Mapping[str, Json]
    """The meta of its Item."""
    hash: bytes
    """The hash of its question."""
    document_hash: str
    """That of its Item; "" also if an earlier version of structgen noted the input."""


def row_of_input(one: Input) -> tuple[Any, ...]:
    """Give an input as a row."""
    meta = plain_json(dict(one.meta)).decode()
    return one.position, one.key, meta, one.hash, one.document_hash


def input_and_entry(row: Sequence[Any]) -> tuple[Input, Entry | None]:
    """Give the input of a row, and its outcome if it has one that can be read."""
    position, key, meta, hash, document, *outcome = row
    entry = None if outcome[0] is None else entry_of_row(outcome)
    return Input(position, key, from_json(meta), hash, document or ""), entry
