"""Optional packages: loaded when they are needed, asked for by name where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from structgen.errors import MissingPackage


def load(module: str, extra: str) -> Any:
    """Import a module of an optional package.

    Args:
        module: The module, such as "pyarrow.parquet".
        extra: The extra of structgen that installs its package.

    Raises:
        MissingPackage: If the package, or one that it needs, is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        missing = error.name if error.name and not error.name.startswith("structgen") else module
        raise MissingPackage(missing.partition(".")[0], extra) from error
