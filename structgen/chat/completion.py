"""Chat Completions answers, read by attribute as the vendors' SDKs have it: `completion.choices[0].message.content`.

An object is a thin view of the parsed JSON: nothing is validated or copied for a call or an event, members the server added are
there under their names, and a documented member that it left out is None.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any, ClassVar


class JsonObject:
    """A JSON object read by attribute. `str()` is its JSON text; `repr()` holds no text of a model."""

    __slots__ = ("_raw",)
    _raw: dict[str, Any]
    _known: ClassVar[frozenset[str]] = frozenset()

    def __init_subclass__(cls, **nested: type[JsonObject]) -> None:
        """`nested`: which members are objects, or lists of objects, of which class."""
        cls._known = frozenset(cls.__annotations__)
        for name in cls._known:
            setattr(
                cls,
                name,
                property(_plain(name) if name not in nested else _wrapped(name, nested[name])),
            )

    def __init__(self, raw: dict[str, Any]) -> None:
        _set_raw(self, raw)

    def __getattr__(self, name: str) -> Any:
        """A member that the server added."""
        if name.startswith("_") or name not in self._raw:
            raise AttributeError(
                f"{type(self).__name__} has no {name!r}: the server did not send it"
            )
        return self._raw[name]

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError("An answer is read-only.")

    def to_dict(self) -> dict[str, Any]:
        """The parsed JSON, as a copy."""
        return copy.deepcopy(self._raw)

    def to_json(self, *, indent: int | None = None) -> str:
        return json.dumps(self._raw, ensure_ascii=False, indent=indent)

    def model_dump(self, **_options: Any) -> dict[str, Any]:
        """`to_dict`, under the name that objects of the SDKs have for it."""
        return self.to_dict()

    def model_dump_json(self, *, indent: int | None = None, **_options: Any) -> str:
        """`to_json`, under the name that objects of the SDKs have for it."""
        return self.to_json(indent=indent)

    @property
    def model_extra(self) -> dict[str, Any]:
        """The members that are not documented for this object."""
        return {name: value for name, value in self._raw.items() if name not in self._known}

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


def _plain(name: str) -> Callable[[JsonObject], Any]:
    return lambda self: self._raw.get(name)


def _wrapped(name: str, cls: type[JsonObject]) -> Callable[[JsonObject], Any]:
    """A reader of a member that is an object, or a list of objects."""

    def read(self: JsonObject) -> Any:
        value = self._raw.get(name)
        if isinstance(value, dict):
            return cls(value)
        if isinstance(value, list):
            return [cls(item) if isinstance(item, dict) else item for item in value]
        return value

    return read


class Function(JsonObject):
    """What a tool call calls: `arguments` is JSON text."""

    name: str
    arguments: str


class ToolCall(JsonObject, function=Function):
    """A call of a tool; `index` in streams."""

    id: str
    type: str
    index: int
    function: Function


class ChatMessage(JsonObject, tool_calls=ToolCall, function_call=Function):
    """What the model answered."""

    role: str
    content: str | None
    reasoning: str | None
    refusal: str | None
    tool_calls: list[ToolCall] | None
    function_call: Function | None
    annotations: list[Any] | None
    executed_tools: list[Any] | None


class Choice(JsonObject, message=ChatMessage):
    """One answer; `finish_reason` is `stop`, `length`, `tool_calls`, `content_filter` or the server's own word."""

    index: int
    message: ChatMessage
    finish_reason: str | None
    logprobs: Any


class TokenDetails(JsonObject):
    """Parts of a token count."""

    cached_tokens: int | None
    reasoning_tokens: int | None


class CompletionUsage(
    JsonObject, prompt_tokens_details=TokenDetails, completion_tokens_details=TokenDetails
):
    """Tokens; on Groq also seconds (`queue_time`, `prompt_time`, `completion_time`, `total_time`)."""

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
    """Groq's own part: `id` is what its support asks for."""

    id: str | None
    seed: int | None
    error: str | None
    usage: CompletionUsage | None


class ChatCompletion(JsonObject, choices=Choice, usage=CompletionUsage, x_groq=XGroq):
    """A whole answer."""

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
    """What an event adds to a message."""

    role: str | None
    content: str | None
    reasoning: str | None
    refusal: str | None
    tool_calls: list[ToolCall] | None
    function_call: Function | None
    channel: str | None


class ChunkChoice(JsonObject, delta=ChoiceDelta):
    """What an event adds to one answer."""

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
