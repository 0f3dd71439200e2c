"""The vendors' own SDKs and structgen against one server: equivalent requests, equal answers.

Our requests have no members that theirs lack. Theirs may differ in `"stream": false`, which is the
default, and in `max_tokens`, which is deprecated on both and is sent under its new name by us.
"""

from __future__ import annotations

import json
from typing import Any

import groq
import openai
import pytest

from structgen import Client
from structgen.testing import FaultyServer, Served, completion, events
from tests.wire.parts import DOCUMENT, SCHEMA

MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": f'{DOCUMENT} é€😀\n"quoted"'},
]
FORMAT = {
    "type": "json_schema",
    "json_schema": {"name": "place", "strict": True, "schema": json.loads(SCHEMA)},
}
TOOL = {"type": "function", "function": {"name": "look", "parameters": json.loads(SCHEMA)}}
TURNS = [
    *MESSAGES,
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
        ],
    },
    {"role": "tool", "tool_call_id": "c1", "content": "a heron"},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "and this?"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}},
        ],
    },
]

COMMON: list[dict[str, Any]] = [
    {},
    {"temperature": 0},
    {"temperature": 0.5, "top_p": 1, "max_completion_tokens": 1024, "stop": None, "stream": False},
    {"stop": ", 6"},
    {"stop": ["a", "b", "c", "d"]},
    {"seed": 7, "user": "u-1", "n": 1},
    {"max_tokens": 9},
    {
        "response_format": {"type": "json_object"},
        "messages": [{"role": "user", "content": "Answer in JSON."}],
    },
    {"response_format": {"type": "text"}},
    {"response_format": FORMAT},
    {"tools": [TOOL], "tool_choice": "auto", "parallel_tool_calls": False},
    {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "look"}}},
    {"messages": TURNS, "model": "qwen/qwen3.8-27b"},  # it reads images
    {"reasoning_effort": "low"},
    {"service_tier": "auto"},
    {"extra_body": {"new_member": {"a": [1, None, "é"]}}},
]
GROQ: list[dict[str, Any]] = [
    {"reasoning_format": "hidden"},
    {"include_reasoning": False},
    {"disable_tool_validation": True},
    {"citation_options": "disabled", "documents": [{"source": {"type": "text", "text": DOCUMENT}}]},
    {"search_settings": {"country": "de"}},
    {"compound_custom": {"models": {"answering_model": "m"}}},
    {"service_tier": "flex"},
]
OPENAI: list[dict[str, Any]] = [
    {"logprobs": True, "top_logprobs": 2},
    {"frequency_penalty": 0.5, "presence_penalty": -0.5, "logit_bias": {"50256": -100}},
    {"metadata": {"a": "b"}, "store": True},
    {"verbosity": "low", "prompt_cache_key": "k", "safety_identifier": "s"},
    {"stream_options": {"include_usage": True}, "stream": True},
    {"modalities": ["text"], "prediction": {"type": "content", "content": "x"}},
]
ANSWER = completion(
    "Paris is 🗼",
    reasoning="because",
    tool_calls=[
        {
            "id": "c1",
            "type": "function",
            "function": {"name": "look", "arguments": '{"city":"Paris"}'},
        }
    ],
    unheard_of={"a": 1},
)


def requests_and_answers(
    provider: str, params: dict[str, Any], served: Served
) -> tuple[Any, Any, Any, Any]:
    """(their body, our body, their answer, our answer), of one question."""
    call = {"messages": MESSAGES, "model": "openai/gpt-oss-20b", **params}
    with FaultyServer(served) as server:
        theirs: Any
        if provider == "groq":
            theirs = groq.Groq(
                api_key="k", base_url=server.base_url.removesuffix("/v1"), max_retries=0
            )
        else:
            theirs = openai.OpenAI(api_key="k", base_url=server.base_url, max_retries=0)
        with (
            theirs,
            Client(f"{provider}:openai/gpt-oss-20b", base_url=server.base_url, api_key="k") as ours,
        ):
            answers = [
                list(answer) if params.get("stream") else answer
                for client in (theirs, ours)
                for answer in [client.chat.completions.create(**call)]
            ]
    bodies = [json.loads(request.body) for request in server.requests]
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer k"] * 2
    return *bodies, *answers


def allowed(theirs: dict[str, Any]) -> dict[str, Any]:
    """Their body, with the differences that this file's docstring allows taken out."""
    theirs = {name: value for name, value in theirs.items() if (name, value) != ("stream", False)}
    if "max_tokens" in theirs:
        theirs["max_completion_tokens"] = theirs.pop("max_tokens")
    return theirs


def same(theirs: Any, ours: Any) -> None:
    """Every value their object has, ours has under the same attribute."""
    if isinstance(theirs, list):
        assert len(theirs) == len(ours)
        for one, other in zip(theirs, ours, strict=True):
            same(one, other)
    elif hasattr(theirs, "model_fields_set"):
        for name in theirs.model_fields_set:
            same(getattr(theirs, name), getattr(ours, name))
        assert {name: getattr(ours, name) for name in theirs.model_extra or {}} == (
            theirs.model_extra or {}
        )
    else:
        assert theirs == ours


GRID = [("groq", params) for params in COMMON + GROQ] + [
    ("openai", params) for params in COMMON + OPENAI
]


@pytest.mark.parametrize(
    ("provider", "params"),
    GRID,
    ids=lambda value: value if isinstance(value, str) else "-".join(value) or "plain",
)
def test_equivalent_requests_and_equal_answers(provider: str, params: dict[str, Any]) -> None:
    served = Served(pieces=events("Paris is 🗼")) if params.get("stream") else Served(body=ANSWER)
    their_body, our_body, their_answer, our_answer = requests_and_answers(provider, params, served)
    assert our_body == allowed(their_body)
    same(their_answer, our_answer)


@pytest.mark.parametrize("provider", ["groq", "openai"])
def test_equal_streams(provider: str) -> None:
    their_body, our_body, theirs, ours = requests_and_answers(
        provider, {"stream": True}, Served(pieces=events("Paris is 🗼"))
    )
    assert our_body == their_body
    same(theirs, ours)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in ours) == "Paris is 🗼"


@pytest.mark.parametrize("provider", ["groq", "openai"])
def test_every_parameter_of_the_sdk_is_one_of_ours(provider: str) -> None:
    """A new parameter of an SDK shows up here."""
    import inspect

    from structgen.chat.params import Params

    method = (groq.Groq if provider == "groq" else openai.OpenAI)(
        api_key="k"
    ).chat.completions.create
    theirs = set(inspect.signature(method).parameters) - {"self", "messages", "model", "stream"}
    assert theirs <= set(Params.__annotations__)
