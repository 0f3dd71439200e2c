"""Rows of JSON Lines, and of JSON files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, cast

from pydantic_core import from_json

from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.place import UNDECODABLE, Place, open_text
from structgen.pipeline.inputs.rows import CHECK_FILE, ENCODING, NOT_TEXT, bad_item, item_of_row
from structgen.pipeline.record import Item
from structgen.reading.opening.remote import OneRead
from structgen.reading.text import decode, encoding_of

_UTF8: Final = "utf-8-sig"
_BOM: Final = b"\xef\xbb\xbf"


def read_jsonl(place: Place, options: ReadOptions) -> Iterator[Item]:
    """Read the rows of a JSON Lines file."""
    with place.open() as file:
        for number, line in enumerate(_lines(file, options.encoding), 1):
            if line.strip():
                where = f"{place.name}:{number}"
                yield _item_of_text(line, where, options, place)


def _lines(file: Any, encoding: str | None) -> Iterator[bytes | str]:
    """The lines: as bytes if they are UTF-8, which is faster."""
    first = file.readline()
    if (encoding or encoding_of(first[:4])) != _UTF8:
        with open_text(cast("Any", OneRead(file, first)), encoding, newline="\n") as rest:
            yield from rest
        return
    yield first.removeprefix(_BOM)
    yield from file


def read_json(place: Place, options: ReadOptions) -> Iterator[Item]:
    """Read the rows of a JSON file.

    It holds an array of objects, an object with one member that is such an array, or one object. A
    file that is JSON Lines in truth is read as such.
    """
    text = decode(place.read(), options.encoding)
    try:
        data = from_json(text)
    except ValueError as error:
        lines = text.split("\n")
        if len(lines) > 1 and _is_object(next(filter(str.strip, lines), "")):
            yield from _json_of_lines(lines, place, options)
        else:
            yield bad_item(place.name, f"it is not JSON ({error})", hint=CHECK_FILE)
        return
    if isinstance(data, dict) and options.text not in data:
        inner = [value for value in data.values() if isinstance(value, list)]
        data = inner[0] if len(inner) == 1 else data
    for number, row in enumerate(data if isinstance(data, list) else [data], 1):
        yield _item_of_value(row, f"{place.name}:{number}", options, place)


def _json_of_lines(lines: list[str], place: Place, options: ReadOptions) -> Iterator[Item]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            yield _item_of_text(line, f"{place.name}:{number}", options, place)


def _is_object(line: str) -> bool:
    try:
        return isinstance(from_json(line), dict)
    except ValueError:
        return False


def _item_of_text(line: bytes | str, where: str, options: ReadOptions, place: Place) -> Item:
    if isinstance(line, str) and UNDECODABLE in line:
        return bad_item(where, NOT_TEXT, hint=ENCODING)
    try:
        row = from_json(line)
    except (ValueError, UnicodeError, RecursionError) as error:
        if isinstance(line, bytes) and not _is_utf8(line):
            return bad_item(where, NOT_TEXT, hint=ENCODING)
        return bad_item(where, f"it is not JSON ({error})")
    return _item_of_value(row, where, options, place)


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _item_of_value(row: Any, where: str, options: ReadOptions, place: Place) -> Item:
    if not isinstance(row, dict):
        return bad_item(where, "it is not a JSON object")
    return item_of_row(row, where, options, place.partitions)
