"""`structgen serve`: the server in a process of its own, until it is told to stop."""

from __future__ import annotations

import ipaddress
import os
import signal
import socket
from argparse import Namespace
from typing import Final, TextIO

from structgen.errors import ConfigurationError
from structgen.extras import load

KEY_ENV: Final = "STRUCTGEN_API_KEY"
_FINISH: Final = 60
"""Seconds that answers under way have after the signal to stop."""


def serve(given: Namespace, stderr: TextIO) -> None:
    """Serve until SIGTERM or SIGINT; then nothing new is taken, and what is under way is finished.

    Raises ConfigurationError, and EngineErrors where the model cannot be loaded.
    """
    uvicorn = load("uvicorn", "server")
    load("starlette", "server")
    from structgen.local.engine import open_engine
    from structgen.server.app import GROQ_MODELS, Server, app
    from structgen.server.places import Places
    from structgen.server.rate_limiter import RateLimiter

    key = given.api_key or os.environ.get(KEY_ENV, "")
    if not key and not _is_loopback(given.host):
        raise ConfigurationError(
            f"Without a key the server listens at loopback only, not at {given.host}.",
            hint=f"Set ${KEY_ENV}, or give --api-key.",
        )
    requests, tokens = given.requests_per_day, given.tokens_per_minute
    _at_least("queue", given.queue, 0)
    _at_least("requests-per-day", requests, 1)
    _at_least("tokens-per-minute", tokens, 1)
    with (
        open_engine(
            given.model.removeprefix("local:"), context=given.context, parallel=given.parallel
        ) as engine,
        listening(given.host, given.port) as listener,
    ):
        engine.count(
            [{"role": "user", "content": ""}]
        )  # loaded now, so that who can connect is answered
        server = Server(
            engine=engine,
            places=Places(given.parallel, given.queue),
            names=given.name or GROQ_MODELS,
            keys=(key,) if key else (),
            rate_limiter=RateLimiter(requests, tokens),
            max_tokens=given.max_tokens,
        )
        host, port = listener.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        print(f"structgen: {engine.model} at http://{shown}:{port}/v1", file=stderr, flush=True)
        config = uvicorn.Config(
            app(server), access_log=False, log_level="warning", timeout_graceful_shutdown=_FINISH
        )
        signal.signal(
            signal.SIGTERM, lambda *_: None
        )  # uvicorn stops at it, and raises it again when it has
        uvicorn.Server(config).run(sockets=[listener])


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def listening(host: str, port: int) -> socket.socket:
    """A socket that listens there. Raises ConfigurationError.

    Its protocol is named, or asyncio does not turn Nagle's algorithm off, and each short answer is 40 ms late.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        if os.name == "posix":
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(1024)
    except (OSError, OverflowError) as error:
        listener.close()
        raise ConfigurationError(
            f"The server cannot listen at {host}, port {port}: {getattr(error, 'strerror', None) or error}.",
            hint="Is it in use? --port 0 takes any that is free.",
        ) from error
    return listener


def _at_least(option: str, value: int, least: int) -> None:
    if value < least:
        raise ConfigurationError(f"--{option} is {value}; it has to be at least {least}.")
