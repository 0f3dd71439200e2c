"""Frozen values that the layers hand to one another. No behaviour beyond reading and adding them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeAlias

Json: TypeAlias = Any
"""Plain JSON data: None, bool, int, float, str, list, dict with str keys."""

JsonSchema: TypeAlias = "dict[str, Any]"
"""A JSON Schema object."""

Message: TypeAlias = Mapping[str, Any]
"""One message of a Chat Completions request: `{"role": ..., "content": ...}` and what else its role allows."""

Document: TypeAlias = str | Sequence[Message]
"""What is extracted from: a text, or the messages of a conversation."""

Mode: TypeAlias = Literal["decoder", "strict", "best-effort", "tool", "json-object", "prompt"]
"""How the answer is held to the schema, strongest first: by constrained decoding that we run or configured ourselves; by the
server's `json_schema` with and without `strict`; by a tool call; by JSON object mode; by the prompt alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, as the backend counted them. Adds up with `+`."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cached_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            **{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)}
        )


@dataclass(frozen=True, slots=True)
class Note:
    """One thing the compiled schema does differently from the source.

    `path`: JSON Pointer into the source schema. `keyword`: the construct. `action`: `rewritten` (another shape, mapped back
    without loss), `checked` (not held while decoding, proved afterwards) or `narrowed` (some values of the source cannot be
    answered; says which). `detail`: one line for people.
    """

    path: str
    keyword: str
    action: Literal["rewritten", "checked", "narrowed"]
    detail: str

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.keyword} {self.action}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of an answer. `path`: JSON Pointer into the value; `schema_path`: into the source schema, ending in the keyword;
    `found` and `wanted`: short texts. `str()` is one line that can be shown to a model."""

    path: str
    schema_path: str
    found: str
    wanted: str

    def __str__(self) -> str:
        return f"{self.path or '/'}: found {self.found}, wanted {self.wanted}"


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item of a list that is not valid. `path`: JSON Pointer to where it stood; `value`: plain data; `violations`: why."""

    path: str
    value: Json = field(repr=False)
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a value stands in the text: `text[start:end] == quote`, in characters. Of a conversation, the text is what
    `grounding.source_of(messages)` gives: the contents of the user's messages, one a line."""

    quote: str = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as a dialect builds it; `path` is relative to the backend's base URL."""

    method: str
    path: str
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer. Header names are lower-case. `body` is empty for an open stream."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model answered, whatever the backend.

    `finish_reason`: `stop`, `length`, `tool_calls`, `content_filter` or the server's own word; `refusal`: what it said when it declined;
    `seconds`: where the backend measured its parts (`load`, `compile`, `prefill`, `decode`); `notes`: what a decoder in this
    process did not hold, on top of the compiler's notes; `logprobs`: the text in the model's tokens, each with the natural
    logarithm of its probability, where they were asked for; `shortened`: JSON Pointers into the answer, of the values that a token
    budget cut short; `raw`: the parsed body.
    """

    text: str | None = field(repr=False)
    finish_reason: str | None = None
    refusal: str | None = field(default=None, repr=False)
    reasoning: str | None = field(default=None, repr=False)
    tool_calls: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    usage: Usage = Usage()
    model: str | None = None
    id: str | None = None
    seconds: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    logprobs: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    shortened: tuple[str, ...] = ()
    raw: Any = field(default=None, repr=False)
