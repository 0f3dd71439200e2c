"""Whom to ask, and with which default options: what clients, forms, jobs and `map` share."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from structgen.errors import ConfigurationError, InputError
from structgen.kinds import Kind, check_values
from structgen.options import UNSET, CallArgs, OptionArgs, Options, options_of

if TYPE_CHECKING:
    from structgen.extraction.backend import Backend
    from structgen.extraction.question import Question
    from structgen.extraction.stages import Cascade
    from structgen.flow.steps import Flow
    from structgen.results import Extraction
    from structgen.values import DocumentLike


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom to ask, and with which default options.

    The first question loads the compiler and Pydantic, because `chat` needs neither.
    """

    backends: tuple[Backend, ...]
    """Who is asked, in order."""
    options: Options
    """The options of every call that does not set its own."""
    cascade: Cascade | None = None
    """The models that fields in doubt are escalated to."""

    @property
    def all_backends(self) -> tuple[Backend, ...]:
        """Everybody who may be asked: the first model, and those of its cascade."""
        further = self.cascade.backends() if self.cascade is not None else ()
        return (*self.backends, *further)

    def of_first_model(self) -> Caller:
        """Give a caller that asks the first model as its cascade does, and nobody else.

        Without a cascade, it is the caller itself.
        """
        if self.cascade is None:
            return self
        options = replace(self.options, cascade_below=UNSET)
        return replace(self, options=options, cascade=replace(self.cascade, stages=()))

    def with_tuned(self, given: OptionArgs, taken: OptionArgs) -> Caller:
        """Give a caller for calls to which a tuned file has added options.

        The file is about the first model: those of a cascade after it are asked without them.

        Args:
            given: The options that the user set.
            taken: The same with those of the file.
        """
        if self.cascade is None:
            return self
        after = options_of(taken).over(self.options)
        # Names on the wire are a part of the targets of such calls, whoever is asked.
        before = replace(
            options_of(given).over(self.options), tuned=after.tuned, wire_names=after.wire_names
        )
        return replace(self, cascade=self.cascade.without_changes(before, after))

    def require_one_model(self, what: str) -> None:
        """See that answers come from one model.

        Args:
            what: What is about one model, as the beginning of a sentence.

        Raises:
            ConfigurationError: If there is a cascade.
        """
        if self.cascade is not None:
            raise ConfigurationError(
                f"{what} is about one model, and the client has a cascade.",
                hint="Pass a client of one of its models, and do so for each of them.",
            )

    def question(
        self, target: Any, document: DocumentLike, call: CallArgs, *, stream: bool = False
    ) -> Question[Any]:
        """The question that a call asks.

        Args:
            target: What to extract: a type, or a JSON Schema.
            document: What to extract it from; a path is read.
            call: The keyword arguments of the call.
            stream: Whether the answer is read while it is written.

        Returns:
            The question.

        Raises:
            TargetError: If the target is no type that Pydantic knows, and no JSON Schema.
            SchemaError: If the target has no JSON form.
            ConfigurationError: If there is no such option, `tuned` names no tuned file,
                `wire_names` names no field,
                `validation_context` is given for a JSON Schema, or placeholders and values of the
                instructions do not fit.
            InputError: If something is no example, the value of one is none of the target, or
                `instructions` or `context` is no text, or a file cannot be read.
        """
        from structgen.extraction.document import with_messages
        from structgen.extraction.examples import examples_for
        from structgen.extraction.question import Question
        from structgen.extraction.tuned import tuned_use
        from structgen.prompt.instructions import instructions_of
        from structgen.schema.renamed import renamed
        from structgen.schema.target import target_of

        if not isinstance(call.get("context"), str | None):
            raise InputError("`context` is not a text.", hint="Pass a str, or leave it out.")
        options: Any = {name: value for name, value in call.items() if name not in _OF_A_QUESTION}
        wanted = target_of(target).with_context(call.get("validation_context"))
        given = call.get("examples", ())
        # Most calls give none: looking at each of thirty takes as long as checking an answer.
        given_options = options_of(options).over(self.options) if options else self.options
        cascade = self.cascade
        if cascade is not None and "on_ungrounded" in call:
            cascade = cascade.with_own_rule()
        tuned = tuned_use(wanted, self.backends, given_options, stream=stream)
        if tuned is not None:
            if cascade is not None:
                cascade = cascade.without_changes(given_options, tuned.options)
            given_options = tuned.options
        if given_options.wire_names is not UNSET:
            wanted = renamed(wanted, given_options.wire_names)
        examples = None if given == () else examples_for(wanted, given)
        if tuned is not None and "examples" not in call:
            examples = tuned.examples
        return Question(
            target=wanted,
            document=with_messages(document),
            instructions=instructions_of(call.get("instructions"), call.get("instruction_values")),
            examples=examples,
            context=call.get("context"),
            options=_with_confidence(given_options),
            tuned=tuned,
            cascade=cascade,
            stream=stream,
        )

    def extract(self, target: Any, document: DocumentLike, call: CallArgs) -> Flow[Extraction[Any]]:
        """The flow that extracts a value from a document.

        Args:
            target: What to extract: a type, or a JSON Schema.
            document: What to extract it from.
            call: The keyword arguments of the call.

        Returns:
            The flow; nothing happens before it is performed.
        """
        from structgen.extraction.cascade import extract_and_judge

        return extract_and_judge(self.backends, self.question(target, document, call))


def _with_confidence(options: Options) -> Options:
    """Options that ask for a confidence if they promise anything of it."""
    return options if options.accept is UNSET else replace(options, confidence=True)


_OF_A_QUESTION = CallArgs.__annotations__.keys() - OptionArgs.__annotations__.keys()


class HasCaller(Protocol):
    """A client of either kind, as forms and jobs see it."""

    @property
    def caller(self) -> Caller:
        """Whom the client asks, and with which options."""
        ...


CLIENT: Final = Kind(lambda value: hasattr(value, "caller"), "a Client or an AsyncClient")
"""What may be given as a client."""


def caller_of(client: HasCaller) -> Caller:
    """Give the caller of a client.

    Args:
        client: The client.

    Raises:
        ConfigurationError: If it is no client, such as the name of a model.
    """
    check_values({"client": client}, {"client": CLIENT})
    return client.caller
