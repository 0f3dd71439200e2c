"""The text of a file that is one document: plain text, Markdown, HTML, PDF, DOCX."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from structgen.errors import ConfigurationError, InputError
from structgen.extras import load

_UNSEEN: Final = ("script", "style", "template", "noscript")


def text_of(path: Path) -> str:
    """The text of a file, by its name's end. Raises InputError for one that cannot be read or holds no text, ConfigurationError
    where a package is missing."""
    try:
        text = FILES[path.suffix.lower()](path)
    except ConfigurationError:
        raise
    except UnicodeDecodeError as error:
        raise InputError(
            f"{path.name} is not UTF-8, from byte {error.start} on.",
            hint="Convert it to UTF-8 first.",
        ) from error
    except OSError as error:
        raise InputError(f"{path.name} cannot be read: {error.strerror or error}.") from error
    except Exception as error:  # Readers of damaged files raise anything.
        raise InputError(
            f"{path.name} is damaged: {type(error).__name__}.", hint="Does another program open it?"
        ) from error
    if not text.strip():
        raise InputError(
            f"{path.name} holds no text.", hint="Of scanned pages, make text first (OCR)."
        )
    return text


def _plain(path: Path) -> str:
    return path.read_bytes().decode("utf-8-sig")


def _html(path: Path) -> str:
    """As Markdown, so that headings, lists and tables remain what they are."""
    soup = load("bs4", "files").BeautifulSoup(path.read_bytes(), "html.parser")
    for element in soup(_UNSEEN):
        element.decompose()
    return str(
        load("markdownify", "files").MarkdownConverter(heading_style="ATX").convert_soup(soup)
    ).strip()


def _pdf(path: Path) -> str:
    """Pages, with an empty line between them."""
    with load("pypdf", "files").PdfReader(path) as reader:
        return "\n\n".join(page.extract_text() for page in reader.pages)


def _docx(path: Path) -> str:
    """Paragraphs and tables in their order; a table's row is a line."""
    with path.open("rb") as file:
        return "\n\n".join(_blocks(load("docx", "files").Document(file)))


def _blocks(document: Any) -> Iterator[str]:
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            yield "\n".join(" | ".join(cell.text for cell in row.cells) for row in block.rows)
        elif block.text.strip():
            yield block.text


FILES: Final[Mapping[str, Callable[[Path], str]]] = {
    ".txt": _plain,
    ".md": _plain,
    ".markdown": _plain,
    ".html": _html,
    ".htm": _html,
    ".pdf": _pdf,
    ".docx": _docx,
}
"""How a file's text is read, by its name's end."""
