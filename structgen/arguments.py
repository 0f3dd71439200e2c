"""What calls take, as keyword arguments."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, TypedDict

from structgen.errors import ConfigurationError
from structgen.types import Mode, Options

if TYPE_CHECKING:
    from structgen.documents.merge import Policy
    from structgen.pipeline.limits import Bounds


class OptionArgs(TypedDict, total=False):
    """The members of `Options`, as keyword arguments."""

    temperature: float
    top_p: float
    seed: int
    stop: str | Sequence[str]
    max_tokens: int
    timeout: float | None
    deadline: float | None
    max_retries: int
    max_reasks: int
    token_budget: int
    cost_budget: float
    logprobs: bool
    samples: int
    max_continuations: int
    on_invalid_items: Literal["raise", "keep"]
    mode: Mode
    extra: Mapping[str, Any]


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
            hint=f"Known: {', '.join(OptionArgs.__annotations__)}. What else a server takes goes into `extra`.",
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


class MapArgs(CallArgs, total=False):
    """What `map` takes besides a target and inputs, and a call's arguments.

    `concurrency`: questions at a time at most (default: 64 for a server, 2 for an engine in this process); `ordered`: outcomes in
    the order of the inputs (default), or as they come; `journal`: a path, for outcomes that a later run finds there;
    `retry_failed`: ask again about inputs that failed in an earlier run (default); `bounds`: when to stop.
    """

    concurrency: int
    ordered: bool
    journal: str | os.PathLike[str]
    retry_failed: bool
    bounds: Bounds


class Slicing(TypedDict, total=False):
    """How a long document is taken.

    `chunk_tokens` (default 2000), `overlap` (tokens, default 0), `markdown`, `count`: as in `documents.chunk.chunks`.
    `context_tokens`: how much of the text before a chunk is shown with it, and not extracted from. `passes`: how often each chunk
    is asked about, for what one answer overlooks. `concurrency`: questions at a time (default 8 for a server, 2 for an engine in
    this process). `policies`, `keys`: as in `documents.merge.merge`.
    """

    chunk_tokens: int
    overlap: int
    markdown: bool
    count: Callable[[str], int]
    context_tokens: int
    passes: int
    concurrency: int
    policies: Mapping[str, Policy]
    keys: Mapping[str, Sequence[str]]


class DocumentArgs(CallArgs, Slicing, total=False):
    """What `extract_document` takes besides a target and a text. The options hold for each question about a chunk."""
