"""What takes texts takes PDFs: calls, the command line, jobs."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pypdf
import pytest

import structgen
from structgen import Client, Document
from structgen.cli import exits
from structgen.cli import main as cli
from structgen.pipeline import open_source
from tests.reading.pdfs import SCAN, Text, pdf_of


def run(*argv: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    code = cli.run(argv, io.StringIO(), out, err)
    return code, out.getvalue(), err.getvalue()


def test_a_model_that_reads_text_alone_is_not_sent_pages() -> None:
    scanned = structgen.read(pdf_of([[]], extra=SCAN), pages="images")
    client = Client("groq:openai/gpt-oss-20b", api_key="k")
    with pytest.raises(structgen.StructgenError, match="reads text alone"):
        client.extract({"type": "object"}, scanned)


def test_the_command_line_takes_a_pdf_and_tells_what_was_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GROQ_API_KEY", "k")
    both = pypdf.PdfWriter()
    for data in (pdf_of([[Text(50, 50, "Ada is 36.")]]), pdf_of([[]], extra=SCAN)):
        both.append(io.BytesIO(data))
    both.write(tmp_path / "a.pdf")
    (tmp_path / "schema.json").write_text('{"type": "object"}')
    line = ["extract", str(tmp_path / "schema.json"), str(tmp_path / "a.pdf"), "--plan"]
    model = ["--model", "groq:qwen/qwen3.8-27b"]
    code, out, err = run(*line, *model)
    assert code == exits.OK
    assert "Ada is 36." in json.loads(out)["messages"][-1]["content"]
    assert "Pages without a text layer were not read: 2." in err
    code, out, _ = run(*line, *model, "--pages", "images", "--page-numbers", "2", "--dpi", "20")
    assert [part["type"] for part in json.loads(out)["messages"][-1]["content"]] == ["image_url"]


def test_jobs_read_documents_as_they_are_told(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(pdf_of([[Text(50, 50, name)] for name in ("one", "two")]))
    [item] = open_source(tmp_path, reading={"page_numbers": [2]})
    assert item.document == "two"
    assert isinstance(item.document, Document)
    [item] = open_source(tmp_path, reading={"pages": "images", "dpi": 20})
    assert isinstance(item.document, Document)
    assert len(item.document.images) == 2
