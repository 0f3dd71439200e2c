"""What the caller gave as the inputs of a job, checked: things to iterate, and each input."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from structgen.errors import InputError
from structgen.extraction.document import with_messages
from structgen.pipeline.inputs.frames import Once, is_frame, is_series, values_of_series
from structgen.pipeline.inputs.rows import document_of, is_unicode, key_of, plain_meta
from structgen.pipeline.record import Item
from structgen.reading.opening.remote import printable
from structgen.values import Attachment, kind_of_value

Inputs: TypeAlias = "Iterable[Any] | AsyncIterable[Any]"
"""Texts, conversations or Items; or a table of pandas, polars or pyarrow."""


def checked_inputs(given: Any) -> Inputs:
    """Check what a job or `map` is to iterate. A table becomes its rows.

    Args:
        given: What the caller passed.

    Raises:
        InputError: If it is a name, one text, or nothing to iterate.
    """
    if isinstance(given, (str, bytes, bytearray, os.PathLike)):
        kind = "path" if isinstance(given, os.PathLike) else "text"
        raise InputError(
            f"The inputs are one {kind}, where several documents are expected.",
            hint="To read a file, pass `open_source(path)`. To ask about one text, use `extract`, "
            "or pass a list: [text].",
        )
    if isinstance(given, Mapping):
        raise InputError(
            "The inputs are a mapping, where several documents are expected.",
            hint="Pass a list of texts, or `open_source(rows)` for rows of columns.",
        )
    if is_frame(given):
        from structgen.pipeline.inputs.source import open_source  # `map` over texts needs none

        return open_source(given)
    if is_series(given):
        return list(values_of_series(given))
    if isinstance(given, Iterator):
        return Once(given)
    if isinstance(given, (Iterable, AsyncIterable)):
        return given
    raise InputError(
        f"The inputs are {kind_of_value(given)}, which cannot be iterated.",
        hint="Pass a list of texts, or `open_source(path)`.",
    )


def to_item(given: Any, position: int) -> Item:
    """Give an input as an Item that can be asked about and written.

    Args:
        given: A text, a list of messages, a path, or an Item.
        position: Its place among the inputs, which is its key if it has none.

    Returns:
        The Item, with an error if there is anything in it that cannot be used.
    """
    if isinstance(given, Item):
        return _checked(given, position)
    if isinstance(given, os.PathLike):
        return _with_document(Item(printable(given), ""), given, position)
    key = str(position)
    if not isinstance(given, (str, list, tuple, Attachment)):
        error = InputError(
            f"Input {position} ({type(given).__name__}) is not a document.",
            hint="Give texts, paths, lists of messages, or Items. Rows of columns go through "
            "`open_source(rows)`.",
        )
        return Item(key, "", error=error)
    return _with_document(Item(key, ""), given, position)


def _checked(item: Item, position: int) -> Item:
    key = key_of(item.key)
    if isinstance(key, InputError):
        shown = str(item.key).encode("utf-8", "backslashreplace").decode() or str(position)
        return Item(shown, "", error=_about(position, f"its key {key.message}"))
    meta = plain_meta(item.meta) if isinstance(item.meta, Mapping) else _no_mapping(item.meta)
    if isinstance(meta, InputError):
        return Item(key, "", error=_about(position, meta.message))
    if item.error is not None:
        return Item(key, "", meta, item.error)
    return _with_document(Item(key, "", meta), item.document, position)


def _with_document(item: Item, given: Any, position: int) -> Item:
    try:
        read = with_messages(given)
    except InputError as error:
        return Item(item.key, "", item.meta, error)
    if isinstance(read, str) and is_unicode(read):
        return Item(item.key, read, item.meta)
    document = document_of(read)
    if isinstance(document, InputError):
        return Item(item.key, "", item.meta, _about(position, f"it {document.message}"))
    return Item(item.key, document, item.meta)


def _no_mapping(meta: Any) -> InputError:
    return InputError(f"its meta is {kind_of_value(meta)}, not a mapping")


def _about(position: int, why: str) -> InputError:
    return InputError(f"Cannot use input {position}: {why}.", hint="Correct it or leave it out.")
