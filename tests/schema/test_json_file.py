"""A JSON file is written whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from structgen.schema.json_file import write_json


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    file = tmp_path / "found.json"
    for data in ({"name": "Zoë 😀", "half": "\ud83d"}, [1, None], "again"):
        write_json(file, data)
        assert json.loads(file.read_text(encoding="utf-8")) == data
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    folder = tmp_path / "found.json"
    folder.mkdir()
    (folder / "kept").touch()
    with pytest.raises(OSError):
        write_json(folder, {})
    assert list(tmp_path.iterdir()) == [folder]
    assert list(folder.iterdir()) == [folder / "kept"]
