"""Open what a job reads, by its name: files, folders, databases, servers, tables in memory.

Every source is read lazily and can be read again. A row, a file or a member of an archive that
cannot be read is an Item with its error, so it becomes a failed outcome and stops no other.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from operator import length_hint
from pathlib import Path
from typing import Any, Final, TypeAlias

from typing_extensions import Unpack

from structgen.errors import ConfigurationError, InputError
from structgen.pipeline.inputs.containers import (
    folder_length,
    is_archive,
    read_file,
    read_folder,
)
from structgen.pipeline.inputs.databases import check_url, read_database
from structgen.pipeline.inputs.formats.arrow import parquet_length
from structgen.pipeline.inputs.formats.readers import columns_of, reader_of, supported
from structgen.pipeline.inputs.frames import (
    Once,
    is_frame,
    missing_in_frame,
    read_frame,
    read_rows,
)
from structgen.pipeline.inputs.options import ReadOptions, SourceArgs, options_of_source
from structgen.pipeline.inputs.place import Place, place_of, standard_input
from structgen.pipeline.inputs.remote import open_remote
from structgen.pipeline.inputs.rows import missing_columns
from structgen.pipeline.record import Item
from structgen.reading.opening.remote import is_remote, printable
from structgen.reading.opening.secrets import redact, split_table
from structgen.values import kind_of_value

STANDARD_INPUT: Final = "-"
_SEED: Final = 0
"""Of the random choice of a sample, so that every run chooses the same."""
_COUNTED: Final = {".jsonl": 2**28, ".ndjson": 2**28, ".csv": 2**25, ".tsv": 2**25}
"""The bytes of a file whose rows are counted before it is read, at most: half a second."""

Origin: TypeAlias = "Path | str"
"""What is read: a path, or a database as "URL#TABLE"."""
Rows: TypeAlias = "Callable[[frozenset[Path]], Iterator[Item]]"
"""Reads a source, but for the files in this set."""


@dataclass(frozen=True, slots=True)
class Source:
    """Items that can be iterated again and again."""

    name: str
    """Where they come from, for people: without passwords."""
    _read: Rows = field(repr=False)
    origins: tuple[Origin, ...] = field(default=(), repr=False)
    """What is read, so that a job does not write over it."""
    _length: Callable[[], int] = field(default=lambda: 0, repr=False)
    _skip: frozenset[Path] = field(default=frozenset(), repr=False)

    def __iter__(self) -> Iterator[Item]:
        return self._read(self._skip)

    def __length_hint__(self) -> int:
        with suppress(Exception):  # reading says what is wrong, in a row
            return self._length()
        return 0

    def without(self, paths: Iterable[Path]) -> Source:
        """Give the same source, but for these files: those that the job itself writes."""
        return replace(self, _skip=self._skip | {Path(os.path.realpath(path)) for path in paths})


def open_source(
    name: str | os.PathLike[str] | Iterable[Any], **options: Unpack[SourceArgs]
) -> Source:
    """Open a source of documents.

    Args:
        name: What to read:

            - a file of rows: JSON Lines, JSON, CSV, TSV (also compressed: .gz, .zst, .bz2, .xz),
              Parquet, Arrow, Feather, Excel;
            - a file that is one document: plain text, Markdown, HTML, PDF, DOCX, mail (.eml);
            - a folder or an archive (.zip, .tar) of such files, with all that is inside;
            - a table or a query of a database: "URL#TABLE" or "URL#SELECT ...";
            - a file or folder on a server: https://, s3://, hf:// (extra `remote`);
            - "-", standard input, of the kind that `format` says (default: JSON Lines);
            - a table of pandas, polars or pyarrow, or an iterable of mappings: the rows;
            - a list of names: one source after the other.
        **options: Which columns, which encoding, and what else `SourceArgs` lists.

    Returns:
        The items, read each time the source is iterated.

    Raises:
        InputError: If there is nothing of this name, or a table lacks a column.
        ConfigurationError: If a file has an unknown kind, a database has no table or query, or an
            option has an impossible value.
        MissingPackage: If the package that reads it is not installed.
    """
    checked = options_of_source(options)
    source = _open(name, checked)
    if checked.limit is None and checked.sample is None:
        return source
    return replace(
        source,
        _read=lambda skip: _chosen(source.without(skip), checked),
        _length=lambda: _chosen_length(length_hint(source), checked),
    )


def _open(name: Any, options: ReadOptions) -> Source:
    if isinstance(name, (str, os.PathLike)):
        return _open_name(os.fspath(name), options)
    if is_frame(name):
        missing = missing_in_frame(name, options)
        if missing is not None:
            raise missing
        return Source("a table", lambda skip: read_frame(name, options), (), lambda: name.shape[0])
    if isinstance(name, (Mapping, bytes, bytearray)) or not isinstance(name, Iterable):
        raise InputError(f"Cannot read {kind_of_value(name)}.", hint="Give a path, a URL, or rows.")
    if isinstance(name, Sequence) and name and isinstance(name[0], (str, os.PathLike)):
        return _joined([os.fspath(one) for one in name], options)
    rows = Once(name) if isinstance(name, Iterator) else name
    return Source("rows", lambda skip: read_rows(rows, options), (), lambda: length_hint(rows))


def _open_name(given: str, options: ReadOptions, name: str | None = None) -> Source:
    """Open one source by its name.

    Args:
        given: What to open.
        options: How to read it.
        name: The beginning of keys, by default the file's own name.
    """
    if given == STANDARD_INPUT:
        kind = options.format or ".jsonl"
        place = standard_input(kind)
        _check_kind(place, options)
        items = Once(read_file(place, options))
        return Source("standard input", lambda skip: iter(items))
    if is_remote(given):
        read = open_remote(given, options)
        return Source(redact(given), lambda skip: read(), (given,))
    if "://" in given:
        return _open_database(given, options)
    path = Path(given)
    if path.is_dir():
        return Source(
            printable(given),
            lambda skip: read_folder(path, options, skip),
            (path,),
            lambda: folder_length(path, options),
        )
    if not path.exists():
        raise InputError(
            f"There is no file or folder {printable(path)}.",
            hint="Name a file, a folder, or a database as URL#TABLE. Texts go into a list.",
        )
    place = place_of(path, name)
    _check_kind(place, options)
    _check_columns(place, options)
    return Source(
        printable(given),
        lambda skip: read_file(place, options),
        (path,),
        lambda: _length(path, place, options),
    )


def _open_database(given: str, options: ReadOptions) -> Source:
    url, what = split_table(given)
    check_url(url, what)
    return Source(redact(given), lambda skip: read_database(url, what, options), (given,))


def sql(url: str, what: str, **options: Unpack[SourceArgs]) -> Source:
    """Read the rows of a table or a query, through SQLAlchemy.

    Args:
        url: The database, as SQLAlchemy takes it.
        what: The name of a table, as `table` or `schema.table`, or a query. A table is read in the
            order of `key`. Give a query an ORDER BY, so that it gives the same rows in the same
            places again.
        **options: Which columns, and what else `SourceArgs` lists.

    Returns:
        The items. Iterating them raises InputError if the database refuses.

    Raises:
        ConfigurationError: If there is no table or query.
        MissingPackage: If SQLAlchemy is not installed.
    """
    return open_source(f"{url}#{what}", **options)


def _check_kind(place: Place, options: ReadOptions) -> None:
    if reader_of(place, options) is None and not is_archive(place.name):
        raise ConfigurationError(
            f"Cannot read {place.name}: unsupported file type.",
            hint=f"Supported: {supported()}. Name another kind with `format`.",
        )


def _check_columns(place: Place, options: ReadOptions) -> None:
    """Raise if the header of a sound file lacks a column: a name was misspelt."""
    columns = columns_of(place, options)
    missing = None if columns is None else missing_columns(columns, place.name, options)
    if missing is not None:
        raise missing


# ---- several sources -------------------------------------------------------------------------


def _joined(names: Sequence[str], options: ReadOptions) -> Source:
    """One source after the other. Files of the same name are told apart by their paths."""
    sources = []
    bases = [os.path.basename(name) for name in names]
    for given, base in zip(names, bases, strict=True):
        ambiguous = bases.count(base) > 1 and "://" not in given
        sources.append(_open_name(given, options, given if ambiguous else None))

    def length() -> int:
        hints = [length_hint(source) for source in sources]
        return sum(hints) if all(hints) else 0

    return Source(
        ", ".join(source.name for source in sources),
        lambda skip: chain.from_iterable(source.without(skip) for source in sources),
        tuple(origin for source in sources for origin in source.origins),
        length,
    )


def _chosen(items: Iterable[Item], options: ReadOptions) -> Iterator[Item]:
    """The first items, or a sample of them, in their order."""
    first = islice(items, options.limit)
    if options.sample is None:
        return first
    return iter(_sample(first, options.sample))


def _sample(items: Iterable[Item], size: int) -> list[Item]:
    """Choose items at random in one pass (reservoir sampling, Vitter's algorithm R)."""
    choose = random.Random(_SEED)  # noqa: S311 - nothing depends on its being hard to guess
    kept: list[tuple[int, Item]] = []
    for place, item in enumerate(items):
        if place < size:
            kept.append((place, item))
        elif (at := choose.randrange(place + 1)) < size:
            kept[at] = (place, item)
    return [item for _, item in sorted(kept, key=lambda pair: pair[0])]


def _chosen_length(length: int, options: ReadOptions) -> int:
    bounds = [bound for bound in (options.limit, options.sample) if bound is not None]
    return min(length, *bounds) if length else 0


def _length(path: Path, place: Place, options: ReadOptions) -> int:
    """How many items a file gives; 0 if that is not known before it is read."""
    kind = options.format or place.suffixes[1]
    if kind in (".parquet", ".pq"):
        return parquet_length(place)
    if path.stat().st_size > _COUNTED.get(kind, 0):
        return 0
    return _lines(path) if "json" in kind else sum(1 for _ in read_file(place, options))


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for line in file if line.strip())
