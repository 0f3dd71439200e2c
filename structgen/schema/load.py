"""Targets by name: from a file, a module or a JSON Schema document."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import sys
from pathlib import Path
from typing import Any, Final

from structgen.errors import TargetError
from structgen.options import did_you_mean
from structgen.schema.target import Target, target_of

_INSTALLED: Final = frozenset({"site-packages", "dist-packages"})
"""Folders of installed packages."""
_OURS: Final = Path(__file__).absolute().parent.parent
"""The folder of structgen."""


def load_target(spec: str | Path) -> Target[Any]:
    """Load the target that a text names.

    A file or module that is named is imported, so its code runs.

    Args:
        spec: "path/to/file.py:Model", "package.module:Model" or "schema.json".

    Raises:
        TargetError: If there is no such thing.
        SchemaError: If it has no JSON form.
    """
    text = str(spec)
    if text.endswith(".json"):
        return target_of(_read_schema(Path(text)))
    where, _, attribute = text.rpartition(":")
    if not where or not attribute:
        raise TargetError(
            f"{text!r} does not name a target.",
            hint='Write "file.py:Model", "module:Model" or "schema.json".',
        )
    try:
        is_file = where.endswith(".py")
        module = _import_file(Path(where)) if is_file else importlib.import_module(where)
        found = _member_of(module, attribute, where)
    except TargetError:
        raise
    except Exception as error:  # Importing runs whatever is there.
        raise TargetError(
            f"Cannot import {where}: {type(error).__name__}: {str(error).rstrip('.')}.",
            hint="Check the name, and that it can be imported on its own.",
        ) from error
    return target_of(found)


def file_of_target(target: Target[Any]) -> Path | None:
    """Name the user's file that defines a target; None if there is none.

    Installed packages are not the user's.

    Args:
        target: The target.
    """
    source = target.source
    if not isinstance(source, type):
        return None
    return _of_user(getattr(sys.modules.get(source.__module__), "__file__", None))


def file_of_spec(spec: str) -> Path | None:
    """Name the user's file that a text names a target of, without importing it.

    Args:
        spec: As for `load_target`.

    Returns:
        None if it names no file, or one of an installed package.
    """
    where, _, _ = spec.rpartition(":")
    if spec.endswith(".json") or where.endswith(".py"):
        return Path(where if where.endswith(".py") else spec)
    try:
        found = importlib.util.find_spec(where) if where else None
    except (ImportError, ValueError, AttributeError):
        return None
    return _of_user(None if found is None or not found.has_location else found.origin)


def _of_user(file: str | None) -> Path | None:
    """The path of a module's file, unless a package has installed it."""
    if file is None or _INSTALLED & set(Path(file).parts):
        return None
    return None if Path(file).absolute().is_relative_to(_OURS) else Path(file)


def _member_of(found: Any, attribute: str, where: str) -> Any:
    """Give what a module calls `attribute`, which may be a dotted name."""
    for name in attribute.split("."):
        if not hasattr(found, name):
            meant = did_you_mean([name], dir(found))
            raise TargetError(
                f"There is no {attribute!r} in {where}.",
                hint=f"{meant}Name a class or type that it defines.",
            )
        found = getattr(found, name)
    return found


def _import_file(path: Path) -> Any:
    """Import a file, registered by name: dataclasses and forward references look it up there."""
    digest = hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]
    name = f"structgen_target_{path.stem}_{digest}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise TargetError(f"There is no file {path}.", hint="Check the path.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _read_schema(path: Path) -> Any:
    hint = "Name a file with one JSON Schema in it."
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise TargetError(f"Cannot read {path}: {error.strerror}.", hint=hint) from error
    except (ValueError, RecursionError) as error:
        raise TargetError(f"{path} is not JSON: {str(error)[:200]}.", hint=hint) from error
    if not isinstance(found, dict | bool):
        raise TargetError(f"{path} is a JSON {type(found).__name__}, not a schema.", hint=hint)
    return found
