"""What a model says about nothing: the priors of closed values.

A model leans towards some options whatever the document is: those it saw often, those that the
prompt names first. How far it leans is measured once for each model, schema and prompt: the prompt
is asked with "N/A" for a document, and every option of each closed value of that answer is scored
to its end (contextual calibration: Zhao et al. 2021, arXiv 2102.09690). Worked examples are left
out, because they may be others for each document.

How much of a prior is taken off a score is a row for each family of models (`ROWS`): it was
measured, and is nothing where it did not help.
"""

from __future__ import annotations

import hashlib
import json
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple, TypeAlias

from structgen.schema.json import to_text
from structgen.schema.json_file import write_json
from structgen.values import JsonSchema, Message

if TYPE_CHECKING:
    from structgen.local.grammar.closed import ClosedPlaces

NOTHING: Final = "N/A"
"""The document that says nothing."""
_VERSION: Final = 1
"""Changes whenever the same prompt may have other priors."""


class Row(NamedTuple):
    """How the models of a family decide closed values."""

    models: str
    """A regular expression that is found in the names of the models, in lower case."""
    share: float | None
    """The share of the prior that is taken off; None to write closed values token by token."""
    measured: str
    """The measurement behind it: `python -m benchmarks decisions`."""


ROWS: Final[tuple[Row, ...]] = ()
"""The first row that is found in a model's name holds for it."""
_DEFAULT: Final = Row(
    "",
    0.0,
    "smollm2-135m, right of restaurants and coffee orders: written .47 .52, whole .67 .93, "
    "with half of the prior off .63 .81",
)


def row_of(model: str) -> Row:
    """Give the row that holds for a model.

    Args:
        model: The model's name.
    """
    return next((row for row in ROWS if re.search(row.models, model.lower())), _DEFAULT)


Priors: TypeAlias = "Mapping[str, Mapping[str, float]]"
"""As `Deciding.priors`."""


class KnownPriors:
    """The priors of one model, kept in memory and in a folder. Many threads may use it."""

    def __init__(
        self,
        model: str,
        folder: Path,
        measure: Callable[[Sequence[Message], JsonSchema], Priors],
    ) -> None:
        self._model, self._folder, self._measure = model, folder, measure
        self._known: dict[str, Priors] = {}
        self._lock = threading.Lock()

    def of(self, messages: Sequence[Message], places: ClosedPlaces) -> Priors:
        """Give the priors of a prompt. The first time they are measured.

        Args:
            messages: The prompt, with any document.
            places: Where the answer has closed values.
        """
        if not places:
            return {}
        asked = [message for message in messages if message.get("role") == "system"]
        asked.append({"role": "user", "content": NOTHING})
        key = to_text([_VERSION, self._model, asked, places.schema])
        name = hashlib.sha256(key.encode()).hexdigest()
        with self._lock:
            if name not in self._known:
                file = self._folder / f"{name}.json"
                self._known[name] = _read(file) or self._measured(asked, places, file)
            return self._known[name]

    def _measured(self, messages: Sequence[Message], places: ClosedPlaces, file: Path) -> Priors:
        priors = self._measure(messages, places.schema)
        _write(file, priors)
        return priors


def _read(file: Path) -> Priors | None:
    with suppress(OSError, ValueError):
        known = json.loads(file.read_text(encoding="utf-8"))
        if isinstance(known, dict) and all(isinstance(one, dict) for one in known.values()):
            return known
    return None


def _write(file: Path, priors: Priors) -> None:
    """Keep priors. A folder that cannot be written to keeps none, and they are measured again."""
    with suppress(OSError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, priors)
