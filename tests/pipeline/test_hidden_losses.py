"""Inputs whose loss nobody would notice: members of archives, formulas, columns of failed rows."""

from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from structgen import Client, Job
from structgen.errors import (
    ConfigurationError,
    InputError,
    JobStoppedError,
    JournalError,
    StructgenError,
)
from structgen.pipeline import Item, JobLimits, open_source
from structgen.pipeline.journal.view import JournalView
from structgen.testing import ScriptedModel


def _tar(path: Path, *members: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for info, data in members:
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def _member(
    name: str, data: bytes = b"", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return info, data


def _read(path: Path, **options: object) -> dict[str, Item]:
    return {item.key: item for item in open_source(path, **options)}  # type: ignore[arg-type]


def test_an_archive_of_the_current_folder_is_read(tmp_path: Path) -> None:
    """`tar cf x.tar .` names every member `./NAME`."""
    path = _tar(tmp_path / "x.tar", _member("./a.txt", b"one"), _member("./.hidden.txt", b"no"))
    assert {key: item.document for key, item in _read(path).items()} == {"x.tar/a.txt": "one"}


def test_members_that_point_out_of_the_archive_are_read_and_named_inside(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../../up.txt", "up")
        archive.writestr("/etc/abs.txt", "abs")
    found = {key: item.document for key, item in _read(path).items()}
    assert found == {"x.zip/up.txt": "up", "x.zip/etc/abs.txt": "abs"}
    assert [one.name for one in tmp_path.rglob("*")] == ["x.zip"]


def test_links_in_a_tar_are_read_or_told(tmp_path: Path) -> None:
    path = _tar(
        tmp_path / "x.tar",
        _member("folder", kind=tarfile.DIRTYPE),
        _member("folder/a.txt", b"one"),
        _member("hard.txt", kind=tarfile.LNKTYPE, link="folder/a.txt"),
        _member("soft.txt", kind=tarfile.SYMTYPE, link="folder/a.txt"),
        _member("to_folder", kind=tarfile.SYMTYPE, link="folder"),
        _member("outside.txt", kind=tarfile.SYMTYPE, link="/etc/passwd"),
        _member("pipe.txt", kind=tarfile.FIFOTYPE),
        _member("round.txt", kind=tarfile.SYMTYPE, link="round.txt"),
    )
    found = _read(path)
    good = {key: item.document for key, item in found.items() if item.error is None}
    assert good == dict.fromkeys(("x.tar/folder/a.txt", "x.tar/hard.txt", "x.tar/soft.txt"), "one")
    failed = {key for key, item in found.items() if item.error is not None}
    assert failed == {"x.tar/outside.txt", "x.tar/pipe.txt", "x.tar/round.txt"}


def test_a_link_in_a_zip_is_told(tmp_path: Path) -> None:
    """Its content is the path that it points to, which is no document."""
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr(link, "/etc/passwd")
    item = _read(tmp_path / "x.zip")["x.zip/link.txt"]
    assert item.error is not None and "link" in item.error.message


def test_a_failed_row_keeps_its_other_columns(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_text('{"id": 1, "text": "", "who": "Ann"}\n{"id": 2, "text": 5, "who": "Bob"}\n')
    found = _read(path, key="id")
    assert [dict(item.meta) for item in found.values()] == [{"who": "Ann"}, {"who": "Bob"}]
    assert "is a number, not a text" in str(found["2"].error)


def test_a_formula_without_a_stored_value_fails_its_row(tmp_path: Path) -> None:
    """Programs that write workbooks without calculating leave formulas without values."""
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["id", "text", "sum"], [1, "a", "=1+1"], [2, '="b"', 3], [3, "c", None]):
        book.active.append(row)
    book.save(tmp_path / "x.xlsx")
    items = list(open_source(tmp_path / "x.xlsx"))
    assert [item.error is None for item in items] == [False, False, True]
    assert "formula" in str(items[0].error) and "C2" in str(items[0].error)
    only_text = list(open_source(tmp_path / "x.xlsx", columns=["id"]))
    assert [item.error is None for item in only_text] == [True, False, True]


def test_an_empty_file_is_told_as_empty(tmp_path: Path) -> None:
    for name in ("a.txt", "b.eml"):
        (tmp_path / name).write_bytes(b"")
    for item in open_source(tmp_path):
        assert "OCR" not in str(item.error) and "is empty" in str(item.error)


def test_reading_a_database_that_does_not_exist_makes_no_file(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    with pytest.raises(InputError):
        list(open_source(f"sqlite:///{tmp_path}/no.db#t"))
    assert list(tmp_path.iterdir()) == []


def test_a_password_with_a_hash_is_an_error_that_shows_none_of_it(tmp_path: Path) -> None:
    pytest.importorskip("sqlalchemy")
    with pytest.raises(ConfigurationError) as raised:
        open_source("postgresql+psycopg://u:SECR@T#PASS@127.0.0.1:1/db#t")
    assert "%23" in str(raised.value)
    assert "SECR" not in str(raised.value) and "PASS" not in str(raised.value)


def test_an_output_that_is_a_link_to_itself_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    loop = tmp_path / "in" / "loop.jsonl"
    loop.symlink_to(loop)
    with Client(ScriptedModel("{}")) as client, pytest.raises(StructgenError):
        Job(dict, open_source(tmp_path / "in"), client=client, output=loop).run()
    assert loop.is_symlink()


def test_the_seconds_of_a_job_end_it_while_its_server_is_away(tmp_path: Path) -> None:
    """No outcome comes that could ask for the time."""
    limits = JobLimits(max_seconds=1, patience=3600)
    with Client("llamacpp:m", base_url="http://127.0.0.1:9/v1", max_retries=0) as client:
        job = Job(dict, ["a"], client=client, output=tmp_path / "out.jsonl", limits=limits)
        with pytest.raises(JobStoppedError, match="1 seconds are over"):
            job.run()


def test_a_file_that_is_no_journal_is_told_as_such(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    path.write_text('{"key": "a"}\n' * 100)
    with pytest.raises(JournalError, match="is no journal of structgen"):
        JournalView(path)


def test_a_page_that_is_nested_deeply_is_read(tmp_path: Path) -> None:
    (tmp_path / "x.html").write_text("<div>" * 20_000 + "hi" + "</div>" * 20_000)
    (item,) = open_source(tmp_path / "x.html")
    assert item.document == "hi"
