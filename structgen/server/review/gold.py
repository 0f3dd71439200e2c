"""Accepted and corrected records as gold, which serves for examples too."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

from structgen.errors import InputError
from structgen.pipeline.journal.reviews import counted, shown_keys
from structgen.server.review.files import write_new
from structgen.server.review.records import Records
from structgen.values import Json


def export_gold(
    records: Records,
    path: str | os.PathLike[str],
    log: Callable[[str], object] = lambda line: None,
) -> int:
    """Write accepted and corrected records as gold.

    Args:
        records: The records.
        path: A file that does not exist yet.
        log: Told, in one line, which records are left out: those whose decision was about another
            text or another target.

    Returns:
        How many were written.

    Raises:
        InputError: If a text is not known, or the file cannot be written.
    """
    reviews = records.reviews.all()
    rows: list[dict[str, Json]] = []
    outdated: list[str] = []
    for row in records.rows:
        key = row["key"]
        review = reviews.get(key)
        if review is None or review.status == "rejected":
            continue
        if records.outdated(review):
            outdated.append(key)
            continue
        document = records.document(key)
        if document is None:
            raise InputError(
                f"Cannot export {key!r}: its text is not known.", hint="Name the inputs of the run."
            )
        kind = "text" if isinstance(document, str) else "messages"
        rows.append({"key": key, kind: document, "value": review.value})
    write_new(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    if outdated:
        left_out = counted(len(outdated), "record is", "records are")
        log(
            f"{left_out} left out, since the text or the target has changed: "
            f"{shown_keys(outdated)}. Review them again with `structgen review`."
        )
    return len(rows)
