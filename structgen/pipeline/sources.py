"""Where inputs come from: files of many texts, files that are one text, folders of both, and databases.

Every source is read lazily and can be read again. A row or a file that cannot be read is an Item with its error, so that it becomes
a failed outcome and stops no other.
"""

from __future__ import annotations

import csv
import gzip
import os
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeAlias

from pydantic_core import from_json, to_jsonable_python

from structgen.errors import ConfigurationError, InputError
from structgen.extras import load
from structgen.pipeline.files import FILES, text_of
from structgen.pipeline.record import Item

_FIELD: Final = 2**26
"""Characters of a CSV field at most: a quote that nobody closes is found before it has swallowed the memory."""
_ROWS: Final = 256
_DAMAGED: Final = (OSError, EOFError, zlib.error)


@dataclass(frozen=True, slots=True)
class Columns:
    """Which columns of a row are its text and its key; the others are its `meta`. Without `key`, rows are named by their place."""

    text: str = "text"
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """Items that can be iterated again and again. `name`: where they come from, for people."""

    name: str
    _read: Callable[[], Iterator[Item]]

    def __iter__(self) -> Iterator[Item]:
        return self._read()


Reader: TypeAlias = "Callable[[Path, str, Columns], Iterator[Item]]"
"""(path, name, columns) -> items. Keys begin with the name."""


def open_source(
    name: str | os.PathLike[str], *, text: str | None = None, key: str | None = None
) -> Source:
    """The source that a name stands for: a file, a folder (searched to its depth, hidden files left out), or a database as
    "URL#TABLE" or "URL#SELECT ...".

    `text`: the column that holds the text (default "text"); `key`: the one that names the row, by default source and position.
    Files of rows: JSONL (also gzipped), CSV, TSV, Parquet; of one text: plain text, Markdown, HTML, PDF, DOCX. Raises InputError
    where there is no such file, ConfigurationError for one of another kind or a package that is missing.
    """
    columns = Columns(text or "text", key)
    given = os.fspath(name)
    if "://" in given:
        url, _, what = given.partition("#")
        return sql(url, what, text=columns.text, key=key)
    path = Path(given)
    if path.is_dir():
        return Source(given, lambda: _folder(path, columns))
    if not path.exists():
        raise InputError(
            f"There is no file or folder {path}.",
            hint="Name a file, a folder, or a database as URL#TABLE.",
        )
    reader = _reader(path)
    if reader is None:
        raise ConfigurationError(
            f"{path.name} is of no kind that can be read.", hint=f"Known: {', '.join(READERS)}."
        )
    return Source(given, lambda: reader(path, path.name, columns))


def sql(url: str, what: str, *, text: str = "text", key: str | None = None) -> Source:
    """The rows of a table or of a query, through SQLAlchemy. A table is read in the order of `key`; a query has to order its rows,
    where it is to give the same items in the same places again.

    Raises, when it is read, InputError for what the database refuses.
    """
    if not what:
        raise ConfigurationError(
            "Which rows of the database?", hint="Name a table or a query: URL#TABLE, URL#SELECT ..."
        )
    load("sqlalchemy", "files")
    return Source(what, lambda: _rows_of_database(url, what, Columns(text, key)))


# ---- files and folders -----------------------------------------------------------------------


def _folder(folder: Path, columns: Columns) -> Iterator[Item]:
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in inside.parts):
            reader, name = _reader(path), inside.as_posix()
            if reader is None:
                error = InputError(
                    f"{name} is of no kind that can be read.", hint=f"Known: {', '.join(READERS)}."
                )
                yield Item(name, "", error=error)
            else:
                yield from reader(path, name, columns)


def _reader(path: Path) -> Reader | None:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return READERS.get("".join(suffixes[-2:])) or READERS.get("".join(suffixes[-1:]))


def _document(path: Path, name: str, columns: Columns) -> Iterator[Item]:
    try:
        yield Item(name, text_of(path))
    except InputError as error:
        yield Item(name, "", error=error)


def _jsonl(path: Path, name: str, columns: Columns) -> Iterator[Item]:
    try:
        with gzip.open(path) if path.suffix.lower() == ".gz" else path.open("rb") as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    yield _of_line(line, f"{name}:{number}", columns)
    except _DAMAGED as error:
        raise InputError(
            f"{name} cannot be read to its end: {error}.", hint="Is the file whole?"
        ) from error


def _of_line(line: bytes, where: str, columns: Columns) -> Item:
    try:
        row = from_json(line, allow_inf_nan=False)
    except ValueError as error:
        return _bad(where, f"it is not JSON ({error})")
    return (
        _item(row, where, columns) if isinstance(row, dict) else _bad(where, "it is no JSON object")
    )


def _csv(path: Path, name: str, columns: Columns, delimiter: str = ",") -> Iterator[Item]:
    csv.field_size_limit(max(csv.field_size_limit(), _FIELD))
    with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
        reader = csv.DictReader(file, delimiter=delimiter, strict=True)
        _known(reader.fieldnames or (), name, columns)
        while True:
            where = f"{name}:{reader.line_num + 1}"
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield _bad(where, str(error))
                continue
            whole = None not in row and None not in row.values()
            yield (
                _item(row, where, columns)
                if whole
                else _bad(where, "it has another number of fields than the header")
            )


def _parquet(path: Path, name: str, columns: Columns) -> Iterator[Item]:
    parquet, lib = load("pyarrow.parquet", "files"), load("pyarrow.lib", "files")
    number = 0
    try:
        with parquet.ParquetFile(path) as file:
            _known(file.schema_arrow.names, name, columns)
            for batch in file.iter_batches(_ROWS):
                for row in batch.to_pylist():
                    number += 1
                    yield _item(row, f"{name}:{number}", columns)
    except (lib.ArrowException, OSError) as error:
        raise InputError(
            f"{name} cannot be read behind row {number}.", hint="Is it a whole Parquet file?"
        ) from error


READERS: Final[Mapping[str, Reader]] = {
    ".jsonl": _jsonl,
    ".ndjson": _jsonl,
    ".jsonl.gz": _jsonl,
    ".csv": _csv,
    ".tsv": lambda path, name, columns: _csv(path, name, columns, "\t"),
    ".parquet": _parquet,
    **dict.fromkeys(FILES, _document),
}
"""How a file is read, by its name's end."""


# ---- databases -------------------------------------------------------------------------------


def _rows_of_database(url: str, what: str, columns: Columns) -> Iterator[Item]:
    sqlalchemy = load("sqlalchemy", "files")
    is_table = " " not in what.strip()
    try:
        engine = sqlalchemy.create_engine(url)
        try:
            with engine.connect().execution_options(yield_per=_ROWS) as connection:
                rows = connection.execute(_query(sqlalchemy, what, is_table, columns))
                _known(rows.keys(), what, columns)
                for number, row in enumerate(rows.mappings(), 1):
                    yield _item(row, f"{what if is_table else 'row'}:{number}", columns)
        finally:
            engine.dispose()
    except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
        raise InputError(
            f"The database refuses: {_reason(error)}.", hint="Mend the URL, the table or the query."
        ) from error


def _query(sqlalchemy: Any, what: str, is_table: bool, columns: Columns) -> Any:
    if not is_table:
        return sqlalchemy.text(what)
    query = sqlalchemy.select(sqlalchemy.text("*")).select_from(sqlalchemy.table(what))
    return query.order_by(sqlalchemy.column(columns.key)) if columns.key else query


def _reason(error: Exception) -> str:
    """What a database said, without the statement and the values in it."""
    return str(getattr(error, "orig", None) or error).partition("\n")[0][:200]


# ---- rows ------------------------------------------------------------------------------------


def items(
    rows: Iterable[Mapping[str, Any]],
    name: str = "row",
    *,
    text: str = "text",
    key: str | None = None,
) -> Iterator[Item]:
    """Rows of any kind as Items: of a data frame's `to_dicts()`, of a query of your own."""
    columns = Columns(text, key)
    return (_item(row, f"{name}:{number}", columns) for number, row in enumerate(rows, 1))


def _known(names: Iterable[str], where: str, columns: Columns) -> None:
    """Raises InputError where a table lacks a column."""
    names = list(names)
    for wanted in filter(None, (columns.text, columns.key)):
        if wanted not in names:
            raise InputError(
                f"{where} has no column {wanted!r}.",
                hint=f"Its columns: {', '.join(map(str, names))}.",
            )


def _item(row: Mapping[str, Any], where: str, columns: Columns) -> Item:
    key = where if columns.key is None else row.get(columns.key)
    if key is None or key == "":
        return _bad(where, f"it has no {columns.key!r}")
    text: Any = row.get(columns.text)
    is_conversation = isinstance(text, list) and all(isinstance(message, dict) for message in text)
    if not (isinstance(text, str) or is_conversation):
        return _bad(where, f"its {columns.text!r} is no text", str(key))
    if isinstance(text, str) and not _is_unicode(text):
        return _bad(where, "it is not UTF-8", str(key))
    meta = {name: value for name, value in row.items() if name not in (columns.text, columns.key)}
    try:
        return Item(str(key), text, to_jsonable_python(meta, fallback=str, inf_nan_mode="null"))
    except ValueError:
        return _bad(where, "its other columns hold what JSON cannot carry", str(key))


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _bad(where: str, why: str, key: str | None = None) -> Item:
    return Item(
        key or where,
        "",
        error=InputError(f"{where} cannot be read: {why}.", hint="Mend the row, or leave it out."),
    )
