"""Write a folder to begin with: a target, gold, a document, and the commands that use them."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Final

from structgen.answer.grounding import document_text
from structgen.cli.starter.model import source_of
from structgen.cli.starter.sample import Sample
from structgen.cli.starter.shapes import Shape, shape_of
from structgen.errors import InputError
from structgen.pipeline.record import Item
from structgen.values import Json

_GOLD: Final = 10
"""Records of gold to begin with."""
_SKELETON: Final = Shape(("object",), members={"title": Shape(("text",), nullable=True)})
"""The target of documents for which no value is known."""
_README: Final = """\
# {name}

Begun by `structgen init` from `{sample}`. Commands are run in this folder. The model is the one
that `--model` or `$STRUCTGEN_MODEL` names, else the embedded one.

{about}

A record from one text:

```sh
{extract}
```

How often values are right, field by field, on the gold:

```sh
{eval}
```

A record from every document. Stop it at any time, and start it again to go on:

```sh
{run}
```
"""
_GUESSED: Final = (
    "`target.py` was guessed from the columns: look at its types, and describe each field. "
    "`gold.jsonl` has\nthe first {count} rows with the values that your data gives them."
)
_TO_FILL: Final = (
    "Your data has no wanted values, so `target.py` is a skeleton, and the values in `gold.jsonl`\n"
    "are empty: write the fields that you want, and the right values of {count} documents."
)


def starter_files(sample: Sample, folder: Path) -> dict[str, str]:
    """Give the files of a folder to begin with, by name.

    Args:
        sample: The data to begin from.
        folder: Where they will be.
    """
    known = any(sample.values)
    shape = shape_of(list(sample.values)) if known else _SKELETON
    gold = [
        {"key": item.key, **_document(item, sample, folder), "value": value if known else {}}
        for item, value in list(zip(sample.items, sample.values, strict=True))[:_GOLD]
    ]
    files = {
        "target.py": source_of(shape),
        "gold.jsonl": "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in gold),
    }
    first = gold[0].get("file")
    if first is None:
        first = "document.txt"
        files[first] = document_text(sample.items[0].document) + "\n"
    where = _path_from(folder, sample.path)
    columns = {"--text": sample.text, "--key": sample.key, "--encoding": sample.encoding}
    about = _GUESSED if known else _TO_FILL
    files["README.md"] = _README.format(
        name=folder.resolve().name,
        sample=where,
        about=about.format(count=len(gold)),
        extract=_command("extract", "target.py:Record", str(first)),
        eval=_command("eval", "target.py:Record", "gold.jsonl"),
        run=_command("run", "target.py:Record", where, "-o", "records.jsonl", columns=columns),
    )
    return files


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Write new files. If one exists, none is written.

    Args:
        files: Their texts, by name.
        folder: Where they go. It is made if it does not exist.

    Raises:
        InputError: If a file exists, or the folder cannot be written.
    """
    for name in files:
        if (folder / name).exists():
            raise InputError(
                f"{folder / name} exists, and `init` replaces nothing.",
                hint="Name another folder with -o, or move the file away.",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in files.items():
            with (folder / name).open("x", encoding="utf-8") as file:
                file.write(text)
    except OSError as error:
        raise InputError(
            f"Cannot write to {folder}: {error.strerror}.", hint="Name another folder with -o."
        ) from error


def _document(item: Item, sample: Sample, folder: Path) -> dict[str, Json]:
    """A document as gold has it: its file, if it is one."""
    if not isinstance(item.document, str):
        return {"messages": list(item.document)}
    # A file is read without an encoding from here on, which may be wrong for it.
    if sample.text is None and sample.encoding is None:
        # What lies inside of an archive has a key, too, and is no file.
        own = (sample.path if sample.path.is_dir() else sample.path.parent) / item.key
        if own.is_file():
            return {"file": _path_from(folder, own)}
    return {"text": str(item.document)}


def _path_from(folder: Path, path: Path) -> str:
    """How a path is written in a folder: as it is from there, if there is a way."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive of Windows
        return path.resolve().as_posix()


def _command(*words: str, columns: Mapping[str, str | None] = {}) -> str:
    flags = [_flag(flag, name) for flag, name in columns.items() if name]
    return shlex.join(["structgen", *words, *chain.from_iterable(flags)])


def _flag(flag: str, name: str) -> tuple[str, ...]:
    """A flag with its value, which may look like a flag itself."""
    return (f"{flag}={name}",) if name.startswith("-") else (flag, name)
