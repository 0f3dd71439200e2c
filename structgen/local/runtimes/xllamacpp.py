"""llama.cpp from the package xllamacpp: prebuilt for Linux and macOS, so without a compiler."""

from __future__ import annotations

from functools import partial
from typing import Final

from structgen.local.models import catalog
from structgen.local.runtimes import libraries, llama
from structgen.local.runtimes.base import Settings

_LIBRARY: Final = libraries.llama_library("xllamacpp", "xllamacpp*.so", extra="local")
_VISION: Final = partial(libraries.vision_library, "xllamacpp", "xllamacpp*.so")


def load(model: catalog.Model, settings: Settings) -> llama.LlamaCpp:
    """Start llama.cpp with a model.

    Args:
        model: The model; its file is here.
        settings: How it is run.

    Raises:
        ModelCorruptError: If the file is damaged.
        EngineError: If llama.cpp cannot run it.
    """
    return llama.LlamaCpp(_LIBRARY, "xllamacpp", model, settings, _VISION)
