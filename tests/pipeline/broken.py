"""Broken inputs: files as they come from mail, exports, disks that were full, and downloads."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

import docx
import openpyxl
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pypdf

GOOD: Final = "good"
"""The document of every row and file that can be read."""


class Broken(NamedTuple):
    """A file that is broken in one way."""

    name: str
    data: bytes
    good: int
    """How many inputs can be read all the same."""
    failed: int
    """How many cannot."""
    options: Mapping[str, Any] = {}


def lines(*rows: Any) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def parquet(table: Any, **how: Any) -> bytes:
    file = io.BytesIO()
    pyarrow.parquet.write_table(table, file, **how)
    return file.getvalue()


def arrow(table: Any) -> bytes:
    file = io.BytesIO()
    pyarrow.feather.write_feather(table, file, compression="uncompressed")
    return file.getvalue()


def zstd(data: bytes) -> bytes:
    return bytes(pyarrow.compress(data, codec="zstd", asbytes=True))


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name.replace("__", "."), data)
    return file.getvalue()


def tar(mode: str, **members: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name.replace("__", "."))
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return file.getvalue()


def workbook(*rows: tuple[Any, ...]) -> bytes:
    file, book = io.BytesIO(), openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def word() -> bytes:
    file, document = io.BytesIO(), docx.Document()
    document.add_paragraph(GOOD)
    document.save(file)
    return file.getvalue()


def locked_pdf() -> bytes:
    file, writer = io.BytesIO(), pypdf.PdfWriter()
    writer.add_blank_page(100, 100)
    writer.encrypt("secret")
    writer.write(file)
    return file.getvalue()


def changed(data: bytes, at: int, to: bytes) -> bytes:
    at %= len(data)
    return data[:at] + to + data[at + len(to) :]


ROW: Final[dict[str, Any]] = {"text": GOOD}
TWO: Final = lines(ROW, ROW)
CSV: Final = b"id,text\n1,good\n2,good\n"
TABLE: Final = pyarrow.table({"text": [GOOD] * 2000})
TEXTS: Final = pyarrow.array([b"good", b"\xff\xfe"], pyarrow.binary()).view(pyarrow.binary())
BAD_UTF8: Final = pyarrow.Array.from_buffers(pyarrow.string(), 2, TEXTS.buffers())
FAR_YEAR: Final = pyarrow.array([0, 10**8], pyarrow.int32()).view(pyarrow.date32())
DEEP: Final = b'{"text": ' + b"[" * 100_000 + b"\n"
A_ZIP: Final = zipped(a__txt=b"good")
MAIL: Final = b"From: a@b.example\nSubject: x\nContent-Type: text/plain; charset=nonsense\n\ngood\n"


def nested_zip(depth: int) -> bytes:
    data = A_ZIP
    for _ in range(depth):
        data = zipped(a__zip=data, b__txt=b"good")
    return data


BROKEN: Final[Mapping[str, Broken]] = {
    # ---- JSON Lines and JSON
    "jsonl: empty": Broken("a.jsonl", b"", 0, 0),
    "jsonl: a byte order mark": Broken("a.jsonl", b"\xef\xbb\xbf" + TWO, 2, 0),
    "jsonl: UTF-16": Broken("a.jsonl", TWO.decode().encode("utf-16"), 2, 0),
    "jsonl: UTF-16 without a mark": Broken("a.jsonl", TWO.decode().encode("utf-16-le"), 2, 0),
    "jsonl: UTF-16, cut in a character": Broken(
        "a.jsonl", TWO.decode().encode("utf-16")[:-3], 1, 1
    ),
    "jsonl: NaN and Infinity": Broken(
        "a.jsonl", b'{"text": "good", "n": NaN, "m": -Infinity}\n', 1, 0
    ),
    "jsonl: Latin-1 in a key": Broken("a.jsonl", b'{"text": "good", "caf\xe9": 1}\n' + TWO, 2, 1),
    "jsonl: half of a surrogate pair": Broken(
        "a.jsonl", b'{"text": "good", "x": "\\ud800"}\n' + TWO, 2, 1
    ),
    "jsonl: an integer of 5,000 digits": Broken(
        "a.jsonl", b'{"text": "good", "n": ' + b"9" * 5000 + b"}\n" + TWO, 2, 1
    ),
    "jsonl: nested a hundred thousand deep": Broken("a.jsonl", DEEP + TWO, 2, 1),
    "jsonl: cut in a row": Broken("a.jsonl", TWO[:-5], 1, 1),
    "jsonl: zeros where a disk lost a block": Broken(
        "a.jsonl", TWO + b"\0" * 512 + b"\n" + TWO, 4, 1
    ),
    "jsonl: texts in place of rows": Broken("a.jsonl", b'"good"\n[1]\nnull\n' + TWO, 2, 3),
    "jsonl: messages without content": Broken(
        "a.jsonl",
        lines({"text": [{"role": "user"}]}, {"text": []}, {"text": [7]}, {"text": GOOD}),
        1,
        3,
    ),
    "jsonl: keys that are none": Broken(
        "a.jsonl",
        lines({**ROW, "id": None}, {**ROW, "id": [1]}, {**ROW, "id": ""}, {**ROW, "id": 1}),
        1,
        3,
        {"key": "id"},
    ),
    "jsonl.gz: cut": Broken("a.jsonl.gz", gzip.compress(TWO)[:-9], 2, 1),
    "jsonl.gz: no gzip": Broken("a.jsonl.gz", TWO, 0, 1),
    "jsonl.gz: a wrong checksum": Broken(
        "a.jsonl.gz", changed(gzip.compress(TWO), -8, b"\0\0\0\0"), 2, 1
    ),
    "jsonl.zst: sound": Broken("a.jsonl.zst", zstd(TWO), 2, 0),
    "jsonl.zst: two frames": Broken("a.jsonl.zst", zstd(TWO) + zstd(TWO), 4, 0),
    "jsonl.zst: no zstd": Broken("a.jsonl.zst", TWO, 0, 1),
    "jsonl.bz2: cut": Broken("a.jsonl.bz2", bz2.compress(TWO)[:-4], 2, 1),
    "jsonl.xz: no xz": Broken("a.jsonl.xz", lzma.compress(TWO)[3:], 0, 1),
    "json: empty": Broken("a.json", b"", 0, 1),
    "json: cut": Broken("a.json", b'[{"text": "good"}, {"te', 0, 1),
    "json: lines": Broken("a.json", TWO + b"{\n" + TWO, 4, 1),
    "json: a row that is none": Broken("a.json", b'[{"text": "good"}, 5, "x"]', 1, 2),
    "json: rows inside an object": Broken("a.json", b'{"rows": [{"text": "good"}]}', 1, 0),
    "json: Latin-1": Broken("a.json", b'[{"text": "caf\xe9"}]', 0, 1),
    # ---- CSV
    "csv: empty": Broken("a.csv", b"", 0, 1),
    "csv: only a header": Broken("a.csv", b"id,text\n", 0, 0),
    "csv: a picture": Broken("a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff\xff", 0, 1),
    "csv: Latin-1 in another column": Broken("a.csv", b"text,who\ngood,caf\xe9\ngood,x\n", 1, 1),
    "csv: Latin-1, said so": Broken(
        "a.csv", b"text,who\ngood,caf\xe9\n", 1, 0, {"encoding": "latin-1"}
    ),
    "csv: Latin-1 in a column not wanted": Broken(
        "a.csv", b"text,who\ngood,caf\xe9\n", 1, 0, {"columns": []}
    ),
    "csv: UTF-16 with a mark": Broken("a.csv", CSV.decode().encode("utf-16"), 2, 0),
    "csv: UTF-32": Broken("a.csv", CSV.decode().encode("utf-32"), 2, 0),
    "csv: Excel's semicolons": Broken("a.csv", CSV.replace(b",", b";"), 2, 0),
    "csv: Excel's sep= line": Broken("a.csv", b"sep=|\r\n" + CSV.replace(b",", b"|"), 2, 0),
    "csv: a quote that is never closed": Broken(
        "a.csv", b'id,text\n1,good\n2,"open\n' + b"3,good\n" * 500, 501, 1
    ),
    "csv: a quote closed far below": Broken(
        "a.csv", b'id,text\n1,"open\n2,good\n3,good\n4,"good"\n5,good\n', 4, 1
    ),
    "csv: text after a closing quote": Broken("a.csv", b'id,text\n1,"a" b\n2,good\n', 1, 1),
    "csv: too many fields, too few": Broken("a.csv", b"id,text\n1,a,b\n2\n3,good\n", 1, 2),
    "csv: zeros in a cell": Broken("a.csv", b"id,text\n1,a\0\n2,good\n", 2, 0),
    "csv: two columns of one name": Broken("a.csv", b"text,n,n\ngood,1,2\n", 1, 0),
    "csv: empty lines and only CR": Broken("a.csv", b"id,text\r\r1,good\r\r2,good\r", 2, 0),
    "csv.gz: cut": Broken("a.csv.gz", gzip.compress(CSV)[:-9], 2, 1),
    # ---- Parquet, Arrow, Excel
    "parquet: empty": Broken("a.parquet", b"", 0, 1),
    "parquet: cut": Broken("a.parquet", parquet(TABLE)[:-20], 0, 1),
    "parquet: a damaged page": Broken(
        "a.parquet",
        changed(
            parquet(TABLE, row_group_size=1000, use_dictionary=False, compression="zstd"),
            40,
            b"\xff" * 16,
        ),
        1000,
        1,
    ),
    "parquet: bytes in another column": Broken(
        "a.parquet", parquet(pyarrow.table({"text": [GOOD], "hash": [b"\xff\0"]})), 1, 0
    ),
    "parquet: a text that is not UTF-8": Broken(
        "a.parquet", parquet(pyarrow.table({"text": BAD_UTF8})), 1, 1
    ),
    "parquet: a year that Python has not": Broken(
        "a.parquet", parquet(pyarrow.table({"text": [GOOD] * 2, "day": FAR_YEAR})), 1, 1
    ),
    "parquet: decimals, NaN, nulls": Broken(
        "a.parquet",
        parquet(
            pyarrow.table(
                {"text": [GOOD, None], "d": [Decimal("1.5")] * 2, "f": [float("nan")] * 2}
            )
        ),
        1,
        1,
    ),
    "feather: sound": Broken("a.feather", arrow(pyarrow.table({"text": [GOOD]})), 1, 0),
    "arrow: cut": Broken("a.arrow", arrow(TABLE)[:-30], 0, 1),
    "xlsx: an error in a cell": Broken(
        "a.xlsx", workbook(("text", "n"), ("#REF!", 1), (GOOD, 2), (None, None), (5, 3)), 1, 2
    ),
    "xlsx: no zip": Broken("a.xlsx", b"PK\3\4 not really", 0, 1),
    "xlsx: without rows": Broken("a.xlsx", workbook(), 0, 1),
    # ---- documents
    "txt: Latin-1": Broken("a.txt", b"caf\xe9", 0, 1),
    "txt: UTF-16": Broken("a.txt", GOOD.encode("utf-16"), 1, 0),
    "txt: zeros": Broken("a.txt", b"a\0b", 0, 1),
    "html: a picture": Broken("a.html", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\xff", 0, 1),
    "pdf: no PDF": Broken("a.pdf", b"%PDF-1.4\n%%EOF", 0, 1),
    "pdf: a password": Broken("a.pdf", locked_pdf(), 0, 1),
    "docx: cut": Broken("a.docx", word()[:-40], 0, 1),
    "eml: a charset that nobody knows": Broken("a.eml", MAIL, 1, 0),
    "eml: headers that are none": Broken("a.eml", b"\xff: \n:\n\n=?x?y?z?=\n\ngood", 1, 0),
    # ---- archives
    "zip: no zip": Broken("a.zip", b"PK\3\4", 0, 1),
    "zip: a damaged member": Broken(
        "a.zip", zipped(a__txt=b"good", b__txt=b"GOOD").replace(b"GOOD", b"BAD!", 1), 1, 1
    ),
    "zip: archives in archives in archives": Broken("a.zip", nested_zip(4), 3, 1),
    "zip: members of every kind": Broken(
        "a.zip", zipped(a__csv=CSV, b__exe=b"MZ", c__jsonl=TWO, d__txt=b"\xff"), 4, 2
    ),
    "tar: cut": Broken("a.tar", tar("w", a__txt=b"good", b__txt=b"x" * 9000)[:5000], 1, 2),
    "tar.gz: cut": Broken("a.tar.gz", tar("w:gz", a__txt=b"good")[:-30], 0, 1),
}
CHANGES: Final[Mapping[str, Callable[[bytes], bytes]]] = {
    "cut in half": lambda data: data[: len(data) // 2],
    "a byte too many": lambda data: data + b"\xff",
    "its first byte lost": lambda data: data[1:],
}
"""What may happen to each of them besides."""
