"""What jobs and `map` share: the question to ask about every input, and how many at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from structgen.documents.options import (
    CHUNKED,
    Chunked,
    InputArgs,
    chunking_of,
    split_args,
)
from structgen.errors import ConfigurationError
from structgen.extraction.caller import CLIENT
from structgen.kinds import CALLABLE, PATH, TRUTH, Kind, check_values, instance, or_none, whole
from structgen.options import CallArgs
from structgen.pipeline.asking import JobQuestion
from structgen.pipeline.batch import backend_for_batches
from structgen.pipeline.batch_rounds import Batching
from structgen.pipeline.limits import JobLimits
from structgen.pipeline.splitting import Splitting
from structgen.pipeline.work import Workers

if TYPE_CHECKING:
    from structgen.extraction.caller import Caller

_AT_ONCE_ON_SERVER: Final = 64
_AT_ONCE_IN_PROCESS: Final = 2
"""One question is prepared while another is decoded; more gain nothing."""
KINDS: Final[Mapping[str, Kind]] = {
    "client": CLIENT,
    "concurrency": or_none(whole(1)),
    "journal": or_none(PATH),
    "ordered": TRUTH,
    "retry_failed": TRUTH,
    "batch": instance(bool, Batching, wanted="True, False or a Batching"),
    "limits": or_none(instance(JobLimits, wanted="a JobLimits")),
    "log": CALLABLE,
    "on_progress": CALLABLE,
}
"""Which values the arguments of jobs and `map` take."""


def job_question(
    caller: Caller,
    target: Any,
    call: InputArgs,
    workers: Workers,
    *,
    journaled: bool,
    batch: bool = False,
) -> JobQuestion[Any]:
    """Make the question of a job.

    Raises:
        ConfigurationError: If the cost has a limit and no price is known, or `batch` is set and
            the model is in this process.
        StructgenError: If no document could be asked about: what `plan` raises.
    """
    if workers.watch.limits.max_cost is not None:
        require_prices(caller)
    when, splitting, call_of_each = _split(call)
    question = caller.question(target, "", call_of_each)
    splitting = replace(splitting, chunking=chunking_of(question, splitting.chunking))
    if batch:
        if caller.cascade is not None:
            raise ConfigurationError(
                "The Batch API gives its answers hours later, so a cascade cannot go on from them.",
                hint="Leave out `batch`, or use a client of one model.",
            )
        if when is True:
            raise ConfigurationError(
                "The Batch API asks about whole documents, and `chunked` splits them.",
                hint="Leave out `batch` or `chunked`.",
            )
        backend = backend_for_batches(caller.backends[0])
        # Its replies are read again in later rounds, and have to meet the same schemas.
        options = replace(question.options, learned_rows="off", cache=None)
        question = replace(question, options=options)
        return JobQuestion([backend], question, hook=None, journaled=journaled)
    if question.cascade is not None:
        # A budget that is used up while an input is under way leaves it the answer that it has.
        cascade = replace(
            question.cascade,
            reason_to_stop=lambda: workers.watch.stop_reason(workers.gate.inside),
        )
        question = replace(question, cascade=cascade)
    return JobQuestion(
        caller.backends,
        question,
        hook=workers.observe,
        journaled=journaled,
        splitting=splitting,
    )


def require_prices(caller: Caller) -> None:
    """See that the price of everybody who may be asked is known.

    Args:
        caller: Who may be asked.

    Raises:
        ConfigurationError: If one is not.
    """
    unknown = [backend.name for backend in caller.all_backends if backend.price is None]
    if unknown:
        raise ConfigurationError(
            f"No price known for {unknown[0]}, so max_cost cannot be enforced.",
            hint="Pass the client prices=[structgen.providers.Price(...)].",
        )


def _split(given: InputArgs) -> tuple[Chunked, Splitting, CallArgs]:
    """Tell when and how to split documents from what to ask about each."""
    args: dict[str, Any] = {**given}
    chunked = args.pop("chunked", "auto")
    check_values({"chunked": chunked}, {"chunked": CHUNKED})
    when: Chunked = "auto" if chunked is None else chunked or "never"
    chunking, call = split_args(args)
    return when, Splitting(when, chunking), call


def concurrency_of(caller: Caller, given: int | None) -> int:
    """Give how many questions to ask at a time at most."""
    if given is not None:
        return given
    on_server = caller.backends[0].is_server
    return _AT_ONCE_ON_SERVER if on_server else _AT_ONCE_IN_PROCESS
