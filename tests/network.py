"""No test reaches beyond this machine: sockets go to loopback or raise. Child processes (pip) have no such guard."""

from __future__ import annotations

import ipaddress
import os
import sys
from typing import Any


class NetworkRefused(AssertionError):
    """A test tried to reach another machine."""


def _is_local(host: Any) -> bool:
    if host in (None, "", "localhost") or str(host).endswith(
        (".localhost", ".invalid")
    ):  # the last never resolves: RFC 6761
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
        host = (
            address[0] if isinstance(address, tuple) else None
        )  # a path is a socket of this machine
    else:
        return
    host = host.decode() if isinstance(host, bytes) else host
    if not _is_local(host):
        raise NetworkRefused(
            f"{os.environ.get('PYTEST_CURRENT_TEST', 'a test')} tried to reach {host!r}; tests stay on loopback"
        )


def refuse() -> None:
    """Put the guard up, for the life of the process."""
    sys.addaudithook(_hook)
