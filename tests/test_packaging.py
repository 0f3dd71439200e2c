"""The wheel has what it promises, however it is built; the version is in one place."""

from __future__ import annotations

import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import structgen

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent


def build(folder: Path, target: str, into: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", str(into)]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return next(into.glob("*.whl" if target == "wheel" else "*.tar.gz"))


def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if name.startswith("structgen/")}


def test_a_wheel_has_every_file_and_the_ready_made_targets(tmp_path: Path) -> None:
    found = names(build(ROOT, "wheel", tmp_path / "wheel"))
    command = ["git", "ls-files", "structgen", "schemas/*.py"]
    tracked = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    expected = {re.sub(r"^schemas/", "structgen/schemas/", name) for name in tracked.stdout.split()}
    assert found == expected - {"structgen/schemas"}


def test_a_wheel_made_from_a_source_archive_is_the_same(tmp_path: Path) -> None:
    with tarfile.open(build(ROOT, "sdist", tmp_path / "sdist")) as archive:
        archive.extractall(tmp_path / "source")
    [unpacked] = (tmp_path / "source").iterdir()
    one = build(ROOT, "wheel", tmp_path / "one")
    other = build(unpacked, "wheel", tmp_path / "other")
    assert names(one) == names(other)


def test_the_version_is_in_one_place(tmp_path: Path) -> None:
    wheel = build(ROOT, "wheel", tmp_path)
    assert wheel.name.split("-")[1] == structgen.__version__
    assert not re.search(r'^version = "', (ROOT / "pyproject.toml").read_text(), re.MULTILINE)


def test_the_package_is_a_command() -> None:
    command = [sys.executable, "-m", "structgen", "--version"]
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["structgen", structgen.__version__]


BY_NAME = {"dspy", "xgrammar", "llama-cpp"}
"""Extras whose packages scripts/test and .ci/run install by name, without all that they bring."""
IN_PART = {"remote"}
"""Extras of which `dev` has what the tests need."""


def test_the_tests_install_every_extra() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras: dict[str, list[str]] = project["optional-dependencies"]
    needed = [*extras["dev"], *extras["dev-full"]]
    ours = [re.fullmatch(r"structgen\[(.+)\]", one) for one in needed]
    installed = {name for found in ours if found for name in found[1].split(",")}
    assert extras.keys() - installed == BY_NAME | IN_PART | {"dev-full"}
