"""The table of changes to a call, and those of it that make a difference here."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, get_args

from structgen.answer.grounding import document_text
from structgen.documents.chunked import ChunkedQuestion
from structgen.documents.need import is_too_long, room_for_document
from structgen.documents.options import ChunkingArgs
from structgen.errors import ConfigurationError, StructgenError
from structgen.evaluation.gold import GoldRecord
from structgen.examples.nearest import Nearest
from structgen.extraction.examples import examples_of
from structgen.extraction.plan import plan
from structgen.extraction.planned import Plan
from structgen.extraction.similarity import normalised
from structgen.extraction.tuned import CHUNK_TOKENS, DIVERSITY, FIXED, NEAREST, changes_text
from structgen.options import UNSET, Options, options_of
from structgen.prompt.layouts import LAYOUTS
from structgen.schema.renamed import renamed
from structgen.schema.target import Target
from structgen.tuning.wire_names import proposed_names
from structgen.values import Example, Json, Mode

if TYPE_CHECKING:
    from structgen.extraction.caller import Caller

Values = Sequence[Json] | Callable[["Tried"], Sequence[Json]]
"""The values of a change, or what finds them for the question that is tuned."""
CHANGES: Final[tuple[tuple[str, Values], ...]] = (
    (NEAREST, (3, 6)),
    (FIXED, (2, 4)),
    ("prompt", tuple(LAYOUTS)),
    ("wire_names", lambda tried: tried.names),
    ("reasoning", ("first", "draft")),
    ("mode", get_args(Mode)),
    ("absent_fields", ("null", "omit")),
    ("decide", ("off",)),
    (CHUNK_TOKENS, (1000, 4000)),
    ("samples", lambda tried: () if tried.options.temperature == 0 else (3,)),
)
"""The changes, tried one at a time, in this order: what most often helps comes first, and what
costs most comes last. If a budget is small, the last ones are left out."""

_JUDGING: Final = frozenset({"accept", "calibration", "cascade_below"})
"""Options that judge what was answered."""
_ARGUMENTS: Final = {FIXED: "examples", NEAREST: "examples"}
"""The argument of a call that a change sets, if it is not the one of its name."""
_IN_PROCESS: Final = frozenset({"decide"})
"""Options that servers do not heed."""
_NOT_IN_PLAN: Final = frozenset({"decide", "samples", CHUNK_TOKENS})
"""Changes that the plan of a first question does not show."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Changes to a call that are judged together; without any it is the default."""

    changes: Mapping[str, Json] = field(default_factory=dict)
    """The changes by name."""

    def __str__(self) -> str:
        return changes_text(self.changes)

    @property
    def arguments(self) -> frozenset[str]:
        """The arguments of a call that it sets; only one change may set each."""
        return frozenset(map(argument_of, self.changes))

    def joined(self, other: Candidate) -> Candidate:
        """Put the changes of two candidates together, in the order of the table.

        Args:
            other: A candidate that sets other arguments.
        """
        both = {**self.changes, **other.changes}
        return Candidate({name: both[name] for name, _ in CHANGES if name in both})


def argument_of(name: str) -> str:
    """Name the argument of a call that a change sets.

    Args:
        name: The change.
    """
    return _ARGUMENTS.get(name, name)


# ---- examples -----------------------------------------------------------------------------------


def pool_of(records: Sequence[GoldRecord]) -> list[Example]:
    """Give gold as worked examples, without documents that have no text.

    Args:
        records: The gold.
    """
    return examples_of([one for one in records if document_text(one.document).strip()])


def pool_apart_from(judged: Sequence[GoldRecord], records: Sequence[GoldRecord]) -> list[Example]:
    """Give gold as worked examples, without texts that are to be judged, too.

    Args:
        judged: The records that the examples are shown with.
        records: The gold.
    """
    texts = {normalised(document_text(one.document)) for one in judged}
    return [one for one in pool_of(records) if normalised(one.text) not in texts]


def shown_of(candidate: Candidate, pool: Sequence[Example]) -> list[Example]:
    """Give the examples that a candidate shows, or chooses from.

    Args:
        candidate: The candidate.
        pool: Everything that may be shown.
    """
    fixed: Any = candidate.changes.get(FIXED)
    if fixed is not None:
        return most_telling(pool, fixed)
    return list(pool) if NEAREST in candidate.changes else []


def most_telling(pool: Sequence[Example], count: int) -> list[Example]:
    """Choose examples that show most of the target: each adds what those before it lack.

    Greedy set cover (Johnson 1974) over leaves: whether a field is stated, null or left out. The
    shorter text goes first if several add as much.

    Args:
        pool: What to choose from.
        count: How many to choose.
    """
    left, chosen = list(pool), list[Example]()
    shown: set[str] = set()
    while left and len(chosen) < count:
        facts = {id(one): facts_of(one.value) for one in left}
        best = max(left, key=lambda one: (len(facts[id(one)] - shown), -len(one.text), one.text))
        new = facts[id(best)] - shown
        if not new and shown:
            shown = set()  # everything is shown once: begin anew
            continue
        left.remove(best)
        chosen.append(best)
        shown |= new
    return chosen


def facts_of(value: Json, path: str = "") -> set[str]:
    """List what an example shows of its target: the fields that it states, and those it has not.

    Args:
        value: The value as plain data.
        path: Where it is.
    """
    if isinstance(value, dict):
        inside = [facts_of(one, f"{path}/{key}") for key, one in value.items()]
    elif isinstance(value, list) and value:
        inside = [facts_of(one, f"{path}/*") for one in value]
        inside.append({f"{path}/several"} if len(value) > 1 else set())
    else:
        return {f"{path}={'nothing' if value in (None, '', []) else 'stated'}"}
    return set().union(*inside) or {f"{path}=nothing"}


# ---- which of them there are --------------------------------------------------------------------


class Tried:
    """The question that is tuned, and what each candidate makes of it."""

    def __init__(
        self,
        target: Target[Any],
        caller: Caller,
        call: Mapping[str, Any],
        names: Sequence[Mapping[str, str]] = (),
    ) -> None:
        """Take the question.

        Args:
            target: What is extracted.
            caller: Who is asked, with which defaults.
            call: The arguments of each call, which no candidate changes.
            names: Names on the wire to try, before those that follow from the target.

        Raises:
            ConfigurationError: If such names name no field, or `call` names a tuned file.
            SchemaError: If two fields of a record have one of them.
        """
        self.target, self.caller = target, caller
        if call.get("tuned"):
            raise ConfigurationError(
                "`tuned` names a file to use, and a tuning begins from the defaults.",
                hint="Leave it out. Name the file to write as `path`, or with --output.",
            )
        for given in names:
            renamed(target, options_of({"wire_names": given}).wire_names)  # type: ignore[arg-type]  # just set
        own = proposed_names(target)
        self.names: Sequence[Json] = [*map(dict, names), *own]
        """Names on the wire to try."""
        # A promise cannot be kept before there is a calibration for what is chosen.
        self.call = {name: one for name, one in call.items() if name not in _JUDGING}
        self.call["tuned"] = False
        self.calibration: str | os.PathLike[str] | None = call.get("calibration")
        """The file that is to keep the calibration; None for the one beside the target."""

    def call_of(self, candidate: Candidate, pool: Sequence[Example]) -> dict[str, Any]:
        """Give the arguments of a call, as `Client.map` takes them.

        Args:
            candidate: The candidate.
            pool: The examples that it may show.
        """
        changes = dict(candidate.changes)
        fixed, nearest = changes.pop(FIXED, None), changes.pop(NEAREST, None)
        call = {**self.call, **changes}
        if fixed is not None:
            call["examples"] = shown_of(candidate, pool)
        elif isinstance(nearest, int):
            call["examples"] = Nearest(pool, nearest, diversity=DIVERSITY)
        return call

    def plan(self, candidate: Candidate, document: Any, pool: Sequence[Example]) -> Plan:
        """Tell what a candidate asks first about a document.

        Args:
            candidate: The candidate.
            document: The document.
            pool: The examples that it may show.

        Raises:
            StructgenError: If it cannot be asked.
        """
        call: Any = self.call_of(candidate, pool)
        call.pop(CHUNK_TOKENS, None)
        return plan(self.caller.backends[0], self.caller.question(self.target, document, call))

    def can_ask(self, candidate: Candidate, document: Any, pool: Sequence[Example]) -> bool:
        """Tell whether a candidate can be asked at all.

        Args:
            candidate: The candidate.
            document: A document.
            pool: The examples that it may show.
        """
        try:
            self.plan(candidate, document, pool)
        except StructgenError:
            return False
        return True

    def calls_of(
        self, candidate: Candidate, documents: Sequence[Any], pool: Sequence[Example]
    ) -> int:
        """Tell how many answers a candidate asks for about one document, if all are valid.

        Args:
            candidate: The candidate.
            documents: Some documents; what counts is the one that takes most.
            pool: The examples that it may show.
        """
        given = (candidate, documents, pool)
        return self.repeats_of(candidate) * self._parts_of(*given) * self._chunks_of(*given)

    def repeats_of(self, candidate: Candidate) -> int:
        """Tell how often a candidate asks each question: for samples, and second readings.

        Args:
            candidate: The candidate.
        """
        samples: Any = candidate.changes.get("samples", self.options.samples)
        return (1 if samples is UNSET else int(samples)) * self.readings

    def _parts_of(
        self, candidate: Candidate, documents: Sequence[Any], pool: Sequence[Example]
    ) -> int:
        """How many questions a wide record is asked about in."""
        for document in documents:
            try:
                return max(1, len(self.plan(candidate, document, pool).parts))
            except StructgenError:  # this document cannot be asked about
                continue
        return 1

    def _chunks_of(
        self, candidate: Candidate, documents: Sequence[Any], pool: Sequence[Example]
    ) -> int:
        """How many chunks the longest document is split into."""
        call: Any = self.call_of(candidate, pool)
        size = call.pop(CHUNK_TOKENS, None)
        chunking: ChunkingArgs = {} if size is None else {"chunk_tokens": size}
        backend = self.caller.backends[0]
        room = room_for_document(backend, self.caller.question(self.target, "", call))
        most = 1
        for document in documents if room is not None else ():
            question = self.caller.question(self.target, document, call)
            if is_too_long(backend, question, room):
                most = max(most, len(ChunkedQuestion.of(question, chunking).pieces()))
        return most

    @property
    def most_tries(self) -> int:
        """How many answers one sample may take: those after invalid and cut ones included."""
        further = (self.options.max_reasks, self.options.max_continuations)
        return 1 + sum(0 if one is UNSET else one for one in further)

    @property
    def readings(self) -> int:
        """How often a document may be read: a second time if a confidence needs it."""
        return 2 if self.options.confidence is True else 1

    @property
    def options(self) -> Options:
        """The options of client and call together."""
        call: Any = self.call
        return self.caller.question(self.target, "", call).options

    def set_by_user(self) -> frozenset[str]:
        """Name the arguments that the user sets, which stay as they are."""
        given = {name for name, value in self.call.items() if value is not None}
        return frozenset(given | self.caller.options.to_dict().keys())


def candidates_for(
    tried: Tried,
    document: Any,
    pool: Sequence[Example],
    *,
    is_long: bool,
    changes: Sequence[tuple[str, Values]] = CHANGES,
) -> list[Candidate]:
    """List the candidates of one change each that differ from the default and from one another.

    Args:
        tried: The question that is tuned.
        document: A document, to see what would be asked.
        pool: The examples that may be shown.
        is_long: Whether some documents are split into chunks.
        changes: The table.

    Raises:
        StructgenError: If the default cannot be asked.
    """
    fixed = tried.set_by_user()
    default = tried.plan(Candidate(), document, pool)
    on_server = default.body is not None
    fits: Mapping[str, Callable[[], bool]] = {
        CHUNK_TOKENS: lambda: is_long,
        FIXED: lambda: bool(pool),
        NEAREST: lambda: bool(pool),
    }
    seen = {_asked(default)}
    found = []
    for name, values in changes:
        needless = argument_of(name) in fixed or (on_server and name in _IN_PROCESS)
        if needless or not fits.get(name, lambda: True)():
            continue
        for value in values(tried) if callable(values) else values:
            candidate = Candidate({name: value})
            try:
                asked = _asked(tried.plan(candidate, document, pool))
            except StructgenError:
                continue  # the model, the schema or the document does not take it
            if name in _NOT_IN_PLAN or asked not in seen:
                seen.add(asked)
                found.append(candidate)
    return found


def _asked(planned: Plan) -> str:
    """Everything that a plan sends, to compare."""
    sent = [planned.mode, planned.schema, planned.messages, planned.body]
    return json.dumps([*sent, [one.schema for one in planned.parts]], default=repr)
