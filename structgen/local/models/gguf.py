"""Read from the header of a GGUF file how much context its model was trained for.

The layout is the ggml project's GGUF specification, versions 2 and 3, little-endian: the magic
`GGUF`, u32 version, u64 tensors, u64 pairs; then for each pair a key (u64 length and bytes), a
u32 type and a value.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, BinaryIO, Final

from structgen.errors import ModelCorruptError, ModelMissingError

_SCALARS: Final = {
    0: "<B",
    1: "<b",
    2: "<H",
    3: "<h",
    4: "<I",
    5: "<i",
    6: "<f",
    7: "<?",
    10: "<Q",
    11: "<q",
    12: "<d",
}
_STRING: Final = 8
_ARRAY: Final = 9
_LONGEST: Final = 1 << 24
"""Bytes of a string; chat templates, the longest ones, have some ten thousand."""


def context_length(path: Path) -> int:
    """Read the tokens of context that the model was trained for.

    Args:
        path: The GGUF file.

    Raises:
        ModelMissingError: If the file cannot be read.
        ModelCorruptError: If it is not a whole GGUF file.
    """
    try:
        with path.open("rb") as file:
            return _context_length(file)
    except OSError as error:
        raise ModelMissingError(
            f"Cannot read the model file {path}: {error.strerror}.", hint="Check the path."
        ) from error
    except (ValueError, struct.error, KeyError, OverflowError) as error:
        raise ModelCorruptError(
            f"{path} is not a whole GGUF model file.",
            hint="Fetch it again, or convert the model to GGUF, version 2 or 3.",
        ) from error


def _context_length(file: BinaryIO) -> int:
    if file.read(4) != b"GGUF":
        raise ValueError("no GGUF magic")
    version, _, pairs = struct.unpack("<IQQ", file.read(20))
    if version not in (2, 3):
        raise ValueError(f"GGUF version {version}")
    for _ in range(pairs):
        key, value = _string(file), _value(file, _number(file, "<I"))
        if key.endswith(".context_length"):
            return int(value)
    raise ValueError("no context length")


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        inner, count = struct.unpack("<IQ", file.read(12))
        if inner in _SCALARS:
            return file.seek(struct.calcsize(_SCALARS[inner]) * count, 1)
        for _ in range(count):
            _value(file, inner)
        return None
    return _number(file, _SCALARS[kind])


def _string(file: BinaryIO) -> str:
    length = _number(file, "<Q")
    if length > _LONGEST:
        raise ValueError("a string longer than the file")
    return file.read(length).decode()


def _number(file: BinaryIO, form: str) -> Any:
    return struct.unpack(form, file.read(struct.calcsize(form)))[0]
