"""The choice of `structgen tune` for a target and a model: its file, and how a call heeds it.

The file lies beside the one that defines the target (`invoice.py`, `invoice.json`:
`invoice.tuned.json`), or anywhere else. It can be read and compared. It holds the texts of the
worked examples that were chosen, and of no other document.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Literal

from pydantic import ConfigDict, TypeAdapter
from typing_extensions import NotRequired, TypedDict

from structgen.calibration.learnt import schema_fingerprint
from structgen.calibration.learnt_file import LearntFile
from structgen.calibration.saved import find
from structgen.errors import ConfigurationError, StructgenError
from structgen.extraction.backend import Backend
from structgen.extraction.examples import Examples
from structgen.extraction.nearest import NearestChooser
from structgen.kinds import Kind, check_values, whole
from structgen.options import UNSET, OptionArgs, Options, options_of
from structgen.prompt.layouts import check_prompt
from structgen.schema.json import digest
from structgen.schema.renamed import renamed
from structgen.schema.target import Target
from structgen.values import Example, Json

END: Final = ".tuned.json"
"""The end of the file's name, after that of the file that defines the target."""
FIXED: Final = "fixed_examples"
"""The change that shows the same examples with every document: how many."""
NEAREST: Final = "nearest_examples"
"""The change that shows the examples that are most like each document: how many."""
THRESHOLDS: Final = "cascade_below"
"""The option that holds the thresholds of a cascade, which only its first model's answers meet."""
CHUNK_TOKENS: Final = "chunk_tokens"
"""The change of the length of a chunk of a long document."""
_MOST_OPENED: Final = 16
"""Targets for which the examples are kept as they were checked."""
_SHOWN: Final = 3
"""Members of a table that are told."""
DIVERSITY: Final = 0.5
"""How much it counts against a near example that it is like another one; as `Nearest` has it."""
_NOT_STREAMED: Final = frozenset({"samples", "mode"})
"""Options that would keep an answer from being streamed."""
_COUNTS: Final[Mapping[str, Kind]] = dict.fromkeys((FIXED, NEAREST, CHUNK_TOKENS), whole(1))
"""The changes that are no options, and which values they take."""


@dataclass(frozen=True, kw_only=True)
class Tuned:
    """The choice for one target and one model."""

    target: str
    """The target's name."""
    schema: str
    """A fingerprint of its schema (`schema_fingerprint`)."""
    model: str
    """The backend's name."""
    changes: Mapping[str, Json] = field(default_factory=dict)
    """Its differences from the defaults: options by name, and `fixed_examples`, `nearest_examples`
    or `chunk_tokens`."""
    examples: Sequence[Example] = field(default=(), repr=False)
    """Those that are shown, or chosen from."""
    figures: Mapping[str, Json] = field(default_factory=dict, repr=False)
    """Its worth, and how that was measured."""
    confidence_by: str | None = None
    """What the confidence is made from that `cascade_below` was learnt of; None if it was not."""
    calibrated: bool = False
    """Whether that confidence was calibrated."""

    def __str__(self) -> str:
        return changes_text(self.changes)

    @property
    def about(self) -> tuple[str, str]:
        """The schema and the model; a file holds one choice for each."""
        return self.schema, self.model

    @property
    def options(self) -> dict[str, Any]:
        """The options among the changes."""
        return {name: value for name, value in self.changes.items() if name not in _COUNTS}

    @cached_property
    def _opened(self) -> dict[Target[Any], Examples[Any]]:
        """The examples as values of each target that asked for them."""
        return {}

    def examples_for(self, target: Target[Any]) -> Examples[Any] | None:
        """Give the examples as values of a target; None if none are to be shown.

        Args:
            target: The target.

        Raises:
            InputError: If a value does not fit the target.
        """
        if not self.examples:
            return None
        if target not in self._opened:
            if len(self._opened) >= _MOST_OPENED:  # each call may have a context of its own
                self._opened.clear()
            count: Any = self.changes.get(NEAREST)
            chooser = count and NearestChooser(
                self.examples, count, max_tokens=None, diversity=DIVERSITY, own={}
            )
            self._opened[target] = Examples(target, self.examples, chooser or None)
        return self._opened[target]


def changes_text(changes: Mapping[str, Json]) -> str:
    """Write changes in one line for people.

    Args:
        changes: The changes; none are the defaults.
    """
    texts = (f"{name}={_value_text(value)}" for name, value in changes.items())
    return ", ".join(texts) or "the defaults"


def _value_text(value: Json) -> str:
    """A value in short; a long table by its beginning, and a mark that tells it from others."""
    if not isinstance(value, dict) or len(value) <= _SHOWN:
        return str(value)
    first = dict(list(value.items())[:_SHOWN])
    return f"{first} and {len(value) - _SHOWN} more [{digest(value)[:6]}]"


# ---- a call that heeds it -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The share of a tuned file that a call takes."""

    options: Options
    """The options of the call, with those of the file that it left out."""
    examples: Examples[Any] | None = None
    """The examples of the file."""
    chunk_tokens: int | None = None
    """The length of a chunk of a long document."""
    said: str
    """Says what was taken, or why nothing."""


def tuned_use(
    target: Target[Any],
    backends: Sequence[Backend],
    options: Options,
    *,
    stream: bool = False,
) -> Use | None:
    """Look a target up in the tuned file that the options name; None if they name none.

    Args:
        target: What is extracted.
        backends: Who is asked; the file is about the first of them.
        options: The options of client and call together, which go before those of the file.
        stream: Whether the answer is read while it is written.

    Raises:
        ConfigurationError: If the file cannot be read, is no tuned file, or does not fit the
            target.
    """
    path = options.tuned
    if path is UNSET or path is False:
        return None
    known = load_tuned(path)
    about = (schema_fingerprint(target.schema), backends[0].name)
    tuned = next((one for one in known if one.about == about), None)
    if tuned is None:
        return Use(options=options, said=_why_not(path, known, target, *about))
    left_out = _NOT_STREAMED if stream else frozenset[str]()
    chosen = {name: one for name, one in tuned.options.items() if name not in left_out}
    if "mode" in chosen and any(chosen["mode"] not in dict(one.modes) for one in backends[1:]):
        del chosen["mode"]  # a fallback lacks it
    chunk_tokens: Any = tuned.changes.get(CHUNK_TOKENS)
    said = f"{tuned} ({os.fspath(path)})"
    taken = options.over(options_of(chosen))  # type: ignore[arg-type]  # checked by `load_tuned`
    if THRESHOLDS in chosen and (other := _other_confidence(tuned, target, taken)):
        taken = replace(taken, cascade_below=options.cascade_below)
        said += f", without {THRESHOLDS}, because {other}; run `structgen tune` again"
    return Use(
        options=taken,
        examples=_fitting_examples(path, tuned, chosen, target),
        chunk_tokens=chunk_tokens,
        said=said,
    )


def _fitting_examples(
    path: str | os.PathLike[str], tuned: Tuned, chosen: Mapping[str, Any], target: Target[Any]
) -> Examples[Any] | None:
    """Give the examples of a file as values of the target, and see that its options fit, too.

    Raises:
        ConfigurationError: If something in the file does not fit. It may have been edited, or the
            validators of the target have changed, which its schema does not show.
    """
    try:
        check_prompt(chosen.get("prompt", UNSET))
        renamed(target, chosen.get("wire_names", {}))
        return tuned.examples_for(target)
    except StructgenError as error:
        raise ConfigurationError(
            f"{os.fspath(path)} does not fit {target.name}: {error.message}",
            hint="Run `structgen tune` again, or use no file: tuned=False, or --no-tuned.",
        ) from error


def _other_confidence(tuned: Tuned, target: Target[Any], options: Options) -> str | None:
    """Why the confidence of a call is not the one that its thresholds were learnt of, if so."""
    by = tuned.confidence_by
    if by is None:
        return None
    is_voted = options.samples not in (UNSET, 1)
    if is_voted != (by == "agreement"):
        return f"it was learnt of a confidence by {by}"
    path = None if options.calibration is UNSET else options.calibration
    if (find(target, tuned.model, by, path) is not None) == tuned.calibrated:
        return None
    return f"the confidence was {'' if tuned.calibrated else 'not '}calibrated when it was learnt"


def tuned_options(
    target: Target[Any], backends: Sequence[Backend], defaults: Options, given: OptionArgs
) -> tuple[OptionArgs, str | None]:
    """Fill in options for questions about parts of a target, which the file does not know.

    Args:
        target: What is extracted in all.
        backends: Who is asked.
        defaults: The options of the client.
        given: The options of the call.

    Returns:
        The options, and what was taken or why nothing; None without a file.

    Raises:
        ConfigurationError: If the file cannot be read, or is no tuned file.
    """
    asked = options_of(given).over(defaults)
    use = tuned_use(target, backends, asked)
    if use is None:
        return given, None
    before, after = asked.to_dict(), use.options.to_dict()
    taken: Any = {name: one for name, one in after.items() if name not in before}
    return {**taken, **given, "tuned": False}, use.said


def _why_not(
    path: str | os.PathLike[str],
    known: Sequence[Tuned],
    target: Target[Any],
    schema: str,
    model: str,
) -> str:
    """Say why a file is of no use for a call."""
    models = sorted({one.model for one in known if one.schema == schema})
    if models:
        why = f"it is about {', '.join(models)}, not {model}"
    elif any(one.target == target.name for one in known):
        why = f"the schema of {target.name} has changed since"
    else:
        why = f"it is not about {target.name}"
    return f"nothing: {os.fspath(path)} is not used, because {why}; run `structgen tune` again"


# ---- the file -----------------------------------------------------------------------------------


class _SavedExample(TypedDict):
    key: NotRequired[str]
    text: str
    value: Any


class _Saved(TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    target: str
    schema: str
    model: str
    changes: dict[str, str | int | float | dict[str, float] | dict[str, str]]
    figures: dict[str, Any]
    examples: list[_SavedExample]
    confidence_by: NotRequired[str]
    calibrated: NotRequired[bool]


class _SavedFile(TypedDict):
    __pydantic_config__ = ConfigDict(extra="forbid")  # type: ignore[misc]

    version: Literal[1]
    tuned: list[_Saved]


def _tuned_of(data: _Saved) -> Tuned:
    examples = [
        Example(one["text"], one["value"], one.get("key"), f"Example {number}", is_plain=True)
        for number, one in enumerate(data["examples"], 1)
    ]
    found = Tuned(
        target=data["target"],
        schema=data["schema"],
        model=data["model"],
        changes=data["changes"],
        figures=data["figures"],
        examples=tuple(examples),
        confidence_by=data.get("confidence_by"),
        calibrated=data.get("calibrated", False),
    )
    options_of(found.options)  # type: ignore[arg-type]  # this is what is checked
    counts = {name: one for name, one in found.changes.items() if name in _COUNTS}
    check_values(counts, _COUNTS)
    return found


def _data_of(tuned: Tuned) -> dict[str, Json]:
    shown = ("key", "text", "value")
    examples = [
        {name: value for name, value in asdict(one).items() if name in shown and value is not None}
        for one in tuned.examples
    ]
    basis: dict[str, Json] = {}
    if tuned.confidence_by is not None:
        basis = {"confidence_by": tuned.confidence_by, "calibrated": tuned.calibrated}
    return {
        **{name: getattr(tuned, name) for name in ("target", "schema", "model")},
        "changes": dict(tuned.changes),
        **basis,
        "figures": dict(tuned.figures),
        "examples": [{"value": None, **one} for one in examples],
    }


_OF_TUNED: Final = LearntFile(
    "tuned file",
    "tuned",
    TypeAdapter(_SavedFile),
    row_of=_tuned_of,
    data_of=_data_of,
    error=ConfigurationError,
    hint="Make one with `structgen tune TARGET GOLD --model MODEL`.",
)


def load_tuned(path: str | os.PathLike[str]) -> tuple[Tuned, ...]:
    """Read a tuned file; one that did not change is read once.

    Args:
        path: The file.

    Raises:
        ConfigurationError: If it cannot be read, or is no tuned file.
    """
    return _OF_TUNED.load(path)


def require_place(path: str | os.PathLike[str]) -> None:
    """See that a file can be written, before what it is to hold is paid for.

    Args:
        path: The file.

    Raises:
        ConfigurationError: If it cannot be written, or is there and is no tuned file.
    """
    _OF_TUNED.require_place(path)


def save_tuned(path: str | os.PathLike[str], tuned: Tuned) -> None:
    """Put what was chosen into a file, in place of what it has about the same.

    Args:
        path: The file; it is made if there is none.
        tuned: What was chosen.

    Raises:
        ConfigurationError: If the file cannot be written, or is there and is no tuned file.
    """
    _OF_TUNED.save(path, tuned)
