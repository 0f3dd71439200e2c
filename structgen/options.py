"""What a call may set: as keyword arguments, and as the frozen `Options` that they become."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, Final, Literal, TypeAlias, TypedDict, get_args

from structgen.errors import ConfigurationError
from structgen.kinds import (
    PATH,
    TRUTH,
    Kind,
    check_values,
    number,
    one_of,
    or_none,
    sequence,
    whole,
)
from structgen.values import ExamplePool, Message, Mode, PromptParts

PromptWriter: TypeAlias = Callable[[PromptParts], Sequence[Message]]
"""A function that writes the messages of a question from its parts."""

ServiceTier: TypeAlias = Literal[
    "auto", "default", "standard", "standard_only", "on_demand", "flex", "performance", "priority"
]
"""How soon, and at which price, a server works on a request, in the words of all providers."""
ReasoningEffort: TypeAlias = Literal[
    "none", "minimal", "low", "medium", "high", "xhigh", "max", "default"
]
"""How much a model on a server reasons before it answers; `default` is the server's own level."""


class Unset(Enum):
    """The type of `UNSET`, which tells "the default" from None, "off"."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""The value of an option that is left to the next level: call, then client, then library."""

MAX_REASONING_TOKENS: Final = 256
"""Tokens of thoughts before an answer, if a call sets no limit: some sentences."""
THINKING_TAGS: Final = ("<think>", "</think>")
"""What thoughts begin and end with: the tags of models that reason, so that these know them."""


class OptionArgs(TypedDict, total=False):
    """The options, as keyword arguments of clients and calls.

    An option that a call leaves out is the client's, and one that the client leaves out is the
    library's. `temperature` to `max_tokens` are those of Chat Completions, sent only if given.
    """

    temperature: float
    """Randomness of the answer; 0 gives the most likely one."""
    top_p: float
    """Sample from the likeliest tokens with this share of the probability, 0 to 1."""
    seed: int
    """Seed for sampling."""
    stop: str | Sequence[str]
    """Text that ends the answer, or several; Groq takes at most 4."""
    max_tokens: int
    """Tokens of one answer at most."""
    timeout: float | None
    """Seconds for one try. Over HTTP 60 by default; None waits without end."""
    total_timeout: float | None
    """Seconds for the whole call, waits and retries included. Without one, the call gives up if a
    server asks it to wait for more than two minutes."""
    max_retries: int
    """Further tries after an HTTP failure that may pass. 2 by default."""
    max_reasks: int
    """Further questions after an invalid answer. 1 by default."""
    token_budget: int
    """Ask nothing more after this many tokens, prompts and answers together."""
    cost_budget: float
    """Ask nothing more after this many US dollars. Needs a known price of the backend's tokens."""
    logprobs: bool
    """Ask for the probabilities of tokens, and give a confidence for each field."""
    confidence: bool
    """Give a confidence for each value and for the record: from token probabilities if the model
    gives them, else from a second reading of the document, which is another question."""
    accept: float
    """Accept only so much that at least this share of it is right, such as 0.95, and name the rest
    in `to_review`. Gives `confidence`, and needs a calibration (`structgen calibrate`)."""
    calibration: str | os.PathLike[str]
    """The calibration file. By default the one beside the file that defines the target."""
    cache: str | os.PathLike[str] | None
    """Path of a file that keeps results: a call that asks the same as an earlier one finds its
    result there, and costs nothing. Failures are not kept, and streams neither look nor keep. A
    `temperature` above 0 without a `seed` asks anew. None, the default, is no cache."""
    cascade_below: float | Mapping[str, float]
    """With a cascade: the confidence, 0 to 1, below which a field is escalated to the next model;
    or one for each field, by its JSON Pointer with `*` for every item of a list ("" is all other
    fields). 0 escalates by checks and the document alone, 1 all that is not certain. 0.8 by
    default."""
    samples: int
    """Answers to ask for, which vote on the value. 1 by default."""
    max_continuations: int
    """Further questions after an answer that was cut at its token limit. 0 by default."""
    on_invalid_items: Literal["raise", "keep"]
    """If items of a list stay invalid: "raise" (by default), or "keep" the other items."""
    on_shortened: Literal["raise", "keep"]
    """What to do about a value that was cut short, to fit `max_tokens` or because the model
    repeated itself: "raise" Truncated, or "keep" it. "raise" by default."""
    reasoning_effort: ReasoningEffort
    """How much a reasoning model on a server thinks before it answers. Each model gets the nearest
    of its own levels, and a model that takes none is sent none."""
    reasoning: Literal["off", "first", "draft"]
    """Whether a model that does not reason by itself thinks before it writes: "first" lets it say
    what the document states, "draft" lets it write the record freely. A model in this process does
    so in the same pass; one on a server in a field that is dropped. "off" by default."""
    max_reasoning_tokens: int
    """Tokens of such thoughts at most. `max_tokens` does not count them. 256 by default."""
    service_tier: ServiceTier
    """How soon, and at which price, a hosted model answers, such as "flex". Each provider has tiers
    of its own; a request that names another one is an error before it is sent."""
    decide: Literal["auto", "off"]
    """How a model in this process writes a value that has few options, such as an enum or a
    boolean: "auto" scores the options as whole strings and takes the best, for models with which
    that pays; "off" writes the value token by token. "auto" by default."""
    on_ungrounded: Literal["null", "keep"]
    """What to do about a text that may be null and that the document does not hold in any form:
    "null", so that `removed` has it, or "keep" it. An item of a list is left out likewise, and a
    text is null that other fields of its record have as often as the document. Labels, summaries
    and what is `Inferred` stay. By default "null" for the models that structgen runs in
    this process, which invent, and "keep" for all others."""
    evidence: Literal["marked", "all"]
    """Which values to look up in the document: those "marked" `Verbatim`, or "all", so that
    `leaf_evidence` says for each leaf where it is stated and in which form. "marked" by default."""
    require_evidence: Literal["off", "flag", "null", "reask"]
    """What to do about a value that the document states in no known form: "flag" it in `to_review`,
    put "null" in its place and ask again if the schema takes none, or "reask". Booleans, listed
    values, labels, summaries and what is `Inferred` stay. "off" by default; any other gives
    `leaf_evidence`, too."""
    mode: Mode
    """The only mode to use, instead of the strongest one that the backend has."""
    wire_names: Mapping[str, str]
    """The names under which a model is asked for fields, by JSON Pointer with `*` for every item of
    a list. Values and paths keep the fields' own names. They go before `x-wire-name` in the
    schema."""
    absent_fields: Literal["null", "omit"]
    """How an answer writes an optional field that the document does not state: as "null", or not at
    all ("omit"), which takes fewer tokens. By default what suits the schema language; servers
    whose strict mode wants every field (OpenAI, Groq) get null in any case."""
    learned_rows: Literal["process", "saved", "off"]
    """What to do about a server that refuses a keyword of the schema: ask again without it, and
    remember that for the "process", or in the cache folder too ("saved"). "off" learns nothing and
    uses nothing learned. "process" by default, which also uses what `structgen providers probe`
    saved."""
    split: Literal["auto", "off"] | int
    """Whether a record with too many fields is asked about in several questions, whose answers are
    merged: "auto" if its schema is over a limit of the model's schema language, a number for at
    most so many fields a question, "off" never. "auto" by default."""
    prompt: str | PromptWriter
    """How the question is laid out: "fields", "names", "description", "plain" or "line"; a template
    of your own with placeholders such as {fields}; or a function that writes the messages. By
    default what was measured to suit the model."""
    tuned: str | os.PathLike[str] | Literal[False]
    """The file in which `structgen tune` wrote what suits a target and a model. It fills in options
    and examples that client and call leave out. False, the default in Python, uses none; a command
    uses the file beside the one that defines the target."""
    extra_body: Mapping[str, Any]
    """Further members of the request body. Those of a call are merged with the client's and go
    before them."""


class CallArgs(OptionArgs, total=False):
    """The keyword arguments of a call: what else the prompt holds, and the options of this call."""

    instructions: str | os.PathLike[str] | None
    """What else the model should know or heed: a text, or the path of a file."""
    instruction_values: Mapping[str, str | int | float] | None
    """Texts for the placeholders of the instructions, such as {company}, by name. Without values a
    text is taken as it is; a file always has placeholders."""
    examples: Sequence[Any] | ExamplePool
    """Worked examples: pairs of a text and its value, mappings with `text` and `value`, or gold
    records. A `Nearest` chooses some for each document."""
    context: str | None
    """Text that helps to read the document and is not extracted from: a reference date, a glossary,
    what came before."""
    validation_context: Any
    """What validators of the target find as `info.context`, such as a list of known names. It is
    not sent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a call, as values. `OptionArgs` says what each of them does."""

    temperature: float | Unset = UNSET
    top_p: float | Unset = UNSET
    seed: int | Unset = UNSET
    stop: tuple[str, ...] | Unset = UNSET
    max_tokens: int | Unset = UNSET
    timeout: float | None | Unset = UNSET
    total_timeout: float | None | Unset = UNSET
    max_retries: int | Unset = UNSET
    max_reasks: int | Unset = UNSET
    token_budget: int | Unset = UNSET
    cost_budget: float | Unset = UNSET
    logprobs: bool | Unset = UNSET
    confidence: bool | Unset = UNSET
    accept: float | Unset = UNSET
    calibration: str | os.PathLike[str] | Unset = UNSET
    cache: str | os.PathLike[str] | None | Unset = UNSET
    cascade_below: float | Mapping[str, float] | Unset = UNSET
    samples: int | Unset = UNSET
    max_continuations: int | Unset = UNSET
    on_invalid_items: Literal["raise", "keep"] | Unset = UNSET
    on_shortened: Literal["raise", "keep"] | Unset = UNSET
    reasoning_effort: ReasoningEffort | Unset = UNSET
    reasoning: Literal["off", "first", "draft"] | Unset = UNSET
    max_reasoning_tokens: int | Unset = UNSET
    service_tier: ServiceTier | Unset = UNSET
    decide: Literal["auto", "off"] | Unset = UNSET
    on_ungrounded: Literal["null", "keep"] | Unset = UNSET
    evidence: Literal["marked", "all"] | Unset = UNSET
    require_evidence: Literal["off", "flag", "null", "reask"] | Unset = UNSET
    mode: Mode | Unset = UNSET
    wire_names: Mapping[str, str] | Unset = UNSET
    absent_fields: Literal["null", "omit"] | Unset = UNSET
    learned_rows: Literal["process", "saved", "off"] | Unset = UNSET
    split: Literal["auto", "off"] | int | Unset = UNSET
    prompt: str | PromptWriter | Unset = UNSET
    tuned: str | os.PathLike[str] | Literal[False] | Unset = UNSET
    extra_body: Mapping[str, Any] | Unset = UNSET

    def over(self, base: Options) -> Options:
        """Give these options, with those of `base` for what they leave unset.

        The members of `extra_body` are merged one by one.
        """
        mine = self.to_dict()
        if self.extra_body is not UNSET and base.extra_body is not UNSET:
            mine["extra_body"] = {**base.extra_body, **self.extra_body}
        return replace(base, **mine) if mine else base

    def to_dict(self) -> dict[str, Any]:
        """Give the options that are set, by name."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {name: value for name, value in values.items() if value is not UNSET}


_SECONDS: Final = number(0, of="seconds", above=True)


_OPTIONS: Final[Mapping[str, Kind]] = {
    "temperature": Kind(number(0).fits, "a number. The least is 0"),
    "top_p": number(0, 1),
    "seed": whole(),
    "stop": sequence(lambda one: isinstance(one, str) and one != "", "a text, or a list of texts"),
    "max_tokens": whole(1),
    "timeout": or_none(_SECONDS),
    "total_timeout": or_none(_SECONDS),
    "max_retries": whole(0),
    "max_reasks": whole(0),
    "token_budget": whole(0),
    "cost_budget": number(0, of="US dollars"),
    "logprobs": TRUTH,
    "confidence": TRUTH,
    "accept": number(0.5, 0.999),
    "calibration": PATH,
    "cache": or_none(PATH),
    "tuned": Kind(lambda value: value is False or PATH.fits(value), "a path, or False"),
    "cascade_below": Kind(
        lambda value: (
            all(isinstance(path, str) for path in value)
            and all(map(number(0, 1).fits, value.values()))
            if isinstance(value, Mapping)
            else number(0, 1).fits(value)
        ),
        "a number from 0 to 1, or such a number for each field",
    ),
    "samples": whole(1),
    "max_continuations": whole(0),
    "on_invalid_items": one_of("raise", "keep"),
    "on_shortened": one_of("raise", "keep"),
    "on_ungrounded": one_of("null", "keep"),
    "split": Kind(
        lambda value: value in ("auto", "off") or whole(1).fits(value),
        "'auto', 'off' or a whole number. The least is 1",
    ),
    "evidence": one_of("marked", "all"),
    "require_evidence": one_of("off", "flag", "null", "reask"),
    "prompt": Kind(
        lambda value: isinstance(value, str) or callable(value),
        "the name of a layout, a template, or a function that writes messages",
    ),
    "reasoning_effort": one_of(*get_args(ReasoningEffort)),
    "reasoning": one_of("off", "first", "draft"),
    "max_reasoning_tokens": whole(1),
    "service_tier": one_of(*get_args(ServiceTier)),
    "decide": one_of("auto", "off"),
    "wire_names": Kind(
        lambda value: (
            isinstance(value, Mapping)
            and all(isinstance(one, str) and one for pair in value.items() for one in pair)
        ),
        "a mapping of JSON Pointers to names",
    ),
    "absent_fields": one_of("null", "omit"),
    "learned_rows": one_of("process", "saved", "off"),
    "mode": one_of(*get_args(Mode)),
    "extra_body": Kind(
        lambda value: isinstance(value, Mapping) and all(isinstance(name, str) for name in value),
        "a mapping of member names to values",
    ),
}
"""Which values each option takes; limits of a backend are checked where it is known."""


def closest(words: Iterable[str], known: Iterable[str]) -> list[str]:
    """Give the known name that is nearest to each word, for the words that have one.

    Args:
        words: What somebody wrote.
        known: What could have been meant.
    """
    from difflib import get_close_matches

    names = list(known)
    return [name for word in words for name in get_close_matches(word, names, 1)]


def did_you_mean(words: Iterable[str], known: Iterable[str]) -> str:
    """Ask whether the nearest known name was meant, at the beginning of a hint; "" if none is near.

    Args:
        words: What somebody wrote.
        known: What could have been meant.
    """
    near = closest(words, known)
    return f"Did you mean {near[0]!r}? " if near else ""


def options_of(given: OptionArgs) -> Options:
    """Make `Options` of keyword arguments.

    Args:
        given: Options by name.

    Raises:
        ConfigurationError: If there is no option of some name, or a value is of another kind.
    """
    timeout: Any = given.get("timeout")
    if hasattr(timeout, "connect") and hasattr(timeout, "read"):
        # httpx's Timeout, as the SDKs take it.
        given = {**given, "timeout": timeout.read}
    stop = given.get("stop", UNSET)
    if isinstance(stop, str):
        given = {**given, "stop": (stop,)}
    check_values({name: one for name, one in given.items() if one is not UNSET}, _OPTIONS)
    if stop is not UNSET and not isinstance(stop, str):
        given = {**given, "stop": tuple(stop)}
    try:
        return Options(**given)  # type: ignore[arg-type]  # a mapping of the same names
    except TypeError:
        known = OptionArgs.__annotations__
        unknown = sorted(given.keys() - known.keys())
        near = closest(unknown, known)
        meant = f"Did you mean {', '.join(near)}? " if near else ""
        raise ConfigurationError(
            f"Unknown option: {', '.join(unknown)}.",
            hint=f"{meant}Known options: {', '.join(known)}. Give other members of a request in "
            "`extra_body`.",
        ) from None
