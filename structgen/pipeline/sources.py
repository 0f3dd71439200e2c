"""Where inputs come from: files of many documents, files of one, folders of both, and databases.

Every source is read lazily and can be read again. A row or a file that cannot be read is an Item
with its error, so it becomes a failed outcome and stops no other.
"""

from __future__ import annotations

import csv
import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias, TypeGuard

from pydantic_core import from_json, to_jsonable_python

from structgen.errors import ConfigurationError, InputError
from structgen.extras import load
from structgen.pipeline.files import FILES, text_of
from structgen.pipeline.record import Item
from structgen.values import Document

_FIELD_SIZE: Final = 2**26
"""Characters of a CSV field at most, so that an unclosed quote does not fill the memory."""
_ROWS: Final = 256
"""Rows to fetch at a time from Parquet and databases."""
_MESSAGE_LENGTH: Final = 200
"""Characters of a database's message to quote: what comes later may hold values."""
_DAMAGED: Final = (OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a row are its document and its key; the others are its `meta`."""

    text: str = "text"
    """The column that holds the document."""
    key: str | None = None
    """The column that names the row; without one, its place does."""


@dataclass(frozen=True, slots=True)
class Source:
    """Items that can be iterated again and again."""

    name: str
    """Where they come from, for people."""
    _read: Callable[[], Iterator[Item]]

    def __iter__(self) -> Iterator[Item]:
        return self._read()


Reader: TypeAlias = "Callable[[Path, str, Columns], Iterator[Item]]"
"""(path, name, columns) -> items. Keys made from a row's place begin with the name."""


def open_source(
    name: str | os.PathLike[str], *, text: str | None = None, key: str | None = None
) -> Source:
    """Open a source by its name.

    Args:
        name: A file of rows (JSONL, also gzipped; CSV, TSV, Parquet); a file that is one document
            (plain text, Markdown, HTML, PDF, DOCX); a folder, searched with its subfolders except
            for hidden files; or a database as "URL#TABLE" or "URL#SELECT ...".
        text: The column of a row that holds the document (default "text").
        key: The column that names a row (default: source and position).

    Returns:
        The items, read each time the source is iterated.

    Raises:
        InputError: If there is no such file or folder.
        ConfigurationError: If a file has an unknown kind, or a database has no table or query.
        MissingPackage: If the package that reads it is not installed.
    """
    columns = Columns(text or "text", key)
    given = os.fspath(name)
    if "://" in given:
        url, _, what = given.partition("#")
        return sql(url, what, text=columns.text, key=key)
    path = Path(given)
    if path.is_dir():
        return Source(given, lambda: _read_folder(path, columns))
    if not path.exists():
        raise InputError(
            f"There is no file or folder {path}.",
            hint="Name a file, a folder, or a database as URL#TABLE.",
        )
    reader = _reader_of(path)
    if reader is None:
        raise ConfigurationError(
            f"Cannot read {path.name}: unsupported file type.",
            hint=f"Supported: {', '.join(READERS)}.",
        )
    return Source(given, lambda: reader(path, path.name, columns))


def sql(url: str, what: str, *, text: str = "text", key: str | None = None) -> Source:
    """Read the rows of a table or a query, through SQLAlchemy.

    Args:
        url: The database, as SQLAlchemy takes it.
        what: The name of a table, or a query. A table is read in the order of `key`. Give a query
            an ORDER BY, so that it gives the same rows in the same places again.
        text: The column that holds the document.
        key: The column that names a row (default: its position).

    Returns:
        The items. Iterating them raises InputError if the database refuses.

    Raises:
        ConfigurationError: If there is no table or query.
        MissingPackage: If SQLAlchemy is not installed.
    """
    if not what:
        raise ConfigurationError(
            "Missing table or query.", hint="Use URL#TABLE, or URL#SELECT ... FROM ... ORDER BY ..."
        )
    load("sqlalchemy", "files")
    return Source(what, lambda: _read_database(url, what, Columns(text, key)))


# ---- files and folders -----------------------------------------------------------------------


def _read_folder(folder: Path, columns: Columns) -> Iterator[Item]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if not path.is_file() or any(part.startswith(".") for part in inside.parts):
            continue
        reader, name = _reader_of(path), inside.as_posix()
        if reader is not None:
            yield from reader(path, name, columns)
            continue
        error = InputError(
            f"Cannot read {name}: unsupported file type.", hint=f"Supported: {', '.join(READERS)}."
        )
        yield Item(name, "", error=error)


def _reader_of(path: Path) -> Reader | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return READERS.get("".join(suffixes[-2:])) or READERS.get("".join(suffixes[-1:]))


def _read_document(path: Path, name: str, columns: Columns) -> Iterator[Item]:
    try:
        yield Item(name, text_of(path))
    except InputError as error:
        yield Item(name, "", error=error)


def _read_jsonl(path: Path, name: str, columns: Columns) -> Iterator[Item]:
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _item_of_line(line, f"{name}:{number}", columns)
    except _DAMAGED as error:
        raise InputError(
            f"Cannot read {name} to its end: {error}.", hint="Check whether the file is complete."
        ) from error


def _item_of_line(line: bytes, where: str, columns: Columns) -> Item:
    try:
        row = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return _bad_item(where, f"it is not JSON ({error})")
    if not isinstance(row, dict):
        return _bad_item(where, "it is not a JSON object")
    return _item_of(row, where, columns)


def _read_csv(path: Path, name: str, columns: Columns, delimiter: str = ",") -> Iterator[Item]:
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD_SIZE))
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file, delimiter=delimiter, strict=True)
        _check_columns(reader.fieldnames or (), name, columns)
        while True:
            where = f"{name}:{reader.line_num + 1}"
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield _bad_item(where, str(error))
                continue
            if None in row or None in row.values():  # too many fields, or too few
                yield _bad_item(where, "it has another number of fields than the header")
            else:
                yield _item_of(row, where, columns)


def _read_tsv(path: Path, name: str, columns: Columns) -> Iterator[Item]:
    return _read_csv(path, name, columns, "\t")


def _read_parquet(path: Path, name: str, columns: Columns) -> Iterator[Item]:
    parquet, lib = load("pyarrow.parquet", "files"), load("pyarrow.lib", "files")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            _check_columns(file.schema_arrow.names, name, columns)
            for batch in file.iter_batches(_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield _item_of(row, f"{name}:{number}", columns)
    except (lib.ArrowException, OSError) as error:
        raise InputError(
            f"Cannot read {name} after row {number}.",
            hint="Check whether it is a complete Parquet file.",
        ) from error


READERS: Final[Mapping[str, Reader]] = {
    ".jsonl": _read_jsonl,
    ".ndjson": _read_jsonl,
    ".jsonl.gz": _read_jsonl,
    ".csv": _read_csv,
    ".tsv": _read_tsv,
    ".parquet": _read_parquet,
    **dict.fromkeys(FILES, _read_document),
}
"""The function that reads a file, by the file's suffix."""


# ---- databases -------------------------------------------------------------------------------


def _read_database(url: str, what: str, columns: Columns) -> Iterator[Item]:
    sqlalchemy = load("sqlalchemy", "files")
    is_table = " " not in what.strip()
    name = what if is_table else "row"
    try:
        engine = sqlalchemy.create_engine(url)
        try:
            with engine.connect().execution_options(yield_per=_ROWS) as connection:
                rows = connection.execute(_query(sqlalchemy, what, is_table, columns))
                _check_columns(rows.keys(), what, columns)
                for number, row in enumerate(rows.mappings(), 1):
                    yield _item_of(row, f"{name}:{number}", columns)
        finally:
            engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise InputError(
            f"Cannot read from the database: {database_message(error)}.",
            hint="Check the URL, the table and the query.",
        ) from error


def _query(sqlalchemy: Any, what: str, is_table: bool, columns: Columns) -> Any:
    if not is_table:
        return sqlalchemy.text(what)
    query = sqlalchemy.select(sqlalchemy.text("*")).select_from(sqlalchemy.table(what))
    return query.order_by(sqlalchemy.column(columns.key)) if columns.key else query


def database_message(error: Exception) -> str:
    """Give what a database said, without the statement and the values in it."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0][:_MESSAGE_LENGTH]


# ---- rows ------------------------------------------------------------------------------------


def items(
    rows: Iterable[Mapping[str, Any]],
    name: str = "row",
    *,
    text: str = "text",
    key: str | None = None,
) -> Iterator[Item]:
    """Give rows of any kind as Items, such as a data frame's `to_dicts()`.

    Args:
        rows: The rows, by column.
        name: The beginning of keys that are made from a row's place.
        text: The column that holds the document.
        key: The column that names a row (default: its position).
    """
    columns = Columns(text, key)
    return (_item_of(row, f"{name}:{number}", columns) for number, row in enumerate(rows, 1))


def _check_columns(names: Iterable[str], where: str, columns: Columns) -> None:
    """Raise InputError if a table lacks a column."""
    names = list(names)
    for wanted in filter(None, (columns.text, columns.key)):
        if wanted not in names:
            raise InputError(
                f"{where} has no column {wanted!r}.",
                hint=f"Its columns: {', '.join(map(str, names))}.",
            )


def _item_of(row: Mapping[str, Any], where: str, columns: Columns) -> Item:
    key = where if columns.key is None else row.get(columns.key)
    if key is None or key == "":
        return _bad_item(where, f"its {columns.key!r} is empty")
    document = row.get(columns.text)
    if not _is_document(document):
        return _bad_item(where, f"its {columns.text!r} is not a text", str(key))
    if isinstance(document, str) and not _is_unicode(document):
        return _bad_item(where, "it is not UTF-8", str(key))
    meta = {name: value for name, value in row.items() if name not in (columns.text, columns.key)}
    try:
        plain = to_jsonable_python(meta, fallback=str, inf_nan_mode="null")
    except ValueError:
        return _bad_item(where, "its other columns hold what JSON cannot carry", str(key))
    return Item(str(key), document, plain)


def _is_document(value: Any) -> TypeGuard[Document]:
    """Whether a value is a text, or the messages of a conversation."""
    if isinstance(value, list):
        return all(isinstance(message, dict) for message in value)
    return isinstance(value, str)


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bad_item(where: str, why: str, key: str | None = None) -> Item:
    error = InputError(f"Cannot read {where}: {why}.", hint="Correct the row or leave it out.")
    return Item(key or where, "", error=error)
