"""What a call may set: as frozen `Options`, and as the keyword arguments they are made of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from enum import Enum
from typing import Any, Final, Literal, TypedDict

from structgen.errors import ConfigurationError
from structgen.values import Mode


class Unset(Enum):
    """The type of `UNSET`, which tells "the default" from None, "off"."""

    UNSET = "UNSET"

    def __repr__(self) -> str:
        return "UNSET"


UNSET: Final = Unset.UNSET
"""The value of an option that is left to the next level: call, client, library."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a call may set. Library < client < call; UNSET leaves the choice to the next one down.

    `temperature`, `top_p`, `seed`, `stop` (at most 4 on Groq), `max_tokens` (of the answer): as in Chat Completions, and not sent
    when UNSET. `timeout`: seconds for one try (over HTTP 60 where UNSET). `total_timeout`: seconds for the whole call, waits included;
    without one, a server that asks for a wait of more than two minutes is not waited for. `max_retries`: further HTTP tries after
    the first. `max_reasks`: further questions after an invalid answer. `token_budget`: tokens of prompts and answers together after
    which nothing further is asked; `cost_budget`: the same in US dollars, where the backend's prices are known. `logprobs`: ask for
    the tokens' probabilities, and give a confidence per field. `samples`: answers to ask for and to vote on. `max_continuations`:
    further questions after an answer that was cut at its token limit. `on_invalid_items`: what becomes of a list that still has
    items which are not valid when nothing further is asked: `raise` (the default) or `keep` the others. `on_shortened`: what
    becomes of a value that was cut short to fit `max_tokens`: `raise` Truncated (the default), or `keep` it. `mode`: the only mode to
    use, instead of the strongest the backend has. `extra_body`: further members of the request body.
    """

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
    samples: int | Unset = UNSET
    max_continuations: int | Unset = UNSET
    on_invalid_items: Literal["raise", "keep"] | Unset = UNSET
    on_shortened: Literal["raise", "keep"] | Unset = UNSET
    mode: Mode | Unset = UNSET
    extra_body: Mapping[str, Any] | Unset = UNSET

    def over(self, base: Options) -> Options:
        """These options, with `base` for what they leave unset."""
        mine = self.to_dict()
        return replace(base, **mine) if mine else base

    def to_dict(self) -> dict[str, Any]:
        """The options that are set, by name."""
        return {
            f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not UNSET
        }


class OptionArgs(TypedDict, total=False):
    """The members of `Options`, as keyword arguments."""

    temperature: float
    top_p: float
    seed: int
    stop: str | Sequence[str]
    max_tokens: int
    timeout: float | None
    total_timeout: float | None
    max_retries: int
    max_reasks: int
    token_budget: int
    cost_budget: float
    logprobs: bool
    samples: int
    max_continuations: int
    on_invalid_items: Literal["raise", "keep"]
    on_shortened: Literal["raise", "keep"]
    mode: Mode
    extra_body: Mapping[str, Any]


def options_of(given: OptionArgs) -> Options:
    """The options that these arguments are. Raises ConfigurationError for one that there is not."""
    stop = given.get("stop")
    if stop is not None:
        given = {**given, "stop": (stop,) if isinstance(stop, str) else tuple(stop)}
    try:
        return Options(**given)  # type: ignore[arg-type]  # a mapping of the same names
    except TypeError:
        unknown = sorted(given.keys() - OptionArgs.__annotations__.keys())
        raise ConfigurationError(
            f"There is no option {', '.join(unknown)}.",
            hint=f"Known: {', '.join(OptionArgs.__annotations__)}. What else a server takes goes into `extra_body`.",
        ) from None


class CallArgs(OptionArgs, total=False):
    """What every question takes besides a target and a document.

    `instructions`: what else the model should know. `examples`: (text, value) pairs, values of the target. `context`: text that
    helps to read the document and is not extracted from: a reference date, a glossary, what came before. And the options of this
    call, before the client's.
    """

    instructions: str | None
    examples: Sequence[tuple[str, Any]]
    context: str | None
