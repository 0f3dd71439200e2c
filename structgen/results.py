"""The result of a call: the value, what held it, and everything that is known about it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Annotated, Any, Final, Generic, Literal, Protocol, TypeAlias, TypeVar

from structgen.errors import Attempt
from structgen.values import Alternatives, Evidence, Json, Note, Rejected, Removed, Usage

T = TypeVar("T")


_PLACES_SHOWN: Final = 3
"""Places that the line of a folded note names; `paths` has all."""


@dataclass(frozen=True, slots=True)
class FoldedNote:
    """Notes that say the same of several places, as one. `str()` is one line for people."""

    paths: tuple[str, ...]
    """JSON Pointers into the source schema, in the order of the notes."""
    keyword: str
    """The construct, as in `Note`."""
    action: Literal["rewritten", "checked", "narrowed", "wider"]
    """What became of it, as in `Note`."""
    detail: str
    """One line for people."""

    def __str__(self) -> str:
        shown = [path or "/" for path in self.paths[:_PLACES_SHOWN]]
        left = len(self.paths) - len(shown)
        places = ", ".join(shown) + (f" and {left} more" if left else "")
        count = f"{len(self.paths)} places ({places})" if len(self.paths) > 1 else places
        return f"{count}: {self.keyword} {self.action}: {self.detail}"


def folded_notes(notes: Iterable[Note]) -> tuple[FoldedNote, ...]:
    """Fold notes that differ only in their place, each at the place of the first.

    Args:
        notes: The notes of a compiled schema, a plan or a result.
    """
    places: dict[tuple[Any, ...], dict[str, None]] = {}
    for note in notes:
        said = note.keyword, note.action, note.detail
        places.setdefault(said, {})[note.path] = None
    return tuple(FoldedNote(tuple(paths), *said) for said, paths in places.items())


EvidenceStatus: TypeAlias = Literal["verified", "normalised", "ambiguous", "not-found", "absent"]
"""Whether the document states a leaf. `verified`: letter by letter. `normalised`: in another form,
such as a date in other words. `ambiguous`: at several places, and nothing tells which is meant.
`not-found`: in no form that is known. `absent`: the leaf is null or empty."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeafEvidence:
    """Where the document states one leaf of a value, and in which form."""

    status: EvidenceStatus
    """Whether it is stated."""
    quote: str | None = field(default=None, repr=False)
    """The words of the document; None if it is not found or absent."""
    start: int | None = None
    """Offset of the first character."""
    end: int | None = None
    """Offset after the last character."""
    by: str | None = None
    """The form that was found: "text" (case, accents, spaces and hyphens aside), "number", "date",
    "time", "label", "currency" or "fuzzy"."""
    score: float | None = None
    """How alike quote and value are, 0 to 1; below 1 only if `by` is "fuzzy"."""
    mentions: int = 0
    """How often the document has the value in this form."""
    pages: tuple[int, ...] = ()
    """The numbers of its pages, from 1, if the document has pages."""
    boxes: tuple[tuple[int, float, float, float, float], ...] = ()
    """One `Box` for each line of the quote: page, left, top, right, bottom, in points."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """What held the value to its type. The whole value is always checked, whatever held it."""

    by: Literal["decoder", "server", "check"]
    """`decoder`: constrained decoding, in this process or by `structgen serve`, so that nothing
    else could be written. `server`: the server was told to enforce the schema. `check`: the model
    was asked, and only the check proves the value."""
    engine: str
    """The engine or server that held it."""
    checked: tuple[Note, ...] = ()
    """The promises that the check alone held."""
    repairs: tuple[str, ...] = ()
    """What was mended in the text before it was read."""
    samples: int = 1
    """The answers that voted on the value; 1 if nobody voted."""

    def __str__(self) -> str:
        text = _HELD_BY[self.by].format(self.engine) + ", proved by the check"
        if self.checked and self.by != "check":
            text += f"; by the check alone: {', '.join(_places_of(self.checked))}"
        if self.repairs:
            text += f"; repaired: {', '.join(self.repairs)}"
        if self.samples > 1:
            text += f"; by consensus of {self.samples} answers"
        return text


ConfidenceBy: TypeAlias = Literal[
    "decisions", "tokens", "agreement", "readings", "cascade", "human"
]
"""What a confidence was made from. `decisions`: the probabilities of the options that a model in
this process decided among; no other leaf has one. `tokens`: those of the answer's tokens, and of
decided options. `agreement`: the votes of several samples. `readings`: a second reading of the
document, whether the document holds the value, and whether the answer was mended. `cascade`: of
several models, each in its own way. `human`: a person has looked at the value."""

_HELD_BY: Final = {
    "decoder": "held while decoding by {}",
    "server": "held by the server ({})",
    "check": "not held by {}",
}


def _places_of(notes: Iterable[Note]) -> Iterator[str]:
    """Where each keyword is checked: its only place, or how many there are."""
    places: dict[str, dict[str, None]] = {}
    for note in notes:
        places.setdefault(note.keyword, {})[note.path or "/"] = None
    for keyword, paths in places.items():
        where = f"{len(paths)} places" if len(paths) > 1 else next(iter(paths))
        yield f"{keyword} at {where}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalation:
    """A further model of a cascade that was asked about fields in doubt."""

    model: str
    """The name of the model."""
    fields: Mapping[str, str]
    """Why each field was in doubt, by its JSON Pointer; "" is the whole record."""
    error: str | None = None
    """Why the fields, or some of them, keep the value that they had; None if the model answered."""
    held_back: bool = False
    """Whether the limits of a job kept the model from being asked. A later run asks it."""

    def __str__(self) -> str:
        named = ", ".join(path or "the whole record" for path in self.fields)
        asked = "was not asked" if self.held_back else "was asked"
        said = f"{self.model} {asked} about {named}"
        return f"{said}: {self.error}" if self.error else said


def answering(attempts: Iterable[Attempt]) -> list[Attempt]:
    """Give the attempts that a value was made from.

    The value may be the valid part of an answer that was invalid as a whole
    (`on_invalid_items="keep"`).

    Args:
        attempts: All attempts of a call that gave a value.

    Returns:
        Those without an error; if there is none, the last one with an answer.
    """
    tried = list(attempts)
    settled = [one for one in tried if one.error is None]
    return settled or [one for one in tried if one.text is not None][-1:]


def plain_alternatives(alternatives: Alternatives) -> dict[str, Json]:
    """Give alternatives as plain JSON data: a list of [value, probability] for each place.

    Args:
        alternatives: The options of decided values, by JSON Pointer.
    """
    return {path: [list(option) for option in found] for path, found in alternatives.items()}


class Dumps(Protocol):
    """A target, as a result knows it."""

    def dump(self, value: Any) -> Json:
        """Write a value as plain JSON data."""
        ...


class _AsItIs:
    """Lets Pydantic take a target as it is and write its name."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        written = core_schema.to_string_ser_schema()
        return core_schema.is_instance_schema(object, serialization=written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction(Generic[T]):
    """A value and everything known about it."""

    value: T
    """The value, checked."""
    guarantee: Guarantee
    """What held it to its type."""
    target: Annotated[Dumps, _AsItIs()] = field(repr=False)
    """What was asked for; it writes the value as plain data."""
    notes: tuple[Note, ...] = ()
    """What the compiled schema did differently from the source."""
    absent: frozenset[str] = frozenset()
    """JSON Pointers of the fields that the document does not state; they hold their defaults."""
    shortened: frozenset[str] = frozenset()
    """JSON Pointers of the values that were cut short (`on_shortened="keep"`)."""
    rejected: tuple[Rejected, ...] = ()
    """Items that were left out because they are not valid (`on_invalid_items="keep"`)."""
    removed: tuple[Removed, ...] = ()
    """What a rule took out of the value: items that came again."""
    copied: frozenset[str] = frozenset()
    """JSON Pointers of values that a worked example has and the document lacks: perhaps copied."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    """Quote and span of each grounded field, by JSON Pointer."""
    leaf_evidence: Mapping[str, LeafEvidence] = field(default_factory=dict)
    """Where the document states each leaf, by JSON Pointer, if asked for (`evidence="all"`)."""
    confidence: Mapping[str, float] = field(default_factory=dict)
    """0 to 1 for each value, by JSON Pointer of a leaf, if asked for."""
    record_confidence: float | None = None
    """The chance that the record has no fault, 0 to 1; None if a stated value has no confidence."""
    confidence_by: ConfidenceBy | None = None
    """What the confidence was made from; None if there is none."""
    raw_confidence: Mapping[str, float] = field(default_factory=dict)
    """The confidence as it was before its calibration; {} if it was not calibrated."""
    kinds: Mapping[str, str] = field(default_factory=dict)
    """The kind of each leaf, by JSON Pointer, if there is a confidence: its curve hangs on it."""
    accepted: bool | None = None
    """Whether the record keeps the promise of `accept`; None if none was asked for."""
    to_review: frozenset[str] = frozenset()
    """JSON Pointers of the stated values that the promise of `accept` leaves to people, and of
    those that the document does not support (`require_evidence="flag"`)."""
    alternatives: Alternatives = field(default_factory=dict)
    """Options of each decided value, by JSON Pointer: the likeliest first, with its probability."""
    pressure: Mapping[str, float] = field(default_factory=dict)
    """How hard the grammar pressed on each value, 0 to 1, by JSON Pointer: near 1, the model wanted
    to write something that the schema forbids there. Values without pressure are left out."""
    answered_by: Mapping[str, str] = field(default_factory=dict)
    """The name of the model that gave each leaf, by JSON Pointer, if the client has a cascade."""
    escalations: tuple[Escalation, ...] = ()
    """The further models of the cascade that were asked, in order, and about what."""
    reasoning: str | None = None
    """What the model thought before it answered, if it shows that."""
    tuned: str | None = None
    """A line on what the call took from the file of `structgen tune`, or why nothing; None without
    a file."""
    usage: Usage = Usage()
    """Tokens of all attempts. `reasoning_tokens` are those of thoughts, if its server counts."""
    cost: float | None = None
    """US dollars of all attempts; None if a price is not known."""
    attempts: tuple[Attempt, ...] = ()
    """Every try, with what the model wrote."""
    cached: bool = False
    """Whether it is the result of an earlier call, from the cache, which cost nothing now."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Where the time went."""

    @property
    def calibrated(self) -> bool:
        """Whether the confidence was calibrated on gold, so that 0.9 means nine of ten."""
        return bool(self.raw_confidence)

    @property
    def model(self) -> str | None:
        """The name of the backend that gave the value; None if it is not known."""
        answered = answering(self.attempts)
        return answered[-1].backend if answered else None

    @property
    def spent_by(self) -> dict[str, tuple[Usage, float | None]]:
        """The tokens of each model that was asked, and their cost in US dollars, by its name.

        The cost is None if the price of an attempt is not known.
        """
        spent: dict[str, tuple[Usage, float | None]] = {}
        for name in dict.fromkeys(one.backend for one in self.attempts):
            tries = [one for one in self.attempts if one.backend == name]
            charged = [one.cost for one in tries if one.error is None or one.usage.total_tokens]
            costs = [cost for cost in charged if cost is not None]
            usage = sum((one.usage for one in tries), Usage())
            spent[name] = usage, sum(costs) if len(costs) == len(charged) else None
        return spent

    def to_dict(self, *members: str) -> dict[str, Json]:
        """Give the result as plain JSON data.

        Args:
            *members: Names from `MEMBERS`; all of them if none is given.

        Raises:
            KeyError: If a result has no such member.
        """
        return {name: _PLAIN[name](self) for name in members or _PLAIN}

    def _repr_html_(self) -> str:
        """The value as a table, for notebooks: each field with its confidence and its quote."""
        return _table(self)


_PLAIN: Final[Mapping[str, Callable[[Extraction[Any]], Json]]] = {
    "value": lambda result: result.target.dump(result.value),
    "guarantee": lambda result: str(result.guarantee),
    "held_by": lambda result: result.guarantee.by,
    "absent": lambda result: sorted(result.absent),
    "shortened": lambda result: sorted(result.shortened),
    "rejected": lambda result: [asdict(item) for item in result.rejected],
    "removed": lambda result: [asdict(item) for item in result.removed],
    "copied": lambda result: sorted(result.copied),
    "evidence": lambda result: {path: asdict(found) for path, found in result.evidence.items()},
    "leaf_evidence": lambda result: {
        path: asdict(found) for path, found in result.leaf_evidence.items()
    },
    "confidence": lambda result: dict(result.confidence),
    "record_confidence": lambda result: result.record_confidence,
    "confidence_by": lambda result: result.confidence_by,
    "raw_confidence": lambda result: dict(result.raw_confidence),
    "accepted": lambda result: result.accepted,
    "to_review": lambda result: sorted(result.to_review),
    "alternatives": lambda result: plain_alternatives(result.alternatives),
    "pressure": lambda result: dict(result.pressure),
    "answered_by": lambda result: dict(result.answered_by),
    "escalations": lambda result: [asdict(one) for one in result.escalations],
    "reasoning": lambda result: result.reasoning,
    "notes": lambda result: [str(note) for note in folded_notes(result.notes)],
    "tuned": lambda result: result.tuned,
    "usage": lambda result: asdict(result.usage),
    "cost": lambda result: result.cost,
    "cached": lambda result: result.cached,
    "attempts": lambda result: [attempt.to_dict() for attempt in result.attempts],
    "seconds": lambda result: {part: round(seconds, 4) for part, seconds in result.seconds.items()},
}

MEMBERS: Final = tuple(_PLAIN)
"""The members of a result as plain data."""


def _table(result: Extraction[Any]) -> str:
    leaves = list(_leaves(result.target.dump(result.value), ""))
    columns: dict[str, Mapping[str, str]] = {
        "value": {path: json.dumps(value, ensure_ascii=False) for path, value in leaves},
        "confidence": {path: f"{sure:.2f}" for path, sure in result.confidence.items()},
        "pressure": {path: f"{share:.2f}" for path, share in result.pressure.items()},
        "answered by": result.answered_by,
        "in the text": {
            path: f"{found.quote} ({found.start} to {found.end})"
            for path, found in result.evidence.items()
        },
    }
    shown = {name: cells for name, cells in columns.items() if cells}
    head = "".join(f"<th>{escape(name)}</th>" for name in ("field", *shown))
    body = ""
    for path, _ in leaves:
        texts = [path or "/", *(cells.get(path, "") for cells in shown.values())]
        body += f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in texts)}</tr>"
    return (
        f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        f"<p>{escape(str(result.guarantee))}</p>"
    )


def _leaves(value: Json, path: str) -> Iterator[tuple[str, Json]]:
    """Every value that holds no others, with its JSON Pointer."""
    inner: Iterable[tuple[Any, Json]] = ()
    if isinstance(value, dict):
        inner = value.items()
    elif isinstance(value, list):
        inner = enumerate(value)
    else:
        yield path, value
    for key, one in inner:
        step = str(key).replace("~", "~0").replace("/", "~1")
        yield from _leaves(one, f"{path}/{step}")
