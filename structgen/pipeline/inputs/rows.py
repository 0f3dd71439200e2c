"""Rows as Items: which cell is the document, which the key, and what may go to the output."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic_core import from_json, to_json

from structgen.errors import InputError
from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.record import Item
from structgen.values import Json, kind_of_value

_SHOWN_COLUMNS: Final = 12
"""How many columns a hint names."""
_CORRECT: Final = "Correct the row or leave it out."
CHECK_FILE: Final = "Check whether the file is complete."
NOT_TEXT: Final = "it holds bytes that are not text in this encoding"
ENCODING: Final = 'Name the `encoding` of the file, such as "cp1252".'
_ENCODING: Final = "Correct the row, or name the `encoding` of the file."


def bad_item(
    where: str,
    why: str,
    key: str | None = None,
    hint: str = _CORRECT,
    meta: Mapping[str, Json] = {},
) -> Item:
    """Give an input that could not be read, with its error.

    Args:
        where: The file and line.
        why: What is wrong, as a clause: "it is not JSON".
        key: The key of the input, by default its place.
        hint: What to do about it.
        meta: What could be read of it.
    """
    error = InputError(f"Cannot read {where}: {why}.", hint=hint)
    return Item(key or where, "", meta, error=error)


def unreadable(where: str, error: Exception, hint: str | None = None) -> Item:
    """Give the failed input that stands for a file, or for its rest, which cannot be read."""
    if isinstance(error, InputError):
        return Item(where, "", error=error)
    said = getattr(error, "strerror", None) or str(error).partition("\n")[0] or "no reason given"
    why = f"{type(error).__name__}: {said}".rstrip(".")
    return bad_item(where, why, hint=hint or CHECK_FILE)


def missing_columns(names: Iterable[Any], where: str, options: ReadOptions) -> InputError | None:
    """Give the error of a table that lacks a column; None if it lacks none."""
    present = [str(name) for name in names]
    for wanted in options.needed:
        if wanted not in present:
            argument = "key" if wanted == options.key else "text"
            return InputError(
                f"{where} has no column {wanted!r}.",
                hint=f"Its columns: {named(present)}. Name one with `{argument}`.",
            )
    return None


def named(columns: Sequence[str]) -> str:
    """List the names of columns, the first ones if there are many."""
    if not columns:
        return "none"
    more = len(columns) - _SHOWN_COLUMNS
    return ", ".join(columns[:_SHOWN_COLUMNS]) + (f" and {more} more" if more > 0 else "")


def item_of_row(
    row: Mapping[Any, Any],
    where: str,
    options: ReadOptions,
    partitions: Mapping[str, Json] = {},
) -> Item:
    """Give a row as an Item; one with an error if it cannot be used.

    Args:
        row: The cells by column.
        where: Its file and line: its key, unless a column names it.
        options: Which columns are the document, the key and the meta.
        partitions: Further columns, which the row's own go before.
    """
    if partitions:
        row = {**partitions, **row}
    key = where
    if options.key is not None:
        found = key_of(row.get(options.key))
        if isinstance(found, InputError):
            return bad_item(where, f"its {options.key!r} {found.message}")
        key = found
    if options.text not in row:
        columns = named([str(name) for name in row])
        return bad_item(where, f"it has no {options.text!r}, only: {columns}", key)
    used = (options.text, options.key)
    others = {
        str(name): cell
        for name, cell in row.items()
        if name not in used and (options.columns is None or name in options.columns)
    }
    meta = plain_meta(others)
    if isinstance(meta, InputError):
        return bad_item(where, meta.message, key, meta.hint or _CORRECT)
    document = document_of(row[options.text])
    if isinstance(document, InputError):
        hint = document.hint or _CORRECT
        return bad_item(where, f"its {options.text!r} {document.message}", key, hint, meta)
    return Item(key, document, meta)


# ---- cells -----------------------------------------------------------------------------------


def key_of(cell: Any) -> str | InputError:
    """Give a cell as a key, or say why it is none."""
    if cell is None or cell == "" or cell != cell:
        return InputError("is empty")
    if isinstance(cell, bytes):
        cell = cell.decode("utf-8", "surrogateescape")
    if isinstance(cell, (list, dict, tuple, set)):
        return InputError(f"is {kind_of_value(cell)}, not a name")
    key = str(cell)
    return key if is_unicode(key) else InputError("is not valid text", hint=_ENCODING)


def document_of(cell: Any) -> Any:
    """Give a cell as a document, or the InputError that says why it is none."""
    if isinstance(cell, (bytes, bytearray, memoryview)):
        try:
            cell = bytes(cell).decode()
        except UnicodeDecodeError:
            return InputError("holds bytes that are not UTF-8 text")
    if isinstance(cell, str):
        if not cell or cell.isspace():
            return InputError("is empty")
        return cell if is_unicode(cell) else InputError("is not valid text", hint=_ENCODING)
    if cell is None or (isinstance(cell, float) and cell != cell):
        return InputError("is empty")
    if isinstance(cell, (list, tuple)):
        return messages_of(cell)
    return InputError(f"is {kind_of_value(cell)}, not a text")


def messages_of(messages: Sequence[Any]) -> Any:
    """Give the messages of a conversation, or the InputError that says what they lack."""
    if not messages:
        return InputError("has no messages")
    for number, message in enumerate(messages, 1):
        if not isinstance(message, Mapping):
            return InputError(f"is a list, and message {number} in it is not an object")
        if not isinstance(message.get("role"), str):
            return InputError(f"has no role in message {number}")
        if message.get("content") is None and not message.get("tool_calls"):
            return InputError(f"has no content in message {number}")
    if not any(message.get("content") for message in messages):
        return InputError("holds only empty messages")
    plain = plain_meta({"messages": list(messages)})
    return plain if isinstance(plain, InputError) else plain["messages"]


def plain_meta(cells: Mapping[str, Any]) -> dict[str, Json] | InputError:
    """Give cells as JSON data: bytes as base64, NaN as null, what JSON does not know as text."""
    if not cells:
        return {}
    try:
        text = to_json(cells, fallback=str, bytes_mode="base64", inf_nan_mode="null")
        plain: dict[str, Json] = from_json(text)
    except UnicodeError:
        return InputError("a cell is not valid text", hint=_ENCODING)
    except Exception as error:  # a cell of the user's own type may raise anything
        return _no_json(cells, error)
    return plain


def _no_json(cells: Mapping[str, Any], error: Exception) -> InputError:
    if "surrogate" in str(error):
        return InputError("a cell is not valid text", hint=_ENCODING)
    for name, cell in cells.items():
        try:
            from_json(to_json(cell, fallback=str, bytes_mode="base64", inf_nan_mode="null"))
        except Exception:
            return InputError(f"its {name!r} is {kind_of_value(cell)}, which JSON cannot carry")
    return InputError("its other columns hold what JSON cannot carry")


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8: it holds no lone surrogate."""
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
