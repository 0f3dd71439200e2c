"""Computed beginnings of prompts, kept in a folder for the processes that come later.

The beginning that is the same for every document of a target (its system message and fixed
examples) is computed once for each model and build. Nothing of a document is written: only messages
that are marked as fixed count, and a state is taken before the first token of a document is
computed. A file holds the model's state after the beginning, not its text.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Final

from structgen.local.runtimes.base import Settings
from structgen.values import FixedMessage, Message

SWITCH: Final = "STRUCTGEN_PREFIX_CACHE"
"""The environment variable that turns the folder off with 0, off, no or false."""
LEAST: Final = 48
"""Tokens below which a beginning is not worth a file: a third of a second of the embedded model."""
_MOST_BYTES: Final = 256 * 1024 * 1024
"""Bytes of all files. The least recently used ones go first."""
_MOST_SAVED: Final = 16
"""Beginnings that one process saves: instructions that are other ones for each document would
otherwise write a file for each.
"""
_MAGIC: Final = b"structgen prefix 1\n"
"""Changes whenever files of before cannot be used any more."""
_DIGEST: Final = hashlib.sha256().digest_size
_SUFFIX: Final = ".prefix"
_SAMPLES: Final = 64
_SAMPLE_BYTES: Final = 16 * 1024
_HEAD_BYTES: Final = 1024 * 1024

Tokenize = Callable[[Sequence[Message]], list[int]]
"""Turns messages into a prompt."""


class SavedPrefixes:
    """The computed beginnings for one model and build, in a folder.

    One thread at a time uses it; several processes may share the folder. A file that is damaged or
    of another build is removed and never an error, and a folder that cannot be written to keeps
    nothing.
    """

    def __init__(self, folder: Path, build: str, most_bytes: int = _MOST_BYTES) -> None:
        """Name the folder.

        Args:
            folder: The folder. It need not be there.
            build: Everything that a state depends on, beside its tokens: the model's content, the
                settings of its context, and the library that computes.
            most_bytes: The bytes that all files may have together.
        """
        self._folder, self._build, self._most_bytes = folder, build, most_bytes
        self._saved = 0

    def load(self, tokens: Sequence[int]) -> bytes | None:
        """Give the state after some tokens; None if none is kept.

        Args:
            tokens: The beginning of a prompt.
        """
        file = self._file(tokens)
        with suppress(OSError):
            content = file.read_bytes()
            header = self._header(tokens)
            state = content[len(header) + _DIGEST :]
            if content == header + hashlib.sha256(state).digest() + state and state:
                os.utime(file)  # so that it counts as used
                return state
            file.unlink()
        return None

    def remove(self, tokens: Sequence[int]) -> None:
        """Remove a state that the runtime does not take.

        Args:
            tokens: The beginning that it is the state of.
        """
        with suppress(OSError):
            self._file(tokens).unlink()

    def may_save(self) -> bool:
        """Whether another beginning may be saved."""
        return self._saved < _MOST_SAVED

    def save(self, tokens: Sequence[int], state: bytes) -> None:
        """Keep the state after some tokens, and remove the least recently used ones.

        Args:
            tokens: The beginning of a prompt.
            state: What the runtime holds after it.
        """
        header = self._header(tokens)
        size = len(header) + _DIGEST + len(state)
        self._saved += 1
        if not state or size > self._most_bytes:
            return
        with suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._make_room(size)
            handle, part = tempfile.mkstemp(suffix=".part", dir=self._folder)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.writelines((header, hashlib.sha256(state).digest(), state))
                Path(part).replace(self._file(tokens))
            except OSError:
                Path(part).unlink(missing_ok=True)

    def _make_room(self, size: int) -> None:
        """Remove files, the least recently used first, until one of a size has room.

        Parts count as well: a process that was killed may have left one.
        """
        known = [(file.stat(), file) for file in self._folder.iterdir() if file.is_file()]
        known.sort(key=lambda entry: entry[0].st_mtime_ns)
        total = sum(stat.st_size for stat, _ in known)
        for stat, file in known:
            if total + size <= self._most_bytes:
                break
            file.unlink(missing_ok=True)
            total -= stat.st_size

    def _header(self, tokens: Sequence[int]) -> bytes:
        return _MAGIC + self._key(tokens).encode() + b"\n"

    def _file(self, tokens: Sequence[int]) -> Path:
        return self._folder / f"{self._key(tokens)}{_SUFFIX}"

    def _key(self, tokens: Sequence[int]) -> str:
        text = f"{self._build}\n{','.join(map(str, tokens))}"
        return hashlib.sha256(text.encode()).hexdigest()


class FixedTokens:
    """Tells how many tokens of a prompt are the same for every document. Any thread may use it."""

    def __init__(self, tokenize: Tokenize) -> None:
        """Name the tokenizer.

        Args:
            tokenize: Turns messages into a prompt.
        """
        self._tokenize = tokenize
        self._of_texts = lru_cache(maxsize=64)(self._tokens_of_texts)

    def count(self, messages: Sequence[Message], prompt: Sequence[int]) -> int:
        """Count the tokens at the beginning of a prompt that hold nothing of its document.

        They are those that two other documents share after the same fixed messages.

        Args:
            messages: The messages of the prompt.
            prompt: The prompt.

        Returns:
            0 if no message is fixed.
        """
        texts = []
        for message in messages:
            content = message.get("content")
            if not isinstance(message, FixedMessage) or not isinstance(content, str):
                break  # an image is read anew by each process
            texts.append((str(message.get("role")), content))
        fixed = self._of_texts(tuple(texts)) if texts else ()
        goes_on = len(prompt) > len(fixed) and tuple(prompt[: len(fixed)]) == fixed
        return len(fixed) if goes_on else 0

    def _tokens_of_texts(self, texts: tuple[tuple[str, str], ...]) -> tuple[int, ...]:
        before = [{"role": role, "content": content} for role, content in texts]
        one, other = (
            self._tokenize([*before, {"role": "user", "content": document}])
            for document in ("One", "2")
        )
        size = 0
        while size < min(len(one), len(other)) and one[size] == other[size]:
            size += 1
        return tuple(one[:size])


def saved_prefixes(
    folder: Path, model: Path, build: str, settings: Settings
) -> SavedPrefixes | None:
    """Open the folder of computed beginnings.

    Args:
        folder: The folder. It need not be there.
        model: The file of the model.
        build: The `build` of its runtime.
        settings: How the model is run.

    Returns:
        None if the runtime gives no states, or the user wants no files.
    """
    if not build or not is_wanted():
        return None
    try:
        content = fingerprint(model)
    except OSError:
        return None
    return SavedPrefixes(folder, f"{build} {content} {settings.context} {settings.parallel}")


def is_wanted() -> bool:
    """Whether beginnings are kept on disk: unless $STRUCTGEN_PREFIX_CACHE says no."""
    return os.environ.get(SWITCH, "").strip().lower() not in ("0", "off", "no", "false")


def fingerprint(file: Path) -> str:
    """Tell the content of a large file from that of others, without reading all of it.

    Args:
        file: The file of a model.

    Returns:
        A SHA-256 over its size, its time of change, its head, and samples of all of it.
    """
    stat = file.stat()
    digest = hashlib.sha256(f"{stat.st_size} {stat.st_mtime_ns}".encode())
    with file.open("rb") as opened:
        digest.update(opened.read(_HEAD_BYTES))
        for number in range(_SAMPLES):
            opened.seek(stat.st_size * number // _SAMPLES)
            digest.update(opened.read(_SAMPLE_BYTES))
    return digest.hexdigest()
