"""llama.cpp as the package xllamacpp brings it: prebuilt for Linux and macOS, without a compiler."""

from __future__ import annotations

from structgen.local import llama, models
from structgen.local.runtime import Settings


def load(model: models.Model, settings: Settings) -> llama.LlamaCpp:
    """Start llama.cpp with the model. Raises RuntimeMissing, ModelCorrupt, EngineError."""
    return llama.load(model, settings, package="xllamacpp", pattern="xllamacpp*.so")
