"""Chat Completions answers, read by attribute: `completion.choices[0].message.content`.

The attribute paths are those of the vendors' SDKs. An object is a thin view of the parsed JSON, so
nothing is validated or copied for a call or an event. Members that the server added are attributes
too, and a documented member that it left out is None.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, ClassVar


class JsonObject:
    """A JSON object whose members are attributes.

    `str()` gives its JSON text. `repr()` shows no text of a model, so that logs stay clean.

    Args:
        raw: The parsed JSON, which is not copied.
    """

    __slots__ = ("_raw",)
    _raw: dict[str, Any]
    _known: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **nested: type[JsonObject]) -> None:
        """Make a property of each annotated member.

        Args:
            **nested: The class of each member that is an object, or a list of objects.
        """
        cls._known = frozenset(cls.__annotations__)
        for name in cls._known:
            getter = _nested_getter(name, nested[name]) if name in nested else _getter(name)
            setattr(cls, name, property(getter))

    def __init__(self, raw: dict[str, Any]) -> None:
        _set_raw(self, raw)

    def __getattr__(self, name: str) -> Any:
        """Read a member that the server added."""
        if name.startswith("_") or name not in self._raw:
            raise AttributeError(
                f"{type(self).__name__} has no {name!r}: the server did not send it."
            )
        return self._raw[name]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("An answer is read-only.")

    def to_dict(self) -> dict[str, Any]:
        """Return a copy of the parsed JSON."""
        return copy.deepcopy(self._raw)

    def to_json(self, *, indent: int | None = None) -> str:
        """Write the object as JSON text.

        Args:
            indent: Spaces per level; None for one line.
        """
        return json.dumps(self._raw, ensure_ascii=False, indent=indent)

    def model_dump(self, **_options: Any) -> dict[str, Any]:
        """Do what `to_dict` does, under its name in the SDKs.

        Args:
            **_options: Options of the SDKs' method, which are ignored.
        """
        return self.to_dict()

    def model_dump_json(self, *, indent: int | None = None, **_options: Any) -> str:
        """Do what `to_json` does, under its name in the SDKs.

        Args:
            indent: Spaces per level; None for one line.
            **_options: Further options of the SDKs' method, which are ignored.
        """
        return self.to_json(indent=indent)

    @property
    def model_extra(self) -> dict[str, Any]:
        """The members that the server added to the documented ones."""
        return {name: value for name, value in self._raw.items() if name not in self._known}

    def __getitem__(self, name: str) -> Any:
        return self._raw[name]

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Give names and values, as the SDKs' objects do, so that `dict(message)` works."""
        return iter(self._raw.items())

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and other._raw == self._raw

    __hash__ = None  # type: ignore[assignment]

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._raw,)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *self._known, *self._raw})

    def __str__(self) -> str:
        return self.to_json(indent=2)

    def __repr__(self) -> str:
        shown = [
            f"{name}={self._raw[name]!r}"
            for name in ("id", "model", "role", "finish_reason", "name")
            if self._raw.get(name)
        ]
        return f"{type(self).__name__}({', '.join(shown)})"


_set_raw = JsonObject.__dict__["_raw"].__set__  # a slot is a descriptor


_OTHER_NAMES = {"reasoning": "reasoning_content"}
"""Members that some servers send under another name (DeepSeek, SGLang, llama.cpp)."""


def _getter(name: str) -> Callable[[JsonObject], Any]:
    other = _OTHER_NAMES.get(name)
    if other is None:
        return lambda self: self._raw.get(name)
    return lambda self: self._raw.get(name, self._raw.get(other))


def _nested_getter(name: str, cls: type[JsonObject]) -> Callable[[JsonObject], Any]:
    """Read a member that is an object, or a list of objects."""

    def get(self: JsonObject) -> Any:
        value = self._raw.get(name)
        if isinstance(value, dict):
            return cls(value)
        if isinstance(value, list):
            return [cls(item) if isinstance(item, dict) else item for item in value]
        return value

    return get


class Function(JsonObject):
    """The function that a tool call names. `arguments` is JSON text."""

    name: str
    arguments: str


class ToolCall(JsonObject, function=Function):
    """A call of a tool. In a stream, `index` says which call an event adds to."""

    id: str
    type: str
    index: int
    function: Function


class ChatMessage(JsonObject, tool_calls=ToolCall, function_call=Function):
    """A message that the model wrote."""

    role: str
    content: str | None
    reasoning: str | None
    refusal: str | None
    tool_calls: list[ToolCall] | None
    function_call: Function | None
    annotations: list[Any] | None
    executed_tools: list[Any] | None


class Choice(JsonObject, message=ChatMessage):
    """One answer of the model.

    `finish_reason` is `stop`, `length`, `tool_calls`, `content_filter` or the server's own word.
    """

    index: int
    message: ChatMessage
    finish_reason: str | None
    logprobs: Any


class TokenDetails(JsonObject):
    """The parts of a token count."""

    cached_tokens: int | None
    reasoning_tokens: int | None


class CompletionUsage(
    JsonObject, prompt_tokens_details=TokenDetails, completion_tokens_details=TokenDetails
):
    """The tokens of a call. The members that end in `_time` are seconds, from Groq."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int
    queue_time: float | None
    prompt_time: float | None
    completion_time: float | None
    total_time: float | None
    prompt_tokens_details: TokenDetails | None
    completion_tokens_details: TokenDetails | None


class XGroq(JsonObject, usage=CompletionUsage):
    """Members of Groq's own. Its support asks for `id`."""

    id: str | None
    seed: int | None
    error: str | None
    usage: CompletionUsage | None


class ChatCompletion(JsonObject, choices=Choice, usage=CompletionUsage, x_groq=XGroq):
    """A whole answer of a server."""

    id: str
    object: str
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage | None
    system_fingerprint: str | None
    service_tier: str | None
    x_groq: XGroq | None


class ChoiceDelta(JsonObject, tool_calls=ToolCall, function_call=Function):
    """The part of a message that one event adds."""

    role: str | None
    content: str | None
    reasoning: str | None
    refusal: str | None
    tool_calls: list[ToolCall] | None
    function_call: Function | None
    channel: str | None


class ChunkChoice(JsonObject, delta=ChoiceDelta):
    """The part of one answer that one event adds."""

    index: int
    delta: ChoiceDelta
    finish_reason: str | None
    logprobs: Any


class ChatCompletionChunk(JsonObject, choices=ChunkChoice, usage=CompletionUsage, x_groq=XGroq):
    """One event of a streamed answer."""

    id: str
    object: str
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: CompletionUsage | None
    system_fingerprint: str | None
    service_tier: str | None
    x_groq: XGroq | None
