"""What is asked, whichever backend answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from structgen.errors import ConfigurationError
from structgen.extraction.backend import Backend, streams
from structgen.extraction.prompt import messages_for
from structgen.options import UNSET, Options
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.target import Target
from structgen.values import Document, Message, Mode
from structgen.wire.link import Link

T = TypeVar("T")

_SHOWN_IN_PROMPT: Final = frozenset({"best-effort", "json-object", "prompt"})
"""Modes in which the prompt shows the schema itself: nothing else tells the model, or nothing holds it to it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[T]):
    """What is asked, whichever backend answers. `examples` are (text, value) pairs; `context` helps to read the document;
    `stream`: is the answer read as it comes."""

    target: Target[T]
    document: Document = field(repr=False)
    instructions: str | None = field(default=None, repr=False)
    examples: Sequence[tuple[str, T]] = field(default=(), repr=False)
    context: str | None = field(default=None, repr=False)
    options: Options = Options()
    stream: bool = False

    def fit(self, backend: Backend) -> None:
        """Raises ConfigurationError where the options ask for what this backend cannot give."""
        if (
            self.options.logprobs is True
            and isinstance(backend.via, Link)
            and (self.stream or not backend.via.caps.logprobs)
        ):
            raise ConfigurationError(
                f"{backend.name} gives no token probabilities{' of a streamed answer' * self.stream}.",
                hint="Leave out `logprobs`, and ask `extract` for `samples` to vote on instead.",
            )
        if self.stream and self.options.samples not in (UNSET, 1):
            raise ConfigurationError(
                "Answers that are voted on cannot be streamed.",
                hint="Use `extract` with `samples`.",
            )
        if self.options.cost_budget is not UNSET and backend.price is None:
            raise ConfigurationError(
                f"What {backend.name} costs is not known, so `cost_budget` cannot be kept.",
                hint="Give the client its price: prices=[structgen.wire.prices.Price(provider, model, input, output)].",
            )

    def modes(self, backend: Backend) -> tuple[tuple[Mode, str], ...]:
        """The modes to go through: all of the backend's, or the one the options pin. Raises ConfigurationError."""
        if not backend.model:
            raise ConfigurationError(
                f"No model of {backend.name} is named.", hint=f"Write {backend.name}:MODEL."
            )
        if self.options.mode is UNSET:
            streamed = tuple(
                pair for pair in backend.modes if self.stream and streams(backend, pair[0])
            )
            return streamed or backend.modes
        pinned = tuple(pair for pair in backend.modes if pair[0] == self.options.mode)
        if not pinned:
            offered = ", ".join(mode for mode, _ in backend.modes)
            raise ConfigurationError(
                f"{backend.name} has no mode {self.options.mode!r}.", hint=f"It offers: {offered}."
            )
        return pinned

    def put(self, mode: Mode, subset: str) -> tuple[Compiled[T], tuple[Message, ...]]:
        """The compiled target and the messages, for one mode. Raises SchemaError where its language cannot hold the target."""
        compiled = compile_schema(self.target, subset)
        messages = messages_for(
            compiled.dumps(),
            self.document,
            instructions=self.instructions,
            examples=[(text, compiled.encode(value)) for text, value in self.examples],
            context=self.context,
            show_schema=mode in _SHOWN_IN_PROMPT,
        )
        return compiled, messages
