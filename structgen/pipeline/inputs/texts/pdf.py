"""The text of a PDF."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from typing import Any

from structgen.errors import InputError
from structgen.extras import load


def text_of_pdf(data: bytes) -> str:
    """Read the pages, with an empty line between them.

    Args:
        data: The file.

    Raises:
        InputError: If it has a password, or a page is damaged.
    """
    # Its warnings would come between the lines of progress; who configures logging still has them.
    logging.getLogger("pypdf").addHandler(logging.NullHandler())
    pypdf = load("pypdf", "files")
    with pypdf.PdfReader(io.BytesIO(data)) as reader:
        if reader.is_encrypted and not reader.decrypt(""):
            raise InputError(
                "The PDF needs a password.", hint="Save it without a password, then try again."
            )
        return "\n\n".join(_pages(reader))


def _pages(reader: Any) -> Iterator[str]:
    for number, page in enumerate(reader.pages, 1):
        try:
            yield page.extract_text()
        except Exception as error:  # the library raises anything for damaged pages
            raise InputError(
                f"Page {number} of the PDF is damaged ({type(error).__name__}).",
                hint="Check whether another program opens it.",
            ) from error
