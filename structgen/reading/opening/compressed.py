"""Files that are compressed by themselves: .gz, .bz2 and .xz."""

from __future__ import annotations

import io
import zlib
from collections.abc import Mapping
from importlib import import_module
from pathlib import PurePosixPath
from typing import Final

from structgen.errors import DocumentError
from structgen.reading.options import ReadSettings

_MODULES: Final[Mapping[bytes, tuple[str, str]]] = {
    b"\x1f\x8b\x08": ("gzip", ".gz"),
    b"BZh91AY&SY": ("bz2", ".bz2"),
    b"\xfd7zXZ\x00": ("lzma", ".xz"),
}
"""The first bytes of a compressed file, with the module that unpacks it and the end of its name."""


def unpacked(data: bytes, settings: ReadSettings) -> tuple[bytes, str | None]:
    """Unpack a file that is compressed by itself; give others as they are.

    Args:
        data: The file.
        settings: Its name, and its size at most.

    Returns:
        The bytes, and the name of the file without the ending of the compression.

    Raises:
        DocumentError: If the file is damaged, or unpacks to too much.
    """
    found = next((how for mark, how in _MODULES.items() if data.startswith(mark)), None)
    if found is None:
        return data, settings.name
    module, suffix = found
    name = settings.name or "The file"
    try:
        with import_module(module).open(io.BytesIO(data)) as file:
            inside = file.read(settings.max_bytes + 1)
    except (OSError, EOFError, ValueError, zlib.error, _lzma_error()) as error:
        raise DocumentError(
            f"Cannot unpack {name}: the file is damaged ({type(error).__name__}).",
            hint="Check whether it was copied or downloaded completely.",
            reason="damaged",
        ) from None
    if len(inside) > settings.max_bytes:
        raise DocumentError(
            f"{name} would unpack to more than {settings.max_bytes:,} bytes.",
            hint="Check the file, or raise `max_bytes`.",
            reason="too-large",
        )
    return inside, _without(settings.name, suffix)


def _lzma_error() -> type[Exception]:
    """The error of a damaged .xz file; the module may be missing in a Python that was built so."""
    try:
        from lzma import LZMAError
    except ImportError:
        return OSError
    return LZMAError


def _without(name: str | None, suffix: str) -> str | None:
    if name is None or PurePosixPath(name).suffix.lower() != suffix:
        return name
    return name[: -len(suffix)]
