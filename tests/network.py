"""A guard that keeps tests on this machine: sockets connect to loopback, or raise.

Child processes, such as pip, have no such guard.
"""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any


class NetworkRefused(AssertionError):
    """A test tried to reach another machine."""


def _is_local(host: Any) -> bool:
    # Names in .invalid never resolve (RFC 6761).
    if host in (None, "", "localhost") or str(host).endswith((".localhost", ".invalid")):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    if event == "socket.getaddrinfo":
        host = arguments[0]
    elif event in ("socket.connect", "socket.sendto"):
        address = arguments[1]
        # An address that is a path is a socket of this machine.
        host = address[0] if isinstance(address, tuple) else None
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if not _is_local(host):
        test = os.environ.get("PYTEST_CURRENT_TEST", "A test")
        raise NetworkRefused(f"{test} tried to reach {host!r}, but tests must stay on loopback.")


def refuse() -> None:
    """Put the guard up for the life of the process."""
    sys.addaudithook(_hook)
