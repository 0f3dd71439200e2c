"""What was learned of servers: the schema keywords that they refuse, by provider and model.

A row of `SUBSETS` says what a schema language takes. A server may take less than that: an older
version, a gateway in between, a model of another engine. Its 400 names the keyword, and from then
on that server and model are asked without it. What was learned is kept for the process and, with
`learned_rows="saved"`, in a small file of the cache folder, as `structgen providers probe --save`
writes one.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from threading import Lock
from typing import Any, Final, get_args

from structgen.errors import APIError, ConfigurationError
from structgen.extraction.backend import Backend
from structgen.schema.json_file import write_json
from structgen.schema.refused import keywords_of, without
from structgen.schema.subset import SUBSETS, SchemaSubset
from structgen.values import JsonSchema, Mode
from structgen.wire.link import Link
from structgen.wire.refused_keywords import refused_keywords

MOST_STEPS: Final = 8
"""How many times one mode of one call is asked again without a keyword."""
_SENDS_NO_SCHEMA: Final = frozenset({"decoder", "json-object", "prompt"})
"""Modes in which the server sees no schema that it could refuse."""
_VERSION: Final = 1
_SUFFIX: Final = ".row.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class LearnedRow:
    """What was learned of one model on one server."""

    provider: str
    """The provider's name."""
    server: str
    """The base URL of the server."""
    model: str
    """The model's name on the wire."""
    refused: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The keywords that the server refuses, by schema language; values of `format` as
    "format:uri"."""
    taken: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """Assertions that it takes although the language's row does not say so, as `type.keyword`.
    They are sent, and checked afterwards."""
    modes: tuple[tuple[Mode, str], ...] = ()
    """Modes that it answered in although its provider's row does not have them, each with its
    schema language."""

    def apply(self, row: SchemaSubset) -> SchemaSubset:
        """Give a schema language as this server takes it.

        Args:
            row: The language.

        Returns:
            The row itself if nothing was learned about it.
        """
        more = self.taken.get(row.name, frozenset()) - row.keywords
        wider = replace(row, taken=row.taken | more) if more - row.taken else row
        return without(wider, self.refused.get(row.name, ()))

    def to_dict(self) -> dict[str, Any]:
        """Give the row as plain JSON data."""
        plain = asdict(self)
        for name in ("refused", "taken"):
            plain[name] = {key: sorted(words) for key, words in plain[name].items()}
        return {"version": _VERSION, **plain}


def row_from(plain: Any) -> LearnedRow | None:
    """Read a row that `LearnedRow.to_dict` wrote.

    Args:
        plain: Plain JSON data.

    Returns:
        The row; None if the data is none, or of another version.
    """
    try:
        if plain["version"] != _VERSION:
            return None
        return LearnedRow(
            provider=str(plain["provider"]),
            server=str(plain["server"]),
            model=str(plain["model"]),
            refused=_sets(plain["refused"]),
            taken=_sets(plain["taken"]),
            modes=tuple(_mode(mode, language) for mode, language in plain["modes"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _mode(mode: Any, language: Any) -> tuple[Mode, str]:
    if mode not in get_args(Mode) or language not in SUBSETS:
        raise ValueError(f"no mode {mode!r} with the schema language {language!r}")
    return mode, language


def _sets(lists: Mapping[str, Iterable[str]]) -> dict[str, frozenset[str]]:
    return {str(name): frozenset(map(str, words)) for name, words in lists.items()}


# ---- the rows of this process, and their files --------------------------------------------------


class LearnedRows:
    """The learned rows of this process. Any thread may use it."""

    def __init__(self) -> None:
        self._rows: dict[tuple[str, str, str], LearnedRow] = {}
        self._lock = Lock()

    def of(self, backend: Backend) -> LearnedRow:
        """Find what is known of a backend's model: of this process, or from its saved file.

        Args:
            backend: The backend.
        """
        key = _key(backend)
        with self._lock:
            if key not in self._rows:
                self._rows[key] = _load(key) or _empty(key)
            return self._rows[key]

    def add(self, backend: Backend, language: str, refused: frozenset[str]) -> None:
        """Remember keywords that a server refuses.

        Args:
            backend: The backend.
            language: The name of the schema language.
            refused: The keywords.
        """
        known = self.of(backend)
        with self._lock:
            own = self._rows.get(_key(backend), known)
            words = own.refused.get(language, frozenset()) | refused
            self._rows[_key(backend)] = replace(own, refused={**own.refused, language: words})

    def set(self, row: LearnedRow) -> None:
        """Take a row for what is known of its model from now on.

        Args:
            row: The row.
        """
        with self._lock:
            self._rows[row.provider, row.server, row.model] = row

    def clear(self) -> None:
        """Forget everything but the saved files."""
        with self._lock:
            self._rows.clear()


LEARNED: Final = LearnedRows()
"""What this process learned."""


def _key(backend: Backend) -> tuple[str, str, str]:
    via = backend.via
    if not isinstance(via, Link):
        return "", "", backend.model
    return via.caps.provider, str(getattr(via.port, "base_url", "")), backend.model


def _empty(key: tuple[str, str, str]) -> LearnedRow:
    provider, server, model = key
    return LearnedRow(provider=provider, server=server, model=model)


def folder() -> Path:
    """The folder of saved rows, in the cache folder."""
    from structgen.local.models import catalog

    return catalog.cache().parent / "rows"


def file_of(row: LearnedRow) -> Path:
    """The file that a row is saved in.

    Args:
        row: The row.
    """
    return _file((row.provider, row.server, row.model))


def _file(key: tuple[str, str, str]) -> Path:
    digest = hashlib.sha256("\n".join(key).encode()).hexdigest()[:12]
    words = re.sub(r"[^A-Za-z0-9.-]+", "-", f"{key[0]}-{key[2]}").strip("-")[:60]
    return folder() / f"{words}-{digest}{_SUFFIX}"


def save(row: LearnedRow) -> Path:
    """Write a row to its file, in one step, and use it in this process too.

    Args:
        row: The row.

    Returns:
        The file.

    Raises:
        OSError: If it cannot be written.
    """
    path = file_of(row)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, row.to_dict())
    LEARNED.set(row)
    return path


def saved() -> Iterator[LearnedRow]:
    """All saved rows, by file name. Files that are none are passed over."""
    try:
        paths = sorted(folder().glob(f"*{_SUFFIX}"))
    except (OSError, ConfigurationError):
        return
    for path in paths:
        row = _row_in(path)
        if row is not None:
            yield row


def _load(key: tuple[str, str, str]) -> LearnedRow | None:
    try:
        row = _row_in(_file(key))
    except ConfigurationError:  # there is no cache folder
        return None
    return row if row is not None and (row.provider, row.server, row.model) == key else None


def _row_in(path: Path) -> LearnedRow | None:
    try:
        return row_from(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError):  # damaged, or nested without end
        return None


# ---- one call -----------------------------------------------------------------------------------


def learn_from(
    error: APIError,
    backend: Backend,
    mode: Mode,
    language: SchemaSubset,
    schema: JsonSchema,
    *,
    keep: bool,
) -> frozenset[str]:
    """Learn from a server's error which keywords it refuses.

    Args:
        error: The error.
        backend: Who answered it.
        mode: In which mode it was asked.
        language: The schema language of the mode, as its row has it.
        schema: The schema that was sent.
        keep: Whether to save what is learned in the cache folder.

    Returns:
        The keywords that the next schema does without; none if the error names none, or none that
        a schema can do without.
    """
    if mode in _SENDS_NO_SCHEMA or not backend.is_server:
        return frozenset()
    row = LEARNED.of(backend)
    asked = row.apply(language)
    named = refused_keywords(error, keywords_of(schema))
    new = frozenset(word for word in named if without(asked, [word]) != asked)
    if not new:
        return new
    LEARNED.add(backend, language.name, new)
    if keep:
        with suppress(OSError, ConfigurationError):  # there may be no cache folder
            save(_merged(LEARNED.of(backend), _load(_key(backend))))
    return new


def _merged(row: LearnedRow, other: LearnedRow | None) -> LearnedRow:
    """A row with what another process saved meanwhile."""
    refused = dict(row.refused)
    if other is None:
        return row
    for language, words in other.refused.items():
        refused[language] = refused.get(language, frozenset()) | words
    return replace(row, refused=refused)
