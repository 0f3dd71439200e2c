"""Exit codes, and what is said on standard error about a failure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TextIO

from structgen.errors import (
    APIError,
    BudgetExceededError,
    EngineError,
    JobStoppedError,
    JournalError,
    ModelMissingError,
    OutputError,
    StructgenError,
    TransportError,
)
from structgen.options import OptionArgs

OK: Final = 0
NO_VALUE: Final = 1
USAGE: Final = 2
SERVER: Final = 3
ENGINE: Final = 4
STOPPED: Final = 5
BELOW: Final = 6
INTERRUPTED: Final = 130

MEANINGS: Final[Mapping[int, str]] = {
    OK: "done",
    NO_VALUE: "no valid value: the answer was refused, truncated or invalid",
    USAGE: "usage error: change the command, the target or the text; no such model or folder",
    SERVER: "the server failed or could not be reached",
    ENGINE: "the model in this process failed",
    STOPPED: "the job stopped before its end; the same command goes on with it",
    BELOW: "a check failed: below a bound, worse than before, or a model has ended",
    INTERRUPTED: "interrupted",
}
"""What each exit code says."""

_CODES: Final[tuple[tuple[type[StructgenError], int], ...]] = (
    (OutputError, NO_VALUE),
    (BudgetExceededError, NO_VALUE),
    (ModelMissingError, USAGE),
    (EngineError, ENGINE),
    (JobStoppedError, STOPPED),
    (JournalError, STOPPED),
    (APIError, SERVER),
    (TransportError, SERVER),
)
"""Exit codes of errors, the first that fits; those of any other error is USAGE."""


_NAMES: Final = (
    "base_url",
    "batch",
    "page_numbers",
    "tracked_changes",
    *OptionArgs.__annotations__,
)
_LONG: Final = "|".join(name for name in _NAMES if "_" in name)
_OPTION: Final = re.compile(rf"`({'|'.join(_NAMES)})`|\b({_LONG})\b(?:='(\w+)')?")
"""An option in a hint, with its value. Without backquotes, a name of one word could be anything."""

_SAID_HERE: Final[Mapping[str, str]] = {
    "The shortened value is in `salvaged`.": "`extract --result` prints the shortened value.",
    "`partial` has what was whole.": "`extract --result` prints the answer.",
    "What had come is in `partial`.": "`extract --result` prints what had come.",
    "What had come is in `attempts`.": "`extract --result` prints what had come.",
    "See the backend's finish reason in `attempts`.": "`extract --result` prints why it ended.",
    "or see in `attempts` what went wrong": "or see what went wrong with `extract --result`",
    "`violations` lists each place, and what was expected there.": "",
    "`violations` names each place.": "",
    ", or give `api_key`": "",
}
"""What a hint says of members of a result or error, and what to say of them here. Violations are
printed anyway."""


def code_of(error: StructgenError) -> int:
    """Give the exit code of an error."""
    if isinstance(error, JobStoppedError) and error.interrupted:
        return INTERRUPTED
    return next((code for kind, code in _CODES if isinstance(error, kind)), USAGE)


def tell_error(error: StructgenError, stderr: TextIO, name: str | None = None) -> int:
    """Say what went wrong, and give the exit code.

    Args:
        error: What went wrong.
        stderr: Where to say it.
        name: The file at fault, if there are several.
    """
    about = f"{name}: " if name else ""
    said = _with_flags(_without_members(error.hint)) if error.hint else ""
    hint = f" {said}" if said else ""
    print(f"structgen: {about}{type(error).__name__}: {error.message}{hint}", file=stderr)
    for violation in getattr(error, "violations", ()):
        print(f"structgen:   {violation}", file=stderr)
    return code_of(error)


def _without_members(hint: str) -> str:
    """Write what a hint says of members as what a user of the command line can do."""
    for there, here in _SAID_HERE.items():
        hint = hint.replace(there, here)
    return hint.strip()


def _with_flags(hint: str) -> str:
    """Write the options that a hint names as flags: on_shortened='keep' is --on-shortened keep."""

    def flag(found: re.Match[str]) -> str:
        name = f"--{(found[1] or found[2]).replace('_', '-')}"
        return f"{name} {found[3]}" if found[3] else name

    return _OPTION.sub(flag, hint)
