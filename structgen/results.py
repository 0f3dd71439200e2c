"""What a call gives: the value, what held it, and what would be asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Final, Generic, Literal, Protocol, TypeVar

from structgen.errors import Attempt
from structgen.options import Options
from structgen.values import Evidence, Json, JsonSchema, Message, Mode, Note, Rejected, Usage

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """What held the value to its type.

    `by`: `decoder` (constrained decoding in this process: nothing else could be written), `server` (the server was told to
    enforce the schema) or `check` (the model was asked; only the check stands behind it). `engine`: which. `checked`: the promises
    that nothing but the check held. `repairs`: what was mended in the text before it was read. `samples`: the answers that the
    value was voted from; 1 where nobody voted. The whole value is always checked, whatever held it.
    """

    by: Literal["decoder", "server", "check"]
    engine: str
    checked: tuple[Note, ...] = ()
    repairs: tuple[str, ...] = ()
    samples: int = 1

    def __str__(self) -> str:
        text = {
            "decoder": f"held while decoding by {self.engine}",
            "server": f"held by the server ({self.engine})",
            "check": f"not held by {self.engine}",
        }[self.by] + ", proved by the check"
        if self.checked and self.by != "check":
            text += f"; by the check alone: {', '.join(n.keyword + ' at ' + (n.path or '/') for n in self.checked)}"
        if self.repairs:
            text += f"; repaired: {', '.join(self.repairs)}"
        if self.samples > 1:
            text += f"; by consensus of {self.samples} answers"
        return text


class Dumps(Protocol):
    """A target, as a result knows it: what writes a value as plain JSON data."""

    def dump(self, value: Any) -> Json: ...


class _AsItIs:
    """Lets Pydantic take a target as it is and write its name."""

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        written = core_schema.to_string_ser_schema()
        return core_schema.is_instance_schema(object, serialization=written)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction(Generic[T]):
    """A value and everything known about it.

    `notes`: what the compiled schema did differently; `absent`: JSON Pointers of the fields the text did not state (they hold their
    defaults); `shortened`: of the values that a token budget cut short; `rejected`: items that were left out because they are not
    valid (`on_invalid_items="keep"`); `evidence`: quote and span per field, `confidence`: 0 to 1 per field, where there are any;
    `usage` and `cost` (US dollars, None where a price is not known) of all attempts; `attempts`: every try, with its raw text;
    `seconds`: where the time went; `target`: what was asked for, which writes the value as plain data.
    """

    value: T
    guarantee: Guarantee
    target: Annotated[Dumps, _AsItIs()] = field(repr=False)
    notes: tuple[Note, ...] = ()
    absent: frozenset[str] = frozenset()
    shortened: frozenset[str] = frozenset()
    rejected: tuple[Rejected, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    confidence: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = Usage()
    cost: float | None = None
    attempts: tuple[Attempt, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)

    def to_dict(self, *members: str) -> dict[str, Json]:
        """The result as plain JSON data.

        Args:
            *members: The members to give; all of `MEMBERS` if none is named.

        Raises:
            KeyError: If a result has no such member.
        """
        return {name: _PLAIN[name](self) for name in members or _PLAIN}


_PLAIN: Final[Mapping[str, Callable[[Extraction[Any]], Json]]] = {
    "value": lambda result: result.target.dump(result.value),
    "guarantee": lambda result: str(result.guarantee),
    "held_by": lambda result: result.guarantee.by,
    "absent": lambda result: sorted(result.absent),
    "shortened": lambda result: sorted(result.shortened),
    "rejected": lambda result: [asdict(item) for item in result.rejected],
    "evidence": lambda result: {path: asdict(found) for path, found in result.evidence.items()},
    "confidence": lambda result: dict(result.confidence),
    "notes": lambda result: [str(note) for note in result.notes],
    "usage": lambda result: asdict(result.usage),
    "cost": lambda result: result.cost,
    "attempts": lambda result: [attempt.to_dict() for attempt in result.attempts],
    "seconds": lambda result: {part: round(seconds, 4) for part, seconds in result.seconds.items()},
}

MEMBERS: Final = tuple(_PLAIN)
"""The members of a result as plain data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a call would do, without doing it: nothing was sent.

    `schema` and `notes` as compiled for this backend; `messages` as the model would see them; `body` the request's members (None
    for the in-process engine); `tokens` an estimate of the prompt's length; `stream`: would the answer be read as it comes.
    """

    backend: str
    mode: Mode
    schema: JsonSchema
    notes: tuple[Note, ...]
    messages: tuple[Message, ...] = field(repr=False)
    options: Options
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    tokens: int = 0
    stream: bool = False

    def to_dict(self) -> dict[str, Json]:
        """The plan as plain JSON data; options that are not set are left out."""
        members = {
            name: getattr(self, name)
            for name in ("backend", "mode", "schema", "tokens", "stream", "body")
        }
        notes = [str(note) for note in self.notes]
        return {
            **members,
            "notes": notes,
            "messages": list(self.messages),
            "options": self.options.to_dict(),
        }
