"""llama.cpp as llama-cpp-python brings it: built on this machine, so for its processor and
accelerators.
"""

from __future__ import annotations

from functools import partial
from typing import Final

from structgen.local.models import catalog
from structgen.local.runtimes import libraries, llama
from structgen.local.runtimes.base import Settings

_LIBRARY: Final = libraries.llama_library("llama_cpp", "lib/*llama.*", extra="llama-cpp")
_VISION: Final = partial(libraries.vision_library, "llama_cpp", "lib/*mtmd.*")


def load(model: catalog.Model, settings: Settings) -> llama.LlamaCpp:
    """Start llama.cpp with a model.

    Args:
        model: The model; its file is here.
        settings: How it is run.

    Raises:
        ModelCorruptError: If the file is damaged.
        EngineError: If llama.cpp cannot run it.
    """
    return llama.LlamaCpp(_LIBRARY, "llama-cpp-python", model, settings, _VISION)
