"""Worked examples of a question: taken in any form, and written in the terms of a compiled schema.

All of them are shown, or those that a pool chooses for the document. Each answer is encoded once
for each compiled schema and kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, Generic, NamedTuple, TypeVar
from weakref import WeakKeyDictionary

from structgen.answer.grounding import document_text
from structgen.errors import InputError, InvalidOutputError, SchemaError
from structgen.prompt.attachments import bytes_of
from structgen.schema.check import validate
from structgen.schema.compiler import Compiled
from structgen.schema.json import to_text
from structgen.schema.target import Target
from structgen.values import BYTES_PER_TOKEN, Chooser, Example, Json, TextOrMessages

T = TypeVar("T")

_TEXTS: Final = ("text", "document", "messages")
_VALUES: Final = ("value", "gold")
_HINT: Final = 'Write examples=[(text, value), ...], or {"text": ..., "value": ...} for each.'
_SHARE: Final = 4
"""The part of the context for examples, and the part that is left for the answer: a quarter."""
_MOST: Final = 4_000
"""Tokens of examples, however large the context is: tokens cost money."""
_UNKNOWN_CONTEXT: Final = 2_000
_TOKENS_AROUND: Final = 20
"""Tokens of the two messages and the tags around an example, roughly."""
_MISSING: Final = object()


class Shown(NamedTuple):
    """An example as it is shown."""

    text: str
    """The text."""
    answer: Json
    """The answer, in the terms of the compiled schema."""
    value: Json
    """The value as plain JSON data."""


class Examples(Generic[T]):
    """The examples of a question: values of one target, all of which are shown or some chosen."""

    def __init__(
        self, target: Target[T], examples: Sequence[Example], chooser: Chooser | None = None
    ) -> None:
        """Check the examples.

        Args:
            target: What their values are values of.
            examples: The examples.
            chooser: Chooses among them; None to show all.

        Raises:
            InputError: If a value is none of the target.
        """
        self._target, self._examples = target, examples
        self.chooser = chooser
        """Chooses among them; None if all are shown."""
        self._values = [value_of(target, one) for one in examples]
        self._plain: dict[int, Json] = {}
        self._parts: WeakKeyDictionary[Target[Any], Examples[Json]] = WeakKeyDictionary()
        self._answers: WeakKeyDictionary[Compiled[Any], dict[int, Json]] = WeakKeyDictionary()

    @property
    def vary(self) -> bool:
        """Whether other documents are shown other examples."""
        return self.chooser is not None

    def shown(
        self,
        compiled: Compiled[Any],
        document: TextOrMessages,
        *,
        whole: TextOrMessages | None,
        budget: int,
    ) -> list[Shown]:
        """Give the examples to show with a document.

        Args:
            compiled: The compiled schema that answers are written in. Its target may be another
                one that takes the same plain data.
            document: What is asked about.
            whole: What the document is a part of; None if it is whole.
            budget: The tokens that chosen examples may have together, by default.

        Raises:
            SchemaError: If a value cannot be written in the terms of the schema.
        """
        numbers: Iterable[int] = range(len(self._examples))
        if self.chooser is not None:
            numbers = self.chooser.choose(
                document_text(document),
                whole=None if whole is None else document_text(whole),
                tokens=lambda number: self._tokens(number, compiled),
                budget=budget,
            )
        return [
            Shown(self._examples[one].text, self._answer(one, compiled), self._plain_value(one))
            for one in numbers
        ]

    def of_part(self, target: Target[Json], project: Callable[[Json], Json]) -> Examples[Json]:
        """The same examples as values of a part of the target.

        Args:
            target: The target of the part.
            project: Gives what the part has of a value.
        """
        parts = self._parts
        if target not in parts:
            shown = [
                replace(one, value=project(self._plain_value(number)), is_plain=True)
                for number, one in enumerate(self._examples)
            ]
            parts[target] = Examples(target, shown, self.chooser)
        return parts[target]

    def _tokens(self, number: int, compiled: Compiled[Any]) -> int:
        answer = to_text(self._answer(number, compiled))
        return tokens_of(self._examples[number].text, answer)

    def _answer(self, number: int, compiled: Compiled[Any]) -> Json:
        answers = self._answers.setdefault(compiled, {})
        if number not in answers:
            answers[number] = self._encoded(number, compiled)
        return answers[number]

    def _encoded(self, number: int, compiled: Compiled[Any]) -> Json:
        try:
            if compiled.target is self._target:
                return compiled.encode(self._values[number])
            return compiled.encode(self._plain_value(number))
        except SchemaError as error:
            raise SchemaError(
                f"{self._examples[number].where}: the value cannot be shown: {error.message}",
                hint=error.hint,
                path=error.path,
                keyword=error.keyword,
            ) from error

    def _plain_value(self, number: int) -> Json:
        if number not in self._plain:
            self._plain[number] = self._target.dump(self._values[number])
        return self._plain[number]


def examples_for(target: Target[T], given: Any) -> Examples[T]:
    """Make the examples of a question.

    Args:
        target: What their values are values of.
        given: A pool, or what `examples_of` reads.

    Raises:
        InputError: If something is no example, or a value is none of the target.
    """
    if is_pool(given):
        found: Examples[T] = given.examples(target)
        return found
    return Examples(target, examples_of(given))


def is_pool(given: Any) -> bool:
    """Whether these are examples of which some are chosen for each document.

    Args:
        given: What the user gave as `examples`.
    """
    return callable(getattr(given, "chooser", None))


def budget_for(context: int | None, used: int) -> int:
    """Give the tokens that chosen examples may have together.

    Args:
        context: The tokens of prompt and answer together; None if that is not known.
        used: The tokens of the prompt without examples.
    """
    if context is None:
        return _UNKNOWN_CONTEXT
    share = context // _SHARE
    return max(0, min(_MOST, share, context - used - share))


def tokens_of(text: str, answer: str) -> int:
    """Estimate the tokens of an example: 4 bytes of UTF-8 a token, and what stands around it.

    Args:
        text: The text.
        answer: The answer as JSON text.
    """
    return (bytes_of(text) + bytes_of(answer)) // BYTES_PER_TOKEN + _TOKENS_AROUND


def examples_of(given: Any) -> list[Example]:
    """Read worked examples.

    Args:
        given: Pairs of a text and a value; mappings with `text` (or `document`, `messages`) and
            `value` (or `gold`); or gold records.

    Raises:
        InputError: If one of them is none of these.
    """
    if isinstance(given, str | Mapping) or not isinstance(given, Iterable):
        raise InputError("`examples` is not a list of examples.", hint=_HINT)
    return [_example(one, f"Example {number}") for number, one in enumerate(given, 1)]


def _example(given: Any, where: str) -> Example:
    if isinstance(given, Example):
        return given
    text, value, key = _parts(given)
    if isinstance(text, list | tuple) and all(isinstance(one, Mapping) for one in text):
        text = document_text(text)
    if not isinstance(text, str) or not text.strip() or value is _MISSING:
        raise InputError(f"{where} is not a text with a value.", hint=_HINT)
    is_plain = not isinstance(given, Mapping | tuple | list)
    return Example(text, value, None if key is None else str(key), where, is_plain)


def _parts(given: Any) -> tuple[Any, Any, Any]:
    """The text, the value and the key of what a user gave, as far as it has them."""
    if isinstance(given, Mapping):
        text = next((given[name] for name in _TEXTS if name in given), None)
        value = next((given[name] for name in _VALUES if name in given), _MISSING)
        return text, value, given.get("key")
    if isinstance(given, tuple | list):
        return (*given, None) if len(given) == 2 else (None, _MISSING, None)
    text = getattr(given, "document", None)
    return text, getattr(given, "value", _MISSING), getattr(given, "key", None)


def value_of(target: Target[T], example: Example) -> T:
    """Give the value of an example as one of the target, whether it is one or its plain data.

    Args:
        target: What the value is a value of.
        example: The example.

    Raises:
        InputError: If it is neither.
    """
    if target.adapter is not None and not example.is_plain:
        try:
            target.dump(example.value)
        except SchemaError:
            pass
        else:
            return example.value  # type: ignore[no-any-return]
    try:
        return validate(target, example.value)
    except InvalidOutputError as error:
        faults = "; ".join(str(violation) for violation in error.violations[:3])
        raise InputError(
            f"{example.where}: the value is not a valid {target.name}: {faults}.",
            hint=f"Give a value of {target.name}, or its fields as plain data.",
        ) from error
