"""The text of a file that is one document: plain text, Markdown, HTML, PDF, DOCX, mail."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from structgen.errors import InputError, MissingPackage
from structgen.pipeline.inputs.options import ReadOptions
from structgen.pipeline.inputs.place import Place, decode, encoding_of, place_of
from structgen.pipeline.inputs.texts.docx import text_of_docx
from structgen.pipeline.inputs.texts.html import text_of_html
from structgen.pipeline.inputs.texts.mail import text_of_mail
from structgen.pipeline.inputs.texts.pdf import text_of_pdf

_NOT_TEXT_SHARE: Final = 0.05
"""The share of control characters from which on a file is no text."""
_CONTROLS: Final = frozenset(map(chr, range(32))) - frozenset("\t\n\r\f\v\x1b")


def text_of(path: Path) -> str:
    """Read the text of a file, whose format its suffix tells.

    Args:
        path: The file.

    Raises:
        InputError: If the file cannot be read, or holds no text.
        MissingPackage: If the package that reads its format is not installed.
    """
    return text_of_place(place_of(path), ReadOptions())


def text_of_place(place: Place, options: ReadOptions) -> str:
    """Read the text of a file, wherever it is.

    Args:
        place: The file.
        options: Its encoding, and the user's own readers.

    Raises:
        InputError: If the file cannot be read, or holds no text.
        MissingPackage: If the package that reads its format is not installed.
    """
    try:
        text = _text(place, options)
    except (InputError, MissingPackage):
        raise
    except UnicodeDecodeError as error:
        raise InputError(
            f"{place.name} is not {error.encoding} text at byte {error.start}.",
            hint='Name its `encoding`, such as "cp1252".',
        ) from error
    except OSError as error:
        raise InputError(f"Cannot read {place.name}: {error.strerror or error}.") from error
    except RecursionError:
        raise InputError(
            f"Cannot read {place.name}: its elements are nested too deeply.",
            hint="Save its text as a .txt file, or pass a reader of your own (`readers`).",
        ) from None
    except Exception as error:  # libraries raise anything for damaged files
        raise InputError(
            f"Cannot read {place.name}: the file is damaged ({type(error).__name__}).",
            hint="Check whether another program opens it.",
        ) from error
    if not text.strip():
        scanned = place.suffixes[1] == ".pdf"
        hint = "Scanned pages need OCR first." if scanned else "Check whether the file is complete."
        raise InputError(f"{place.name} contains no text.", hint=hint)
    if is_binary(text):
        raise InputError(
            f"{place.name} is not text: it holds control characters.",
            hint="Check the kind of the file, or name its `encoding`.",
        )
    return text


def _text(place: Place, options: ReadOptions) -> str:
    suffix = place.suffixes[1]
    data = place.read()
    if suffix in options.readers:
        return options.readers[suffix](data)
    if suffix in _PLAIN:
        return decode(data, options.encoding)
    if suffix in _HTML:
        head = encoding_of(data[:4])
        marked = None if head == "utf-8-sig" else head
        return text_of_html(data, options.encoding or marked)
    return FILES[suffix](data)


def is_binary(text: str) -> bool:
    """Whether a text holds so many control characters that it is none."""
    if "\0" in text:
        return True
    controls = sum(text.count(one) for one in _CONTROLS)
    return controls > len(text) * _NOT_TEXT_SHARE


def _plain(data: bytes) -> str:
    return decode(data, None)


_PLAIN: Final = (".txt", ".text", ".md", ".markdown", ".log", ".xml")
_HTML: Final = (".html", ".htm", ".xhtml")
FILES: Final[Mapping[str, Callable[[bytes], str]]] = {
    **dict.fromkeys(_PLAIN, _plain),
    **dict.fromkeys(_HTML, text_of_html),
    ".pdf": text_of_pdf,
    ".docx": text_of_docx,
    ".eml": text_of_mail,
}
"""The function that reads a document's text, by the file's suffix."""
