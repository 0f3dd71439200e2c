"""Connections that end: those on which no whole request comes are closed.

uvicorn bounds the time between two requests, but not that to the first one, nor that from the first
byte of a request to the end of its headers. So a few hundred connections that send nothing would
take all file descriptors.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

from uvicorn.protocols.http.h11_impl import H11Protocol


class BoundedConnection(H11Protocol):
    """A connection on which a request has to come within a time. Give it to uvicorn as `http`."""

    seconds: ClassVar[float] = 15.0
    """Seconds from the first byte of a request to the end of its headers, and from the opening of a
    connection to the end of its first request's headers."""
    most_waiting: ClassVar[int] = 256
    """Connections that may wait for a request; the one that has waited longest makes room."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0

    @property
    def is_waiting(self) -> bool:
        """Whether no request is under way."""
        return self.cycle is None or self.cycle.response_complete

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a new connection."""
        super().connection_made(transport)
        self._since = self.loop.time()
        self._start_timer()
        others = [one for one in self.connections if isinstance(one, BoundedConnection)]
        waiting = [one for one in others if one.is_waiting and not one.transport.is_closing()]
        if len(waiting) > self.most_waiting:
            min(waiting, key=lambda one: one._since).transport.close()

    def data_received(self, data: bytes) -> None:
        """Take what a client sent."""
        super().data_received(data)
        if not self.is_waiting:
            self._stop_timer()
        elif self._timer is None:
            self._start_timer()

    def on_response_complete(self) -> None:
        """Wait for the next request."""
        self._since = self.loop.time()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._stop_timer()
        super().connection_lost(exc)

    def _start_timer(self) -> None:
        self._timer = self.loop.call_later(self.seconds, self._expire)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer = None
        if self.is_waiting:
            self.transport.close()
