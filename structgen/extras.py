"""Packages that come with an extra: loaded when they are needed, asked for by name where they are missing."""

from __future__ import annotations

import importlib
from typing import Any

from structgen.errors import ConfigurationError


def load(module: str, extra: str) -> Any:
    """The module of a package. Raises ConfigurationError, with the extra to install, where it is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = module.partition(".")[0]
        raise ConfigurationError(f"{package} is not installed.", hint=f"pip install 'structgen[{extra}]'") from error
