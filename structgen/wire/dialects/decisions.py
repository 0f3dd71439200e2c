"""Typed questions about a text, answered by probabilities: OpenAI's form, and System One's.

`/v1/decisions` has the form of OpenAI's SDK, which vLLM and SGLang take too; `/v1/systemone` that
of TypeSafe's Jev, which vLLM, SGLang, llama.cpp and `structgen serve` take. Sources: the types of
openai 3.26, and `transformers serve`.

A request has its questions in `members`, as `Asked` has them. Its user messages are the text. The
text of an answer is JSON: the probability of each label, by the name of the question.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, NoReturn, TypeAlias, TypeGuard

from pydantic_core import from_json

from structgen.errors import APIError, ServerError
from structgen.options import UNSET
from structgen.values import Answer, Json, Reply, Request, Usage
from structgen.wire.dialect import Capabilities, ChatRequest, Delta, Dialect, post, to_json
from structgen.wire.dialects.chat_shape import count
from structgen.wire.dialects.reading import objects, string
from structgen.wire.error_bodies import parse_error
from structgen.wire.sse import Event

DecisionForm: TypeAlias = Literal["decisions", "systemone"]
"""The form of the questions, which is the path of their endpoint, too."""
Asked: TypeAlias = "Mapping[str, Any]"
"""A question: its `name`, its `instructions`, the `labels` of its options, of which the one that
means null is `unstated` or None, and whether it `is_truth`, so that the labels are "true" and
"false"."""

QUESTIONS: Final = "questions"
"""The member of a request that has the questions."""
_UNSTATED: Final = "The text does not state it."
_TRUE, _FALSE = "true", "false"


# ---- requests --------------------------------------------------------------------------


def _build_decisions(chat_request: ChatRequest, caps: Capabilities) -> Request:
    questions = [_typed(one) for one in chat_request.members[QUESTIONS]]
    return _posted(chat_request, caps, {"input": _text_of(chat_request), QUESTIONS: questions})


def _typed(asked: Asked) -> Json:
    start = {"name": asked["name"], "instructions": asked["instructions"]}
    if asked["is_truth"]:
        return {"type": "predicate", **start}
    choices = [
        {"value": label, "description": _UNSTATED}
        if label == asked["unstated"]
        else {"value": label}
        for label in asked["labels"]
    ]
    return {"type": "choice", **start, "choices": choices}


def _build_system_one(chat_request: ChatRequest, caps: Capabilities) -> Request:
    questions = {one["name"]: _named(one) for one in chat_request.members[QUESTIONS]}
    return _posted(chat_request, caps, {"state": _text_of(chat_request), QUESTIONS: questions})


def _named(asked: Asked) -> Json:
    if asked["is_truth"]:
        return {"type": "noul", "instructions": asked["instructions"]}
    criteria = {
        label: _UNSTATED if label == asked["unstated"] else None for label in asked["labels"]
    }
    return {"type": "choice", "instructions": asked["instructions"], "criteria": criteria}


def _posted(chat_request: ChatRequest, caps: Capabilities, body: Mapping[str, Json]) -> Request:
    extra = chat_request.options.extra_body
    whole = {"model": chat_request.model, **body, **({} if extra is UNSET else extra)}
    return post(caps.path, to_json(whole), chat_request, caps)


def _text_of(chat_request: ChatRequest) -> str:
    return "\n\n".join(str(message["content"]) for message in chat_request.messages)


# ---- replies ---------------------------------------------------------------------------


def _parse_decisions(reply: Reply, caps: Capabilities, request: Request | None = None) -> Answer:
    raw = _body_of(reply, caps, request)
    found = {str(one.get("name")): _shares_in_list(one) for one in objects(raw.get("answers"))}
    return _answer(raw, found, caps, request)


def _shares_in_list(answer: Mapping[str, Any]) -> dict[str, float]:
    if answer.get("type") == "predicate":
        return _of_truth(answer.get("probability"))
    told = objects(answer.get("probabilities"))
    pairs = ((one.get("value"), one.get("probability")) for one in told)
    return {str(label): float(share) for label, share in pairs if _is_share(share)}


def _parse_system_one(reply: Reply, caps: Capabilities, request: Request | None = None) -> Answer:
    raw = _body_of(reply, caps, request)
    answers = raw.get("answers")
    found = {
        name: _shares_by_name(one)
        for name, one in (answers.items() if isinstance(answers, dict) else ())
        if isinstance(one, dict)
    }
    return _answer(raw, found, caps, request)


def _shares_by_name(answer: Mapping[str, Any]) -> dict[str, float]:
    if answer.get("type") == "noul":
        return _of_truth(answer.get("noul"))
    told = answer.get("probabilities")
    pairs = told.items() if isinstance(told, dict) else ()
    return {label: float(share) for label, share in pairs if _is_share(share)}


def _of_truth(share: Any) -> dict[str, float]:
    return {_TRUE: float(share), _FALSE: 1.0 - float(share)} if _is_share(share) else {}


def _is_share(value: Any) -> TypeGuard[float]:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return is_number and 0.0 <= value <= 1.0


def _body_of(reply: Reply, caps: Capabilities, request: Request | None) -> dict[str, Any]:
    if not 200 <= reply.status < 300:
        raise parse_error(reply, caps, request)
    try:
        raw = from_json(reply.body)
    except ValueError:
        raw = None
    if not isinstance(raw, dict):
        _refuse(caps, "the body is not a JSON object")
    if raw.get("error"):
        raise parse_error(reply, caps, request)
    return raw


def _answer(
    raw: dict[str, Any],
    found: Mapping[str, Mapping[str, float]],
    caps: Capabilities,
    request: Request | None,
) -> Answer:
    """The answer, if it has a probability for every option that was asked about."""
    for name, labels in _asked_in(request).items():
        if missing := [label for label in labels if label not in found.get(name, {})]:
            _refuse(caps, f"it gives no probability of {missing[0]!r} for {name or 'the value'!r}")
    counts = raw["usage"] if isinstance(raw.get("usage"), dict) else {}
    details = counts.get("input_tokens_details")
    return Answer(
        text=json.dumps(found, ensure_ascii=False),
        finish_reason="stop",
        usage=Usage(
            prompt_tokens=count(counts, "input_tokens"),
            completion_tokens=count(counts, "output_tokens"),
            cached_tokens=count(details, "cached_tokens"),
        ),
        model=string(raw.get("model")),
        id=string(raw.get("id")),
        raw=raw,
    )


def _asked_in(request: Request | None) -> dict[str, Sequence[str]]:
    """The labels of each question of a request, by its name."""
    questions = from_json(request.body).get(QUESTIONS) if request is not None else ()
    if isinstance(questions, dict):
        return {
            name: list(one.get("criteria") or (_TRUE, _FALSE)) for name, one in questions.items()
        }
    return {
        one["name"]: [choice["value"] for choice in one["choices"]]
        if "choices" in one
        else (_TRUE, _FALSE)
        for one in questions
    }


def _refuse(caps: Capabilities, why: str) -> NoReturn:
    raise ServerError(
        f"{caps.provider} answered typed questions with 200, but {why}.",
        status_code=200,
        hint="Give a row of `capabilities` without `decisions`, if the server does not have them.",
    )


def _no_stream(event: Event, caps: Capabilities, request: Request | None = None) -> Delta:
    """Read an event: decisions are never streamed, so there is none."""
    raise _no_stream_error(caps)


def _no_stream_error(caps: Capabilities) -> APIError:
    return ServerError(f"{caps.provider} streamed an answer to typed questions.", hint="Ask again.")


DECISIONS: Final[Mapping[DecisionForm, Dialect]] = {
    "decisions": Dialect(_build_decisions, _parse_decisions, _no_stream, parse_error),
    "systemone": Dialect(_build_system_one, _parse_system_one, _no_stream, parse_error),
}
"""The dialects by form. The form is the path of the endpoint after the base URL."""
