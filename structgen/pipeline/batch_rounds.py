"""How batches are made, and what the journal notes about their rounds."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from structgen.kinds import Kind, check_fields, number, one_of, whole
from structgen.pipeline.journal.journal import Journal
from structgen.values import Json

BatchStep: TypeAlias = Literal["run", "submit", "collect"]
"""How far a run of a job goes."""
STEPS: Final[tuple[BatchStep, ...]] = ("run", "submit", "collect")

_WINDOW: Final = re.compile(r"(\d+)([smhd])")
_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How to make batches."""

    step: BatchStep = "run"
    """`run` waits until the job is done. `submit` sends the requests and ends. `collect` takes the
    answers of batches that have ended, submits what is to be asked next, and ends."""
    poll: float = 30.0
    """Seconds between two looks at a batch."""
    window: str = "24h"
    """Within which time the server has to finish a batch, in its own words."""
    lines: int = 50_000
    """Lines of a file at most."""
    size: int = 100_000_000
    """Bytes of a file at most: the smaller of the two figures that Groq documents."""
    patience: float = 7200.0
    """Seconds after the window in which a batch may still end. Then it is cancelled, and what it
    did not answer is asked again."""

    def __post_init__(self) -> None:
        check_fields(self, _KINDS)

    @property
    def longest(self) -> float:
        """Seconds that a batch may take."""
        found = _WINDOW.fullmatch(self.window)
        window = float(found[1]) * _UNITS[found[2]] if found else _UNITS["d"]
        return window + self.patience


_KINDS: Final[Mapping[str, Kind]] = {
    "step": one_of(*STEPS),
    "poll": number(0, of="seconds"),
    "window": Kind(lambda value: isinstance(value, str), 'a time such as "24h"'),
    "lines": whole(1),
    "size": whole(1),
    "patience": number(0, of="seconds"),
}
"""Which values the members of `Batching` take."""


class Rounds:
    """What the journal notes about the rounds of a run: it outlives the process."""

    def __init__(self, journal: Journal, run: str, lines: int) -> None:
        """Read the notes of a run.

        Args:
            journal: The journal.
            run: The fingerprint of the question.
            lines: Lines of a file at most.
        """
        self._journal, self._most = journal, lines
        self._batches_note, self._course_note = f"batches {run}", f"rounds {run}"

    @property
    def batches(self) -> list[dict[str, Json]]:
        """The batches under way: `file`, `batch` (its name, if it is known), and when it was
        `submitted` and `cancelled`, in seconds since the epoch."""
        now = time.time()  # 0.1.0 did not note it
        return [{"submitted": now, **one} for one in self._journal.note(self._batches_note) or ()]

    def add(self, file: str) -> dict[str, Json]:
        """Note that a file was uploaded."""
        noted = {"file": file, "batch": None, "submitted": time.time()}
        self._journal.set_note(self._batches_note, [*self.batches, noted])
        return noted

    def change(self, noted: Mapping[str, Json], **members: Json) -> dict[str, Json]:
        """Note more about a batch."""
        changed = {**noted, **members}
        batches = [changed if one["file"] == noted["file"] else one for one in self.batches]
        self._journal.set_note(self._batches_note, batches)
        return changed

    def remove(self, noted: Mapping[str, Json]) -> None:
        """Note that nothing more is expected of a batch."""
        others = [one for one in self.batches if one["file"] != noted["file"]]
        self._journal.set_note(self._batches_note, others)

    @property
    def fruitless(self) -> int:
        """How many rounds in a row brought no answer."""
        return int((self._journal.note(self._course_note) or {}).get("fruitless", 0))

    @property
    def lines(self) -> int:
        """Lines of a file at most: half as many after every fruitless round, as the file may have
        been over a limit of the account."""
        return max(1, self._most >> self.fruitless)

    def fail(self) -> None:
        """Note a round that brought no answer."""
        self._journal.set_note(self._course_note, {"fruitless": self.fruitless + 1})

    def succeed(self) -> None:
        """Note a round that brought answers."""
        self._journal.set_note(self._course_note, {"fruitless": 0})
