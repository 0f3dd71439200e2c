"""What a dialect is: four pure functions between our terms and a server's bytes, and a row of facts that steers them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from structgen.errors import APIError, InputError
from structgen.options import Options
from structgen.values import Answer, Message, Mode, Reply, Request, Usage
from structgen.wire.sse import Event

Form: TypeAlias = Literal["json_schema", "json_object", "tgi"]
"""Where a request holds the schema: `response_format.json_schema.schema` (OpenAI's), `response_format.schema` beside
`"type": "json_object"` (llama-cpp-python's server), or TGI's own `response_format.value`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What one provider's models can do and how its wire differs. A row of `dialects/tables.py`, or the user's own.

    `model`: glob pattern of the models the row is for. `modes`: (mode, schema subset) strongest first; the subset names what that
    mode can hold an answer to. `form`: where the schema goes. `tool_strict`: a tool may be marked strict. `rename`: parameters
    that have another name here. `unsupported`: parameters that the server refuses or silently ignores. `stop_max`: stop sequences
    it takes; `stop_list`: only as a list. `stream_with_schema`, `tools_with_schema`: may they be combined. `needs_json_word`:
    JSON object mode wants the word "JSON" in the messages. `stream_usage`: a stream counts its tokens only when asked to.
    `schema_extra`: further members a request with a schema needs. `retried`: statuses worth another try besides the usual.
    `context`, `max_output`: tokens, where known.

    `base_url`: where it is by default; `base_path`: what its base URLs end in; `base_url_env`, `key_env`, `headers_env`:
    environment variables for the address, the key and further headers; `key_header`: which header takes the key; `needs_key`: it
    answers nobody without one.
    """

    dialect: Dialect
    provider: str
    model: str = "*"
    base_url: str | None = None
    base_path: str = ""
    base_url_env: tuple[str, ...] = ()
    key_env: tuple[str, ...] = ()
    headers_env: tuple[str, ...] = ()
    key_header: str = "authorization"
    needs_key: bool = False
    path: str = "chat/completions"
    modes: tuple[tuple[Mode, str], ...] = (
        ("json-object", "json-object"),
        ("prompt", "json-object"),
    )
    form: Form = "json_schema"
    tool_strict: bool = False
    rename: tuple[tuple[str, str], ...] = ()
    unsupported: frozenset[str] = frozenset()
    stop_max: int | None = None
    stop_list: bool = False
    stream_with_schema: bool = True
    tools_with_schema: bool = True
    needs_json_word: bool = False
    stream_usage: bool = True
    schema_extra: tuple[tuple[str, Any], ...] = ()
    retried: frozenset[int] = frozenset()
    context: int | None = None
    max_output: int | None = None

    @property
    def logprobs(self) -> bool:
        """Does it give token log-probabilities?"""
        return "logprobs" not in self.unsupported

    def subset(self, mode: Mode) -> str | None:
        """The schema language that `mode` holds answers to, None where there is no such mode."""
        return dict(self.modes).get(mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """One question to a model.

    `schema`: the compiled schema as compact JSON text, made once per target; `name`: its name on the wire; `mode`: how the answer
    is to be held to it. `members`: further members of the request (`tools`, `response_format` ...), fitted to the row; `headers`
    and `query`: further ones of those. `count`: ask a stream for its token counts.
    """

    model: str
    messages: Sequence[Message] = field(repr=False)
    options: Options = Options()
    mode: Mode = "prompt"
    schema: bytes | None = field(default=None, repr=False)
    name: str = "answer"
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    stream: bool = False
    count: bool = False


class Delta(NamedTuple):
    """What one event of a stream adds. `raw`: the parsed event; `done`: the server's end marker."""

    text: str | None = None
    reasoning: str | None = None
    refusal: str | None = None
    tool_calls: Sequence[Mapping[str, Any]] = ()
    finish_reason: str | None = None
    usage: Usage | None = None
    raw: Any = None
    done: bool = False


class Dialect(NamedTuple):
    """A wire format. Each function is pure and raises typed errors only.

    `build`: a question -> a request. `parse`: a whole answer -> an Answer, or its APIError raised. `parse_event`: an event of a
    stream -> a Delta, or its error raised. `fault`: an error answer -> the APIError. The request, where it is given, serves to keep
    its texts out of the errors' messages.
    """

    build: Callable[[Ask, Capabilities], Request]
    parse: Callable[[Reply, Capabilities, Request | None], Answer]
    parse_event: Callable[[Event, Capabilities, Request | None], Delta]
    fault: Callable[[Reply, Capabilities, Request | None], APIError]


def _plain(value: Any) -> Any:
    """What json does not know: an answer's message put back into a conversation, a Pydantic model, any mapping or sequence."""
    for method in ("to_dict", "model_dump"):
        if hasattr(value, method):
            return getattr(value, method)()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(type(value).__name__)


_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_plain
)


def to_json(value: Any) -> bytes:
    """Compact JSON text. Raises InputError for what has none (NaN, lone surrogates, cycles, objects)."""
    try:
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        what = (
            type(error).__name__ if isinstance(error, UnicodeError) else error
        )  # a UnicodeError quotes the text
        raise InputError(
            f"The request has no JSON form ({what}).",
            hint="Messages and parameters must be plain JSON data.",
        ) from None
