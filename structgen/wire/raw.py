"""HTTP answers beside what was read out of them: status, headers, request id."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from structgen.errors import ConfigurationError
from structgen.flow.ports import HttpPort, Stream
from structgen.values import Reply, Request

T = TypeVar("T")

_REQUEST_IDS: Final = ("x-request-id", "request-id", "apim-request-id")
"""Headers in which servers name a request: nearly all, Anthropic, Azure."""


def request_id_of(headers: Mapping[str, str]) -> str | None:
    """Find the server's name for a request; None if it gave none.

    Args:
        headers: The headers of its answer, with names in lower case.
    """
    return next((headers[name] for name in _REQUEST_IDS if headers.get(name)), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResponse(Generic[T]):
    """What a call gives, and the HTTP answer that it was read out of."""

    result: T = field(repr=False)
    """What the call gives."""
    status_code: int
    """The HTTP status."""
    headers: Mapping[str, str] = field(repr=False)
    """The headers of the answer, with names in lower case."""

    @property
    def request_id(self) -> str | None:
        """The server's name for the request, to tell its support; None if it gave none."""
        return request_id_of(self.headers)

    def parse(self) -> T:
        """Give the result. This is its name in the SDKs."""
        return self.result


class ReplyLog:
    """Keeps the last HTTP answer of a call."""

    def __init__(self) -> None:
        self.last: Reply | None = None
        """The answer; None before one has come."""

    def response(self, result: T) -> RawResponse[T]:
        """Give a result with the last HTTP answer.

        Args:
            result: What was read out of it.

        Raises:
            ConfigurationError: If none came: a model in this process answered.
        """
        if self.last is None:
            raise ConfigurationError(
                "The answer did not come over HTTP, so there is no response to show.",
                hint="Leave out `with_raw_response`.",
            )
        return RawResponse(result=result, status_code=self.last.status, headers=self.last.headers)


class RecordingPort:
    """An `HttpPort` that keeps the answers of another one in a log.

    Args:
        port: The port that sends the requests.
        log: What keeps the answers.
    """

    def __init__(self, port: HttpPort, log: ReplyLog) -> None:
        self._port, self._log = port, log
        self.base_url = getattr(port, "base_url", "")

    def send(self, request: Request, timeout: float | None) -> Reply:
        """Send a request and read its whole answer."""
        reply = self._log.last = self._port.send(request, timeout)
        return reply

    async def asend(self, request: Request, timeout: float | None) -> Reply:
        """Do what `send` does, without blocking the event loop."""
        reply = self._log.last = await self._port.asend(request, timeout)
        return reply

    def open(self, request: Request, timeout: float | None) -> Stream:
        """Send a request and return its answer as a stream."""
        stream = self._port.open(request, timeout)
        self._log.last = stream.reply
        return stream

    async def aopen(self, request: Request, timeout: float | None) -> Stream:
        """Do what `open` does, without blocking the event loop."""
        stream = await self._port.aopen(request, timeout)
        self._log.last = stream.reply
        return stream

    def close(self) -> None:
        """Close the other port."""
        self._port.close()

    async def aclose(self) -> None:
        """Do what `close` does, without blocking the event loop."""
        await self._port.aclose()
