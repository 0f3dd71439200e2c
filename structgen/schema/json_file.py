"""JSON files that are written whole or not at all."""

from __future__ import annotations

import json
import os
import threading
from contextlib import suppress
from pathlib import Path

from structgen.values import Json


def write_json(path: str | os.PathLike[str], data: Json) -> None:
    """Write a JSON file in one step: whoever reads it finds the old data or the new.

    Args:
        path: The file; its folder exists.
        data: What goes into it.

    Raises:
        OSError: If it cannot be written. The file is then as it was.
    """
    text = json.dumps(data, ensure_ascii=False, indent=1) + "\n"
    # Other processes and threads may write the same file.
    partial = Path(f"{os.fspath(path)}.{os.getpid()}-{threading.get_ident()}.partial")
    try:
        # Half of a surrogate pair has no UTF-8; written as an escape, it is JSON all the same.
        partial.write_bytes(text.encode("utf-8", "backslashreplace"))
        partial.replace(path)
    except BaseException:
        with suppress(OSError):
            partial.unlink()
        raise
