"""What the user asks, whichever backend answers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar

from structgen.calibration.judge import require_enough
from structgen.calibration.saved import require
from structgen.errors import ConfigurationError, InputError, SchemaError
from structgen.extraction.backend import Backend, streams
from structgen.options import UNSET, Options
from structgen.prompt.layouts import check_prompt
from structgen.prompt.messages import messages_for
from structgen.results import ConfidenceBy
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.target import Target
from structgen.values import Document, Json, Message, Mode
from structgen.wire.link import Link

T = TypeVar("T")

_SHOWN_IN_PROMPT: Final = frozenset({"best-effort", "json-object", "prompt"})
"""Modes in which the prompt shows the schema, because nothing else conveys or enforces it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[T]):
    """What the user asks, whichever backend answers."""

    target: Target[T]
    """What to extract."""
    document: Document = field(repr=False)
    """What to extract it from."""
    instructions: str | None = field(default=None, repr=False)
    """What else the model should know."""
    examples: Sequence[tuple[str, T]] = field(default=(), repr=False)
    """Worked examples: (document, value) pairs."""
    context: str | None = field(default=None, repr=False)
    """A text that helps to read the document; nothing is extracted from it."""
    options: Options = Options()
    """The options of the call."""
    stream: bool = False
    """Whether the answer is read while it is written."""

    def check_options(self, backend: Backend) -> None:
        """Raise if the options ask for something that a backend cannot give.

        Args:
            backend: Who is going to be asked.

        Raises:
            ConfigurationError: If it gives no token probabilities, an answer to vote on should be
                streamed, `cost_budget` is set and its price is not known, or there is no such
                `prompt`.
            CalibrationError: If `accept` is set, and there is no calibration or too small a one.
        """
        check_prompt(self.options.prompt)
        if self.options.logprobs is True and not self._has_logprobs(backend):
            which = " for a streamed answer" if self.stream else ""
            raise ConfigurationError(
                f"{backend.name} gives no token probabilities{which}.",
                hint="Leave out `logprobs`, or let `extract` vote on several `samples` instead.",
            )
        if self.stream and self.options.samples not in (UNSET, 1):
            raise ConfigurationError(
                "An answer that is voted on cannot be streamed.",
                hint="Call `extract` with `samples`, or stream without it.",
            )
        if self.options.cost_budget is not UNSET and backend.price is None:
            raise ConfigurationError(
                f"No price known for {backend.name}, so cost_budget cannot be enforced.",
                hint="Pass the client prices=[structgen.wire.prices.Price(provider, model, input, "
                "output)].",
            )
        if self.options.accept is not UNSET:
            self._check_promise(backend, self.options.accept)

    def _check_promise(self, backend: Backend, promised: float) -> None:
        """Raise if no calibration shows that a share of what this backend answers is right."""
        sources = self.sources_of_confidence(backend)
        if self.stream and "tokens" not in sources:
            raise ConfigurationError(
                f"{backend.name} gives no token probabilities for a streamed answer, so `accept` "
                "cannot be kept.",
                hint="Call `extract` with `accept`, or stream without it.",
            )
        path = None if self.options.calibration is UNSET else self.options.calibration
        require_enough(require(self.target, backend.name, sources, path), promised)

    def sources_of_confidence(self, backend: Backend) -> tuple[ConfidenceBy, ...]:
        """What a confidence in a backend's answers may be made from, the best first.

        Args:
            backend: Who is going to be asked.
        """
        if self.options.samples not in (UNSET, 1):
            return ("agreement",)
        return ("tokens", "readings") if self._has_logprobs(backend) else ("readings",)

    def asked_of(self, backend: Backend) -> Question[T]:
        """The question as a backend is asked it: for probabilities, if `confidence` needs them.

        Args:
            backend: Who is going to be asked.
        """
        options = self.options
        needs_them = options.confidence is True and options.logprobs is UNSET
        if not needs_them or "tokens" not in self.sources_of_confidence(backend):
            return self
        return replace(self, options=replace(options, logprobs=True))

    def _has_logprobs(self, backend: Backend) -> bool:
        if not isinstance(backend.via, Link):
            return True
        return backend.via.caps.logprobs and not self.stream

    def modes(self, backend: Backend) -> tuple[tuple[Mode, str], ...]:
        """The modes to try, strongest first: those of the backend, or the one the options name.

        Args:
            backend: Who is going to be asked.

        Returns:
            Each mode with its schema language. If the answer is streamed, only the modes that
            stream, unless none does.

        Raises:
            ConfigurationError: If no model is named, or the backend lacks the mode.
        """
        if not backend.model:
            raise ConfigurationError(
                f"The call names no model of {backend.name}.", hint=f"Write {backend.name}:MODEL."
            )
        if not backend.modes:
            raise ConfigurationError(
                f"{backend.name} has no mode to answer in.",
                hint="Pass a row of `capabilities` that lists its modes.",
            )
        if self.options.mode is UNSET:
            if not self.stream:
                return backend.modes
            return tuple(pair for pair in backend.modes if streams(backend, pair[0])) or (
                backend.modes
            )
        pinned = tuple(pair for pair in backend.modes if pair[0] == self.options.mode)
        if not pinned:
            offered = ", ".join(mode for mode, _ in backend.modes)
            raise ConfigurationError(
                f"{backend.name} has no mode {self.options.mode!r}.",
                hint=f"Choose from: {offered}.",
            )
        return pinned

    def compile_and_prompt(
        self, backend: Backend, mode: Mode, subset: str
    ) -> tuple[Compiled[T], tuple[Message, ...]]:
        """Compile the target and write the messages for one mode.

        Args:
            backend: Who is going to be asked.
            mode: How the answer is going to be held to the schema.
            subset: The schema language of the mode.

        Returns:
            The compiled target and the messages.

        Raises:
            SchemaError: If the language cannot hold the target, or the prompt its fields.
            InputError: If the document is empty.
        """
        compiled = compile_schema(self.target, subset)
        messages = messages_for(
            compiled.dumps(),
            self.document,
            instructions=self.instructions,
            examples=list(self._encoded_examples(compiled)),
            context=self.context,
            show_schema=mode in _SHOWN_IN_PROMPT,
            prompt=self.options.prompt,
            model=backend.model,
        )
        return compiled, messages

    def _encoded_examples(self, compiled: Compiled[T]) -> Iterator[tuple[str, Json]]:
        for number, (text, value) in enumerate(self.examples, 1):
            try:
                yield text, compiled.encode(value)
            except SchemaError as error:
                raise SchemaError(
                    f"The value of example {number} cannot be shown: {error.message}",
                    hint=f"Give a value of {self.target.name} itself, not its fields as plain data."
                    if self.target.adapter is not None and isinstance(value, dict)
                    else error.hint,
                    path=error.path,
                    keyword=error.keyword,
                ) from error


def pairs_of(examples: Any) -> tuple[tuple[str, Any], ...]:
    """Check that worked examples are pairs of a text and a value.

    Args:
        examples: What the user gave.

    Raises:
        InputError: If one of them is not.
    """
    hint = "Write examples=[(text, value), ...]."
    if not isinstance(examples, Iterable):
        raise InputError("`examples` is not a list of examples.", hint=hint)
    pairs = tuple(examples)
    for number, pair in enumerate(pairs, 1):
        is_pair = isinstance(pair, tuple | list) and len(pair) == 2
        if not is_pair or not isinstance(pair[0], str):
            raise InputError(f"Example {number} is not a pair of a text and a value.", hint=hint)
    return pairs
