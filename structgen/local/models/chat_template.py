"""Chat templates: Jinja programs that come with a model and turn messages into the text it expects.

A template comes with a downloaded file, so it runs in Jinja's sandbox. The contents of messages are
kept apart from the text of the template: only the template may write the model's control tokens, so
that a document cannot end its own turn.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from structgen.errors import EngineError
from structgen.values import Message

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


def parts(compiled: Any, messages: Sequence[Message]) -> Iterator[tuple[str, bool]]:
    """Render a prompt in pieces.

    Args:
        compiled: The template.
        messages: The conversation.

    Yields:
        Each piece of text, and whether the template wrote it (True) or a message did (False).

    Raises:
        EngineError: If the template refuses the messages.
    """
    mark = secrets.token_hex(8)
    contents = [text(message) for message in messages]
    marked = [
        {**message, "content": f"{mark}{index}{mark}" if contents[index] else ""}
        for index, message in enumerate(messages)
    ]
    try:
        rendered = compiled.render(
            messages=marked, add_generation_prompt=True, bos_token="", eos_token="", tools=None
        )
    except TemplateError as error:
        raise EngineError(
            f"The model's chat template refuses the messages: {error.message}",
            hint="Check the order of the roles: many models take system first, then user and "
            "assistant in turn.",
        ) from None
    for index, piece in enumerate(rendered.split(mark)):
        if piece:
            yield (contents[int(piece)], False) if index % 2 else (piece, True)


def text(message: Message) -> str:
    """The text of a message; "" if it has none.

    Args:
        message: The message; its content is a string or a list of text parts.

    Raises:
        EngineError: If the content is something else than text.
    """
    content = message.get("content")
    if content is None:
        return ""
    if isinstance(content, list) and all(
        isinstance(part, dict) and part.get("type") == "text" for part in content
    ):
        content = "".join(str(part.get("text", "")) for part in content)
    if not isinstance(content, str):
        raise EngineError(
            "A message has content that is not text.",
            hint="A model in this process reads text alone: give `content` as a string.",
        )
    try:
        content.encode()
    except UnicodeEncodeError:
        raise EngineError(
            "A message contains half of a surrogate pair, which is not a character.",
            hint="Decode the document with errors='replace'.",
        ) from None
    return content
