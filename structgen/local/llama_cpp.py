"""llama.cpp as llama-cpp-python brings it: built on this machine, so for its processor and accelerators."""

from __future__ import annotations

from structgen.local import llama, models
from structgen.local.runtime import Settings


def load(model: models.Model, settings: Settings) -> llama.LlamaCpp:
    """Start llama.cpp with the model. Raises RuntimeMissing, ModelCorrupt, EngineError."""
    return llama.load(model, settings, package="llama_cpp", pattern="lib/*llama.*")
