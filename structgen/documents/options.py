"""What may be set about splitting long documents, and about merging what their chunks state."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypedDict, cast

from structgen.documents.chunk import estimate_tokens
from structgen.documents.gaps import CountedRows
from structgen.documents.policies import Policy, check_policies
from structgen.kinds import CALLABLE, TRUTH, Kind, check_values, instance, one_of, or_none, whole
from structgen.options import CallArgs

if TYPE_CHECKING:
    from structgen.extraction.question import Question

CHUNK_TOKENS: Final = 2000
"""The length of a chunk by default: fits small contexts, and is short enough to be read with
care."""

Chunked: TypeAlias = bool | Literal["auto", "never"]
"""When a document is split into chunks. `auto`: if it is too long for the model's context. True:
always. `never` and False: never, so that a document that is too long fails."""


class ChunkingArgs(TypedDict, total=False):
    """How to split a long document, and how to merge what its chunks state."""

    chunk_tokens: int
    """The length of a chunk at most, in tokens (default 2000)."""
    overlap: int
    """How many tokens a chunk shares with the one before it (default 0)."""
    markdown: bool
    """Split at Markdown's headings and blocks first (default False)."""
    count: Callable[[str], int]
    """Gives the length of a text in tokens; by default an estimate of 4 bytes each."""
    context_tokens: int
    """How much of the text before a chunk to show with it, not to extract from (default 0)."""
    passes: int
    """How often to ask about each chunk, for what one answer overlooks (default 1)."""
    count_rows: CountedRows
    """What counts as a row: a list that lacks items of rows is asked about them again. "tables"
    (default): the rows of the document's tables; "lines": those and lines of text; "off"."""
    policies: Mapping[str, Policy]
    """What becomes of several values, by JSON Pointer with `*` for any key or index."""
    keys: Mapping[str, Sequence[str]]
    """The members that tell the items of a list apart, by the list's pointer, as above."""


class DocumentArgs(CallArgs, ChunkingArgs, total=False):
    """The keyword arguments of `extract_document`.

    The options hold for each question about a chunk.
    """

    concurrency: int
    """Questions at a time (default 8 for a server, 2 for an engine in this process)."""


class InputArgs(CallArgs, ChunkingArgs, total=False):
    """What jobs, `map` and Extractors take for each input."""

    chunked: Chunked
    """When to split a document into chunks: "auto" (default) if it is too long for the model's
    context, True always, "never" or False never."""


def split_args(args: Mapping[str, Any]) -> tuple[ChunkingArgs, CallArgs]:
    """Tell how to split documents from what to ask about each chunk.

    Args:
        args: Keyword arguments of a call, with those of `ChunkingArgs` among them.

    Raises:
        ConfigurationError: If one about chunks is out of range, or a policy does not exist.
    """
    chunking = {name: value for name, value in args.items() if name in _NAMES}
    call = {name: value for name, value in args.items() if name not in _NAMES}
    check_values(chunking, _KINDS)
    check_policies(chunking.get("policies", {}))
    return cast("ChunkingArgs", chunking), cast("CallArgs", call)


def chunking_of(question: Question[Any], given: ChunkingArgs) -> ChunkingArgs:
    """Give the options of chunks, with those of a tuned file for what was left out.

    Args:
        question: What is asked.
        given: The options that were given.
    """
    if question.tuned is None or question.tuned.chunk_tokens is None:
        return given
    tuned: ChunkingArgs = {"chunk_tokens": question.tuned.chunk_tokens}
    return {**tuned, **given}


def counter_of(chunking: ChunkingArgs) -> Callable[[str], int]:
    """Give the function that counts tokens."""
    return chunking.get("count", estimate_tokens)


def settings_data(chunking: ChunkingArgs) -> dict[str, Any]:
    """Give the settings as plain data, the same in every process: functions by their names."""
    return {name: _plain(value) for name, value in sorted(chunking.items())}


def _plain(value: Any) -> Any:
    if callable(value):
        return f"{getattr(value, '__module__', '')}.{getattr(value, '__qualname__', type(value))}"
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    return list(value) if isinstance(value, (list, tuple)) else value


_NAMES: Final = frozenset(ChunkingArgs.__annotations__)
_KINDS: Final[Mapping[str, Kind]] = {
    "chunk_tokens": whole(1),
    "overlap": whole(0),
    "markdown": TRUTH,
    "count": CALLABLE,
    "context_tokens": whole(0),
    "passes": whole(1),
    "count_rows": one_of("tables", "lines", "off"),
    "policies": instance(Mapping, wanted="a mapping of JSON Pointers to policies"),
    "keys": instance(Mapping, wanted="a mapping of JSON Pointers to names of fields"),
}
"""Which values the options of chunks take."""
CHUNKED: Final[Kind] = or_none(
    Kind(
        lambda value: isinstance(value, bool) or value in ("auto", "never"),
        'True, False, "auto" or "never"',
    )
)
"""Which values `chunked` takes."""
