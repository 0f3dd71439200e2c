"""`structgen serve`: a server in this process, until it is told to stop."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from argparse import ArgumentParser, Namespace
from typing import TYPE_CHECKING, Any, Final

from structgen.cli.command import Command, Streams
from structgen.cli.exits import OK
from structgen.errors import ConfigurationError
from structgen.extras import load

if TYPE_CHECKING:
    from structgen.local.engine import Engine
    from structgen.server.app import Server

KEY_ENV: Final = "STRUCTGEN_API_KEY"
_GRACE: Final = 60
"""Seconds that answers under way have after the signal to stop."""
_NO_LIMIT: Final = 10_000_000


def _add_arguments(parser: ArgumentParser) -> None:
    _add_model(parser)
    _add_address(parser)
    _add_limits(parser)


def _add_model(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        default="local",
        help="local, the name of a packaged model, or a .gguf file; by default local.",
    )
    parser.add_argument(
        "--name",
        action="append",
        metavar="NAME",
        help="A model name that clients may ask for; by default those of Groq, retired ones too.",
    )
    parser.add_argument(
        "--any-model", action="store_true", help="Answer to every model name that clients ask for."
    )
    parser.add_argument(
        "--parallel", type=int, metavar="N", default=2, help="Answers at a time; by default 2."
    )
    parser.add_argument(
        "--context", type=int, metavar="N", help="Tokens of a prompt and its answer together."
    )
    parser.add_argument(
        "--mmproj",
        metavar="FILE",
        help="The projector of a model that sees; by default the one .gguf file beside the model "
        "whose name has mmproj in it.",
    )


def _add_address(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--host",
        default="127.0.0.1",
        help="Address to listen at; by default 127.0.0.1. Any other address needs a key.",
    )
    parser.add_argument(
        "--port", type=int, default=8000, help="By default 8000; 0 takes any free port."
    )
    parser.add_argument(
        "--api-key",
        metavar="KEY",
        help=f"The key that clients must send; by default ${KEY_ENV}, else none.",
    )


def _add_limits(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--queue",
        type=int,
        metavar="N",
        default=64,
        help="Requests that may wait; by default 64. Further ones are refused.",
    )
    parser.add_argument(
        "--max-tokens",
        type=int,
        metavar="N",
        help="Tokens of one answer at most, whatever a client asks for.",
    )
    parser.add_argument(
        "--requests-per-day",
        type=int,
        metavar="N",
        default=_NO_LIMIT,
        help="Requests of one key in a day; further ones are refused.",
    )
    parser.add_argument(
        "--tokens-per-minute",
        type=int,
        metavar="N",
        default=_NO_LIMIT,
        help="Tokens of one key in a minute; further requests are refused.",
    )


def _perform(arguments: Namespace, streams: Streams) -> int:
    """Serve until SIGTERM or SIGINT; then take nothing new, and finish what is under way."""
    uvicorn = load("uvicorn", "server")
    load("starlette", "server")
    from structgen.local.engine import open_engine

    key = arguments.api_key or os.environ.get(KEY_ENV, "")
    if not key and not _is_loopback(arguments.host):
        raise ConfigurationError(
            f"Without a key the server listens at loopback only, not at {arguments.host}.",
            hint=f"Set ${KEY_ENV}, or give --api-key.",
        )
    _at_least("queue", arguments.queue, 0)
    _at_least("requests-per-day", arguments.requests_per_day, 1)
    _at_least("tokens-per-minute", arguments.tokens_per_minute, 1)
    name = arguments.model.removeprefix("local:")
    with (
        open_engine(
            name,
            context=arguments.context,
            parallel=arguments.parallel,
            mmproj=arguments.mmproj,
        ) as engine,
        listening(arguments.host, arguments.port) as listener,
    ):
        # Load the model now, so that whoever can connect is answered.
        engine.count([{"role": "user", "content": ""}])
        streams.tell(f"{engine.model} at {_url(listener)}")
        streams.stderr.flush()
        _run(uvicorn, _server(arguments, engine, key), listener)
    return OK


def _server(arguments: Namespace, engine: Engine, key: str) -> Server:
    from structgen.server.app import Server
    from structgen.server.places import Places
    from structgen.server.rate_limiter import RateLimiter

    return Server(
        engine=engine,
        places=Places(arguments.parallel, arguments.queue),
        names=arguments.name,
        any_model=arguments.any_model,
        keys=(key,) if key else (),
        rate_limiter=RateLimiter(arguments.requests_per_day, arguments.tokens_per_minute),
        max_tokens=arguments.max_tokens,
    )


def _run(uvicorn: Any, server: Server, listener: socket.socket) -> None:
    from structgen.server.app import app
    from structgen.server.connections import BoundedConnection

    config = uvicorn.Config(
        app(server),
        http=BoundedConnection,
        ws="none",
        access_log=False,
        log_level="warning",
        timeout_graceful_shutdown=_GRACE,
    )
    # uvicorn stops at SIGTERM, and raises it again afterwards.
    signal.signal(signal.SIGTERM, lambda *_: None)
    uvicorn.Server(config).run(sockets=[listener])


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}/v1"


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listening(host: str, port: int) -> socket.socket:
    """Open a socket that listens there.

    Args:
        host: An address of this machine.
        port: A port, or 0 for any that is free.

    Raises:
        ConfigurationError: If the address or the port cannot be had.
    """
    # The protocol is named: without it asyncio does not turn Nagle's algorithm off, and each short
    # answer comes 40 ms later.
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error).rstrip(".")
        raise ConfigurationError(
            f"The server cannot listen at {host}, port {port}: {reason}.",
            hint="Choose another port; --port 0 takes any that is free.",
        ) from error
    return listener


def _at_least(option: str, value: int, least: int) -> None:
    if value < least:
        raise ConfigurationError(f"--{option} is {value}; it must be at least {least}.")


COMMAND = Command(
    name="serve",
    usage="[options]",
    summary="Serve a local model as Groq and OpenAI serve theirs.",
    detail="It stops at Ctrl-C or SIGTERM, after the answers under way.",
    add_arguments=_add_arguments,
    perform=_perform,
)
