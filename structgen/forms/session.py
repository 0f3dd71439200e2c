"""A form that a conversation fills in: what the user says goes into open fields; what is set stays.

Every question is the extraction flow, about what the form can still take. Sync and async share it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast, overload

from typing_extensions import TypeVar, Unpack

from structgen.errors import FormChangedError, InputError, InvalidOutputError, StaleFormError
from structgen.extraction.caller import caller_of
from structgen.extraction.doubt import check_thresholds, may_have_confidence
from structgen.extraction.tuned import tuned_options
from structgen.flow.drive import aperform, perform
from structgen.flow.steps import Flow
from structgen.forms.answers import Statements, read_answer, read_invalid, step_of
from structgen.forms.examples import TurnExamples
from structgen.forms.questions import (
    INSTRUCTIONS,
    WORDED,
    WORDING,
    NextQuestion,
    context_of,
    conversation,
    open_questions,
)
from structgen.forms.record import FormRecord
from structgen.forms.saved import (
    SavedForm,
    check_renamed,
    keep_fitting,
    load_form,
    move_renamed,
    save_form,
    schema_digest,
)
from structgen.forms.state import Entry, Step, Turn, whole_characters
from structgen.options import UNSET, CallArgs, OptionArgs, options_of
from structgen.prompt.instructions import instructions_of
from structgen.results import Extraction
from structgen.schema.renamed import renamed as with_wire_names
from structgen.schema.target import Target, target_of
from structgen.values import ExamplePool, Json, JsonSchema, kind_of_value

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from structgen.extraction.caller import HasCaller

T = TypeVar("T", default=Any)
Loaded = TypeVar("Loaded", default=Any)
"""The type of the form that `Form.loads` makes."""


@dataclass(frozen=True, slots=True)
class Dropped:
    """A value of a saved form that has no place in the schema it was migrated to."""

    path: str
    """JSON Pointer of the field that held it."""
    value: Json = field(repr=False)
    """The value that the field held."""


class FormArgs(OptionArgs, total=False):
    """The keyword arguments of `Form`, besides the client: these, and the options of a question."""

    instructions: str | os.PathLike[str] | None
    """Further instructions to the model: a text, or the path of a file."""
    instruction_values: Mapping[str, str | int | float] | None
    """Texts for the placeholders of the instructions, by name."""
    examples: Sequence[Any] | ExamplePool
    """Turns and what each states, as plain data of the record without the other members: pairs,
    mappings with `text` and `value`, or a `Nearest` that chooses some for each turn."""
    keys: Mapping[str, Sequence[str]] | None
    """The members that tell the items of a list apart, by the list's JSON Pointer."""
    corrections: bool
    """Whether what the user says may change what was said before (default True)."""
    watch_locked: bool
    """Whether to ask about locked fields, too, and report contradictions (default False)."""
    validation_context: Any
    """What validators of the target find as `info.context`. It is neither sent nor saved."""


class Form(FormRecord[T]):
    """A record of `target` that is being filled in. Fields are named by JSON Pointer.

    `fill` takes in what the user says, for fields that are empty or were said before. `set` locks
    a field until `unlock`. A list is replaced as a whole, unless its items have identity
    (`Identity`, or `keys`): then items are changed and added. `revision` grows with every change.
    Use a form in one thread, or one event loop, at a time.
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
        instructions: str | os.PathLike[str] | None = None,
        instruction_values: Mapping[str, str | int | float] | None = None,
        examples: Sequence[Any] | ExamplePool = (),
        keys: Mapping[str, Sequence[str]] | None = None,
        corrections: bool = True,
        watch_locked: bool = False,
        validation_context: Any = None,
        **options: Unpack[OptionArgs],
    ) -> None:
        """Start an empty form.

        Args:
            target: A type or JSON Schema of records.
            client: A `Client` or `AsyncClient`; its model is asked. It stays open.
            instructions: Further instructions to the model: a text, or the path of a file.
            instruction_values: Texts for the placeholders of the instructions, by name.
            examples: Turns and what each states, as plain data of the record without the other
                members: pairs, mappings with `text` and `value`, or a `Nearest` that chooses some
                for each turn.
            keys: The members that tell the items of a list apart, by the list's JSON Pointer.
            corrections: Whether what the user says may change what was said before; if not, the
                model is only asked about empty fields.
            watch_locked: Whether to ask about locked fields, too, and report what is said against
                them as conflicts.
            validation_context: What validators of the target find as `info.context`. It is neither
                sent nor saved.
            **options: The options of each question, before the client's.

        Raises:
            TargetError: If the target is no type or schema, or has no fields to fill in.
            SchemaError: If its schema has no JSON form.
            InputError: If something is no example, or one has a member that is no field.
            ConfigurationError: If `validation_context` is given for a JSON Schema, placeholders and
                values of the instructions do not fit, `cascade_below` names no field, or `keys`
                name no list or no members of its items.
        """
        self._caller = caller = caller_of(client)
        wanted = target_of(target).with_context(validation_context)
        self._options, self.tuned = tuned_options(wanted, caller.backends, caller.options, options)
        """What its questions took from the file of `structgen tune`, or why nothing; None without
        a file. Options alone: examples of whole documents say nothing about turns."""
        names = options_of(self._options).over(caller.options).wire_names
        if names is not UNSET:  # the schemas of its questions have them
            wanted = with_wire_names(wanted, names)
            self._options = {**self._options, "wire_names": {}}
        super().__init__(wanted, keys or {})
        told = instructions_of(instructions, instruction_values)
        self._instructions = "\n\n".join(filter(None, (INSTRUCTIONS, told)))
        self._examples = TurnExamples(self._fields, examples, self._caller.backends[0].context)
        self._corrections, self._watch_locked = corrections, watch_locked
        self._caller = caller.with_tuned(options, self._options)
        check_thresholds(self.target.schema, self._thresholds())
        self.dropped: tuple[Dropped, ...] = ()
        """The values that `loads` could not keep when it migrated this form."""

    # ---- what is said ------------------------------------------------------------------------

    def fill(self, text: str, *, asked: str | None = None) -> Step:
        """Take in what the user says. If it fails, the form is as it was.

        Args:
            text: The user's words.
            asked: The question, or remark, that the user answers.

        Returns:
            The changes.

        Raises:
            InputError: If the text is empty, or `asked` is no text.
            StaleFormError: If the form was changed while the model answered.
            StructgenError: If the question fails, as in `Client.extract`.
        """
        return perform(self._fill(text, asked))

    async def afill(self, text: str, *, asked: str | None = None) -> Step:
        """As `fill`, on the running event loop."""
        return await aperform(self._fill(text, asked))

    def _fill(self, text: str, asked: str | None) -> Flow[Step]:
        if not isinstance(text, str) or not text.strip():
            raise InputError("The text is empty or is no text.", hint="Pass what the user said.")
        if asked is not None and not isinstance(asked, str):
            raise InputError(
                f"`asked` is no text, but {kind_of_value(asked)}.",
                hint="Pass the words of the question, such as `form.next_question().text`.",
            )
        text = whole_characters(text)
        asked = asked and whole_characters(asked)
        revision, turn = self._revision, Turn(text, asked)
        paths = self._paths_to_ask()
        if not paths:
            return self._add(Step("fill", {}, turn=turn))
        question: CallArgs = {
            "instructions": self._instructions,
            "examples": self._examples.about(text, paths),
            "context": context_of(self.state, asked, self._fields),
        }
        said = yield from self._statements(paths, text, question)
        if revision != self._revision:
            raise StaleFormError(
                "The form was changed while the model read the text.",
                expected=revision,
                revision=self._revision,
                hint="Call `fill` with the text again.",
            )
        return self._add(step_of(said, turn, self.state, self._fields))

    def _statements(self, paths: Sequence[str], text: str, question: CallArgs) -> Flow[Statements]:
        """Ask about a turn. One bad value of the answer takes no other with it."""
        entries = self.entries
        held = [path for path in paths if path in entries]
        part = self._fields.target_for(paths, revise=bool(held))
        try:
            answer: Extraction[Json] = yield from self._ask(part, text, question)
        except InvalidOutputError as error:
            said = read_invalid(error, self._fields, paths, held)
            if said is None:
                raise
            return said
        return read_answer(answer, self._fields, paths, held)

    def _paths_to_ask(self) -> list[str]:
        """The fields that what is said may change, or contradict."""
        entries = self.entries
        return [
            path
            for path in self.fields
            if path not in entries
            or (self._watch_locked if entries[path].locked else self._corrections)
        ]

    def _ask(
        self, target: Target[Json] | JsonSchema, document: str, question: CallArgs
    ) -> Flow[Extraction[Json]]:
        # What a turn states may have been named before it, by whoever asks: "That one, please."
        looked_up = {"on_ungrounded": "keep"}
        below = self._thresholds_of(target_of(target))
        call = cast("CallArgs", {**looked_up, **self._options, **below, **question})
        return self._caller.extract(target, document, call)

    def _thresholds(self) -> Mapping[str, float]:
        """The thresholds of a cascade by field, if it has a table of them."""
        below = options_of(self._options).over(self._caller.options).cascade_below
        return below if isinstance(below, Mapping) else {}

    def _thresholds_of(self, target: Target[Json]) -> OptionArgs:
        """Those of the fields that a question is about."""
        below = self._thresholds()
        schema = target.schema
        own = {path: least for path, least in below.items() if may_have_confidence(schema, path)}
        return {"cascade_below": own} if below else {}

    # ---- what to ask -------------------------------------------------------------------------

    def next_question(self, *, ask: bool = False) -> NextQuestion | None:
        """Tell what to ask the user: about the first field that is invalid, else missing.

        Args:
            ask: Let the model word the question, in the user's language. By default it is made of
                the field's name and description, and nothing is asked.

        Returns:
            The question; None if nothing is invalid or missing.

        Raises:
            StructgenError: If the model is asked and that fails, as in `Client.extract`.
        """
        return perform(self._next_question(ask))

    async def anext_question(self, *, ask: bool = False) -> NextQuestion | None:
        """As `next_question`, on the running event loop."""
        return await aperform(self._next_question(ask))

    def _next_question(self, ask: bool) -> Flow[NextQuestion | None]:
        found = next(self._open_questions(), None)
        if found is None or not ask:
            return found
        said = "\n".join(conversation(self.state))
        question: CallArgs = {"instructions": WORDING, "context": said or None}
        worded: Extraction[Json] = yield from self._ask(WORDED, found.text, question)
        return NextQuestion(found.path, worded.value["question"])

    def _open_questions(self) -> Iterator[NextQuestion]:
        return open_questions(self.fields, self.invalid, self.missing)

    # ---- saved -------------------------------------------------------------------------------

    def dumps(self) -> str:
        """Write the form as JSON text. It holds what the user said."""
        return save_form(self.target, self._revision, self._steps)

    @overload
    @classmethod
    def loads(
        cls,
        target: TypeForm[Loaded],
        text: str | bytes,
        *,
        client: HasCaller,
        migrate: bool = False,
        renamed: Mapping[str, str] | None = None,
        **form: Unpack[FormArgs],
    ) -> Form[Loaded]: ...
    @overload
    @classmethod
    def loads(
        cls,
        target: Target[Loaded] | JsonSchema,
        text: str | bytes,
        *,
        client: HasCaller,
        migrate: bool = False,
        renamed: Mapping[str, str] | None = None,
        **form: Unpack[FormArgs],
    ) -> Form[Loaded]: ...
    @classmethod
    def loads(
        cls,
        target: Any,
        text: str | bytes,
        *,
        client: HasCaller,
        migrate: bool = False,
        renamed: Mapping[str, str] | None = None,
        **form: Unpack[FormArgs],
    ) -> Form[Any]:
        """Read a form that `dumps` wrote.

        Args:
            target: As for `Form`.
            text: The result of `dumps`.
            client: As for `Form`.
            migrate: Whether to keep what still fits if the schema has changed since; `dropped`
                lists the rest.
            renamed: The new JSON Pointers of fields or records that were renamed, by the old ones;
                for `migrate`.
            **form: As for `Form`.

        Raises:
            FormChangedError: If the text is not a saved form, is damaged or was edited; or if the
                schema has changed and `migrate` is not set.
            TargetError: If the target is no type or schema, or has no fields to fill in.
            InputError: If the text is no text, or `renamed` names no field or record of the target
                or brings two fields to one path.
        """
        found = load_form(text)
        loaded: Form[Any] = cls(target, client=client, **form)
        check_renamed(renamed or {}, loaded._fields)
        if migrate and found.schema != schema_digest(loaded.target):
            loaded._migrate(move_renamed(found.steps, renamed or {}), found.revision)
        else:
            loaded._restore(found)
        return loaded

    def _restore(self, found: SavedForm) -> None:
        """Take over the steps of a saved form that has the same schema."""
        self._steps, self._revision = found.steps, found.revision
        if found.schema == schema_digest(self.target):
            paths = {path for step in found.steps for path in (*step.entries, *step.refused)}
            if not paths <= self.fields.keys():
                raise FormChangedError(
                    "The saved form is damaged: it has fields that its own schema does not have.",
                    hint="Pass the text that `dumps` gave.",
                )
            return
        raise FormChangedError(
            f"The form was saved with another schema than this {self.target.name}.",
            hint="Load it with migrate=True: it keeps the values that still fit and lists the "
            "others in `dropped`. Name renamed fields in `renamed`.",
        )

    def _migrate(self, steps: tuple[Step, ...], revision: int) -> None:
        """Take over what still fits of the steps of a form that has another schema."""
        self._steps = steps
        self.dropped = tuple(
            Dropped(path, entry.value)
            for path, entry in self.entries.items()
            if not self._fits(path, entry)
        )
        self._steps, self._revision = keep_fitting(steps, self._fits), revision + 1

    def _fits(self, path: str, entry: Entry) -> bool:
        return path in self.fields and self._fields.accepts(path, entry.value)
