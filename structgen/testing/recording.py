"""Real answers, written down once and given again: tests against a backend without the backend.

A recording is JSON Lines of `{"request": {"method", "path", "body"}, "reply": {"status",
"headers", "pieces"}}`. A body that is not UTF-8 is written in base64, under `"base64"`. Headers of
requests are not recorded, so that no key is.
"""

from __future__ import annotations

import base64
import json
import threading
from pathlib import Path
from typing import Any, Final

from structgen.errors import ConfigurationError
from structgen.flow.ports import HttpPort, Stream
from structgen.testing.scripted import ScriptedStream
from structgen.values import Reply, Request

_PRIVATE: Final = frozenset({"set-cookie", "openai-organization", "openai-project", "cf-ray"})
"""Headers of replies that tell who asked."""
_ONE_AT_A_TIME: Final = threading.Lock()
"""Held to write or take an exchange: votes and parts are asked about on threads."""


class Recorder:
    """An `HttpPort` that passes everything on to another one, and appends each exchange to a file.

    Args:
        port: Sends the requests. It is closed with the recorder.
        path: The file; it is made if it is not there.
    """

    def __init__(self, port: HttpPort, path: str | Path) -> None:
        self._port = port
        self._path = Path(path)
        self.base_url = getattr(port, "base_url", "")

    def send(self, request: Request, timeout: float | None) -> Reply:
        """Send a request, and record the exchange."""
        return self._recorded(request, self._port.send(request, timeout))

    async def asend(self, request: Request, timeout: float | None) -> Reply:
        """Do as `send` does, without blocking the event loop."""
        return self._recorded(request, await self._port.asend(request, timeout))

    def open(self, request: Request, timeout: float | None) -> Stream:
        """Send a request, and record its answer when the stream is closed."""
        return _RecordedStream(self, request, self._port.open(request, timeout))

    async def aopen(self, request: Request, timeout: float | None) -> Stream:
        """Do as `open` does, without blocking the event loop."""
        return _RecordedStream(self, request, await self._port.aopen(request, timeout))

    def close(self) -> None:
        """Close the port that sends."""
        self._port.close()

    async def aclose(self) -> None:
        """Do as `close` does, without blocking the event loop."""
        await self._port.aclose()

    def _recorded(self, request: Request, reply: Reply) -> Reply:
        self.write(request, reply, [reply.body])
        return reply

    def write(self, request: Request, reply: Reply, pieces: list[bytes]) -> None:
        """Append one exchange to the file.

        Args:
            request: What was sent.
            reply: Status and headers of the answer.
            pieces: Its body, in the pieces that came.
        """
        headers = {name: value for name, value in reply.headers.items() if name not in _PRIVATE}
        asked = {"method": request.method, "path": request.path, "body": _to_json(request.body)}
        answered = {
            "status": reply.status,
            "headers": headers,
            "pieces": [_to_json(piece) for piece in pieces],
        }
        row = json.dumps({"request": asked, "reply": answered}, ensure_ascii=False)
        with _ONE_AT_A_TIME, self._path.open("a", encoding="utf-8") as file:
            file.write(row + "\n")


class _RecordedStream:
    """A `Stream` that is recorded when it is closed."""

    def __init__(self, recorder: Recorder, request: Request, stream: Stream) -> None:
        self.reply = stream.reply
        self._recorder, self._request, self._stream = recorder, request, stream
        self._pieces = [stream.reply.body]
        self._open = True

    def read(self) -> bytes:
        return self._keep(self._stream.read())

    async def aread(self) -> bytes:
        return self._keep(await self._stream.aread())

    def close(self) -> None:
        self._record()
        self._stream.close()

    async def aclose(self) -> None:
        self._record()
        await self._stream.aclose()

    def _keep(self, piece: bytes) -> bytes:
        self._pieces.append(piece)
        return piece

    def _record(self) -> None:
        if self._open:
            self._open = False
            pieces = [piece for piece in self._pieces if piece]
            self._recorder.write(self._request, self.reply, pieces)


class Replayer:
    """An `HttpPort` that gives recorded answers: the first unused one to the same request.

    Bodies of requests are compared as JSON.

    Args:
        path: A file that a `Recorder` wrote.

    Raises:
        ConfigurationError: From a request that the recording does not hold.
    """

    def __init__(self, path: str | Path) -> None:
        with Path(path).open(encoding="utf-8") as file:
            self._rows = [json.loads(line) for line in file if line.strip()]
        self.base_url = "http://replayed/v1"

    def send(self, request: Request, timeout: float | None) -> Reply:
        """Give the recorded answer."""
        reply, pieces = self._take(request)
        return Reply(reply.status, reply.headers, b"".join(pieces))

    async def asend(self, request: Request, timeout: float | None) -> Reply:
        """Do as `send` does."""
        return self.send(request, timeout)

    def open(self, request: Request, timeout: float | None) -> Stream:
        """Give the recorded answer in the pieces that came."""
        reply, pieces = self._take(request)
        return ScriptedStream(Reply(reply.status, reply.headers, b"".join(pieces)), pieces)

    async def aopen(self, request: Request, timeout: float | None) -> Stream:
        """Do as `open` does."""
        return self.open(request, timeout)

    def close(self) -> None:
        """Do nothing: nothing is open."""

    async def aclose(self) -> None:
        """Do nothing: nothing is open."""

    def _take(self, request: Request) -> tuple[Reply, list[bytes]]:
        wanted = _identity(request.method, request.path, request.body)
        with _ONE_AT_A_TIME:
            row = next((row for row in self._rows if _asked(row) == wanted), None)
            if row is not None:
                self._rows.remove(row)
        if row is not None:
            reply = row["reply"]
            pieces = [_from_json(piece) for piece in reply["pieces"]]
            return Reply(reply["status"], reply["headers"], b""), pieces
        raise ConfigurationError(
            f"The recording holds no unused answer to this {request.method} {request.path}.",
            hint="Record the exchange again with Recorder.",
        )


def _asked(row: Any) -> tuple[str, str, Any]:
    asked = row["request"]
    return _identity(asked["method"], asked["path"], _from_json(asked["body"]))


def _identity(method: str, path: str, body: bytes) -> tuple[str, str, Any]:
    try:
        return method, path, json.loads(body)
    except ValueError:
        return method, path, body


def _to_json(data: bytes) -> Any:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _from_json(text: Any) -> bytes:
    return base64.b64decode(text["base64"]) if isinstance(text, dict) else str(text).encode()
