"""What to do with an output that exists."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from structgen.errors import JobError

IfExists: TypeAlias = Literal["fail", "replace", "append", "upsert"]
"""What to do with a file or table that exists. `fail`: replace it if this job wrote it and nobody
changed it since, else refuse. `replace`: replace whatever is there. `append`: add the rows whose
key it does not have. `upsert`: also replace its rows of the same keys."""
MODES: Final[tuple[IfExists, ...]] = ("fail", "replace", "append", "upsert")


def foreign(name: str) -> JobError:
    """Give the error of an output that exists and is not ours."""
    return JobError(
        f"{name} exists, and this job did not write it, or it was changed since.",
        hint='Name another output. To replace it, pass if_exists="replace" (--overwrite); to add '
        'to it, if_exists="append" or "upsert" (--append, --upsert).',
    )
