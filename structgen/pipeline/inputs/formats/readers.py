"""The function that reads a file, by its suffix."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, TypeAlias

from structgen.errors import InputError, MissingPackage
from structgen.pipeline.inputs.formats.arrow import parquet_columns, read_arrow, read_parquet
from structgen.pipeline.inputs.formats.delimited import csv_columns, read_csv, read_tsv
from structgen.pipeline.inputs.formats.json_rows import read_json, read_jsonl
from structgen.pipeline.inputs.formats.sheets import read_xlsx
from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.place import COMPRESSED, Place
from structgen.pipeline.inputs.rows import unreadable
from structgen.pipeline.record import Item
from structgen.reading.files import read_bytes
from structgen.reading.options import Reader
from structgen.reading.registry import reader_for, suffixes

ReadsItems: TypeAlias = "Callable[[Place, ReadOptions], Iterator[Item]]"
"""Reads the rows of a file, or the one document that it is."""


def _read_document(place: Place, options: ReadOptions) -> Iterator[Item]:
    settings = replace(
        options.reading,
        name=place.name,
        encoding=options.encoding or options.reading.encoding,
        reader=_document_reader(place, options),
    )
    yield Item(place.name, read_bytes(place.read(), settings), place.partitions)


def _document_reader(place: Place, options: ReadOptions) -> str | Reader | None:
    """The reader that is asked for by name; None if content and name of a document tell."""
    suffix = place.suffixes[1]
    own = options.readers.get(suffix)
    if own is None:
        wanted = reader_for(suffix=options.format) if options.format else None
        return options.reading.reader or wanted

    def read(data: bytes, settings: Any) -> str:
        return own(data)

    return Reader(f"readers[{suffix!r}]", read)


_STREAMED: Final[Mapping[str, ReadsItems]] = {
    ".jsonl": read_jsonl,
    ".ndjson": read_jsonl,
    ".json": read_json,
    ".csv": read_csv,
    ".tsv": read_tsv,
}
"""The files that are read compressed, too."""
READERS: Final[Mapping[str, ReadsItems]] = {
    **_STREAMED,
    **{f"{kind}{packed}": read for kind, read in _STREAMED.items() for packed in COMPRESSED},
    ".parquet": read_parquet,
    ".pq": read_parquet,
    ".arrow": read_arrow,
    ".feather": read_arrow,
    ".ipc": read_arrow,
    ".xlsx": read_xlsx,
    ".xlsm": read_xlsx,
}
"""The function that reads the rows of a file, by the file's suffix."""
_COLUMNS: Final[Mapping[ReadsItems, Callable[[Place, ReadOptions], Sequence[str]]]] = {
    read_csv: csv_columns,
    read_tsv: csv_columns,
    read_parquet: parquet_columns,
}


def supported() -> str:
    """List the kinds of files that can be read, for people."""
    tables = ".jsonl, .json, .csv, .tsv (also .gz, .zst, .bz2, .xz), .parquet, .arrow, .feather"
    return f"{tables}, .xlsx, {', '.join(suffixes())}, .zip, .tar"


def reader_of(place: Place, options: ReadOptions) -> ReadsItems | None:
    """Give the function that reads a file; None if none does."""
    if place.suffixes[1] in options.readers:
        return _read_document
    both, last = place.suffixes
    kinds = (both, last) if options.format is None else (options.format,)
    rows = next((READERS[kind] for kind in kinds if kind in READERS), None)
    is_document = reader_for(suffix=kinds[-1]) is not None
    return rows or (_read_document if is_document else None)


def is_table(place: Place, options: ReadOptions) -> bool:
    """Whether a file has rows, rather than being one document or of an unknown kind."""
    return reader_of(place, options) not in (None, _read_document)


def unsupported(place: Place) -> InputError:
    """Give the error of a file that nothing reads."""
    return InputError(
        f"Cannot read {place.name}: unsupported file type.", hint=f"Supported: {supported()}."
    )


def columns_of(place: Place, options: ReadOptions) -> Sequence[str] | None:
    """Give the columns of a table; None if its file does not begin with them, or is damaged."""
    columns = _COLUMNS.get(reader_of(place, options) or _read_document)
    if columns is None:
        return None
    try:
        return columns(place, options) or None
    except MissingPackage:
        raise
    except Exception:  # a damaged file: reading it says so, in a row
        return None


def read_place(place: Place, options: ReadOptions) -> Iterator[Item]:
    """Read a file. If it is damaged, its last Item says from where on.

    Args:
        place: The file.
        options: How to read it.

    Raises:
        MissingPackage: If the package that reads its format is not installed.
    """
    reader = reader_of(place, options)
    if reader is None:
        yield Item(place.name, "", error=unsupported(place))
        return
    count = 0
    try:
        for item in reader(place, options):
            count += 1
            yield item
    except MissingPackage:
        raise
    except Exception as error:  # libraries raise anything for damaged files
        where = f"{place.name} after input {count}" if count else place.name
        failed = unreadable(where, error)
        yield Item(f"{place.name}:end" if count else place.name, "", error=failed.error)
