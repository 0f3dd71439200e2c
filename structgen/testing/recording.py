"""Real answers written down once and given again: tests against a backend without the backend.

A recording is JSON Lines: `{"request": {"method", "path", "body"}, "reply": {"status", "headers", "pieces"}}`; bodies that are no
UTF-8 stand as base64 under `"base64"`. Request headers are not recorded, so that no key is.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from structgen.errors import ConfigurationError
from structgen.flow.ports import HttpPort, Stream
from structgen.testing.scripted import ScriptedStream
from structgen.values import Reply, Request

_DROPPED = frozenset({"set-cookie", "openai-organization", "openai-project", "cf-ray"})


class Recorder:
    """An HttpPort that passes everything on to another and appends every exchange to a file."""

    def __init__(self, port: HttpPort, path: str | Path) -> None:
        self._port = port
        self._path = Path(path)
        self.base_url = getattr(port, "base_url", "")

    def send(self, request: Request, timeout: float | None) -> Reply:
        return self._written(request, self._port.send(request, timeout))

    async def asend(self, request: Request, timeout: float | None) -> Reply:
        return self._written(request, await self._port.asend(request, timeout))

    def open(self, request: Request, timeout: float | None) -> Stream:
        return _RecordedStream(self, request, self._port.open(request, timeout))

    async def aopen(self, request: Request, timeout: float | None) -> Stream:
        return _RecordedStream(self, request, await self._port.aopen(request, timeout))

    def _written(self, request: Request, reply: Reply) -> Reply:
        self.write(request, reply, [reply.body])
        return reply

    def write(self, request: Request, reply: Reply, pieces: list[bytes]) -> None:
        """Append one exchange."""
        headers = {name: value for name, value in reply.headers.items() if name not in _DROPPED}
        row = {
            "request": {
                "method": request.method,
                "path": request.path,
                "body": _text(request.body),
            },
            "reply": {
                "status": reply.status,
                "headers": headers,
                "pieces": [_text(piece) for piece in pieces],
            },
        }
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")


class _RecordedStream:
    """A Stream that is written down when it ends."""

    def __init__(self, recorder: Recorder, request: Request, stream: Stream) -> None:
        self.reply = stream.reply
        self._recorder, self._request, self._stream = recorder, request, stream
        self._pieces = [stream.reply.body] if stream.reply.body else []
        self._open = True

    def read(self) -> bytes:
        return self._kept(self._stream.read())

    async def aread(self) -> bytes:
        return self._kept(await self._stream.aread())

    def close(self) -> None:
        self._end()
        self._stream.close()

    async def aclose(self) -> None:
        self._end()
        await self._stream.aclose()

    def _kept(self, piece: bytes) -> bytes:
        self._pieces.append(piece)
        return piece

    def _end(self) -> None:
        if self._open:
            self._open = False
            self._recorder.write(
                self._request, self.reply, [piece for piece in self._pieces if piece]
            )


class Replayer:
    """An HttpPort that gives recorded answers: the first unused one whose request is the same, compared as JSON.

    Raises ConfigurationError for a request that is not in the recording.
    """

    def __init__(self, path: str | Path) -> None:
        with Path(path).open(encoding="utf-8") as file:
            self._rows = [json.loads(line) for line in file if line.strip()]
        self.base_url = "http://replayed/v1"

    def send(self, request: Request, timeout: float | None) -> Reply:
        reply, pieces = self._take(request)
        return Reply(reply.status, reply.headers, b"".join(pieces))

    async def asend(self, request: Request, timeout: float | None) -> Reply:
        return self.send(request, timeout)

    def open(self, request: Request, timeout: float | None) -> Stream:
        reply, pieces = self._take(request)
        return ScriptedStream(Reply(reply.status, reply.headers, b"".join(pieces)), pieces)

    async def aopen(self, request: Request, timeout: float | None) -> Stream:
        return self.open(request, timeout)

    def _take(self, request: Request) -> tuple[Reply, list[bytes]]:
        wanted = _question(request.method, request.path, request.body)
        for index, row in enumerate(self._rows):
            asked = row["request"]
            if _question(asked["method"], asked["path"], _bytes(asked["body"])) == wanted:
                reply = self._rows.pop(index)["reply"]
                return Reply(reply["status"], reply["headers"], b""), [
                    _bytes(piece) for piece in reply["pieces"]
                ]
        raise ConfigurationError(
            f"The recording holds no (further) answer to this {request.method} {request.path}.",
            hint="Record it again with Recorder.",
        )


def _question(method: str, path: str, body: bytes) -> tuple[str, str, Any]:
    try:
        return method, path, json.loads(body)
    except ValueError:
        return method, path, body


def _text(data: bytes) -> Any:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(data).decode()}


def _bytes(text: Any) -> bytes:
    return base64.b64decode(text["base64"]) if isinstance(text, dict) else str(text).encode()
