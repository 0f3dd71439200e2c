"""`structgen review`: a local page to accept, correct and reject records."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from structgen.cli.command import Command, Streams
from structgen.cli.exits import OK
from structgen.cli.inputs import add_input_flags, source_from
from structgen.errors import InputError
from structgen.extras import load

if TYPE_CHECKING:
    from structgen.server.review.records import Records
    from structgen.values import TextOrMessages


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "results", metavar="RESULTS", help="A JSONL file that `structgen run` wrote, or a journal."
    )
    parser.add_argument(
        "inputs", metavar="INPUT", nargs="*", help="The inputs of that run, for the texts."
    )
    parser.add_argument(
        "--target",
        metavar="TARGET",
        help="What values are checked against; by default the schema that the journal noted.",
    )
    parser.add_argument("--port", type=int, default=0, metavar="N", help="By default a free one.")
    parser.add_argument(
        "--export", metavar="GOLD", help="Write accepted and corrected records as gold, and end."
    )
    parser.add_argument(
        "--export-tasks", metavar="FILE", help="Write all records as review tasks, and end."
    )
    parser.add_argument(
        "--tasks-for",
        choices=("label-studio", "argilla"),
        default="label-studio",
        help="Whom the tasks are for; by default label-studio.",
    )
    parser.add_argument(
        "--import-tasks", metavar="FILE", help="Take decisions from review tasks, and end."
    )
    add_input_flags(parser)


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.pipeline.journal.reviews import counted
    from structgen.server.review.gold import export_gold
    from structgen.server.review.tasks import export_tasks, import_tasks

    records = _records(arguments, streams)
    if arguments.import_tasks:
        done = import_tasks(records, arguments.import_tasks)
        taken = counted(done, "decision", "decisions")
        streams.tell(f"{taken} taken from {arguments.import_tasks}")
    if arguments.export:
        done = export_gold(records, arguments.export, streams.tell)
        streams.tell(f"{counted(done, 'record', 'records')} written to {arguments.export}")
    if arguments.export_tasks:
        done = export_tasks(records, arguments.export_tasks, arguments.tasks_for)
        streams.tell(f"{counted(done, 'task', 'tasks')} written to {arguments.export_tasks}")
    if not (arguments.import_tasks or arguments.export or arguments.export_tasks):
        _serve(records, arguments.port, streams)
    return OK


def _records(arguments: Namespace, streams: Streams) -> Records:
    from structgen.evaluation.answers import read_answers
    from structgen.pipeline.journal.reviews import Reviews, counted, shown_keys
    from structgen.pipeline.journal.tables import is_database
    from structgen.pipeline.journal.view import JournalView
    from structgen.schema.load import load_target
    from structgen.schema.target import Target, target_of
    from structgen.server.review.records import Records

    results = Path(arguments.results)
    is_journal = results.suffix == ".journal" or is_database(results)
    journal = results if is_journal else Path(f"{results}.journal")
    has_journal = is_journal or journal.exists()
    rows: list[dict[str, Any]] = [] if has_journal else read_answers(results)
    hashes: dict[str, str] = {}
    target: Target[Any] = target_of({})
    if has_journal:
        with JournalView(journal) as view:
            target = view.target()
            for outcome in view.outcomes():
                rows.append(outcome.row())
                hashes.setdefault(outcome.key, outcome.document_hash)
    if arguments.target:
        target = load_target(arguments.target)
    if not rows:
        raise InputError(f"{results} holds no results.", hint="Run the job first.")
    kept = journal if has_journal else Path(f"{results}.reviews")
    found = source_from(arguments) if arguments.inputs else ()
    documents: dict[str, TextOrMessages] = {}
    for item in found:
        if item.error is None:
            documents.setdefault(item.key, item.document)
    records = Records(rows, documents, target, Reviews(kept), hashes)
    if records.left_out:
        left_out = counted(records.left_out, "record is", "records are")
        streams.tell(
            f"{left_out} left out, since earlier ones have the same key: name a unique column with "
            "--key, and run the job again"
        )
    missing = [row["key"] for row in records.rows if records.document(row["key"]) is None]
    if missing and (arguments.inputs or arguments.export_tasks):
        has = "has" if len(missing) == 1 else "have"
        streams.tell(
            f"{len(missing)} of {len(records.rows)} records {has} no text, since no input that can "
            f"be read has the key: {shown_keys(missing)}"
        )
    return records


def _serve(records: Records, port: int, streams: Streams) -> None:
    from secrets import token_urlsafe

    from structgen.cli.serve import listening

    uvicorn = load("uvicorn", "server")
    load("starlette", "server")
    from structgen.server.review.app import review_app

    token = token_urlsafe()
    with listening("127.0.0.1", port) as listener:
        at = listener.getsockname()[1]
        streams.tell(f"review at http://127.0.0.1:{at}/?token={token}")
        streams.stderr.flush()
        app = review_app(records, token)
        config = uvicorn.Config(app, ws="none", access_log=False, log_level="warning")
        uvicorn.Server(config).run(sockets=[listener])


COMMAND = Command(
    name="review",
    usage="RESULTS|JOURNAL [INPUT ...] [options]",
    summary="Accept, correct and reject records on a local page.",
    detail="Decisions are kept in the journal, or beside the results as RESULTS.reviews.",
    add_arguments=_add_arguments,
    perform=_perform,
)
