"""The messages of a `ChatRequest`, for a dialect with terms of its own: contents and calls."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

from pydantic_core import from_json

from structgen.errors import InputError
from structgen.values import Message, kind_of_value
from structgen.wire.dialect import Capabilities, to_json

NATIVE: Final = "native"
"""The member of an answer's message that holds what the server wrote in its own terms. A message
that is put back into a conversation is sent in these terms to a server of the same dialect, so that
signatures of reasoning and the like are not lost."""


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
    calls = message.get("tool_calls") or ()
    if not isinstance(calls, list | tuple):
        raise InputError(
            f"`tool_calls` of a message is {kind_of_value(calls)}, not a list.",
            hint="Put the answer's message back as it came.",
        )
    for call in calls:
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
