"""Tell which inputs of a run have the same key."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from typing import Final

_REPEATED: Final = """
SELECT key, count(*) FROM inputs GROUP BY key HAVING count(*) > 1 ORDER BY min(position)
"""
_SHOWN: Final = 3
"""How many keys are named."""


def tell_repeated_keys(journal: Path, log: Callable[[str], None]) -> None:
    """Say so if several inputs have one key, since a reader cannot tell their rows apart.

    Args:
        journal: The journal's file, with all inputs of the run.
        log: Takes the line.
    """
    with suppress(sqlite3.Error), closing(sqlite3.connect(journal)) as db:
        found = db.execute(_REPEATED).fetchall()
        if found:
            shown = ", ".join(f"{key} ({count} times)" for key, count in found[:_SHOWN])
            more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
            log(f"several inputs have the same key: {shown}{more}; name a unique column with `key`")
