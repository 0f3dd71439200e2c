"""The parameters of a `ChatRequest`, for a dialect with terms of its own.

Requests come in the terms of Chat Completions. A dialect takes the parameters that it can say in
its own terms, one by one; what is left is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import from_json

from structgen.errors import ConfigurationError
from structgen.options import UNSET, Options
from structgen.values import kind_of_value
from structgen.wire.dialect import Capabilities, ChatRequest
from structgen.wire.models.reasoning import EFFORT, with_reasoning

_NEUTRAL: Final[Mapping[str, Any]] = {
    "n": 1,
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "top_logprobs": 0,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "stream_options": {"include_usage": True},
    "response_format": {"type": "text"},
}
"""Values that ask for nothing special; a server that lacks the parameter loses nothing by them."""
_OPTIONS: Final = (
    "temperature",
    "top_p",
    "seed",
    "stop",
    "max_tokens",
    "reasoning_effort",
    "service_tier",
)
"""The options of a call that are parameters of Chat Completions, under the same names."""


# ---- parameters ----------------------------------------------------------------------


def option_members(options: Options) -> dict[str, Any]:
    """Give the options of a call that are parameters of Chat Completions.

    Args:
        options: The options of the call.
    """
    given = {name: getattr(options, name) for name in _OPTIONS}
    members = {name: value for name, value in given.items() if value is not UNSET}
    if options.logprobs is True:
        members["logprobs"] = True
    return members


def extra_body(chat_request: ChatRequest) -> dict[str, Any]:
    """Give the members of the body in the server's own terms, those of the call first.

    Args:
        chat_request: The request.
    """
    shared = chat_request.options.extra_body
    return {**({} if shared is UNSET else shared), **chat_request.extra_body}


def parameters(chat_request: ChatRequest, caps: Capabilities) -> dict[str, Any]:
    """Give the parameters of a request, those of the call before those of the options.

    The two names of the token limit become one, `max_tokens`. A parameter that is None is left
    out, and so is `include_usage`: these servers always count the tokens of a stream. The level of
    reasoning is one of the model's, and what the model refuses while it reasons is left out.

    Args:
        chat_request: The request.
        caps: The row of the model.

    Raises:
        ConfigurationError: If a parameter has a wrong form, or the call gives a schema besides
            that of its target.
    """
    members = option_members(chat_request.options)
    given = dict(chat_request.members)
    older, limit = given.pop("max_tokens", None), given.pop("max_completion_tokens", None)
    limit = older if limit is None else limit
    members.update(given)
    if limit is not None:
        members["max_tokens"] = limit
    if chat_request.schema is not None:
        _check_no_schema(members, chat_request)
    asked = members.get("stream_options")
    if isinstance(asked, Mapping) and set(asked) <= {"include_usage"}:
        del members["stream_options"]
    given = {name: value for name, value in members.items() if value is not None}
    _check_forms(given)
    return with_reasoning(given, replace(caps.reasoning, member=(EFFORT,)))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


_FORMS: Final[Mapping[str, tuple[Callable[[Any], bool], str]]] = {
    "tools": (_is_list, "a list of functions"),
    "tool_choice": (lambda value: isinstance(value, str | Mapping), "a word or an object"),
    "response_format": (lambda value: isinstance(value, Mapping), "an object with a `type`"),
    "reasoning_effort": (lambda value: isinstance(value, str), "a level such as 'low'"),
    "stream_options": (lambda value: isinstance(value, Mapping), "an object"),
    "stop": (
        lambda value: (
            isinstance(value, str)
            or (_is_list(value) and all(isinstance(one, str) for one in value))
        ),
        "a text or a list of texts",
    ),
}
"""The forms of parameters that dialects look into."""


def _check_forms(given: Mapping[str, Any]) -> None:
    for name, (fits, form) in _FORMS.items():
        if name in given and not fits(given[name]):
            raise ConfigurationError(
                f"`{name}` is {kind_of_value(given[name])}.", hint=f"Give {form}."
            )


def _check_no_schema(members: Mapping[str, Any], chat_request: ChatRequest) -> None:
    for name in ("response_format", *(("tools",) if chat_request.mode == "tool" else ())):
        if members.get(name):
            raise ConfigurationError(
                f"{name!r} is already in the request: it holds the schema of the target.",
                hint=f"Remove `{name}`, or use chat.completions.create.",
            )


@lru_cache(maxsize=1024)
def parsed_schema(schema: bytes) -> Any:
    """Parse a compiled schema, once for all calls with a target. It must not be changed.

    Args:
        schema: The schema as JSON text.
    """
    return from_json(schema)


def check_json_word(messages: bytes, caps: Capabilities) -> None:
    """Raise if a server wants the word JSON in the messages of JSON object mode, and it is not.

    Args:
        messages: The messages as JSON text.
        caps: The row of the server.

    Raises:
        ConfigurationError: If the word is missing.
    """
    if caps.needs_json_word and b"json" not in messages.lower():
        raise ConfigurationError(
            f"{caps.provider} takes JSON object mode only with the word JSON in the messages.",
            hint="Add it to a message, as in 'Answer in JSON.'",
        )


def take_renamed(
    members: dict[str, Any], names: Mapping[str, str], unsupported: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Take the parameters that a server has under these names, out of those that are left.

    Args:
        members: The parameters that are left; those that are taken are removed.
        names: Names of Chat Completions with the server's names.
        unsupported: Names that this model does not take, and so stay.
    """
    taken = [name for name in names if name in members and name not in unsupported]
    return {names[name]: members.pop(name) for name in taken}


def refuse_rest(members: Mapping[str, Any], chat_request: ChatRequest, caps: Capabilities) -> None:
    """Raise if parameters are left that the server has no words for.

    Args:
        members: The parameters that no one took.
        chat_request: The request they belong to.
        caps: The row of the server.

    Raises:
        ConfigurationError: If one of them asks for something.
    """
    for name, value in members.items():
        if not asks_for_nothing(name, value):
            raise ConfigurationError(
                f"{caps.provider} does not take {name} (model {chat_request.model!r}).",
                hint=f"Leave `{name}` out. What the server has of its own goes into `extra_body`.",
            )


def asks_for_nothing(name: str, value: Any) -> bool:
    """Whether a server that lacks a parameter loses nothing by it. A seed of 0 asks for it.

    Args:
        name: The parameter, as Chat Completions calls it.
        value: Its value.
    """
    is_empty = isinstance(value, str | Sequence | Mapping) and not value
    return is_empty or value is False or value == _NEUTRAL.get(name)


def check_max_tokens(limit: Any, chat_request: ChatRequest, caps: Capabilities) -> None:
    """Raise if a call asks for a longer answer than the model writes.

    Args:
        limit: The token limit that will be sent; None for none.
        chat_request: The request it belongs to.
        caps: The row of the model.

    Raises:
        ConfigurationError: If the limit is above that of the model.
    """
    if caps.max_output is not None and isinstance(limit, int) and limit > caps.max_output:
        raise ConfigurationError(
            f"{caps.provider}:{chat_request.model} writes at most {caps.max_output} tokens; "
            f"{limit} were asked for.",
            hint="Lower `max_tokens`.",
        )


def with_extra_body(
    body: dict[str, Any],
    chat_request: ChatRequest,
    written: frozenset[str],
    schema_at: tuple[tuple[str, ...], ...] = (),
) -> dict[str, Any]:
    """Add the members in the server's own terms to a body. Objects are merged, member by member.

    Args:
        body: The body, as the dialect wrote it.
        chat_request: The request.
        written: Members of the body that only the dialect writes.
        schema_at: Where the body holds the schema of a target, which nothing may replace.

    Raises:
        ConfigurationError: If one of those is given.
    """
    held = [(path, _at(body, path)) for path in schema_at if chat_request.schema is not None]
    for name, value in extra_body(chat_request).items():
        if name in written:
            raise ConfigurationError(
                f"{name!r} is already in the request.",
                hint=f"Remove `{name}` from `extra_body`, and give it as a parameter of the call.",
            )
        mine = body.get(name)
        both = isinstance(mine, Mapping) and isinstance(value, Mapping)
        body[name] = _merged(mine, value) if both else value
    for path, ours in held:
        if ours is not None and _at(body, path) is not ours:
            raise ConfigurationError(
                f"{'.'.join(path)!r} is already in the request: it holds the schema of the target.",
                hint=f"Remove `{path[0]}` from `extra_body`, or use chat.completions.create.",
            )
    return body


def _at(body: Any, path: tuple[str, ...]) -> Any:
    """The value at a path of names; None if there is none."""
    for name in path:
        body = body.get(name) if isinstance(body, Mapping) else None
    return body


def _merged(mine: Any, given: Any) -> dict[str, Any]:
    """Two objects as one; what is given goes before what is mine."""
    merged = dict(mine)
    for name, value in given.items():
        both = isinstance(merged.get(name), Mapping) and isinstance(value, Mapping)
        merged[name] = _merged(merged[name], value) if both else value
    return merged


# ---- tools and formats ---------------------------------------------------------------


class GivenTool(NamedTuple):
    """A function that the model may call, as Chat Completions describes it."""

    name: str
    """Its name."""
    description: str | None
    """What it does."""
    parameters: Mapping[str, Any]
    """The JSON Schema of its arguments."""
    strict: bool | None
    """Whether the server must hold the arguments to the schema; None if nothing was said."""


def given_tool(tool: Any) -> GivenTool | None:
    """Read a tool of a request; None if it is in the server's own terms.

    Args:
        tool: An item of `tools`.

    Raises:
        ConfigurationError: If it is not an object, or a function without a name.
    """
    if not isinstance(tool, Mapping):
        raise ConfigurationError(
            f"A tool is {kind_of_value(tool)}, not an object.",
            hint='Write {"type": "function", "function": {"name": ..., "parameters": {...}}}.',
        )
    function = tool.get("function")
    if not isinstance(function, Mapping):
        return None
    name = function.get("name")
    if not isinstance(name, str) or not name:
        raise ConfigurationError("A function of `tools` has no name.", hint="Give it a `name`.")
    schema = function.get("parameters") or {"type": "object", "properties": {}}
    return GivenTool(name, function.get("description"), schema, function.get("strict"))


def forced_function(tool_choice: Any) -> str | None:
    """Give the name of the function that `tool_choice` forces; None if it forces none.

    Args:
        tool_choice: The value of `tool_choice`, as in Chat Completions.
    """
    function = tool_choice.get("function") if isinstance(tool_choice, Mapping) else None
    name = function.get("name") if isinstance(function, Mapping) else None
    return name if isinstance(name, str) else None


class GivenFormat(NamedTuple):
    """What `response_format` asks for."""

    kind: Literal["text", "json_object", "json_schema"]
    """Its type."""
    name: str = "answer"
    """The name of the schema."""
    schema: Any = None
    """The schema."""
    strict: bool = False
    """Whether the server must hold the answer to it."""


def given_format(response_format: Any) -> GivenFormat:
    """Read `response_format`, as Chat Completions has it.

    Args:
        response_format: Its value; None for text.

    Raises:
        ConfigurationError: If it is of no known type, or has no schema.
    """
    kind = response_format.get("type") if isinstance(response_format, Mapping) else "text"
    if response_format is None or kind == "text":
        return GivenFormat("text")
    if kind == "json_object":
        return GivenFormat("json_object")
    inner = response_format.get("json_schema")
    if kind != "json_schema" or not isinstance(inner, Mapping) or "schema" not in inner:
        raise ConfigurationError(
            "`response_format` has no schema.",
            hint='Write {"type": "json_schema", "json_schema": {"name": ..., "schema": {...}}}.',
        )
    name = str(inner.get("name") or "answer")
    return GivenFormat("json_schema", name, inner["schema"], inner.get("strict") is True)
