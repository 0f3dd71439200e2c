"""What the user asks, whichever backend answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Generic, TypeVar, get_args

from typing_extensions import NamedTuple

from structgen.answer.grounding import document_text, target_is_grounded
from structgen.calibration.judge import require_enough
from structgen.calibration.saved import require
from structgen.errors import APIError, ConfigurationError, InputError
from structgen.extraction.backend import Backend, streams
from structgen.extraction.copied import Sources
from structgen.extraction.deciding import LANGUAGE, fault_of_decisions, messages_of
from structgen.extraction.examples import Examples, Shown, budget_for
from structgen.extraction.learned import LEARNED, learn_from
from structgen.extraction.stages import Cascade
from structgen.extraction.thinking import (
    thinking_tokens,
    thoughts_before_answer,
    thoughts_in_answer,
    with_effort,
)
from structgen.extraction.tuned import Use
from structgen.options import UNSET, Options
from structgen.prompt.attachments import estimate_tokens
from structgen.prompt.layouts import check_prompt
from structgen.prompt.messages import messages_for
from structgen.results import ConfidenceBy
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.subset import SchemaSubset, subset_of
from structgen.schema.target import Target
from structgen.schema.thoughts import with_thoughts
from structgen.values import Message, Mode, TextOrMessages, attachments_in
from structgen.wire.link import Link

T = TypeVar("T")

_SHOWN_IN_PROMPT: Final = frozenset({"best-effort", "json-object", "prompt"})
"""Modes in which the prompt shows the schema, because nothing else conveys or enforces it."""


class Prompt(NamedTuple, Generic[T]):
    """What a model is asked in one mode."""

    compiled: Compiled[T]
    """The compiled target."""
    messages: tuple[Message, ...]
    """The messages."""
    shown: tuple[Shown, ...]
    """The worked examples in them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Generic[T]):
    """What the user asks, whichever backend answers."""

    target: Target[T]
    """What to extract."""
    document: TextOrMessages = field(repr=False)
    """What to extract it from."""
    instructions: str | None = field(default=None, repr=False)
    """What else the model should know."""
    examples: Examples[Any] | None = field(default=None, repr=False)
    """Worked examples, all of which are shown or some chosen for the document."""
    context: str | None = field(default=None, repr=False)
    """A text that helps to read the document; nothing is extracted from it."""
    options: Options = Options()
    """The options of the call."""
    tuned: Use | None = None
    """The share of a tuned file, which `options` and `examples` hold already."""
    cascade: Cascade | None = None
    """The models that fields in doubt are escalated to."""
    stream: bool = False
    """Whether the answer is read while it is written."""
    whole: TextOrMessages | None = field(default=None, repr=False)
    """What the document is a part of; None if it is whole."""
    is_part: bool = False
    """Whether the target is a part of a record, and others are asked about the same document."""
    corrections: tuple[Message, ...] = field(default=(), repr=False)
    """An earlier answer, and what is wrong with it."""

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
        if self.stream and isinstance(self.options.split, int):
            raise ConfigurationError(
                "An answer that is split into several cannot be streamed.",
                hint="Call `extract` with `split`, or stream without it.",
            )
        if self.options.cost_budget is not UNSET and backend.price is None:
            raise ConfigurationError(
                f"No price known for {backend.name}, so cost_budget cannot be enforced.",
                hint="Pass the client prices=[structgen.providers.Price(provider, model, input, "
                "output)].",
            )
        if self.options.accept is not UNSET:
            self._check_promise(backend, self.options.accept)

    def _check_promise(self, backend: Backend, promised: float) -> None:
        """Raise if no calibration shows that a share of what this backend answers is right."""
        sources = self.sources_of_confidence(backend)
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

    def with_probabilities(self, backends: Sequence[Backend]) -> Question[T]:
        """The question as backends are asked it that give token probabilities without being asked
        a second time. If they do not, it stays as it is.

        Args:
            backends: Who is going to be asked.
        """
        options = self.options
        sampled = options.samples not in (UNSET, 1)
        able = all(self._has_logprobs(one) and not self._decides(one) for one in backends)
        if options.logprobs is not UNSET or sampled or not able:
            return self
        return replace(self, options=replace(options, logprobs=True))

    def asked_of(self, backend: Backend) -> Question[T]:
        """The question as a backend is asked it: for probabilities, if `confidence` needs them,
        and with an effort, if it is to reason.

        Args:
            backend: Who is going to be asked.
        """
        options = with_effort(self.options, backend)
        needs_them = options.confidence is True and options.logprobs is UNSET
        if needs_them and "tokens" in self.sources_of_confidence(backend):
            options = replace(options, logprobs=True)
        return self if options is self.options else replace(self, options=options)

    def _has_logprobs(self, backend: Backend) -> bool:
        if not isinstance(backend.via, Link):
            return True
        return backend.via.caps.logprobs and not self.stream

    def text_to_copy_from(self) -> str | None:
        """Give the text from which the target's grounded values are copied; None if it has none.

        Raises:
            InputError: If it has some, and the document is images alone.
        """
        if not target_is_grounded(self.target):
            return None
        text = document_text(self.document)
        if not text and attachments_in(self.document):
            raise InputError(
                "The target has values to copy word for word (Verbatim), and the document has no "
                "text to copy from, only images or files.",
                hint="Add the text of the document, or leave Verbatim out.",
            )
        return text

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
        offered_modes = self._modes_of(backend)
        if self._decides(backend):
            languages: dict[Mode, str] = {"decisions": LANGUAGE, **dict(offered_modes)}
            offered_modes = in_order(languages)
        if not offered_modes:
            raise ConfigurationError(
                f"{backend.name} has no mode to answer in.",
                hint="Pass a row of `capabilities` that lists its modes.",
            )
        if self.options.mode is UNSET:
            if not self.stream:
                return offered_modes
            streamed = tuple(pair for pair in offered_modes if streams(backend, pair[0]))
            return streamed or offered_modes
        pinned = tuple(pair for pair in offered_modes if pair[0] == self.options.mode)
        if not pinned:
            offered = ", ".join(mode for mode, _ in offered_modes)
            raise ConfigurationError(
                f"{backend.name} has no mode {self.options.mode!r}.",
                hint=f"Choose from: {offered}.",
            )
        return pinned

    def _decides(self, backend: Backend) -> bool:
        """Whether the answer may come from typed questions.

        Raises:
            ConfigurationError: If the call names that mode, and it cannot be.
        """
        if not isinstance(backend.via, Link) or not backend.via.caps.decisions:
            return False
        options = self.options
        if options.mode == "decisions":
            if fault := self._fault_of_decisions():
                raise ConfigurationError(
                    f"{backend.name} cannot be asked in the mode 'decisions': {fault}.",
                    hint="Leave out `mode`: the strongest mode that fits is used.",
                )
            return True
        needs_text = (
            self.stream
            or bool(self.corrections)
            or options.temperature not in (UNSET, 0)
            or (options.logprobs is True and options.confidence is not True)
            or options.extra_body is not UNSET
        )
        return options.mode is UNSET and not needs_text and not self._fault_of_decisions()

    def _fault_of_decisions(self) -> str:
        """Why typed questions cannot be asked instead; "" if they can."""
        if self.examples is not None:
            return "it has no place for worked examples"
        return fault_of_decisions(self.target, self.document, self.options)

    def _modes_of(self, backend: Backend) -> tuple[tuple[Mode, str], ...]:
        """The modes of a backend, and those that it was learned to have, strongest first."""
        if self.options.learned_rows == "off":
            return backend.modes
        learned = LEARNED.of(backend).modes
        if not learned:
            return backend.modes
        languages = {**dict(learned), **dict(backend.modes)}
        return in_order(languages)

    def language(self, backend: Backend, subset: str) -> SchemaSubset:
        """The schema language of a mode, as this backend's server takes it and the options want it.

        Args:
            backend: Who is going to be asked.
            subset: The name of the language.
        """
        row = subset_of(subset)
        if self.options.learned_rows != "off":
            row = LEARNED.of(backend).apply(row)
        absent = self.options.absent_fields
        if absent is UNSET or row.all_required:
            return row
        return replace(row, absent=absent)

    def refused_by(
        self, backend: Backend, mode: Mode, subset: str, error: APIError
    ) -> frozenset[str]:
        """Learn from an error which keywords of the schema the server refuses.

        Args:
            backend: Who was asked.
            mode: In which mode.
            subset: The name of the mode's schema language.
            error: What the server answered.

        Returns:
            The keywords that the next schema does without; none if another question is no better.
        """
        if self.options.learned_rows == "off":
            return frozenset()
        schema = compile_schema(self.target, self.language(backend, subset)).schema
        keep = self.options.learned_rows == "saved"
        return learn_from(error, backend, mode, subset_of(subset), schema, keep=keep)

    def compile_and_prompt(self, backend: Backend, mode: Mode, subset: str) -> Prompt[T]:
        """Compile the target and write the messages for one mode.

        Args:
            backend: Who is going to be asked.
            mode: How the answer is going to be held to the schema.
            subset: The schema language of the mode.

        Raises:
            SchemaError: If the language cannot hold the target, or the prompt its fields.
            InputError: If the document is empty.
        """
        compiled = compile_schema(self.target, self.language(backend, subset))
        thoughts = thoughts_in_answer(self.options, backend)
        if thoughts is not None:
            compiled = with_thoughts(compiled, thoughts, thinking_tokens(self.options))
        if mode == "decisions" and isinstance(self.document, str):
            asked = messages_of(self.document, self.instructions, self.context)
            return Prompt(compiled, tuple(asked), ())
        shown = self._examples_shown(backend, mode, compiled)
        return Prompt(compiled, self._messages(backend, mode, compiled, shown), tuple(shown))

    def _examples_shown(self, backend: Backend, mode: Mode, compiled: Compiled[T]) -> list[Shown]:
        if self.examples is None:
            return []
        budget = 0
        if self.examples.vary:
            others = estimate_tokens(self._messages(backend, mode, compiled, ()))
            budget = budget_for(backend.context, others)
        return self.examples.shown(compiled, self.document, whole=self.whole, budget=budget)

    def sources(self, shown: Sequence[Shown]) -> Sources | None:
        """Tell where values of an answer may come from; None if no examples are shown.

        Args:
            shown: The worked examples that are shown.
        """
        if not shown:
            return None
        read = document_text(self.document), self.context, self.instructions
        return Sources([one.value for one in shown], "\n".join(filter(None, read)))

    def _messages(
        self, backend: Backend, mode: Mode, compiled: Compiled[T], shown: Sequence[Shown]
    ) -> tuple[Message, ...]:
        messages = messages_for(
            compiled.dumps(),
            self.document,
            instructions=self.instructions,
            examples=[(one.text, one.answer) for one in shown],
            examples_vary=self.examples is not None and self.examples.vary,
            context=self.context,
            show_schema=mode in _SHOWN_IN_PROMPT,
            prompt=self.options.prompt,
            model=f"{backend.family} {backend.model}".strip(),
            reasoning=thoughts_before_answer(self.options, backend),
            fields_last=self.is_part,
        )
        return (*messages, *self.corrections)


def in_order(languages: Mapping[Mode, str]) -> tuple[tuple[Mode, str], ...]:
    """Give modes with their schema languages, strongest first.

    Args:
        languages: The language of each mode.
    """
    return tuple((mode, languages[mode]) for mode in get_args(Mode) if mode in languages)
