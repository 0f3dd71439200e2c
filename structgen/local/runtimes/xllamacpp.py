"""llama.cpp as the package xllamacpp brings it: prebuilt for Linux and macOS, without a compiler."""

from __future__ import annotations

from typing import Final

from structgen.local.models import catalog
from structgen.local.runtimes import llama
from structgen.local.runtimes.base import Settings

_LIBRARY: Final = llama.library("xllamacpp", "xllamacpp*.so", extra="local")


def load(model: catalog.Model, settings: Settings) -> llama.LlamaCpp:
    """Start llama.cpp with the model. Raises ModelCorruptError, EngineError."""
    return llama.LlamaCpp(_LIBRARY, "xllamacpp", model, settings)
