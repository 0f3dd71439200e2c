"""Typed questions about a text, answered by the probabilities of their options instead of by text.

The engine scores every option of a question as a whole string after the same prompt, see
`structgen.local.decide`. The questions of a request share the beginning of their prompts, so the
text is read once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from structgen.errors import BadRequestError
from structgen.local.engine import Engine
from structgen.prompt.inline import delimited, json_in_line, one_line
from structgen.server.bounded_work import run_bounded
from structgen.server.members import TYPE
from structgen.values import Answer, Json, JsonSchema, Message, Usage

_TASK: Final = "Answer the question about the text. Answer with one JSON object and nothing else."
_KEY: Final = "answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One option of a question."""

    value: str | bool
    """What is answered with it."""
    description: str = field(default="", repr=False)
    """When it is the answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A typed question. Its options are in the order in which the client gave them."""

    text: str = field(repr=False)
    """The question, or the statement to judge."""
    options: tuple[Option, ...] = field(repr=False)
    """Different values, at least one."""
    heading: str
    """What the model is told before the options."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The answer to a question."""

    probabilities: tuple[float, ...]
    """That of each option, in their order. They add up to 1."""

    @property
    def best(self) -> int:
        """The number of the likeliest option."""
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)

    @property
    def score(self) -> float:
        """The expected number of the option, if the options are levels."""
        return sum(level * share for level, share in enumerate(self.probabilities))

    @property
    def confidence(self) -> float:
        """How far the likeliest option is above chance: 0 if all are equally likely, 1 if it is
        certain.
        """
        count = len(self.probabilities)
        if count == 1:
            return 1.0
        return max(0.0, (self.probabilities[self.best] - 1 / count) / (1 - 1 / count))

    @property
    def level_confidence(self) -> float:
        """How near the levels are to the likeliest one: 1 if it is certain, 0 if they are as far
        from it as they would be from the middle if all were equally likely.
        """
        count = len(self.probabilities)
        if count == 1:
            return 1.0
        distance = sum(
            share * abs(level - self.best) for level, share in enumerate(self.probabilities)
        )
        by_chance = sum(abs(level - (count - 1) / 2) for level in range(count)) / count
        return max(0.0, 1 - distance / by_chance)


async def decide_questions(
    engine: Engine, text: str, questions: Sequence[Question]
) -> tuple[list[Decided], Usage]:
    """Answer questions about a text.

    Args:
        engine: The engine that answers.
        text: The text.
        questions: The questions. Each is answered without knowing the others.

    Returns:
        The answers in the order of the questions, and the tokens of all.

    Raises:
        BadRequestError: If the options of a question cannot be told apart by their tokens.
        EngineError: If the engine fails.
    """
    answers: list[Decided] = []
    usage = Usage()
    for question in questions:
        if len(question.options) == 1:
            answers.append(Decided(probabilities=(1.0,)))
            continue
        schema = _schema_of(question)
        await run_bounded(partial(engine.prepare, schema), "The question")
        answer = await engine.adecide(_messages_of(text, question), schema)
        answers.append(_decided(question, answer))
        usage += answer.usage
    return answers, usage


def _schema_of(question: Question) -> JsonSchema:
    return {
        "type": "object",
        "properties": {_KEY: {"enum": [option.value for option in question.options]}},
        "required": [_KEY],
        "additionalProperties": False,
    }


def _messages_of(text: str, question: Question) -> list[Message]:
    lines = [delimited(text, "text"), "", one_line(question.text), question.heading]
    for option in question.options:
        description = one_line(option.description)
        line = f"- {json_in_line(option.value)}"
        lines.append(f"{line}: {description}" if description else line)
    return [
        {"role": "system", "content": _TASK},
        {"role": "user", "content": "\n".join(lines)},
    ]


def _decided(question: Question, answer: Answer) -> Decided:
    told = answer.alternatives.get(f"/{_KEY}", ())
    known = {(type(value), value): share for value, share in told}
    keys: list[tuple[type, Json]] = [(type(one.value), one.value) for one in question.options]
    if not all(key in known for key in keys):
        raise BadRequestError(
            "The options of a question cannot be told apart by the model's tokens.",
            status_code=400,
            type=TYPE,
            param="questions",
        )
    return Decided(probabilities=tuple(known[key] for key in keys))
