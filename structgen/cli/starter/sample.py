"""Read a sample of somebody's data, and tell which columns are the text, the key and the values."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from structgen.answer.grounding import document_text
from structgen.cli.starter.shapes import nested, values_of_cells
from structgen.errors import InputError
from structgen.options import did_you_mean
from structgen.pipeline.inputs.formats.readers import columns_of, is_table
from structgen.pipeline.inputs.options import ReadOptions, options_of_source
from structgen.pipeline.inputs.place import Place, open_text, place_of
from structgen.pipeline.inputs.source import open_source
from structgen.pipeline.record import Item
from structgen.values import Json

ROWS: Final = 200
"""Rows from which types are guessed."""
_TEXT_NAMES: Final = ("text", "document", "messages", "content", "body", "message")
_KEY_NAMES: Final = ("key", "id", "uuid", "number")
_VALUE: Final = "value"
"""The column of gold that holds the whole wanted value."""
_CELLS: Final = frozenset({".csv", ".tsv"})
_LINES: Final = frozenset({".jsonl", ".ndjson"})


@dataclass(frozen=True, slots=True)
class Sample:
    """The documents and values in a sample of data."""

    path: Path
    """The file or folder."""
    items: Sequence[Item]
    """Its first documents, without those that cannot be read."""
    values: Sequence[Json]
    """The wanted value of each, an object; empty if the data has none."""
    text: str | None = None
    """The column of the text; None if the sample is documents."""
    key: str | None = None
    """The column that names rows; None if there is none."""
    encoding: str | None = None
    """The encoding that was given for its texts; None if they tell it."""


def read_sample(
    path: Path, text: str | None, key: str | None, encoding: str | None = None
) -> Sample:
    """Read the first documents of a file of rows, of a folder, or one document.

    Args:
        path: The file or folder.
        text: The column of the text; None to guess it.
        key: The column that names rows; None to guess it.
        encoding: The encoding of texts; None if they tell it.

    Raises:
        ConfigurationError: If there is no such encoding.
        InputError: If there is nothing to read, or no column that can be the text.
        MissingPackage: If the package that reads a document is not installed.
    """
    if not path.exists():
        raise InputError(f"There is no {path}.", hint="Name a file or folder with a sample.")
    place = place_of(path)
    reading = options_of_source({"encoding": encoding} if encoding else {})
    if path.is_dir() or not is_table(place, reading):
        items = _readable(path, list(islice(open_source(path, encoding=encoding), ROWS)))
        return Sample(path, items, [{} for _ in items], encoding=encoding)
    rows = _rows(place, path, reading)
    if not rows:
        raise InputError(f"{path} has no rows that can be read.", hint="Name another file.")
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = _text_column(rows, columns, text)
    key = _key_column(rows, [one for one in columns if one != text], key)
    source = open_source(path, text=text, key=key, limit=ROWS, encoding=encoding)
    items = _readable(path, list(source))
    return Sample(path, items, _values(items, path), text, key, encoding)


def _readable(path: Path, items: Sequence[Item]) -> list[Item]:
    found = [one for one in items if one.error is None and document_text(one.document).strip()]
    if not found:
        error = next((one.error for one in items if one.error is not None), None)
        raise error or InputError(f"{path} has no text.", hint="Name another file or folder.")
    return found


def _rows(place: Place, path: Path, reading: ReadOptions) -> list[dict[str, Any]]:
    """The first rows, whichever column is the text. Empty if it has none.

    Raises:
        InputError: If no row can be read: the fault of the first one.
    """
    kinds = set(path.suffixes[-2:])
    if kinds & _LINES:
        with place.open() as file, open_text(file, reading.encoding) as lines:
            rows = [_object(line) for line in islice(lines, ROWS)]
        return [row for row in rows if row]
    if not kinds & _CELLS:
        raise InputError(
            f"Cannot begin with {path.name}: it is neither CSV, JSON Lines nor documents.",
            hint="Write the rows to a CSV or JSON Lines file.",
        )
    first = (columns_of(place, reading) or ["text"])[0]
    items = list(open_source(path, text=first, limit=ROWS, encoding=reading.encoding))
    fault = next((one.error for one in items if one.error is not None), None)
    rows = [{first: one.document, **one.meta} for one in items if one.error is None]
    if fault is not None and not rows and path.stat().st_size:
        raise fault
    return rows


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError:
        return {}
    return row if isinstance(row, dict) else {}


def _text_column(rows: Sequence[dict[str, Any]], columns: Sequence[str], given: str | None) -> str:
    """The column that was named, else one of a usual name, else that of the longest texts."""
    if given is not None:
        return _named(given, columns, "--text")
    by_name = {one.lower(): one for one in reversed(columns)}
    usual = [by_name[name] for name in _TEXT_NAMES if name in by_name]
    if usual:
        return usual[0]
    texts = {
        name: sum(len(row[name]) for row in rows if isinstance(row.get(name), str))
        for name in columns
    }
    longest = max(texts, key=lambda name: texts[name])
    if not texts[longest]:
        raise InputError(
            f"No column holds texts: {', '.join(columns)}.", hint="Name one with --text COLUMN."
        )
    return longest


def _key_column(
    rows: Sequence[dict[str, Any]], columns: Sequence[str], given: str | None
) -> str | None:
    """The column that was named, else one of a usual name in which every row has its own."""
    if given is not None:
        return _named(given, columns, "--key")
    by_name = {one.lower(): one for one in reversed(columns)}
    for name in _KEY_NAMES:
        cells = [row.get(by_name.get(name, "")) for row in rows]
        are_names = all(isinstance(one, str | int) and one != "" for one in cells)
        if are_names and len({str(one) for one in cells}) == len(rows):
            return by_name[name]
    return None


def _named(given: str, columns: Sequence[str], flag: str) -> str:
    if given in columns:
        return given
    meant = did_you_mean([given], columns)
    raise InputError(
        f"There is no column {given!r} for {flag}.", hint=f"{meant}Columns: {', '.join(columns)}."
    )


def _values(items: Sequence[Item], path: Path) -> list[Json]:
    """The wanted values, as the other columns give them."""
    metas = [one.meta for one in items]
    if all(isinstance(meta.get(_VALUE), dict) for meta in metas):
        return [meta[_VALUE] for meta in metas]
    if not set(path.suffixes) & _CELLS:
        return [dict(meta) for meta in metas]
    # A column without a name is the index that pandas writes.
    columns = list(dict.fromkeys(name for meta in metas for name in meta if name.strip()))
    cells = {name: [str(meta.get(name) or "") for meta in metas] for name in columns}
    read = {name: values_of_cells(column) for name, column in cells.items()}
    return [nested({name: read[name][at] for name in columns}) for at in range(len(metas))]
