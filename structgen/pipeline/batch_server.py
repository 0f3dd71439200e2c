"""A server's Batch API (Groq's, OpenAI's): its requests, and its replies made into plain values.

Facts of the protocol, from https://console.groq.com/docs/batch and
https://platform.openai.com/docs/guides/batch: a file has at most 50,000 lines; answers come in any
order; failed lines come in a file of their own.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from pydantic_core import from_json, to_json

from structgen.errors import APIError, ServerError, TransportError
from structgen.values import Json, Reply, Request
from structgen.wire.link import Link
from structgen.wire.retry import decide

_ENDPOINT: Final = "/v1/chat/completions"
_TIMEOUT: Final = 600.0
"""Seconds for one request: a file of 100 MB takes a while."""
_UNANSWERED: Final = frozenset({"batch_expired", "batch_cancelled"})
"""The error codes of lines that the server did not get to."""
_ENDED: Final = frozenset({"completed", "expired", "cancelled", "failed"})
"""The states from which a batch brings no more answers. A state that is none of these, known or
not, may still change."""
_CUSTOM_ID: Final = re.compile(r"([0-9a-f]{32})-(\d{1,9})")
_PAGE: Final = 100
"""Batches to list at a time."""
_PAGES: Final = 50
"""Pages of the list to look at."""


class Fault(NamedTuple):
    """Why a server refused a batch."""

    line: int | None
    """The line at fault, from 1, if it is one line's."""
    code: str
    """The server's code; "" if it has none."""
    message: str
    """The server's words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchState:
    """How far a batch is."""

    status: str
    """The server's word for it."""
    output_file: str | None = None
    """The file of the answers."""
    error_file: str | None = None
    """The file of the lines that failed."""
    faults: tuple[Fault, ...] = ()
    """Why the server refused the batch."""

    @property
    def ended(self) -> bool:
        """Whether it brings no more answers."""
        return self.status in _ENDED


class Answered(NamedTuple):
    """The answer to one line."""

    hash: bytes
    """The hash of the question."""
    turn: int
    """Which of the question's requests it answers, from 0."""
    status: int
    """HTTP status."""
    body: bytes
    """The body of the answer."""


class BatchServer:
    """The Batch API of one server."""

    def __init__(self, link: Link, wait: Callable[[float], Awaitable[None]]) -> None:
        """Prepare the requests; nothing is sent.

        Args:
            link: The server.
            wait: Waits for so many seconds between two tries.
        """
        self._link, self._wait = link, wait

    async def upload(self, lines: bytes) -> str:
        """Upload a file of lines, and give its id."""
        return _id_of(await self._ask(_upload_request(lines)))

    async def create(self, file: str, window: str) -> str:
        """Make a batch of a file, and give its id.

        A try that failed may have made it all the same, so the next one looks for it first: a
        second batch of the file would be paid for, too.
        """
        body = {"input_file_id": file, "endpoint": _ENDPOINT, "completion_window": window}
        request, tries = _json_request("batches", body), 0
        while True:
            try:
                return _id_of(_object(await self._send_once(request)))
            except (TransportError, APIError) as error:
                tries += 1
                await self._wait(decide(error, tries=tries, policy=self._link.policy))
            if (found := await self.find(file)) is not None:
                return found

    async def find(self, file: str) -> str | None:
        """Find the batch that was made of a file."""
        after = ""
        for _ in range(_PAGES):
            listed = await self._ask(Request("GET", f"batches?limit={_PAGE}{after}", {}, b""))
            data = listed.get("data")
            batches = [one for one in data if isinstance(one, dict)] if data else []
            for one in batches:
                if one.get("input_file_id") == file and isinstance(one.get("id"), str):
                    return str(one["id"])
            if not listed.get("has_more") or not batches:
                return None
            after = f"&after={batches[-1].get('id')}"
        return None

    async def state(self, batch: str) -> BatchState:
        """Ask how far a batch is."""
        data = await self._ask(Request("GET", f"batches/{batch}", {}, b""))
        return BatchState(
            status=str(data.get("status")),
            output_file=_string(data.get("output_file_id")),
            error_file=_string(data.get("error_file_id")),
            faults=tuple(_faults(data.get("errors"))),
        )

    async def cancel(self, batch: str) -> None:
        """Ask the server to end a batch; what it has answered by then is kept."""
        await self._ask(_json_request(f"batches/{batch}/cancel", {}))

    async def content(self, file: str) -> bytes:
        """Download a file."""
        return (await self._send(Request("GET", f"files/{file}/content", {}, b""))).body

    async def _ask(self, request: Request) -> dict[str, Json]:
        """Send a request and give the object that it is answered with."""
        return _object(await self._send(request, _object))

    async def _send(
        self, request: Request, check: Callable[[Reply], object] = lambda reply: None
    ) -> Reply:
        """Send a request, again if it fails for a reason that may pass."""
        tries = 0
        while True:
            try:
                reply = await self._send_once(request)
                check(reply)
                return reply
            except (TransportError, APIError) as error:
                tries += 1
                wait = decide(error, tries=tries, policy=self._link.policy)
            await self._wait(wait)

    async def _send_once(self, request: Request) -> Reply:
        link = self._link
        reply = await link.port.asend(request, _TIMEOUT)
        if not 200 <= reply.status < 300:
            raise link.caps.dialect.parse_error(reply, link.caps, request)
        return reply


# ---- lines -----------------------------------------------------------------------------------


def line_of(hash: bytes, turn: int, body: bytes) -> bytes:
    """Write a request as a line of a file."""
    custom_id = f"{hash.hex()}-{turn}"
    head = f'{{"custom_id":"{custom_id}","method":"POST","url":"{_ENDPOINT}","body":'
    return head.encode() + body + b"}\n"


def count_lines(lines: bytes) -> int:
    """Count the requests of a file."""
    return lines.count(b"}\n")


def parse_answers(body: bytes) -> Iterator[Answered | None]:
    """Read a batch's output: an answer for each line, None for a line that cannot be read.

    Lines that the server did not get to are left out.
    """
    for line in body.splitlines():
        if not line.strip():
            continue
        answer = _parse_object(line)
        name = _name_of(answer)
        error = answer.get("error")
        response = answer.get("response")
        if name is None or not (isinstance(error, dict) or isinstance(response, dict)):
            yield None
        elif not (isinstance(error, dict) and error.get("code") in _UNANSWERED):
            yield _answered(name, response, error)


def _answered(name: tuple[bytes, int], response: Json, error: Json) -> Answered:
    known = response if isinstance(response, dict) else {}
    status = known.get("status_code")
    body = known.get("body") or {"error": error or {"message": "The line has no answer."}}
    return Answered(*name, status if isinstance(status, int) and status > 0 else 500, to_json(body))


def refused_lines(lines: bytes, faults: tuple[Fault, ...]) -> Iterator[Answered]:
    """Give the lines that a server refused as answers with the status 400.

    Args:
        lines: The file that was uploaded.
        faults: Why the server refused the batch.
    """
    listed = lines.splitlines()
    for fault in faults:
        if fault.line is None or not 0 < fault.line <= len(listed):
            continue
        name = _name_of(_parse_object(listed[fault.line - 1]))
        if name is not None:
            error = {"message": fault.message, "code": fault.code, "type": "invalid_request_error"}
            yield Answered(*name, 400, to_json({"error": error}))


def _name_of(line: dict[str, Json]) -> tuple[bytes, int] | None:
    """The hash and the turn in a line's `custom_id`; None if it is not one of ours."""
    found = _CUSTOM_ID.fullmatch(str(line.get("custom_id")))
    return (bytes.fromhex(found[1]), int(found[2])) if found else None


# ---- replies ---------------------------------------------------------------------------------


def _parse_object(text: bytes) -> dict[str, Json]:
    try:
        found = from_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _object(reply: Reply) -> dict[str, Json]:
    found = _parse_object(reply.body)
    if not found:
        raise ServerError(
            f"The Batch API answered {reply.status}, but not with a JSON object.",
            status_code=reply.status,
            hint="Check the base URL and whether this server has a Batch API.",
        )
    return found


def _id_of(data: dict[str, Json]) -> str:
    if not isinstance(data.get("id"), str):
        raise ServerError(
            "The Batch API answered without an id.",
            hint="Check the base URL and whether this server has a Batch API.",
        )
    return str(data["id"])


def _string(value: Json) -> str | None:
    return value if isinstance(value, str) and value else None


def _faults(errors: Json) -> Iterator[Fault]:
    data: Any = errors.get("data") if isinstance(errors, dict) else errors
    for one in data if isinstance(data, list) else ():
        if isinstance(one, dict):
            line = one.get("line")
            number = line if isinstance(line, int) else None
            yield Fault(number, str(one.get("code") or ""), str(one.get("message") or ""))


def _json_request(path: str, body: Json) -> Request:
    return Request("POST", path, {"content-type": "application/json"}, to_json(body))


def _upload_request(lines: bytes) -> Request:
    """Upload a file as a form (RFC 7578) with the members `purpose` and `file`."""
    mark = uuid.uuid4().hex
    head = (
        f'--{mark}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{mark}\r\ncontent-disposition: form-data; name="file"; filename="requests.jsonl"\r\n'
        "content-type: application/jsonl\r\n\r\n"
    )
    body = head.encode() + lines + f"\r\n--{mark}--\r\n".encode()
    return Request("POST", "files", {"content-type": f"multipart/form-data; boundary={mark}"}, body)
