"""Read the text of a file that is one document: plain text, Markdown, HTML, PDF, DOCX."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from structgen.errors import InputError, MissingPackage
from structgen.extras import load

_INVISIBLE: Final = ("script", "style", "template", "noscript")
"""HTML elements that a browser does not show."""


def text_of(path: Path) -> str:
    """Read the text of a file, whose format its suffix tells.

    Raises:
        InputError: If the file cannot be read, or holds no text.
        MissingPackage: If the package that reads its format is not installed.
    """
    try:
        text = FILES[path.suffix.lower()](path)
    except MissingPackage:
        raise
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name} is not UTF-8 at byte {error.start}.", hint="Convert it to UTF-8 first."
        ) from error
    except OSError as error:
        raise InputError(f"Cannot read {path.name}: {error.strerror or error}.") from error
    except Exception as error:  # libraries raise anything for damaged files
        raise InputError(
            f"Cannot read {path.name}: the file is damaged ({type(error).__name__}).",
            hint="Check whether another program opens it.",
        ) from error
    if not text.strip():
        raise InputError(f"{path.name} contains no text.", hint="Scanned pages need OCR first.")
    return text


def _read_text(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig")


def _read_html(path: Path) -> str:
    """As Markdown, which keeps headings, lists and tables."""
    soup = load("bs4", "files").BeautifulSoup(path.read_bytes(), "html.parser")
    for element in soup(_INVISIBLE):
        element.decompose()
    converter = load("markdownify", "files").MarkdownConverter(heading_style="ATX")
    return str(converter.convert_soup(soup)).strip()


def _read_pdf(path: Path) -> str:
    """The pages, with an empty line between them."""
    with load("pypdf", "files").PdfReader(path) as reader:
        return "\n\n".join(page.extract_text() for page in reader.pages)


def _read_docx(path: Path) -> str:
    """Paragraphs and tables in their order; each row of a table is a line."""
    with path.open("rb") as file:
        return "\n\n".join(_docx_blocks(load("docx", "files").Document(file)))


def _docx_blocks(document: Any) -> Iterator[str]:
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            yield "\n".join(" | ".join(cell.text for cell in row.cells) for row in block.rows)
        elif block.text.strip():
            yield block.text


FILES: Final[Mapping[str, Callable[[Path], str]]] = {
    ".txt": _read_text,
    ".md": _read_text,
    ".markdown": _read_text,
    ".html": _read_html,
    ".htm": _read_html,
    ".pdf": _read_pdf,
    ".docx": _read_docx,
}
"""The function that reads a file's text, by the file's suffix."""
