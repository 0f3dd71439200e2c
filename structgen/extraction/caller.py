"""Who is asked, and with which defaults: what clients, forms, jobs and `map` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from structgen.options import CallArgs, OptionArgs, Options, options_of

if TYPE_CHECKING:
    from structgen.extraction.backend import Backend
    from structgen.extraction.question import Question
    from structgen.flow.steps import Flow
    from structgen.results import Extraction
    from structgen.values import Document


@dataclass(frozen=True, slots=True)
class Caller:
    """The backends that are asked, in order, and the options that hold for every call.

    What a question needs (the compiler, Pydantic) is loaded by the first one, because `chat` needs none of it.
    """

    backends: tuple[Backend, ...]
    options: Options

    def question(
        self, target: Any, document: Document, call: CallArgs, *, stream: bool = False
    ) -> Question[Any]:
        """The question that a call puts. Raises TargetError, SchemaError, ConfigurationError."""
        from structgen.extraction.question import Question
        from structgen.schema.target import target_of

        options: Any = {name: value for name, value in call.items() if name not in _OF_A_QUESTION}
        return Question(
            target=target_of(target),
            document=document,
            instructions=call.get("instructions"),
            examples=tuple(call.get("examples", ())),
            context=call.get("context"),
            options=options_of(options).over(self.options),
            stream=stream,
        )

    def extract(self, target: Any, document: Document, call: CallArgs) -> Flow[Extraction[Any]]:
        """The flow that extracts a value of `target` from a document."""
        from structgen.extraction.vote import consensus

        return consensus(self.backends, self.question(target, document, call))


_OF_A_QUESTION = CallArgs.__annotations__.keys() - OptionArgs.__annotations__.keys()


class HasCaller(Protocol):
    """A client of either kind, for what asks through it."""

    @property
    def caller(self) -> Caller: ...
