"""Run a job through a Batch API (Groq's, OpenAI's): half the price, within a day.

The flow of every input is replayed against the answers that came so far; the request that it would
send next is a line of the next batch. So retries, repeated questions and everything else in a flow
happen in batches, too, one round for each.

Facts of the protocol, from https://console.groq.com/docs/batch and
https://platform.openai.com/docs/guides/batch: a file has at most 50,000 lines; answers come in any
order; failed lines come in a file of their own.
"""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from pydantic_core import from_json, to_json

from structgen.errors import APIError, ConfigurationError, JobError, TransportError
from structgen.extraction.backend import Backend
from structgen.pipeline.asking import JobQuestion
from structgen.pipeline.inputs.given import to_item
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.record import Item
from structgen.pipeline.work import Counts
from structgen.values import Json, Reply, Request
from structgen.wire.link import Link
from structgen.wire.retry import decide

_ENDED: Final = frozenset({"completed", "expired", "cancelled"})
"""The states of a batch from which it brings no more answers, apart from "failed"."""
_UNANSWERED: Final = frozenset({"batch_expired", "batch_cancelled"})
"""The error codes of lines that the server did not get to."""
_END_OF_LINE: Final = b"}\n"
_ENDPOINT: Final = "/v1/chat/completions"
_TIMEOUT: Final = 600.0
"""Seconds for one request: a file of 100 MB takes a while."""
_MANY_UNWRITTEN: Final = 1000
"""Rows that may wait for the disk while the inputs are read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How to make batches."""

    poll: float = 30.0
    """Seconds between two looks at a batch."""
    window: str = "24h"
    """Within which time the server has to finish a batch, in its own words."""
    lines: int = 50_000
    """Lines of a file at most."""
    size: int = 100_000_000
    """Bytes of a file at most: the smaller of the two figures that Groq documents."""


def link_of(backend: Backend) -> Link:
    """Give a backend's link to its server.

    Raises:
        ConfigurationError: If it is a model in this process.
    """
    if not isinstance(backend.via, Link):
        raise ConfigurationError(
            f"{backend.name} is a model in this process and has no Batch API.",
            hint="Leave out `batch`.",
        )
    return backend.via


def backend_for_batches(backend: Backend) -> Backend:
    """Remove rate limits and hooks, which are about single requests.

    Raises:
        ConfigurationError: If it is a model in this process.
    """
    return replace(backend, via=replace(link_of(backend), pacer=None, hooks=()))


class Batches:
    """Runs the questions of a job in batches."""

    def __init__(
        self,
        link: Link,
        journal: Journal,
        log: Callable[[str], None],
        how: Batching,
        is_stopped: Callable[[], bool],
    ) -> None:
        """Prepare the run.

        Args:
            link: The server.
            journal: Where to keep outcomes, answers, and which batches are under way.
            log: Called with a line about each batch.
            how: How to make batches.
            is_stopped: Whether to wait no longer.
        """
        self._link, self._journal, self._log = link, journal, log
        self._how, self._is_stopped = how, is_stopped

    async def run(
        self,
        inputs: Iterable[Any],
        question: JobQuestion[Any],
        counts: Counts,
        *,
        retry_failed: bool,
    ) -> None:
        """Go on until every input has an outcome in the journal.

        Args:
            inputs: The documents; they are read once for every round.
            question: The question about each input.
            counts: Told how far the job is.
            retry_failed: Whether to ask again about inputs that failed in an earlier run.

        Raises:
            JobError: If the server refuses a batch, or batches bring no answers.
        """
        note = f"batches {question.run}"
        await self._collect(note)
        while True:
            counts.clear()
            self._journal.forget_inputs()
            submitted = 0
            lines = self._open_lines(inputs, question, counts, retry_failed)
            for file in self._join_lines(lines):
                await self._submit(note, file)
                submitted += 1
            self._journal.flush()
            if not submitted:
                return
            if not await self._collect(note):
                raise JobError(
                    "The batches ended without a single answer.",
                    hint="Look at them in the provider's console, then start the job again.",
                )
            retry_failed = False

    # ---- what to ask -------------------------------------------------------------------------

    def _open_lines(
        self,
        inputs: Iterable[Any],
        question: JobQuestion[Any],
        counts: Counts,
        retry_failed: bool,
    ) -> Iterator[bytes]:
        """Read the inputs once, and give the lines of the requests that have no answer yet.

        Outcomes that need no request go into the journal.
        """
        asked: set[bytes] = set()
        for position, one in enumerate(inputs):
            item = to_item(one, position)
            hash = question.hash_of(item)
            self._journal.add_input(position, item.key, item.meta, hash)
            if self._journal.unwritten >= _MANY_UNWRITTEN:
                self._journal.flush()
            entry = self._journal.find(hash)
            if entry is not None and not entry.ok and retry_failed:
                self._journal.forget_replies(hash)
                entry = None
            if entry is not None:
                counts.add(question.outcome_of(item.key, item.meta, entry), cached=True)
            elif hash not in asked:
                line = self._next_line(item, hash, question, counts)
                if line is not None:
                    asked.add(hash)
                    yield line

    def _next_line(
        self, item: Item, hash: bytes, question: JobQuestion[Any], counts: Counts
    ) -> bytes | None:
        """Give the line of an input's next request; None if it has its outcome."""
        replies = self._journal.replies(hash)
        found = question.unread(item) if item.error else question.replay(item, replies)
        if isinstance(found, Request):
            custom_id = f"{hash.hex()}-{len(replies)}"
            head = f'{{"custom_id":"{custom_id}","method":"POST","url":"{_ENDPOINT}","body":'
            return head.encode() + found.body + _END_OF_LINE
        self._journal.add(question.entry_of(hash, found))
        counts.add(found, cached=False)
        return None

    def _join_lines(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """Join the lines to as few files as possible."""
        file: list[bytes] = []
        size = 0
        for line in lines:
            is_full = len(file) == self._how.lines or size + len(line) > self._how.size
            if file and is_full:
                yield b"".join(file)
                file, size = [], 0
            file.append(line)
            size += len(line)
        if file:
            yield b"".join(file)

    # ---- one batch ---------------------------------------------------------------------------

    async def _submit(self, note: str, lines: bytes) -> None:
        """Upload a file and make a batch of it.

        The journal notes every step before the next one, so that a later run knows where to go on.
        """
        file = (await self._ask(_upload_request(lines)))["id"]
        noted = self._journal.note(note) or []
        self._journal.set_note(note, [*noted, {"file": file, "batch": None}])
        batch = await self._create(file)
        self._journal.set_note(note, [*noted, {"file": file, "batch": batch}])
        requests = lines.count(_END_OF_LINE)
        self._log(f"batch {batch}: {requests} requests")

    async def _create(self, file: str) -> str:
        body = {
            "input_file_id": file,
            "endpoint": _ENDPOINT,
            "completion_window": self._how.window,
        }
        return str((await self._ask(_json_request("batches", body)))["id"])

    async def _collect(self, note: str) -> int:
        """Wait for the noted batches, keep their answers, and forget them.

        Returns:
            How many answers are new.
        """
        found = 0
        while noted := self._journal.note(note):
            file, batch = noted[0]["file"], noted[0]["batch"]
            if batch is None:  # the process ended before it was told the batch's name
                batch = await self._find(file) or await self._create(file)
            ended = await self._wait_for_end(batch)
            for member in ("output_file_id", "error_file_id"):
                if ended.get(member):
                    request = Request("GET", f"files/{ended[member]}/content", {}, b"")
                    answers = _parse_answers((await self._send(request)).body)
                    found += self._journal.add_replies(answers)
            self._journal.set_note(note, noted[1:])
        return found

    async def _find(self, file: str) -> str | None:
        """Find the batch that was made of a file."""
        listed = (await self._ask(Request("GET", "batches", {}, b""))).get("data", [])
        ids = (one["id"] for one in listed if one.get("input_file_id") == file)
        return next(ids, None)

    async def _wait_for_end(self, batch: str) -> dict[str, Json]:
        last = None
        while True:
            state = await self._ask(Request("GET", f"batches/{batch}", {}, b""))
            if state["status"] in _ENDED:
                return state
            if state["status"] == "failed":
                raise JobError(
                    f"The server refused batch {batch}: {_faults_of(state)}.",
                    hint="Correct the cause, then start the same job again.",
                )
            if state["status"] != last:
                last = state["status"]
                self._log(f"batch {batch}: {last}")
            await self._wait(self._how.poll)

    async def _ask(self, request: Request) -> dict[str, Json]:
        """Send a request and give the object that it is answered with."""
        found = from_json((await self._send(request)).body)
        return found if isinstance(found, dict) else {}

    async def _send(self, request: Request) -> Reply:
        """Send a request, again if it fails for a reason that may pass."""
        tries = 0
        link = self._link
        while True:
            try:
                reply = await link.port.asend(request, _TIMEOUT)
                if reply.status == 200:
                    return reply
                raise link.caps.dialect.parse_error(reply, link.caps, request)
            except (TransportError, APIError) as error:
                tries += 1
                wait = decide(error, tries=tries, policy=link.policy)
            await self._wait(wait)

    async def _wait(self, seconds: float) -> None:
        if self._is_stopped():  # a library under way may have lost the cancellation
            raise asyncio.CancelledError
        await asyncio.sleep(seconds)


def _faults_of(state: dict[str, Json]) -> str:
    faults = (state.get("errors") or {}).get("data", [])[:3]
    return "; ".join(str(one.get("message")) for one in faults) or "it does not say why"


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


def _parse_answers(body: bytes) -> Iterator[tuple[bytes, int, int, bytes]]:
    """Give (hash, turn, status, body) for each line of a batch's output that was answered."""
    for line in body.splitlines():
        if not line.strip():
            continue
        answer = json.loads(line)
        hash, _, turn = answer["custom_id"].partition("-")
        response, error = answer.get("response") or {}, answer.get("error") or {}
        if error.get("code") in _UNANSWERED:
            continue
        status = response.get("status_code") or 500
        content = to_json(response.get("body") or {"error": error})
        yield bytes.fromhex(hash), int(turn), status, content
