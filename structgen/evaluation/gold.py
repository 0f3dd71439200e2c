"""Gold: documents with the values that people say are right, from files of several forms.

| file | form |
|---|---|
| JSONL | one object a line: `text`, `file` or `messages`; `value`; `key` and others if known |
| CSV | a column `text` or `file`, a column `key` if there is one, and a column for each field |
| folder | `NAME.gold.json` beside `NAME.pdf`, `.txt`, `.md`, ..., as extract-bench has it |

A file that is named in one is looked for beside it. Each value is checked against the target first.
"""

from __future__ import annotations

import csv
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from structgen.errors import InputError, InvalidOutputError
from structgen.evaluation.cells import require_columns, value_of_cells
from structgen.evaluation.rules import Place, rules_of
from structgen.evaluation.stated import alternatives_of, evidence_of
from structgen.reading.files import read
from structgen.reading.registry import suffixes
from structgen.schema.check import validate
from structgen.schema.json import digest, is_unicode, pointer, short
from structgen.schema.json_text import parse_json_of
from structgen.schema.target import Target
from structgen.values import Json, TextOrMessages

OnInvalid = Literal["raise", "keep"]
"""What becomes of gold that does not fit the target, or whose document cannot be read: an error, or
it is kept as it is (an answer that is asked for then fails)."""

_GOLD_END: Final = ".gold.json"
_SOURCES: Final = ("text", "file", "messages")
_FIELD_SIZE: Final = 2**31 - 1
"""Characters that a cell may have."""
_NOT_FIELDS: Final = frozenset({"text", "file", "key"})
"""Columns of a CSV file that are no fields of the target."""


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldRecord:
    """A document and its right value."""

    key: str
    """Its name, which no other record has."""
    document: TextOrMessages = field(repr=False)
    """What is extracted from."""
    value: Json = field(repr=False)
    """The right value as plain JSON data; members that were left out are not stated."""
    alternatives: Mapping[str, Sequence[Json]] = field(default_factory=dict, repr=False)
    """Other right values, by JSON Pointer into `value`."""
    evidence: Mapping[str, Mapping[str, Json]] = field(default_factory=dict, repr=False)
    """Where values stand in the text, by JSON Pointer: objects with `start` and `end`."""
    invalid: str | None = None
    """Why the value does not fit the target, or the document cannot be read; only if such gold is
    kept."""


def load_gold(
    path: str | os.PathLike[str], target: Target[Any], *, on_invalid: OnInvalid = "raise"
) -> list[GoldRecord]:
    """Read gold from a JSONL or CSV file, or from a folder.

    Args:
        path: The file or folder.
        target: What the values are values of.
        on_invalid: What becomes of a value that does not fit the target.

    Raises:
        InputError: If something cannot be read, a line is no gold, a value does not fit, a document
            is missing or a key is there twice. The message names the file and the line.
    """
    where = Path(path)
    read = _READERS.get("/" if where.is_dir() else where.suffix.lower())
    if read is None:
        if not where.exists():
            raise InputError(f"There is no file or folder {where}.", hint="Check the path.")
        raise InputError(
            f"Cannot read gold from {where}: unsupported file type.",
            hint="Give a JSONL or CSV file, or a folder with NAME.gold.json files.",
        )
    check = _Check(target, on_invalid)
    try:
        records = [check.record(line, raw) for line, raw in read(where, rules_of(target.schema))]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"Cannot read {where}: {why}.", hint="Name a file that exists and is UTF-8 text."
        ) from error
    if not records:
        raise InputError(f"{where} holds no gold.", hint="Write at least one record.")
    return records


def fingerprint(records: Sequence[GoldRecord]) -> str:
    """Hash gold to 16 hexadecimal digits, by its keys, documents and values.

    Args:
        records: The gold.
    """
    content = [[one.key, one.document, one.value] for one in records]
    return digest(content)[:16]


class _Check:
    """Makes records of what the readers give, and sees that each key is there once."""

    def __init__(self, target: Target[Any], on_invalid: OnInvalid) -> None:
        self._target, self._on_invalid = target, on_invalid
        self._lines: dict[str, str] = {}

    def record(self, line: str, raw: Mapping[str, Any]) -> GoldRecord:
        key = _key(line, raw.get("key"))
        if key in self._lines:
            raise InputError(
                f"{line}: the key {short(key)} is that of {self._lines[key]} already.",
                hint="Give each record a key of its own.",
            )
        self._lines[key] = line
        value, invalid = self._value(line, raw["value"])
        document: TextOrMessages | InputError = raw["document"]
        if isinstance(document, InputError):
            if self._on_invalid == "raise":
                raise document
            invalid, document = document.message, ""
        return GoldRecord(
            key=key,
            document=document,
            value=value,
            alternatives=alternatives_of(line, raw.get("alternatives"), value),
            evidence=evidence_of(line, raw.get("evidence"), document),
            invalid=invalid,
        )

    def _value(self, line: str, value: Json) -> tuple[Json, str | None]:
        """Give the value as the target writes it, and what is wrong with it, if that is kept."""
        try:
            checked = validate(self._target, value)
        except InvalidOutputError as error:
            faults = "; ".join(str(violation) for violation in error.violations[:3])
            return value, self._fault(line, faults)
        if self._target.adapter is None:
            return value, None
        dumped = self._target.dump(checked)
        known = _known(value, dumped)
        ignored = [] if known == value else self._ignored(value, known, dumped)
        fault = self._fault(line, f"no such member: {', '.join(ignored)}") if ignored else None
        return _as_stated(dumped, known if ignored else value), fault

    def _fault(self, line: str, faults: str) -> str:
        """Give what is wrong with a value.

        Raises:
            InputError: Unless such gold is kept.
        """
        if self._on_invalid == "keep":
            return faults
        raise InputError(
            f"{line}: the value does not fit {self._target.name}: {faults}.",
            hint="Correct it, or take such gold as it is: load_gold(..., on_invalid='keep'), or "
            "`structgen eval --keep-invalid-gold`.",
        )

    def _ignored(self, value: Json, known: Json, dumped: Json) -> list[str]:
        """Give the members that the target reads nothing from: a name may be misspelt.

        A member that is not written again may still be read, under another name for a field.
        """
        try:
            same = self._target.dump(validate(self._target, known)) == dumped
        except InvalidOutputError:
            return []
        return list(_unknown(value, dumped, ())) if same else []


def _known(stated: Json, dumped: Json) -> Json:
    """A value without the members that the target does not write."""
    if isinstance(dumped, dict) and isinstance(stated, dict):
        return {key: _known(inner, dumped[key]) for key, inner in stated.items() if key in dumped}
    if isinstance(dumped, list) and isinstance(stated, list) and len(dumped) == len(stated):
        return [_known(*pair) for pair in zip(stated, dumped, strict=True)]
    return stated


def _unknown(stated: Json, dumped: Json, path: tuple[str | int, ...]) -> Iterator[str]:
    """The JSON Pointers of the members that the target does not write."""
    if isinstance(dumped, dict) and isinstance(stated, dict):
        for key, inner in stated.items():
            if key in dumped:
                yield from _unknown(inner, dumped[key], (*path, key))
            else:
                yield pointer((*path, key))
    elif isinstance(dumped, list) and isinstance(stated, list) and len(dumped) == len(stated):
        for index, (inner, written) in enumerate(zip(stated, dumped, strict=True)):
            yield from _unknown(inner, written, (*path, index))


def _as_stated(dumped: Json, stated: Json) -> Json:
    """A value as the target writes it, without members that the gold did not state."""
    if isinstance(dumped, dict) and isinstance(stated, dict) and stated.keys() <= dumped.keys():
        return {key: _as_stated(dumped[key], inner) for key, inner in stated.items()}
    if isinstance(dumped, list) and isinstance(stated, list) and len(dumped) == len(stated):
        return [_as_stated(*pair) for pair in zip(dumped, stated, strict=True)]
    return dumped


def _key(line: str, given: Any) -> str:
    """The name of a record: its line if it has none."""
    if given is None or given == "":
        return line
    if isinstance(given, bool) or not isinstance(given, str | int):
        raise InputError(
            f"{line}: the key {short(given)} is no text and no whole number.",
            hint="Name each record by a text.",
        )
    return str(given)


# ---- readers: (line, record with `document` and `value`) ----------------------------------------


def _jsonl(path: Path, rules: Place) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, text in enumerate(lines, 1):
            if not text.strip():
                continue
            line = f"{path.name}:{number}"
            row = parse_json_of(line, text)
            if not isinstance(row, dict) or "value" not in row:
                raise InputError(
                    f"{line} is no gold: it has no `value`.",
                    hint='Write {"text": "...", "value": ...} in each line.',
                )
            yield line, {**row, "document": _document(line, row, path.parent)}


def _csv(path: Path, rules: Place) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file, strict=True)
        require_columns(f"{path.name}:1", rows.fieldnames or ())
        for line, row in _lines_of(path.name, rows):
            if None in row or None in row.values():
                raise InputError(
                    f"{line} has another number of fields than the header.",
                    hint="Quote fields that hold commas or line breaks.",
                )
            given = {name: cell for name, cell in row.items() if cell or name == "text"}
            cells = {name: cell for name, cell in row.items() if name not in _NOT_FIELDS}
            value = value_of_cells(line, cells, rules)
            document = _document(line, given, path.parent)
            yield line, {"key": row.get("key"), "document": document, "value": value}


def _lines_of(name: str, rows: csv.DictReader[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """The rows of a table, each with the line that it ends in."""
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_SIZE))
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise InputError(
                f"{name}:{rows.line_num} cannot be read: {error}.",
                hint="Quote fields that hold quotes, commas or line breaks.",
            ) from error
        yield f"{name}:{rows.line_num}", row


def _folder(path: Path, rules: Place) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for gold in sorted(path.rglob(f"*{_GOLD_END}")):
        name = gold.relative_to(path).as_posix()
        if not is_unicode(name):
            raise InputError(
                f"{path}: the name {name!r} is not UTF-8.", hint="Give the file another name."
            )
        stem = gold.name.removesuffix(_GOLD_END)
        beside = [gold.with_name(stem + end) for end in suffixes()]
        document = next((one for one in beside if one.is_file()), None)
        if document is None:
            raise InputError(
                f"{name}: there is no document {stem} beside it.",
                hint=f"Its name ends in one of: {', '.join(suffixes())}.",
            )
        value = parse_json_of(name, gold.read_text(encoding="utf-8-sig"))
        key = name.removesuffix(_GOLD_END)
        yield name, {"key": key, "document": _text(name, document), "value": value}


_READERS: Final[Mapping[str, Callable[[Path, Place], Iterator[tuple[str, Mapping[str, Any]]]]]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".csv": _csv,
    "/": _folder,
}
"""How gold is read, by the end of the file's name; "/" is a folder."""


def _document(line: str, row: Mapping[str, Any], folder: Path) -> TextOrMessages | InputError:
    given = [name for name in _SOURCES if name in row]
    if len(given) != 1:
        found = f"it has {' and '.join(given)}" if given else "it has no document"
        raise InputError(
            f"{line} is no gold: {found}.", hint="Give one of `text`, `file` and `messages`."
        )
    document = row[given[0]]
    if given == ["messages"]:
        if document and isinstance(document, list) and all(isinstance(m, dict) for m in document):
            return document
        raise InputError(f"{line}: `messages` is no list of messages.", hint="See docs/chat.md.")
    if not isinstance(document, str) or not document.strip():
        raise InputError(f"{line}: `{given[0]}` is empty or no text.", hint="Give the document.")
    return _text(line, folder / document) if given == ["file"] else document


def _text(line: str, path: Path) -> str | InputError:
    """The text of a document, or why there is none."""
    if path.suffix.lower() not in suffixes():
        return InputError(
            f"{line}: cannot read {path.name}: unsupported file type.",
            hint=f"Supported: {', '.join(suffixes())}.",
        )
    try:
        return read(path)
    except InputError as error:
        return InputError(f"{line}: {error.message}", hint=error.hint)
