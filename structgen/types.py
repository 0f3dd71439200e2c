"""Frozen values that the layers hand to one another. No behaviour beyond reading and adding them up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from typing import Any, Final, Generic, Literal, TypeAlias, TypeVar

from structgen.errors import StructgenError

T = TypeVar("T")

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


class Unset(Enum):
    """The type of `UNSET`, which tells "the default" from None, "off"."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a call may set. Library < client < call; UNSET leaves the choice to the next one down.

    `temperature`, `top_p`, `seed`, `stop` (at most 4 on Groq), `max_tokens` (of the answer): as in Chat Completions, and not sent
    when UNSET. `timeout`: seconds for one try (over HTTP 60 where UNSET). `deadline`: seconds for the whole call, waits included;
    without one, a server that asks for a wait of more than two minutes is not waited for. `max_retries`: further HTTP tries after
    the first. `max_reasks`: further questions after an invalid answer. `token_budget`: tokens of prompts and answers together after
    which nothing further is asked; `cost_budget`: the same in US dollars, where the backend's prices are known. `logprobs`: ask for
    the tokens' probabilities, and give a confidence per field. `samples`: answers to ask for and to vote on. `max_continuations`:
    further questions after an answer that was cut at its token limit. `on_invalid_items`: what becomes of a list that still has
    items which are not valid when nothing further is asked: `raise` (the default) or `keep` the others. `mode`: the only mode to
    use, instead of the strongest the backend has. `extra`: further members of the request body.
    """

    temperature: float | Unset = UNSET
    top_p: float | Unset = UNSET
    seed: int | Unset = UNSET
    stop: tuple[str, ...] | Unset = UNSET
    max_tokens: int | Unset = UNSET
    timeout: float | None | Unset = UNSET
    deadline: float | None | Unset = UNSET
    max_retries: int | Unset = UNSET
    max_reasks: int | Unset = UNSET
    token_budget: int | Unset = UNSET
    cost_budget: float | Unset = UNSET
    logprobs: bool | Unset = UNSET
    samples: int | Unset = UNSET
    max_continuations: int | Unset = UNSET
    on_invalid_items: Literal["raise", "keep"] | Unset = UNSET
    mode: Mode | Unset = UNSET
    extra: Mapping[str, Any] | Unset = UNSET

    def over(self, base: Options) -> Options:
        """These options, with `base` for what they leave unset."""
        mine = {f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not UNSET}
        return replace(base, **mine) if mine else base


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
        return Usage(**{f.name: getattr(self, f.name) + getattr(other, f.name) for f in fields(self)})


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


# ---- the wire -------------------------------------------------------------------------------------------------------------


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

    `finish`: `stop`, `length`, `tool_calls`, `content_filter` or the server's own word; `refusal`: what it said when it declined;
    `seconds`: where the backend measured its parts (`load`, `compile`, `prefill`, `decode`); `notes`: what a decoder in this
    process did not hold, on top of the compiler's notes; `logprobs`: the text in the model's tokens, each with the natural
    logarithm of its probability, where they were asked for; `shortened`: JSON Pointers into the answer, of the values that a token
    budget cut short; `raw`: the parsed body.
    """

    text: str | None = field(repr=False)
    finish: str | None = None
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


# ---- results --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One question put to one backend. `error` is why it did not end the matter, None for the one that did; `cost`: US dollars,
    None where the price is not known."""

    backend: str
    mode: Mode
    text: str | None = field(default=None, repr=False)
    finish: str | None = None
    usage: Usage = Usage()
    cost: float | None = None
    seconds: float = 0.0
    error: StructgenError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarantee:
    """What held the value to its type.

    `by`: `decoder` (constrained decoding in this process: nothing else could be written), `server` (the server was told to
    enforce the schema) or `check` (the model was asked; only the check stands behind it). `engine`: which. `checked`: the promises
    that nothing but the check held. `repairs`: what was mended in the text before it was read. `samples`: the answers that the
    value was voted from; 1 where nobody voted. The whole value is always checked, whatever held it.
    """

    by: Literal["decoder", "server", "check"]
    engine: str
    checked: tuple[Note, ...] = ()
    repairs: tuple[str, ...] = ()
    samples: int = 1

    def __str__(self) -> str:
        text = {
            "decoder": f"held while decoding by {self.engine}",
            "server": f"held by the server ({self.engine})",
            "check": f"not held by {self.engine}",
        }[self.by] + ", proved by the check"
        if self.checked and self.by != "check":
            text += f"; by the check alone: {', '.join(n.keyword + ' at ' + (n.path or '/') for n in self.checked)}"
        if self.repairs:
            text += f"; repaired: {', '.join(self.repairs)}"
        if self.samples > 1:
            text += f"; by consensus of {self.samples} answers"
        return text


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a value stands in the text: `text[start:end] == quote`, in characters. Of a conversation, the text is what
    `grounding.source_of(messages)` gives: the contents of the user's messages, one a line."""

    quote: str = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item of a list that is not valid. `path`: JSON Pointer to where it stood; `value`: plain data; `violations`: why."""

    path: str
    value: Json = field(repr=False)
    violations: tuple[Violation, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction(Generic[T]):
    """A value and everything known about it.

    `notes`: what the compiled schema did differently; `absent`: JSON Pointers of the fields the text did not state (they hold their
    defaults); `shortened`: of the values that a token budget cut short; `rejected`: items that were left out because they are not
    valid (`on_invalid_items="keep"`); `evidence`: quote and span per field, `confidence`: 0 to 1 per field, where there are any;
    `usage` and `cost` (US dollars, None where a price is not known) of all attempts; `attempts`: every try, with its raw text;
    `seconds`: where the time went.
    """

    value: T
    guarantee: Guarantee
    notes: tuple[Note, ...] = ()
    absent: frozenset[str] = frozenset()
    shortened: frozenset[str] = frozenset()
    rejected: tuple[Rejected, ...] = ()
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    confidence: Mapping[str, float] = field(default_factory=dict)
    usage: Usage = Usage()
    cost: float | None = None
    attempts: tuple[Attempt, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a call would do, without doing it: nothing was sent.

    `schema` and `notes` as compiled for this backend; `messages` as the model would see them; `body` the request's members (None
    for the in-process engine); `tokens` an estimate of the prompt's length; `stream`: would the answer be read as it comes.
    """

    backend: str
    mode: Mode
    schema: JsonSchema
    notes: tuple[Note, ...]
    messages: tuple[Message, ...] = field(repr=False)
    options: Options
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    tokens: int = 0
    stream: bool = False
