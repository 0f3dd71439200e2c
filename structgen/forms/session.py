"""A form that a conversation fills in: what is said goes into open fields, what is set directly stays.

Every question is the extraction flow, put to what the form can still take; sync and async perform the same one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Generic, overload

from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import TypeVar, Unpack

from structgen.errors import (
    FormChangedError,
    FormIncompleteError,
    InputError,
    InvalidOutputError,
    StaleFormError,
)
from structgen.flow.drive import aperform, perform
from structgen.flow.steps import Flow
from structgen.forms import saved
from structgen.forms.fields import Field, Fields
from structgen.forms.saved import Saved
from structgen.forms.state import Conflict, Entry, Quote, State, Step, Turn, state_of
from structgen.options import CallArgs, OptionArgs
from structgen.results import Extraction
from structgen.schema.check import part_violations, validate
from structgen.schema.json import same_json, to_text
from structgen.schema.target import Target, target_of
from structgen.schema.verbatim import SourceText
from structgen.values import Json, JsonSchema, Violation

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from structgen.extraction.caller import HasCaller

T = TypeVar("T", default=Any)

_SHOWN: Final = 4
"""How many turns before the newest one are shown with it; what they stated stands in the values, which are shown too."""
_FILL: Final = (
    "A form is filled in over a conversation. The document is what the user says now. Give only what it states or corrects: null "
    "for every field that it says nothing about, even where the context does."
)
_NOTHING: Final[tuple[str, Json]] = ("Hello, can you help me?", {})
"""An example of a turn that states nothing, without which small models find something for every field."""
_QUESTION: Final[JsonSchema] = {
    "title": "Question",
    "type": "object",
    "properties": {
        "question": {
            "type": "string",
            "minLength": 1,
            "maxLength": 300,
            "description": "the question to the user",
        }
    },
    "required": ["question"],
    "additionalProperties": False,
}
_ASK: Final = "Write one short, polite question to the user that asks for the field below, in the language that the user writes."


@dataclass(frozen=True, slots=True)
class NextQuestion:
    """What to ask the user next, and the field it is about."""

    path: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Dropped:
    """A value of a saved form that has no place in the schema it was migrated to."""

    path: str
    value: Json = field(repr=False)


class FormArgs(OptionArgs, total=False):
    """What `Form` takes besides a target and a client."""

    instructions: str | None
    examples: Sequence[tuple[str, Json]]
    keys: Mapping[str, Sequence[str]] | None
    corrections: bool
    watch_locked: bool


class Form(Generic[T]):
    """A record of `target` under way. Fields are named by JSON Pointer, those of records in it too.

    What is said (`fill`) changes fields that are empty or were said before; what is `set` is locked until `unlock`. A list is
    replaced whole, but for one whose items have identity (`Identity`, or `keys`): of that, items are changed and added.
    `revision` grows with every change. A form is for one thread, or one event loop, at a time.
    """

    @overload
    def __init__(
        self, target: TypeForm[T], *, client: HasCaller, **form: Unpack[FormArgs]
    ) -> None: ...
    @overload
    def __init__(
        self, target: Target[T] | JsonSchema, *, client: HasCaller, **form: Unpack[FormArgs]
    ) -> None: ...
    def __init__(
        self,
        target: Any,
        *,
        client: HasCaller,
        instructions: str | None = None,
        examples: Sequence[tuple[str, Json]] = (),
        keys: Mapping[str, Sequence[str]] | None = None,
        corrections: bool = True,
        watch_locked: bool = False,
        **options: Unpack[OptionArgs],
    ) -> None:
        """Start an empty form.

        Args:
            target: A type or JSON Schema of records.
            client: A `Client` or `AsyncClient`; its model is asked. It stays open.
            instructions: What else the model should know.
            examples: Pairs of a text and what it states, as plain data of the record; leave out the other members.
            keys: The members that tell the items of a list apart, by the list's JSON Pointer.
            corrections: Whether what is said may change what was said before; if not, only empty fields are asked for.
            watch_locked: Ask about locked fields too, and report what is said against them as conflicts.
            **options: The options of each question, before the client's.

        Raises:
            TargetError: If the target is no type or schema.
            SchemaError: If its schema is not one of records.
        """
        self.target: Target[T] = target_of(target)
        self._fields: Fields[T] = Fields(self.target, keys or {})
        self._caller = client.caller
        self._instructions = "\n\n".join(filter(None, (_FILL, instructions)))
        self._examples = [
            (shown, self._fields.spread("", stated)) for shown, stated in (_NOTHING, *examples)
        ]
        self._corrections, self._watch_locked = corrections, watch_locked
        self._options = options
        self._steps: tuple[Step, ...] = ()
        self._revision = 0
        self.dropped: tuple[Dropped, ...] = ()
        """What `loads` could not keep when it migrated this form."""

    def __repr__(self) -> str:
        return f"Form({self.target.name}, revision {self._revision})"

    # ---- what it holds --------------------------------------------------------------------------------------------------

    @property
    def revision(self) -> int:
        return self._revision

    @property
    def fields(self) -> Mapping[str, Field]:
        """Every field by its path, in the target's order."""
        return self._fields.by_path

    @property
    def state(self) -> State:
        """Entries, conflicts, history and turns."""
        return state_of(self._steps)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """What the fields hold, and where it comes from."""
        return self.state.entries

    @property
    def turns(self) -> Sequence[Turn]:
        return self.state.turns

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        return tuple(self.state.conflicts.values())

    @property
    def data(self) -> Json:
        """The record as far as it is known, as plain data; null or an empty list where the target takes that for "not stated"."""
        return self._fields.whole({path: entry.value for path, entry in self.entries.items()})

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that the target needs and nobody stated."""
        return self._fields.missing(self.data)

    @property
    def invalid(self) -> tuple[Violation, ...]:
        """What is wrong with what the form holds; with all of it together, too, as soon as nothing is missing."""
        return part_violations(self.target, self.data)

    def history(self, path: str) -> tuple[Entry, ...]:
        """What a field held before, oldest first."""
        return tuple(self.state.history.get(self._fields.at(path).path, ()))

    def complete(self) -> T:
        """The value. Raises FormIncompleteError where something is missing or invalid."""
        try:
            return validate(self.target, self.data)
        except InvalidOutputError as error:
            missing, invalid = self.missing, self.invalid
            told = [f"{len(missing)} fields are missing"] * bool(missing) + [
                f"{len(invalid)} are invalid"
            ] * bool(invalid)
            raise FormIncompleteError(
                f"The form makes no whole {self.target.name}: {' and '.join(told) or 'it is invalid'}.",
                missing=missing,
                invalid=invalid if told else error.violations,
                hint="`missing` and `invalid` name each place; `next_question` asks for the first of them.",
            ) from None

    # ---- what is set ----------------------------------------------------------------------------------------------------

    def set(self, path: str, value: Any) -> None:
        """Put a value into a field, or an object's into a record's fields, and lock them.

        `value`: plain data, or what Pydantic writes as such. It may be invalid: `invalid` tells. Raises InputError for an unknown
        path, and for what JSON cannot carry.
        """
        found = self._fields.spread(path, _plain(value))
        self._add(Step("set", {at: Entry(inner, locked=True) for at, inner in found.items()}))

    def clear(self, path: str) -> None:
        """Empty a field, or a record's fields, and leave them open. Raises InputError for an unknown path."""
        self._add(Step("clear", dict.fromkeys(self._below(path))))

    def lock(self, path: str) -> None:
        """Keep what a field, or a record's fields, hold: nothing that is said changes it. Raises InputError for an unknown path."""
        self._hold(path, True)

    def unlock(self, path: str) -> None:
        """Let what is said change a field, or a record's fields, again. Raises InputError for an unknown path."""
        self._hold(path, False)

    def undo(self) -> bool:
        """Take the last step back, and what was said in it; False where there is none. The revision grows all the same."""
        if not self._steps:
            return False
        self._steps, self._revision = self._steps[:-1], self._revision + 1
        return True

    def _hold(self, path: str, locked: bool) -> None:
        entries = self.entries
        held = {at: replace(entries[at], locked=locked) for at in self._below(path)}
        self._add(Step("lock" if locked else "unlock", held))

    def _below(self, path: str) -> Collection[str]:
        """The fields at and below a path that hold something."""
        known = [at for at in self.fields if at == path or at.startswith(f"{path}/")] or [
            self._fields.at(path).path
        ]
        return [at for at in known if at in self.entries]

    def _add(self, step: Step) -> Step:
        self._steps, self._revision = (*self._steps, step), self._revision + 1
        return step

    # ---- what is said ---------------------------------------------------------------------------------------------------

    def fill(self, text: str, *, asked: str | None = None) -> Step:
        """Take in what the user says; `asked`: what was said to them before. Gives what it changed.

        Raises what `Client.extract` raises, and StaleFormError where the form was changed meanwhile; it is then as it was.
        """
        return perform(self._filling(text, asked))

    async def afill(self, text: str, *, asked: str | None = None) -> Step:
        """As `fill`, on the running event loop."""
        return await aperform(self._filling(text, asked))

    def _filling(self, text: str, asked: str | None) -> Flow[Step]:
        if not isinstance(text, str) or not text.strip():
            raise InputError("The text is empty, or is no text.", hint="Pass what the user said.")
        revision, turn = self._revision, Turn(text, asked)
        free = self._free()
        if not free:
            return self._add(Step("fill", {}, turn=turn))
        part, context = self._fields.part(free), self._context(asked)
        examples = [
            (
                shown,
                self._fields.nested(
                    {path: value for path, value in stated.items() if path in free}
                ),
            )
            for shown, stated in self._examples
        ]
        found: Extraction[Json] = yield from self._asking(
            part, text, instructions=self._instructions, examples=examples, context=context
        )
        if revision != self._revision:
            raise StaleFormError(
                "The form was changed while its text was read.",
                expected=revision,
                revision=self._revision,
                hint="Fill in the text again.",
            )
        return self._add(self._step(found, turn))

    def _free(self) -> list[str]:
        """The fields to ask about."""
        entries = self.entries
        return [
            path
            for path in self.fields
            if path not in entries
            or (self._watch_locked if entries[path].locked else self._corrections)
        ]

    def _asking(self, target: Any, document: str, **call: Any) -> Flow[Extraction[Json]]:
        asked: CallArgs = {**self._options, **call}  # type: ignore[typeddict-item]
        return self._caller.extract(target, document, asked)

    def _context(self, asked: str | None) -> str | None:
        """The conversation before what is said now, and what the form holds."""
        state = self.state
        lines = [line for turn in state.turns[-_SHOWN:] for line in _lines(turn)]
        if state.entries:
            held = {path: entry.value for path, entry in state.entries.items()}
            lines.append(f"The form holds: {to_text(held)}")
        if asked:
            lines.append(f"Assistant: {asked}")
        return "\n".join(lines) or None

    def _step(self, found: Extraction[Json], turn: Turn) -> Step:
        """What an answer changes."""
        state, source = self.state, SourceText(turn.text)
        number = len(state.turns)
        entries: dict[str, Entry] = {}
        refused: dict[str, Entry] = {}
        for path, value in self._fields.stated(found.value).items():
            before = state.entries.get(path)
            new = value if before is None else self._fields.updated(path, before.value, value)
            if before is not None and same_json(before.value, new):
                continue
            quotes = tuple(_quotes(path, value, found, source, number))
            if before is not None and before.locked:
                refused[path] = Entry(new, number, quotes)
            else:
                kept = before.quotes if before is not None and path in self._fields.keys else ()
                entries[path] = Entry(new, number, (*kept, *quotes))
        return Step("fill", entries, refused, turn)

    # ---- what to ask ----------------------------------------------------------------------------------------------------

    def next_question(self, *, ask: bool = False) -> NextQuestion | None:
        """What to ask the user: about the first thing that is invalid, else missing; None where nothing is.

        Made of the field's name and description; with `ask` the model words it, in the user's language, and what `extract` raises
        may be raised.
        """
        return perform(self._questioning(ask))

    async def anext_question(self, *, ask: bool = False) -> NextQuestion | None:
        """As `next_question`, on the running event loop."""
        return await aperform(self._questioning(ask))

    def _questioning(self, ask: bool) -> Flow[NextQuestion | None]:
        question = next(self._open_questions(), None)
        if question is None or not ask:
            return question
        said = "\n".join(line for turn in self.turns[-_SHOWN:] for line in _lines(turn))
        worded: Extraction[Json] = yield from self._asking(
            _QUESTION, question.text, instructions=_ASK, context=said or None
        )
        return NextQuestion(question.path, worded.value["question"])

    def _open_questions(self) -> Iterator[NextQuestion]:
        for fault in self.invalid:
            known = next(
                (
                    known
                    for path, known in self.fields.items()
                    if f"{fault.path}/".startswith(f"{path}/")
                ),
                None,
            )
            about = f"the {known.label}" if known else "the form"
            yield NextQuestion(
                known.path if known else fault.path, f"Please correct {about}: {fault.wanted}."
            )
        for path in self.missing:
            known = self.fields[path]
            description = str(known.schema.get("description", "")).rstrip(".")
            label = known.label[:1].upper() + known.label[1:]
            yield NextQuestion(path, f"{label}{f' ({description})' if description else ''}?")

    # ---- saved ----------------------------------------------------------------------------------------------------------

    def dumps(self) -> str:
        """The form as JSON text. It holds what was said."""
        return saved.write(
            Saved(saved.VERSION, saved.hash_of(self.target), self._revision, self._steps)
        )

    @overload
    @classmethod
    def loads(
        cls,
        target: TypeForm[T],
        text: str | bytes,
        *,
        client: HasCaller,
        migrate: bool = False,
        **form: Unpack[FormArgs],
    ) -> Form[T]: ...
    @overload
    @classmethod
    def loads(
        cls,
        target: Target[T] | JsonSchema,
        text: str | bytes,
        *,
        client: HasCaller,
        migrate: bool = False,
        **form: Unpack[FormArgs],
    ) -> Form[T]: ...
    @classmethod
    def loads(
        cls,
        target: Any,
        text: str | bytes,
        *,
        client: HasCaller,
        migrate: bool = False,
        **form: Unpack[FormArgs],
    ) -> Form[Any]:
        """The form that `dumps` wrote; `form`: what `Form` takes besides.

        `migrate`: where the schema has changed since, keep what still fits it; the rest is in `dropped`. Raises FormChangedError where
        the schema has changed and nobody asked for that, and for what is no saved form.
        """
        found = saved.read(text)
        loaded: Form[Any] = cls(target, client=client, **form)
        changed = found.schema != saved.hash_of(loaded.target)
        if changed and not migrate:
            raise FormChangedError(
                f"The form was saved with another schema than this {loaded.target.name}.",
                hint="Load it with migrate=True: values that still fit are kept, the others are listed in `dropped`.",
            )
        loaded._steps, loaded._revision = found.steps, found.revision + changed
        if changed:
            loaded.dropped = tuple(
                Dropped(at, entry.value)
                for at, entry in loaded.entries.items()
                if not loaded._fits(at, entry)
            )
            loaded._steps = saved.kept(found.steps, loaded._fits)
        elif not all(
            at in loaded.fields for step in found.steps for at in (*step.entries, *step.refused)
        ):
            raise FormChangedError("The saved form has fields that its schema does not have.")
        return loaded

    def _fits(self, path: str, entry: Entry) -> bool:
        return path in self.fields and self._fields.accepts(path, entry.value)


def _plain(value: Any) -> Json:
    try:
        data = to_jsonable_python(value, by_alias=True)
        json.dumps(data, allow_nan=False)
    except (PydanticSerializationError, TypeError, ValueError, RecursionError):
        raise InputError(
            "The value is no JSON data.",
            hint="Give texts, numbers, booleans, lists and objects of them.",
        ) from None
    return data


def _lines(turn: Turn) -> Iterator[str]:
    if turn.asked:
        yield f"Assistant: {turn.asked}"
    yield f"User: {turn.text}"


def _quotes(
    path: str, value: Json, found: Extraction[Json], source: SourceText, turn: int
) -> Iterator[Quote]:
    """Where a value's words stand in what was said: at its evidence, else where they stand first."""
    proved = [one for at, one in found.evidence.items() if at == path or at.startswith(f"{path}/")]
    if proved:
        yield from (Quote(turn, one.quote, one.start, one.end) for one in proved)
        return
    for part in _scalars(value):
        for start, end in source.spans(part, "words")[:1]:
            yield Quote(turn, source.text[start:end], start, end)


def _scalars(value: Json) -> Iterator[str | int | float]:
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _scalars(inner)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield value
