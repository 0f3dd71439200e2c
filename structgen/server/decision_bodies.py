"""The two forms in which decisions are asked for and told.

`/v1/decisions` has OpenAI's form, which vLLM and SGLang take too; source: the types of its SDK,
3.26. `/v1/systemone` has the form of TypeSafe's Jev, which vLLM, SGLang, llama.cpp and
`transformers serve` take; source: the last of these.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, StrictBool, StrictStr, ValidationError

from structgen.server.decisions import Decided, Option, Question
from structgen.server.members import refuse
from structgen.values import Json, Usage

_MOST_QUESTIONS: Final = 256
_IS_TRUE: Final = "Is this true? One of:"
_CHOOSE: Final = "One of:"
_RATE: Final = "One of these levels, from the lowest to the highest:"

Answers: TypeAlias = "Sequence[Decided]"


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRequest:
    """A request for decisions, parsed."""

    model: str
    """The model that is asked for."""
    text: str = field(repr=False)
    """The text that the questions are about."""
    questions: tuple[Question, ...] = field(repr=False)
    """The questions."""
    write: Callable[[Answers, Usage], dict[str, Json]] = field(repr=False)
    """Writes the body of the reply, without the name of the model."""


class _Body(BaseModel):
    """A part of a request. Members that are not known are refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


# ---- OpenAI's form -------------------------------------------------------------------------------


class _Predicate(_Body):
    type: Literal["predicate"]
    instructions: str
    name: str | None = None


class _Choice(_Body):
    value: StrictStr | StrictBool
    description: str | None = None


class _ChoiceQuestion(_Body):
    type: Literal["choice"]
    instructions: str
    name: str | None = None
    choices: Annotated[list[_Choice], Field(min_length=2, max_length=255)]


class _Level(_Body):
    label: str
    description: str | None = None


class _ScoreQuestion(_Body):
    type: Literal["score"]
    instructions: str
    name: str | None = None
    levels: Annotated[list[_Level], Field(min_length=2, max_length=10)]


class _TextPart(_Body):
    type: Literal["input_text"]
    text: str


class _InputMessage(_Body):
    type: Literal["message"] = "message"
    role: Literal["user"]
    content: str | list[_TextPart]


_AnyQuestion: TypeAlias = Annotated[
    _Predicate | _ChoiceQuestion | _ScoreQuestion, Field(discriminator="type")
]


class _Decisions(_Body):
    model: str
    input: str | Annotated[list[_InputMessage], Field(min_length=1)]
    questions: Annotated[list[_AnyQuestion], Field(min_length=1, max_length=_MOST_QUESTIONS)]
    safety_identifier: str | None = None


def parse_decisions(body: bytes) -> DecisionRequest:
    """Parse the body of a request to `/v1/decisions`.

    Args:
        body: The body.

    Raises:
        BadRequestError: If it is refused.
    """
    asked = _parsed(_Decisions, body)
    texts = [asked.input] if isinstance(asked.input, str) else map(_text_of, asked.input)
    questions = tuple(map(_question, asked.questions))
    return DecisionRequest(
        model=asked.model,
        text="\n\n".join(texts),
        questions=_distinct(questions),
        write=lambda answers, usage: {
            "answers": [
                _written(one, question, decided)
                for one, question, decided in zip(asked.questions, questions, answers, strict=True)
            ],
            "usage": {
                "input_tokens": usage.prompt_tokens,
                "input_tokens_details": {
                    "cached_tokens": usage.cached_tokens,
                    "cache_write_tokens": 0,
                },
                "output_tokens": usage.completion_tokens,
                "output_tokens_details": {"reasoning_tokens": 0},
                "total_tokens": usage.total_tokens,
            },
        },
    )


def _text_of(message: _InputMessage) -> str:
    if isinstance(message.content, str):
        return message.content
    return "".join(part.text for part in message.content)


def _question(asked: _Predicate | _ChoiceQuestion | _ScoreQuestion) -> Question:
    if isinstance(asked, _Predicate):
        options = [Option(value=True), Option(value=False)]
        return Question(text=asked.instructions, options=tuple(options), heading=_IS_TRUE)
    if isinstance(asked, _ChoiceQuestion):
        options = [
            Option(value=one.value, description=one.description or "") for one in asked.choices
        ]
        return Question(text=asked.instructions, options=tuple(options), heading=_CHOOSE)
    options = [Option(value=one.label, description=one.description or "") for one in asked.levels]
    return Question(text=asked.instructions, options=tuple(options), heading=_RATE)


def _written(
    asked: _Predicate | _ChoiceQuestion | _ScoreQuestion, question: Question, decided: Decided
) -> Json:
    shares = decided.probabilities
    start: dict[str, Json] = {"type": asked.type, "name": asked.name}
    if isinstance(asked, _Predicate):
        return {**start, "probability": shares[0]}
    values = [option.value for option in question.options]
    if isinstance(asked, _ChoiceQuestion):
        told = [
            {"value": value, "probability": share}
            for value, share in zip(values, shares, strict=True)
        ]
        best = values[decided.best]
        return {**start, "choice": best, "confidence": decided.confidence, "probabilities": told}
    levels = [
        {"label": value, "value": number, "probability": share}
        for number, (value, share) in enumerate(zip(values, shares, strict=True))
    ]
    return {
        **start,
        "score": decided.score,
        "confidence": decided.level_confidence,
        "probabilities": levels,
    }


# ---- System One ----------------------------------------------------------------------------------

_Content: TypeAlias = str | dict[str, Any] | list[Any] | None


class _Noul(_Body):
    type: Literal["noul"]
    instructions: _Content = None
    criteria: dict[Literal["true", "false"], _Content] | None = None


class _NamedChoice(_Body):
    type: Literal["choice"]
    instructions: _Content = None
    criteria: Annotated[dict[str, _Content], Field(min_length=1, max_length=255)]


class _Levels(_Body):
    type: Literal["score"]
    instructions: _Content = None
    criteria: Annotated[list[_Content], Field(min_length=1, max_length=10)]


_Named: TypeAlias = Annotated[_Noul | _NamedChoice | _Levels, Field(discriminator="type")]


class _SystemOne(_Body):
    model: str
    state: str | dict[str, Any] | list[Any]
    questions: Annotated[dict[str, _Named], Field(min_length=1, max_length=_MOST_QUESTIONS)]


def parse_system_one(body: bytes) -> DecisionRequest:
    """Parse the body of a request to `/v1/systemone`.

    Args:
        body: The body.

    Raises:
        BadRequestError: If it is refused.
    """
    asked = _parsed(_SystemOne, body)
    questions = tuple(map(_named_question, asked.questions.values()))
    return DecisionRequest(
        model=asked.model,
        text=_shown(asked.state),
        questions=_distinct(questions),
        write=lambda answers, usage: {
            "answers": {
                name: _named_answer(one, question, decided)
                for (name, one), question, decided in zip(
                    asked.questions.items(), questions, answers, strict=True
                )
            },
            "usage": {
                "input_tokens": usage.prompt_tokens,
                "output_tokens": usage.completion_tokens,
            },
        },
    )


def _shown(content: _Content) -> str:
    if isinstance(content, str):
        return content
    return "" if content is None else json.dumps(content, ensure_ascii=False)


def _named_question(asked: _Noul | _NamedChoice | _Levels) -> Question:
    text = _shown(asked.instructions)
    if isinstance(asked, _Noul):
        criteria = asked.criteria or {}
        options = [
            Option(value=True, description=_shown(criteria.get("true"))),
            Option(value=False, description=_shown(criteria.get("false"))),
        ]
        return Question(text=text, options=tuple(options), heading=_IS_TRUE)
    if isinstance(asked, _NamedChoice):
        options = [
            Option(value=name, description=_shown(one)) for name, one in asked.criteria.items()
        ]
        return Question(text=text, options=tuple(options), heading=_CHOOSE)
    options = [
        Option(value=str(level), description=_shown(one))
        for level, one in enumerate(asked.criteria)
    ]
    return Question(text=text, options=tuple(options), heading=_RATE)


def _named_answer(
    asked: _Noul | _NamedChoice | _Levels, question: Question, decided: Decided
) -> Json:
    shares = decided.probabilities
    if isinstance(asked, _Noul):
        return {"type": "noul", "noul": shares[0]}
    names = [str(option.value) for option in question.options]
    probabilities = dict(zip(names, shares, strict=True))
    if isinstance(asked, _NamedChoice):
        return {
            "type": "choice",
            "choice": names[decided.best],
            "confidence": decided.confidence,
            "probabilities": probabilities,
        }
    return {
        "type": "score",
        "score": decided.score,
        "legend": dict(zip(names, asked.criteria, strict=True)),
        "confidence": decided.level_confidence,
        "probabilities": probabilities,
    }


# ---- both ----------------------------------------------------------------------------------------


def _parsed(kind: type[Any], body: bytes) -> Any:
    try:
        return kind.model_validate_json(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        if first["type"] == "json_invalid":
            refuse("The body of the request is not valid JSON.", code="invalid_json")
        where = ".".join(map(str, first["loc"]))[:100]
        refuse(f"'{where}' : {first['msg']}", param=where)


def _distinct(questions: tuple[Question, ...]) -> tuple[Question, ...]:
    """Refuse a question that has an option twice."""
    for number, question in enumerate(questions):
        values = {(type(option.value), option.value) for option in question.options}
        if len(values) < len(question.options):
            refuse(f"'questions.{number}' : options must be different", param="questions")
    return questions
