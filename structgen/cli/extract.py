"""`structgen extract`: a record from each text."""

from __future__ import annotations

import io
import time
from argparse import ArgumentParser, Namespace
from contextlib import nullcontext, redirect_stderr
from typing import TYPE_CHECKING, Any, Final

from structgen.cli.command import Command, Streams, add_target
from structgen.cli.exits import OK, tell_error
from structgen.cli.inputs import add_document_flags, reading_from
from structgen.cli.options import add_chunking, add_options, call_from, chunking_from, options_from
from structgen.errors import StructgenError
from structgen.results import Extraction

if TYPE_CHECKING:
    from structgen.client.blocking import Client
    from structgen.documents.result import DocumentExtraction
    from structgen.schema.target import Target

_NO_KEY: Final = "not-needed"
"""The key of a plan, which is sent nowhere."""


def _add_arguments(parser: ArgumentParser) -> None:
    add_target(parser)
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="*",
        default=[],
        help="Files of texts, PDFs, images and other documents; - is a text from standard input, "
        "which is read if no file is named.",
    )
    parser.add_argument(
        "--result",
        action="store_true",
        help="Print everything known about each record, not only its value; of one that failed, "
        "its attempts and what could be salvaged.",
    )
    parser.add_argument(
        "--plan",
        action="store_true",
        help="Print what would be asked about the first text, and ask nothing.",
    )
    parser.add_argument("--quiet", action="store_true", help="Say nothing but errors.")
    add_options(parser)
    add_chunking(parser)
    add_document_flags(parser)


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.client.blocking import Client
    from structgen.schema.load import load_target

    target = load_target(arguments.target)
    call = call_from(arguments, target)
    names = arguments.files or ["-"]
    model, options = arguments.model, options_from(arguments)
    if arguments.plan and "cascade" in options:  # what is asked first is asked of the first model
        model = options.pop("cascade")[0]
    client = Client(
        model,
        base_url=arguments.base_url,
        api_key=_NO_KEY if arguments.plan else arguments.api_key,
        **options,
    )
    # Errors have the stream of the call; what a model says while it loads or reads has this one.
    hushed = redirect_stderr(io.StringIO()) if arguments.quiet else nullcontext()
    with client, hushed:
        if arguments.plan:
            plan = client.plan(target, streams.read(names[0], reading_from(arguments)), **call)
            streams.give(plan.to_dict(), indent=2)
            return OK
        codes = [_one(client, target, name, call, arguments, streams) for name in names]
    return max(codes)


def _one(
    client: Client,
    target: Target[Any],
    name: str,
    call: dict[str, Any],
    arguments: Namespace,
    streams: Streams,
) -> int:
    """Extract from one text and print the record: in one line with the file's name if there are
    several."""
    began = time.perf_counter()
    several = len(arguments.files) > 1
    try:
        document = streams.read(name, reading_from(arguments))
        result = _extract(client, target, document, call, chunking_from(arguments))
    except StructgenError as error:
        failure = _failure(error, target) if arguments.result else {"error": error.to_dict()}
        if several:
            streams.give({"file": name, **failure})
        elif arguments.result:
            streams.give(failure, indent=2)
        return tell_error(error, streams.stderr, name if several else None)
    shown = result.to_dict() if arguments.result else target.dump(result.value)
    if several:
        known = shown if arguments.result else {"value": shown}
        streams.give({"file": name, **known})
    else:
        streams.give(shown, indent=2)
    if not arguments.quiet:
        _tell(result, time.perf_counter() - began, streams)
    return OK


def _extract(
    client: Client, target: Target[Any], document: Any, call: Any, chunks: dict[str, Any]
) -> Extraction[Any] | DocumentExtraction[Any]:
    """Extract from a document of any length."""
    from structgen.documents.extract import extract_any
    from structgen.documents.options import split_args
    from structgen.flow.drive import perform

    when = chunks.pop("chunked")
    chunking, _ = split_args(chunks)
    question = client.caller.question(target, document, call)
    return perform(extract_any(client.caller.backends, question, chunking, when))


def _failure(error: StructgenError, target: Target[Any]) -> dict[str, Any]:
    """Give everything known about a text that gave no record."""
    salvaged = getattr(error, "salvaged", None)
    return {
        "error": error.to_dict(),
        "salvaged": None if salvaged is None else target.dump(salvaged),
        "shortened": sorted(getattr(error, "shortened", ())),
        "attempts": [attempt.to_dict() for attempt in error.attempts],
    }


def _tell(
    result: Extraction[Any] | DocumentExtraction[Any], seconds: float, streams: Streams
) -> None:
    """Say what held the record, what was cut short in it, and where the time went."""
    streams.tell(str(result.guarantee))
    if isinstance(result, Extraction) and result.cached:
        streams.tell("the result of an earlier call, from the cache")
    if result.tuned is not None:
        streams.tell(f"tuned: {result.tuned}")
    if not isinstance(result, Extraction):
        streams.tell(f"{len(result.chunks)} chunks, {len(result.conflicts)} conflicts")
        for failed in result.failures:
            chunk = failed.chunk
            streams.tell(f"characters {chunk.start} to {chunk.end} failed: {failed.error}")
    for escalation in result.escalations:
        streams.tell(f"escalated: {escalation}")
    for path in sorted(result.shortened):
        streams.tell(f"cut short: {path or 'the whole value'}")
    for item in result.removed:
        streams.tell(f"taken out: {item.path or 'the whole value'} ({item.reason})")
    for path in sorted(result.to_review):
        streams.tell(f"to review: {path or 'the whole value'}{_doubt(result, path)}")
    parts = ", ".join(f"{part} {spent:.2f}" for part, spent in result.seconds.items())
    streams.tell(f"{seconds:.2f} s in all" + (f" ({parts})" if parts else ""))


def _doubt(result: Extraction[Any] | DocumentExtraction[Any], path: str) -> str:
    """Say why a value is to be reviewed, if its evidence tells."""
    found = result.leaf_evidence.get(path)
    return " (not in the document)" if found and found.status == "not-found" else ""


COMMAND = Command(
    name="extract",
    usage="TARGET [FILE ...] [options]",
    summary="Extract a record from each text or image.",
    detail="Records go to standard output as JSON: indented if there is one text, one line for "
    "each if there are several. What is said about them goes to standard error.",
    add_arguments=_add_arguments,
    perform=_perform,
)
