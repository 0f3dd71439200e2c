"""`structgen mcp`: extraction as tools of an assistant, over standard input and output."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any

from structgen.cli.command import Command, Streams
from structgen.cli.exits import OK
from structgen.cli.options import add_options, call_from, options_from

if TYPE_CHECKING:
    from structgen.schema.target import Target


def _add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "targets",
        metavar="TARGET",
        nargs="+",
        help="What can be extracted: path.py:Model, module:Model or schema.json.",
    )
    add_options(parser)


def _perform(arguments: Namespace, streams: Streams) -> int:
    from structgen.client.blocking import Client
    from structgen.integrations.mcp import mcp_server
    from structgen.schema.load import load_target

    targets = _named([load_target(spec) for spec in arguments.targets])
    client = Client(
        arguments.model,
        base_url=arguments.base_url,
        api_key=arguments.api_key,
        **options_from(arguments),
    )
    with client:
        call = call_from(arguments, next(iter(targets.values())))
        server = mcp_server(targets, client, **call)
        streams.tell(f"{client!r} offers {', '.join(targets)} over standard input and output")
        streams.stderr.flush()
        server.run()
    return OK


def _named(targets: list[Target[Any]]) -> dict[str, Target[Any]]:
    """The targets by name; a name that comes again gets a number."""
    found: dict[str, Target[Any]] = {}
    for target in targets:
        name, number = target.name, 2
        while name in found:
            name, number = f"{target.name}_{number}", number + 1
        found[name] = target
    return found


COMMAND = Command(
    name="mcp",
    usage="TARGET [TARGET ...] [options]",
    summary="Serve extraction to assistants (MCP).",
    detail="It speaks over standard input and output, and stops when its input ends.",
    add_arguments=_add_arguments,
    perform=_perform,
)
