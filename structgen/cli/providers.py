"""`structgen providers`: the providers there are rows for, and what a server really takes."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from structgen.cli.command import Command, Streams
from structgen.cli.exits import OK
from structgen.errors import InputError


def _add_arguments(parser: ArgumentParser) -> None:
    actions = parser.add_subparsers(prog="structgen providers", metavar="ACTION")
    about = "Ask a server which schema keywords it takes and which of them it enforces"
    probe = actions.add_parser(
        "probe",
        usage="structgen providers probe MODEL [--base-url URL] [--save]",
        help=f"{about}.",
        description=f"{about}. Each of about 45 short questions tells the model to break one "
        "keyword: `held` means that it could not, `taken` that it did, `refused` that the server "
        "answered 400. The row goes to standard output as JSON.",
    )
    probe.add_argument("probe", metavar="MODEL", help="Whom to ask, as provider:model.")
    probe.add_argument("--base-url", metavar="URL", help="Address of an OpenAI-compatible server.")
    probe.add_argument(
        "--save",
        action="store_true",
        help="Keep the row in the cache folder, for all later calls of this model.",
    )
    probe.add_argument("--quiet", action="store_true", help="Say nothing but errors.")
    parser.set_defaults(probe=None)


def _perform(arguments: Namespace, streams: Streams) -> int:
    if arguments.probe is None:
        return _list(streams)
    from structgen.client.blocking import Client

    with Client(arguments.probe, base_url=arguments.base_url) as client:
        found = client.probe()
    streams.give(found.to_dict(), indent=2)
    if not arguments.quiet:
        print(found.table(), file=streams.stderr)
    if arguments.save:
        try:
            path = found.save()
        except OSError as error:
            raise InputError(
                f"Cannot save the row: {error.strerror}.",
                hint="Make room, or set $STRUCTGEN_CACHE to another folder.",
            ) from error
        if not arguments.quiet:
            streams.tell(f"saved in {path}")
    return OK


def _list(streams: Streams) -> int:
    from structgen.wire.providers import ROWS

    rows = [("PROVIDER", "MODELS", "SCHEMAS, STRONGEST FIRST")]
    for row in ROWS:
        modes = (f"{mode} ({language})" for mode, language in row.modes)
        rows.append((row.provider, row.model, ", ".join(modes)))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        line = "  ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        print(line.rstrip(), file=streams.stdout)
    return OK


COMMAND = Command(
    name="providers",
    usage="[probe MODEL [--save]]",
    summary="List the providers, or probe what a server takes.",
    add_arguments=_add_arguments,
    perform=_perform,
)
