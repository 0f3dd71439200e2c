"""What a scripted server says, whatever its dialect, and how it answers."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from pydantic_core import from_json

from structgen.values import Reply, Request


class Said(NamedTuple):
    """What a model says, whatever the dialect."""

    text: str | None = None
    """Its text; None for no text."""
    finish_reason: str = "stop"
    """Why it ends, in the words of Chat Completions."""
    refusal: str | None = None
    """What it says when it declines."""
    reasoning: str | None = None
    """Its reasoning."""
    calls: tuple[tuple[str, str, str], ...] = ()
    """Its calls of tools: id, name, and arguments as JSON text."""
    size: int = 4
    """Characters of each event."""

    @property
    def end(self) -> str:
        """Why it ends, given its calls."""
        return "tool_calls" if self.calls and self.finish_reason == "stop" else self.finish_reason


class Server(NamedTuple):
    """A scripted server of one dialect."""

    model: str
    """What a client is made with, such as "openai:gpt-4o"."""
    modes: tuple[str, ...]
    """The output modes that the tests go through."""
    whole: Callable[[Said], bytes]
    """The body of an answer."""
    events: Callable[[Said], list[bytes]]
    """The events of a streamed answer. The last `ends` of them say that it is whole."""
    ends: int
    """How many events at the end of a stream say that it is whole."""
    error: Callable[[int, str], Reply]
    """An error with this status and this message."""
    event_error: Callable[[str], bytes]
    """An event that breaks a stream off: the server is overloaded, with this message."""
    forced: Callable[[Any], str | None]
    """The name of the function that a request's body forces; None if it forces none."""
    schema: Callable[[Any], Any]
    """The schema that a request's body in mode "strict" holds the answer to."""
    texts: Callable[[Any], list[tuple[str, str]]]
    """The role and text of each message in a request's body, system messages first."""
    refuses: bool = True
    """Whether it has a member for what the model says when it declines."""
    has_lists: bool = False
    """Whether a strict answer may be a list, which is wrapped in an object elsewhere."""
    omits_absent: bool = False
    """Whether a field that the document does not state is left out, instead of null."""
    streams: Callable[[Request], bool] = lambda request: b'"stream":true' in request.body
    """Whether a request wants a stream."""

    @property
    def provider(self) -> str:
        """The provider's name."""
        return self.model.partition(":")[0]

    def line(
        self, said: Said, *, in_stream: bool | None = None
    ) -> Callable[[Request], list[bytes]]:
        """Answer a request: whole or as events, as it wants it; as a call if it forces one.

        Args:
            said: What the model says.
            in_stream: Whether to send events; by default as the request wants.
        """

        def answer(request: Request) -> list[bytes]:
            name = self.forced(json.loads(request.body))
            given = said
            if name is not None and said.text is not None and not said.calls:
                given = said._replace(text=None, calls=(("call_1", name, said.text),))
            wants = self.streams(request) if in_stream is None else in_stream
            return self.events(given) if wants else [self.whole(given)]

        return answer


def encoded(value: Any) -> bytes:
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def pieces(text: str | None, size: int) -> Iterator[str]:
    """A text in pieces; one empty piece for an empty text, none for no text."""
    if text is None:
        return
    size = max(size, len(text) // 60)
    yield from [text[at : at + size] for at in range(0, len(text), size)] or [""]


def data(value: Any) -> bytes:
    return b"data: " + encoded(value) + b"\n\n"


def named(value: dict[str, Any]) -> bytes:
    """An event with its type as its name, as OpenAI and Anthropic send them."""
    head = f"event: {value['type']}\n"
    return head.encode() + data(value)


def as_object(arguments: str) -> Any:
    """The arguments of a call, parsed. What cannot be said so stays a text, as gateways send it."""
    try:
        found = from_json(arguments)
        json.loads(arguments, object_pairs_hook=_without_repeated_names)
    except (ValueError, RecursionError):
        return arguments
    return arguments if isinstance(found, str) else found


def _without_repeated_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name twice")
    return found
