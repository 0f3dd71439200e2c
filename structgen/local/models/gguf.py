"""Read from the header of a GGUF file what its model is: context, family and size.

The layout is the ggml project's GGUF specification, versions 2 and 3, little-endian: the magic
`GGUF`, u32 version, u64 tensors, u64 pairs; then for each pair a key (u64 length and bytes), a
u32 type and a value; then for each tensor its name, u32 dimensions, a u64 for each of them, its u32
type and its u64 offset.
"""

from __future__ import annotations

import math
import struct
from dataclasses import dataclass
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
_ARCHITECTURE: Final = "general.architecture"
_NAMES: Final = (_ARCHITECTURE, "general.basename", "general.name")
_PROJECTOR: Final = "clip"
"""The architecture of files that turn images or sounds into what a model reads."""
_MOST_DIMENSIONS: Final = 8
"""Dimensions of a tensor; ggml has at most 4."""


@dataclass(frozen=True, slots=True)
class Header:
    """What the header of a GGUF file says of its model."""

    context: int
    """Tokens of context that it was trained for; 0 for a projector."""
    family: str
    """Its size and names, in lower case: "268m gemma3 gemma-3 gemma 3 270m"."""
    is_projector: bool = False
    """Whether it turns images into what a model reads, and is no model of its own."""


def read_header(path: Path) -> Header:
    """Read what a GGUF file says of its model.

    Args:
        path: The GGUF file.

    Returns:
        The context, family and size.

    Raises:
        ModelMissingError: If the file cannot be read.
        ModelCorruptError: If it is not a whole GGUF file.
    """
    try:
        with path.open("rb") as file:
            return _header(file)
    except OSError as error:
        raise ModelMissingError(
            f"Cannot read the model file {path}: {error.strerror}.", hint="Check the path."
        ) from error
    except (ValueError, struct.error, KeyError, OverflowError) as error:
        raise ModelCorruptError(
            f"{path} is not a whole GGUF model file.",
            hint="Fetch it again, or convert the model to GGUF, version 2 or 3.",
        ) from error


def _header(file: BinaryIO) -> Header:
    if file.read(4) != b"GGUF":
        raise ValueError("no GGUF magic")
    version, tensors, pairs = struct.unpack("<IQQ", file.read(20))
    if version not in (2, 3):
        raise ValueError(f"GGUF version {version}")
    context: int | None = None
    names: dict[str, str] = {}
    for _ in range(pairs):
        key, value = _string(file), _value(file, _number(file, "<I"))
        if key.endswith(".context_length"):
            context = int(value)
        elif key in _NAMES:
            names[key] = str(value).lower()
    is_projector = names.get(_ARCHITECTURE) == _PROJECTOR
    if context is None and not is_projector:
        raise ValueError("no context length")
    millions = round(sum(_weights(file) for _ in range(tensors)) / 1e6)
    family = " ".join([f"{millions}m", *(names[key] for key in _NAMES if key in names)])
    return Header(context or 0, family, is_projector)


def _weights(file: BinaryIO) -> int:
    """How many weights the next tensor has."""
    _string(file)
    count = _number(file, "<I")
    if count > _MOST_DIMENSIONS:
        raise ValueError(f"{count} dimensions")
    sizes = [_number(file, "<Q") for _ in range(count)]
    _number(file, "<I"), _number(file, "<Q")
    return math.prod(sizes)


def _value(file: BinaryIO, kind: int) -> Any:
    if kind == _STRING:
        return _string(file)
    if kind == _ARRAY:
        inner, count = struct.unpack("<IQ", file.read(12))
        if inner in _SCALARS:
            return file.seek(struct.calcsize(_SCALARS[inner]) * count, 1)
        for _ in range(count):
            if inner == _STRING:
                file.seek(_number(file, "<Q"), 1)
            else:
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
