"""Frozen values that the rooms hand to one another. They can be read and added up, no more."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import isfinite
from typing import Any, Final, Literal, Protocol, TypeAlias

Json: TypeAlias = Any
"""Plain JSON data: None, bool, int, float, str, list, dict with str keys."""
JsonSchema: TypeAlias = "dict[str, Any]"
"""A JSON Schema object."""
Message: TypeAlias = Mapping[str, Any]
"""One message of a Chat Completions request: `{"role": ..., "content": ...}` and what else its role
allows."""
BYTES_PER_TOKEN: Final = 4
"""Bytes of UTF-8 in a token of English prose, on average: near enough to estimate lengths."""


class FixedMessage(dict[str, Any]):
    """A message that is the same for every document, at the beginning of a prompt.

    A model in this process may keep on disk what it computed for such messages.
    """


class Attachment(dict[str, Any]):
    """An image or a file in a message. `structgen.image` and `structgen.file` make them.

    It is plain JSON data in the form of Chat Completions, such as
    `{"type": "image_url", "image_url": {"url": "data:image/png;base64,..."}}`. Other dialects
    write it in their own form. Its `repr` does not show the data.
    """

    @property
    def media_type(self) -> str | None:
        """Its media type, such as "image/png"; None for the URL of an image elsewhere."""
        url = url_of_attachment(self)
        return url[5:].partition(";")[0] if url.startswith("data:") else None

    def __repr__(self) -> str:
        of_type = f" of {self.media_type}" if self.media_type else ""
        return f"<{self.get('type')}{of_type}, {len(url_of_attachment(self)):,} characters>"


def url_of_attachment(part: Mapping[str, Any]) -> str:
    """Give the URL of a part of a message, which is a data URL if the part holds its data.

    Args:
        part: A part in the form of Chat Completions.

    Returns:
        The URL; "" if the part has none.
    """
    held = part.get(part.get("type", ""))
    found = held.get("url") or held.get("file_data") if isinstance(held, Mapping) else held
    return found if isinstance(found, str) else ""


def attachments_in(messages: Iterable[Any]) -> list[Mapping[str, Any]]:
    """Give the parts of messages that are no text: images, files, sounds.

    Args:
        messages: Messages in the form of Chat Completions.
    """
    contents = [one.get("content") for one in messages if isinstance(one, Mapping)]
    parts = [part for held in contents if isinstance(held, list | tuple) for part in held]
    return [part for part in parts if isinstance(part, Mapping) and part.get("type") in _ATTACHED]


IMAGE_PARTS: Final = frozenset({"image_url", "image"})
_ATTACHED: Final = IMAGE_PARTS | {"file", "input_audio", "document"}
"""The types of parts that are images, and of all that are no text, in chats and in Messages."""

TextOrMessages: TypeAlias = str | Attachment | Sequence[Message | str]
"""What is extracted from: a text (a `Document` is one), an image or a file, several of these in a
list, or the messages of a conversation."""

DocumentLike: TypeAlias = TextOrMessages | os.PathLike[str]
"""What a document is given as: what is extracted from, or the path of a file that is read."""

Mode: TypeAlias = Literal[
    "decoder", "decisions", "strict", "best-effort", "tool", "json-object", "prompt"
]
"""How the answer is held to the schema, strongest first: by constrained decoding that we run or
configured ourselves; by typed questions, whose options are all that can be answered; by the
server's `json_schema` with and without `strict`; by a tool call; by
JSON object mode; by the prompt alone."""


Alternatives: TypeAlias = "Mapping[str, tuple[tuple[Json, float], ...]]"
"""For each value that was decided among options, by JSON Pointer: its likeliest options, the
likeliest first, each with its probability. The probabilities of all options add up to 1."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptParts:
    """What the messages of a question are written from."""

    schema: JsonSchema
    """The compiled schema of the answer."""
    document: TextOrMessages = field(repr=False)
    """What to extract from."""
    instructions: str | None = field(default=None, repr=False)
    """What else the model should know."""
    examples: tuple[tuple[str, Json], ...] = field(default=(), repr=False)
    """Worked examples: (document, answer in the terms of the compiled schema) pairs."""
    context: str | None = field(default=None, repr=False)
    """A text that helps to read the document."""
    placeholders: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The texts of the placeholders that a template has: `fields`, `names`, `nulls` and so on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, as the backend counted them. Adds up with `+`."""

    prompt_tokens: int = 0
    """Tokens of the prompts, cached ones included."""
    completion_tokens: int = 0
    """Tokens of the answers, reasoning included."""
    cached_tokens: int = 0
    """Tokens of the prompts that the provider served from its cache."""
    reasoning_tokens: int = 0
    """Tokens of the answers in which the model reasoned."""

    @property
    def total_tokens(self) -> int:
        """Tokens of prompts and answers together."""
        return self.prompt_tokens + self.completion_tokens

    def largest(self, other: Usage) -> Usage:
        """The larger of each count: the events of a stream count again what came before them."""
        return Usage(
            prompt_tokens=max(self.prompt_tokens, other.prompt_tokens),
            completion_tokens=max(self.completion_tokens, other.completion_tokens),
            cached_tokens=max(self.cached_tokens, other.cached_tokens),
            reasoning_tokens=max(self.reasoning_tokens, other.reasoning_tokens),
        )

    def __add__(self, other: Usage) -> Usage:
        return Usage(
            prompt_tokens=self.prompt_tokens + other.prompt_tokens,
            completion_tokens=self.completion_tokens + other.completion_tokens,
            cached_tokens=self.cached_tokens + other.cached_tokens,
            reasoning_tokens=self.reasoning_tokens + other.reasoning_tokens,
        )


@dataclass(frozen=True, slots=True)
class Note:
    """One thing that the compiled schema does differently from the source."""

    path: str
    """JSON Pointer into the source schema."""
    keyword: str
    """The construct, such as "pattern"."""
    action: Literal["rewritten", "checked", "narrowed", "wider"]
    """`rewritten`: another shape, mapped back without loss. `checked`: not held while decoding, and
    proved afterwards. `narrowed`: some values of the source cannot be answered. `wider`: the type
    reads more than its schema says, and so does the check."""
    detail: str
    """One line for people."""

    def __str__(self) -> str:
        return f"{self.path or '/'}: {self.keyword} {self.action}: {self.detail}"


@dataclass(frozen=True, slots=True)
class Violation:
    """One fault of an answer. `str()` is one line that can be shown to a model."""

    path: str
    """JSON Pointer into the value."""
    schema_path: str
    """JSON Pointer into the source schema, ending in the keyword."""
    found: str
    """What the answer has, as a short text."""
    wanted: str
    """What the schema asks for, as a short text."""

    @property
    def keyword(self) -> str:
        """The keyword of the source schema that the answer breaks."""
        return self.schema_path.rpartition("/")[2]

    def __str__(self) -> str:
        return f"{self.path or '/'}: found {self.found}, wanted {self.wanted}"


@dataclass(frozen=True, slots=True)
class Rejected:
    """An item of a list that is not valid."""

    path: str
    """JSON Pointer to its place in the answer."""
    value: Json = field(repr=False)
    """The item, as plain data."""
    violations: tuple[Violation, ...] = ()
    """Why it is not valid."""


@dataclass(frozen=True, slots=True)
class Removed:
    """Something that the model wrote, and that a rule took out of the value."""

    path: str
    """JSON Pointer to its place in the value, as the model wrote it."""
    value: Json = field(repr=False)
    """What the model wrote, as plain data."""
    reason: Literal["null", "ungrounded", "endless", "repeated"]
    """Why. `null`: a word for null, such as "" or "n/a". `ungrounded`: the document holds no such
    text. `endless`: a text or number in which the model repeated itself until the decoder ended
    it. `repeated`: an item that its list has already, or a text that other fields have."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where the document states a value: `text[start:end] == quote`, in characters.

    The text of a conversation is the contents of the user's messages, joined by line breaks.
    """

    quote: str = field(repr=False)
    """The words of the document."""
    start: int
    """Offset of the first character."""
    end: int
    """Offset after the last character."""


class CutText(str):
    """A piece of an answer that is being written, in which a value was ended early by now.

    It is a text like any other. Streams of list items hand out no further item after one.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Request:
    """An HTTP request as a dialect builds it."""

    method: str
    """Such as "POST"."""
    path: str
    """Path, relative to the backend's base URL."""
    headers: Mapping[str, str] = field(repr=False)
    """Headers of this request alone."""
    body: bytes = field(repr=False)
    """The encoded body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    """HTTP status."""
    headers: Mapping[str, str]
    """Headers, with names in lower case."""
    body: bytes = field(repr=False)
    """The whole body; empty for an open stream."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a model answered, whatever the backend."""

    text: str | None = field(repr=False)
    """What it wrote; None if it wrote nothing."""
    finish_reason: str | None = None
    """`stop`, `length`, `tool_calls`, `content_filter` or the server's own word."""
    refusal: str | None = field(default=None, repr=False)
    """What it said when it declined."""
    reasoning: str | None = field(default=None, repr=False)
    """Its reasoning, if the server shows it."""
    tool_calls: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    """Calls of tools, as in Chat Completions."""
    usage: Usage = Usage()
    """Tokens of this answer."""
    model: str | None = None
    """The model that answered, in the server's word."""
    id: str | None = None
    """The server's name for the answer."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Seconds that the backend measured: `load`, `compile`, `prefill`, `decode`."""
    notes: tuple[Note, ...] = ()
    """What a decoder in this process did not hold, besides the compiler's notes."""
    logprobs: tuple[tuple[str, float], ...] = field(default=(), repr=False)
    """The text in the model's tokens, each with the natural logarithm of its probability, if asked
    for."""
    shortened: tuple[str, ...] = ()
    """JSON Pointers into the answer, of the values that the decoder ended early."""
    shortened_by: tuple[str, ...] = ()
    """Why: `limit` (they did not fit the tokens left) or `repetition` (they went in circles)."""
    repeated: tuple[str, ...] = ()
    """JSON Pointers into the answer, of items that came again: their lists end before them."""
    removed: tuple[Removed, ...] = ()
    """What the decoder took back while it wrote, by the rules for what is not stated."""
    alternatives: Alternatives = field(default_factory=dict, repr=False)
    """The options of each value that was decided, by JSON Pointer into the answer."""
    pressure: Mapping[str, float] = field(default_factory=dict, repr=False)
    """How hard the grammar pressed on each value, 0 to 1, by JSON Pointer into the answer: the
    largest probability that the grammar took from the model at one of the value's tokens. Values
    on which it did not press are left out."""
    raw: Any = field(default=None, repr=False)
    """The parsed body."""


def shorten(text: str, limit: int) -> str:
    """Give at most `limit` characters of a text, and say how many are left out."""
    left_out = len(text) - limit
    return text if left_out <= 0 else f"{text[:limit]}… ({left_out} more characters)"


# ---- worked examples ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Example:
    """A text with the value that it should give."""

    text: str = field(repr=False)
    """The text."""
    value: Any = field(repr=False)
    """The value: one of the target, or the same as plain JSON data."""
    key: str | None = None
    """The name of the record that it comes from, if it has one."""
    where: str = ""
    """What errors call it, such as "Example 3"."""
    is_plain: bool = False
    """Whether the value is known to be plain JSON data."""


class Chooser(Protocol):
    """Chooses examples for a document."""

    @property
    def examples(self) -> Sequence[Example]:
        """Everything to choose from."""
        ...

    def choose(
        self, document: str, *, whole: str | None, tokens: Callable[[int], int], budget: int
    ) -> Sequence[int]:
        """Give the numbers of the chosen examples, in the order to show them.

        Args:
            document: The text that is asked about.
            whole: The text that it is a part of; None if it is whole.
            tokens: Gives the length of an example in tokens, by its number.
            budget: The tokens that they may have together, unless the pool has a limit of its own.
        """
        ...


class ExamplePool(Protocol):
    """Worked examples, some of which are chosen for each document, as `Nearest` is."""

    def examples(self, target: Any) -> Any:
        """Give the examples as values of a target: an `Examples`.

        Args:
            target: A `Target`.
        """
        ...

    def chooser(self, target: Any, *, partial: bool = False) -> Chooser:
        """Give what chooses among them.

        Args:
            target: A `Target`.
            partial: Whether values may lack members that the target requires.
        """
        ...


_KINDS: Final[Mapping[type, str]] = {
    type(None): "null",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    str: "a text",
    list: "a list",
    tuple: "a list",
    dict: "an object",
}


def kind_of_value(value: object) -> str:
    """Name what a value is, in the words of JSON if it has one, for a sentence: "a list"."""
    if isinstance(value, float) and not isfinite(value):
        return f"the number {value}"
    name = type(value).__name__
    article = "an" if name[0].lower() in "aeiou" else "a"
    return _KINDS.get(type(value)) or f"{article} {name}"
