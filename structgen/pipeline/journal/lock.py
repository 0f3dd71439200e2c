"""A lock on a file that one process at a time can have, for a journal."""

from __future__ import annotations

import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO

from structgen.errors import JournalError


class ProcessLock:
    """A lock of the operating system on a file; it ends with the process, however that ends."""

    def __init__(self, path: Path) -> None:
        """Take the lock of the file, which is made if it does not exist.

        Raises:
            JournalError: If another process has it; the message says which one.
        """
        self._path = path
        self._file = _locked(path)
        while not _is_at(self._file, path):  # its owner has removed it in the meantime
            self._file.close()
            self._file = _locked(path)
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}")
        self._file.flush()

    def release(self) -> None:
        """Remove the file, and let another process take the lock."""
        with suppress(OSError):  # Windows removes no open file
            self._path.unlink()
        self._file.close()


def _locked(path: Path) -> IO[str]:
    file = path.open("a+", encoding="utf-8")
    try:
        _lock(file)
    except OSError:
        file.seek(0)
        owner = file.read().strip() or "an unknown process"
        file.close()
        raise JournalError(
            f"The journal is in use: {owner} has {path.name}.",
            hint="Wait until it ends, stop it, or give this job another journal.",
        ) from None
    return file


def _is_at(file: IO[str], path: Path) -> bool:
    """Whether a path still leads to an open file."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


if sys.platform == "win32":
    import msvcrt

    _AFTER_TEXT = 1 << 20
    """The byte to lock: after the owner's name, which other processes have to be able to read."""

    def _lock(file: IO[str]) -> None:
        file.seek(_AFTER_TEXT)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        file.seek(0)
else:
    import fcntl

    def _lock(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
