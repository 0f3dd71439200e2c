"""What a `ChatRequest` gives to a dialect with terms of its own: parameters, messages, contents.

Requests come in the terms of Chat Completions. A dialect takes the parameters that it can say in
its own terms, one by one; what is left is refused before anything is sent.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import from_json

from structgen.errors import ConfigurationError, InputError
from structgen.options import UNSET, Options
from structgen.values import Message, kind_of_value
from structgen.wire.dialect import Capabilities, ChatRequest, to_json

NATIVE: Final = "native"
"""The member of an answer's message that holds what the server wrote in its own terms. A message
that is put back into a conversation is sent in these terms to a server of the same dialect, so that
signatures of reasoning and the like are not lost."""

_NEUTRAL: Final[Mapping[str, Any]] = {
    "n": 1,
    "tool_choice": "auto",
    "parallel_tool_calls": True,
    "logprobs": False,
    "frequency_penalty": 0,
    "presence_penalty": 0,
    "stream_options": {"include_usage": True},
    "response_format": {"type": "text"},
}
"""Values that ask for nothing special; a server that lacks the parameter loses nothing by them."""
_OPTIONS: Final = ("temperature", "top_p", "seed", "stop", "max_tokens", "reasoning_effort")
"""The options of a call that are parameters of Chat Completions, under the same names."""


# ---- parameters ----------------------------------------------------------------------


def option_members(options: Options) -> dict[str, Any]:
    """Give the options of a call that are parameters of Chat Completions.

    Args:
        options: The options of the call.
    """
    given = {name: getattr(options, name, UNSET) for name in _OPTIONS}
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


def parameters(chat_request: ChatRequest) -> dict[str, Any]:
    """Give the parameters of a request, those of the call before those of the options.

    The two names of the token limit become one, `max_tokens`. A parameter that is None is left
    out.

    Args:
        chat_request: The request.
    """
    members = option_members(chat_request.options)
    given = dict(chat_request.members)
    limit = given.pop("max_completion_tokens", None) or given.pop("max_tokens", None)
    given.pop("max_tokens", None)
    members.update(given)
    if limit is not None:
        members["max_tokens"] = limit
    return {name: value for name, value in members.items() if value is not None}


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
        is_neutral = not value or value == _NEUTRAL.get(name)
        if not is_neutral:
            raise ConfigurationError(
                f"{caps.provider} does not take {name} (model {chat_request.model!r}).",
                hint=f"Leave `{name}` out. What the server has of its own goes into `extra_body`.",
            )


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
    body: dict[str, Any], chat_request: ChatRequest, written: frozenset[str]
) -> dict[str, Any]:
    """Add the members in the server's own terms to a body. Objects are merged, member by member.

    Args:
        body: The body, as the dialect wrote it.
        chat_request: The request.
        written: Members of the body that only the dialect writes.

    Raises:
        ConfigurationError: If one of those is given.
    """
    for name, value in extra_body(chat_request).items():
        if name in written:
            raise ConfigurationError(
                f"{name!r} is already in the request.",
                hint=f"Remove `{name}` from `extra_body`, and give it as a parameter of the call.",
            )
        mine = body.get(name)
        both = isinstance(mine, Mapping) and isinstance(value, Mapping)
        body[name] = _merged(mine, value) if both else value
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


# ---- messages ------------------------------------------------------------------------


class Part(NamedTuple):
    """One part of a message's content."""

    kind: Literal["text", "image", "file"]
    """What it is."""
    text: str = ""
    """The text of a text."""
    url: str = ""
    """The address of an image or a file that the server fetches; empty if the part holds it."""
    media_type: str = ""
    """The media type of the data, such as "image/png"."""
    data: str = ""
    """The data in base64."""
    name: str | None = None
    """The name of a file."""
    file_id: str | None = None
    """The server's name for a file that was uploaded."""
    detail: str | None = None
    """How closely the model looks at an image, in OpenAI's words."""
    more: Mapping[str, Any] = {}
    """Further members that the caller gave the part, such as `cache_control`."""


def plain_messages(messages: Sequence[Message]) -> Iterator[Mapping[str, Any]]:
    """Give the messages as plain data, messages of earlier answers among them.

    Args:
        messages: The messages of a request.

    Raises:
        InputError: If one is not an object with a role.
    """
    for message in messages:
        plain = message if isinstance(message, dict) else from_json(to_json(message))
        if not isinstance(plain, dict) or not isinstance(plain.get("role"), str):
            raise InputError(
                f"A message is {kind_of_value(plain)} without a role.",
                hint='Write {"role": "user", "content": "..."}.',
            )
        yield plain


def parts_of(content: Any, caps: Capabilities) -> list[Part]:
    """Read the content of a message: a text, or a list of parts.

    Args:
        content: The content, as Chat Completions has it; None for none.
        caps: The row of the server, for errors.

    Raises:
        InputError: If it is neither, or a part is of a kind that this server is not sent.
    """
    if content is None:
        return []
    if isinstance(content, str):
        return [Part("text", content)]
    if not isinstance(content, Sequence):
        raise InputError(
            f"The content of a message is {kind_of_value(content)}.",
            hint="Give a text, or a list of parts.",
        )
    return [_part_of(part, caps) for part in content]


_KNOWN: Final = frozenset({"type", "text", "image_url", "file", "refusal"})
"""Members of parts that are read here; others are the caller's."""


def _part_of(part: Any, caps: Capabilities) -> Part:
    kind = part.get("type") if isinstance(part, Mapping) else None
    if isinstance(part, str):
        return Part("text", part)
    if kind in ("text", "refusal") and isinstance(part.get(kind), str):
        return Part("text", part[kind], more=_more(part))
    if kind == "image_url":
        held = part.get("image_url")
        held = held if isinstance(held, Mapping) else {"url": held}
        found = _located("image", held.get("url"))
        return found._replace(detail=held.get("detail"), more=_more(part))
    if kind == "file" and isinstance(part.get("file"), Mapping):
        held = part["file"]
        found = Part("file") if held.get("file_id") else _located("file", held.get("file_data"))
        return found._replace(
            name=held.get("filename"), file_id=held.get("file_id"), more=_more(part)
        )
    raise InputError(
        f"{caps.provider} is not sent parts of type {kind!r} in messages.",
        hint="Use texts, images (structgen.image) and files (structgen.file).",
    )


def _more(part: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in part.items() if name not in _KNOWN}


def _located(kind: Literal["image", "file"], url: Any) -> Part:
    """A part by its URL, which may hold the data itself."""
    if not isinstance(url, str) or not url:
        raise InputError(
            f"A part of a message holds no {kind}.",
            hint=f"Make it with structgen.{kind}.",
        )
    if not url.startswith("data:"):
        return Part(kind, url=url)
    head, comma, data = url[5:].partition(",")
    media_type, *parameters = head.split(";")
    if not comma or "base64" not in parameters:
        raise InputError(
            f"The data URL of a part of type {kind} is not in base64.",
            hint=f"Make the part with structgen.{kind}.",
        )
    return Part(kind, media_type=media_type, data=data)


def text_of(content: Any, caps: Capabilities) -> str:
    """Give the texts of a content, joined. Images and files are refused.

    Args:
        content: The content of a message that must be text alone, such as a system message.
        caps: The row of the server, for errors.

    Raises:
        InputError: If a part is no text.
    """
    parts = parts_of(content, caps)
    if any(part.kind != "text" for part in parts):
        raise InputError(
            f"{caps.provider} reads images and files in messages of users alone.",
            hint="Move them into a message with the role `user`.",
        )
    return "".join(part.text for part in parts)


class GivenCall(NamedTuple):
    """A call of a tool in a message of the assistant."""

    id: str
    """What the result refers to."""
    name: str
    """The function."""
    arguments: str
    """Its arguments, as JSON text."""

    def arguments_as_object(self) -> dict[str, Any]:
        """Parse the arguments.

        Raises:
            InputError: If they are not a JSON object.
        """
        try:
            value = from_json(self.arguments or "{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise InputError(
                f"The arguments of a call of {self.name} are not a JSON object.",
                hint="Leave the call out, or write its arguments as the text of a JSON object.",
            )
        return value


def calls_of(message: Mapping[str, Any]) -> list[GivenCall]:
    """Read the calls of tools in a message of the assistant.

    Args:
        message: The message, as plain data.

    Raises:
        InputError: If a call names no function.
    """
    found = []
    for call in message.get("tool_calls") or ():
        function = call.get("function") if isinstance(call, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(name, str):
            raise InputError(
                "A call in `tool_calls` names no function.",
                hint="Put the answer's message back as it came.",
            )
        arguments = function.get("arguments") or ""
        text = arguments if isinstance(arguments, str) else to_json(arguments).decode()
        found.append(GivenCall(str(call.get("id") or ""), name, text))
    return found


def native_of(message: Mapping[str, Any], dialect: str) -> list[dict[str, Any]] | None:
    """Give what a server of this dialect wrote in its own terms; None if it wrote no such message.

    Args:
        message: A message of the assistant, as plain data.
        dialect: The name of the dialect.
    """
    native = message.get(NATIVE)
    items = native.get(dialect) if isinstance(native, Mapping) else None
    return items if isinstance(items, list) and items else None
