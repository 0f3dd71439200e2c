"""The interface of a wire format: five pure functions, and a row of facts that adapts them.

A `Dialect` turns a `ChatRequest` into an HTTP request and an HTTP reply into an answer. A row of
`Capabilities` says how one provider differs from the others. Neither does any I/O.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlencode

from structgen.errors import APIError, InputError
from structgen.options import Options
from structgen.values import Answer, Message, Mode, Reply, Request, Usage
from structgen.wire.models.reasoning import Reasoning
from structgen.wire.sse import Decoder, Event, EventDecoder

SchemaForm: TypeAlias = Literal["json_schema", "json_object", "tgi"]
"""Where a request holds its schema.

- `json_schema`: in `response_format.json_schema.schema`, as OpenAI has it.
- `json_object`: in `response_format.schema`, next to `"type": "json_object"`, as
  llama-cpp-python's server has it.
- `tgi`: in `response_format.value`, as Text Generation Inference has it.
"""


IMAGE_TYPES: Final = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""The media types of images that nearly all providers take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentLimits:
    """What a model takes of images and files in one request."""

    images: int | None = None
    """The greatest number of images; 0 for a model that reads none, None if there is no known
    limit."""
    media_types: frozenset[str] = IMAGE_TYPES
    """The media types of images whose data is in the request."""
    bytes: int | None = None
    """The greatest size of all data in the request, as base64 text; None if there is no known
    limit."""
    files: bool = True
    """Whether files, such as PDFs, are taken."""
    urls: bool = True
    """Whether an image may be given as the URL of a server."""
    sides: tuple[tuple[int, int], ...] = ()
    """The longest side of an image in pixels by how many images there are: `((1, 8000), (21,
    2000))` means 8,000 pixels, and 2,000 from 21 images on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """The abilities of a provider's models, and how its wire format differs from the others.

    The built-in rows are in `structgen/wire/providers.py`. Give your own to a client as
    `capabilities=(row,)`: it goes before the built-in ones.
    """

    dialect: Dialect
    """The wire format that the provider speaks."""
    provider: str
    """The provider's name, as in "groq:openai/gpt-oss-20b"."""
    vendor: str = ""
    """The provider whose models these are, if this is another wire format of theirs: their
    lengths, prices and dates are the same. Empty if it is the provider itself."""
    model: str = "*"
    """A glob pattern of the models that the row is for."""
    base_url: str | None = None
    """The default address."""
    base_port: int | None = None
    """The port of an address that names neither a scheme nor a port, such as "10.0.0.2"."""
    base_path: str = ""
    """The path that all base URLs of this provider end in."""
    adds_base_path: bool = False
    """Whether that path is also added to an address with a path of its own, such as that of a
    gateway, because the provider's SDK adds it there."""
    base_url_env: tuple[str, ...] = ()
    """Environment variables that may hold the address, first one first."""
    key_env: tuple[str, ...] = ()
    """Environment variables that may hold the API key, first one first."""
    headers_env: tuple[str, ...] = ()
    """Environment variables that may hold further headers, one `Name: value` per line."""
    key_header: str = "authorization"
    """The header that carries the API key."""
    needs_key: bool = False
    """Whether the provider refuses every request without a key."""
    path: str = "chat/completions"
    """The path of the endpoint, after the base URL. A dialect whose path names the model writes it
    itself."""
    headers: tuple[tuple[str, str], ...] = ()
    """Headers that every request needs, such as the version of the API, in lower case."""
    models_path: str = "models"
    """The path of the list of models, after the base URL."""
    modes: tuple[tuple[Mode, str], ...] = (
        ("json-object", "json-object"),
        ("prompt", "json-object"),
    )
    """The output modes, strongest first, each with the schema subset that it can enforce."""
    schema_form: SchemaForm = "json_schema"
    """Where a request holds its schema."""
    tool_strict: bool = False
    """Whether a tool may be marked as strict."""
    rename: tuple[tuple[str, str], ...] = ()
    """Parameters with another name here, as (our name, their name)."""
    unsupported: frozenset[str] = frozenset()
    """Parameters that the server refuses or silently ignores."""
    stop_max: int | None = None
    """The greatest number of stop sequences; None if there is no known limit."""
    stop_list: bool = False
    """Whether `stop` must be a list, even for one sequence."""
    stream_with_schema: bool = True
    """Whether the server can enforce a schema on a streamed answer."""
    one_call: bool = False
    """Whether `parallel_tool_calls: false` may be said of a tool that has to be called, so that it
    is called once."""
    tools_with_schema: bool = True
    """Whether a request may have both tools and a schema."""
    needs_json_word: bool = False
    """Whether JSON object mode requires the word "JSON" in the messages."""
    stream_usage: bool = True
    """Whether a stream counts its tokens only if `stream_options` asks for it."""
    schema_extra: tuple[tuple[str, Any], ...] = ()
    """Further members that a request with a schema needs."""
    retried: frozenset[int] = frozenset()
    """HTTP statuses that are worth another try, besides the usual ones."""
    context: int | None = None
    """The context length, in tokens; None if unknown."""
    max_output: int | None = None
    """The greatest length of an answer, in tokens; None if unknown."""
    attachments: AttachmentLimits | None = None
    """What the model takes of images and files; None for what `structgen/wire/attachments.py` has
    about it. If that has nothing, all are sent."""
    thinking_budgets: tuple[tuple[str, int], ...] = ()
    """Levels of reasoning, each with the tokens to think in, for models that take a number of
    tokens instead of a level."""
    caches_prefix: bool = False
    """Whether to mark the beginning that all prompts for a target share, so that the server keeps
    it. On Anthropic, writing it costs a quarter more, and reading it a tenth."""
    service_tiers: tuple[str, ...] | None = None
    """The values of `service_tier` that the server takes; () if it has no tiers, None if that is
    not known, so that a tier is sent as it is."""
    default_max_tokens: int | None = None
    """The `max_tokens` of calls that give none, for servers that require one; None if not."""
    decisions: Literal["", "decisions", "systemone"] = ""
    """The endpoint of typed questions that are answered by probabilities, after the base URL, as in
    the mode "decisions"; "" if there is none."""
    reasoning: Reasoning = Reasoning()
    """How much the models reason, and what they refuse meanwhile."""
    roles: tuple[tuple[str, str], ...] = ()
    """Roles of messages with another name here, as (our name, their name)."""

    @property
    def owner(self) -> str:
        """The name of the provider whose models these are."""
        return self.vendor or self.provider

    @property
    def logprobs(self) -> bool:
        """Whether the server gives the log-probabilities of tokens."""
        return "logprobs" not in self.unsupported

    def subset(self, mode: Mode) -> str | None:
        """Find the schema subset that a mode can enforce.

        Args:
            mode: The output mode.

        Returns:
            The name of the subset; None if the provider does not have this mode.
        """
        return dict(self.modes).get(mode)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatRequest:
    """One request to a chat model, before a dialect turns it into bytes."""

    model: str
    """The model's name, as the provider has it."""
    messages: Sequence[Message] = field(repr=False)
    """The conversation that the model answers."""
    options: Options = Options()
    """Sampling parameters, the token limit and the like."""
    mode: Mode = "prompt"
    """The output mode: how the server is to enforce the schema."""
    schema: bytes | None = field(default=None, repr=False)
    """The compiled schema as compact JSON text, which is made once per target."""
    schema_name: str = "answer"
    """The name of the schema or of its tool on the wire."""
    members: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Parameters of Chat Completions (`tools`, `response_format` ...), which a dialect translates.
    They go before those that `options` gives."""
    extra_body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further members of the request body in the server's own terms, which no dialect translates.
    They go before all others."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further HTTP headers."""
    query: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Further parameters of the URL's query."""
    stream: bool = False
    """Whether the answer is to be streamed."""
    include_usage: bool = False
    """Whether a streamed answer is to end with its token counts."""


class Delta(NamedTuple):
    """The part of an answer that one event of a stream adds."""

    text: str | None = None
    """New text of the message."""
    reasoning: str | None = None
    """New text of the model's reasoning."""
    refusal: str | None = None
    """New text of a refusal."""
    tool_calls: Sequence[Mapping[str, Any]] = ()
    """New parts of tool calls, each with its `index`."""
    finish_reason: str | None = None
    """Why the answer has ended; None if it has not."""
    usage: Usage | None = None
    """The token counts of the answer, if the event has them."""
    raw: Any = None
    """The parsed event."""
    done: bool = False
    """Whether this is the server's end marker."""
    shortened: tuple[str, ...] = ()
    """JSON Pointers into the answer, of the values that the server cut short to keep it valid."""
    shortened_by: tuple[str, ...] = ()
    """Why it cut them: `limit` or `repetition`, as in `Answer`."""
    repeated: tuple[str, ...] = ()
    """JSON Pointers into the answer, of the items whose repetition ended their lists."""


class Dialect(NamedTuple):
    """A wire format, as pure functions that raise typed errors only.

    The functions that read a reply also take the request: they keep its texts out of the
    messages of errors. Whatever the format, requests come and answers go in the terms of Chat
    Completions: roles and contents of messages, names of parameters, tool calls, finish reasons,
    and the `raw` of answers and deltas.
    """

    build: Callable[[ChatRequest, Capabilities], Request]
    """Turn a chat request into an HTTP request."""
    parse: Callable[[Reply, Capabilities, Request | None], Answer]
    """Turn a reply into an answer, or raise the APIError that it holds."""
    parse_event: Callable[[Event, Capabilities, Request | None], Delta]
    """Turn an event of a stream into a delta, or raise the error that it holds."""
    parse_error: Callable[[Reply, Capabilities, Request | None], APIError]
    """Turn an error reply into an APIError, which is returned."""
    decoder: Callable[[], EventDecoder] = Decoder
    """Make a parser of one stream, which cuts its bytes into events."""


_HEADERS: Final = {"content-type": "application/json", "accept": "application/json"}
_STREAM_HEADERS: Final = {"content-type": "application/json", "accept": "text/event-stream"}


def post(path: str, body: bytes, chat_request: ChatRequest, caps: Capabilities) -> Request:
    """Make an HTTP request of a body, with the headers and the query that belong to it.

    Args:
        path: The path of the endpoint, after the base URL.
        body: The encoded body.
        chat_request: The request that it asks.
        caps: The row of the server.
    """
    headers = _STREAM_HEADERS if chat_request.stream else _HEADERS
    if caps.headers or chat_request.headers:
        own = {name.lower(): value for name, value in chat_request.headers.items()}
        headers = {**headers, **dict(caps.headers), **own}
    if chat_request.query:
        path += ("&" if "?" in path else "?") + urlencode(chat_request.query)
    return Request("POST", path, headers, body)


def _as_plain_data(value: Any) -> Any:
    """Turn an object that the json module does not know into one that it does.

    These are messages of an answer that are put back into a conversation, Pydantic models, and
    other mappings and sequences.
    """
    for method in ("to_dict", "model_dump"):
        if hasattr(value, method):
            return getattr(value, method)()
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, Sequence):
        return list(value)
    raise TypeError(type(value).__name__)


_ENCODER: Final = json.JSONEncoder(
    ensure_ascii=False, allow_nan=False, separators=(",", ":"), default=_as_plain_data
)


def to_json(value: Any) -> bytes:
    """Write compact JSON text.

    Args:
        value: Plain data, or messages and models that can be turned into it.

    Raises:
        InputError: If the value has no JSON form: NaN, lone surrogates, cycles, other objects.
    """
    try:
        return _ENCODER.encode(value).encode()
    except (TypeError, ValueError, RecursionError) as error:
        # A UnicodeError quotes the text, so that only its name may be shown.
        reason = type(error).__name__ if isinstance(error, UnicodeError) else error
        raise InputError(
            f"Cannot write the request as JSON ({reason}).",
            hint="Messages and parameters must be plain JSON data.",
        ) from None
