"""Chat templates: Jinja programs that come with a model and turn messages into the text it expects.

A template comes with a downloaded file, so it runs in Jinja's sandbox. The contents of messages are
kept apart from the text of the template: only the template may write the model's control tokens, so
that a document cannot end its own turn.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, Final, NamedTuple, NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from structgen.errors import EngineError
from structgen.values import IMAGE_PARTS, Message

_PLAIN: Final = (
    "{% for message in messages %}{{ message.role }}: {{ message.content }}\n{% endfor %}"
    "assistant: "
)
"""For models without a template: base models, which only continue a text."""


def _raise(message: str) -> NoReturn:
    raise TemplateError(message)


def _date(form: str) -> str:
    from datetime import datetime

    return datetime.now().strftime(form)


@lru_cache(maxsize=16)
def template(source: str) -> Any:
    """Compile the template of a model.

    Args:
        source: Its text; "" takes a plain template.

    Raises:
        EngineError: If Jinja cannot read it.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals.update(raise_exception=_raise, strftime_now=_date)
    try:
        return environment.from_string(source or _PLAIN)
    except TemplateError as error:
        raise EngineError(
            f"Cannot read the model's chat template: {error.message}",
            hint="Use another model file.",
        ) from None


class Piece(NamedTuple):
    """A piece of a prompt."""

    content: str | Mapping[str, Any]
    """A text, or the part of a message that holds an image."""
    trusted: bool
    """Whether the template wrote it, and not a message."""


def parts(compiled: Any, messages: Sequence[Message]) -> Iterator[Piece]:
    """Render a prompt in pieces.

    Templates of models that see may take the content of a message as a list of parts alone, so such
    a list is tried if a text does not get through.

    Args:
        compiled: The template.
        messages: The conversation.

    Yields:
        Each piece of the prompt, in order.

    Raises:
        EngineError: If the template refuses the messages, or leaves an image out.
    """
    mark = secrets.token_hex(8)
    pieces: list[str | Mapping[str, Any]] = []
    marked: list[str] = []
    for message in messages:
        own = _pieces_of(message)
        numbers = range(len(pieces), len(pieces) + len(own))
        marked.append("".join(f"{mark}{number}{mark}" for number in numbers))
        pieces += own
    cut = _rendered(compiled, messages, marked).split(mark)
    if len(set(cut[1::2])) < len(pieces):
        as_parts = [[{"type": "text", "text": text}] if text else "" for text in marked]
        with suppress(EngineError):
            cut = max(cut, _rendered(compiled, messages, as_parts).split(mark), key=len)
    shown = {int(number) for number in cut[1::2]}
    if any(not isinstance(one, str) and at not in shown for at, one in enumerate(pieces)):
        raise EngineError(
            "The model's chat template leaves out an image of the messages.",
            hint="Give images in messages of the user.",
        )
    for index, text in enumerate(cut):
        if text:
            yield Piece(pieces[int(text)], False) if index % 2 else Piece(text, True)


def _rendered(compiled: Any, messages: Sequence[Message], contents: Sequence[Any]) -> str:
    """The text that the template makes of messages with other contents."""
    shown = [
        {**message, "content": content} for message, content in zip(messages, contents, strict=True)
    ]
    try:
        rendered: str = compiled.render(
            messages=shown, add_generation_prompt=True, bos_token="", eos_token="", tools=None
        )
    except TemplateError as error:
        raise EngineError(
            f"The model's chat template refuses the messages: {error.message}",
            hint="Check the order of the roles: many models take system first, then user and "
            "assistant in turn.",
        ) from None
    return rendered


def _pieces_of(message: Message) -> list[str | Mapping[str, Any]]:
    """The texts and images of a message. Texts that follow each other are one."""
    content = message.get("content")
    if not isinstance(content, list | tuple):
        content = [content]
    pieces: list[str | Mapping[str, Any]] = []
    for part in content:
        is_image = isinstance(part, Mapping) and part.get("type") in IMAGE_PARTS
        piece = part if is_image else _text(part)
        last = pieces[-1] if pieces else None
        if isinstance(piece, str) and isinstance(last, str):
            pieces[-1] = last + piece
        elif piece:
            pieces.append(piece)
    return pieces


def _text(part: Any) -> str:
    """The text of a part of a message; "" if it has none."""
    if part is None:
        return ""
    if isinstance(part, Mapping) and part.get("type") == "text":
        part = str(part.get("text", ""))
    if not isinstance(part, str):
        raise EngineError(
            "A message has content that is neither text nor an image.",
            hint="Give `content` as a string, or as a list of texts and images.",
        )
    try:
        part.encode()
    except UnicodeEncodeError:
        raise EngineError(
            "A message contains half of a surrogate pair, which is not a character.",
            hint="Decode the document with errors='replace'.",
        ) from None
    return part
