"""The same job through a Batch API (Groq's, OpenAI's): half the price, within a day.

The flow of every input is replayed against the answers that came so far; the request it would send next is a line of the next
batch. So retries, questions asked again and everything else of a flow happen in batches, too, a round of them for each. Of the
protocol: https://console.groq.com/docs/batch and OpenAI's Batch API; a file has at most 50,000 lines and 100 MB (the smaller of the
two figures that Groq gives), the order of the answers is not kept, and failed lines come in a file of their own.
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
from structgen.pipeline.asking import Asking
from structgen.pipeline.journal import Journal, question_hash
from structgen.pipeline.record import Item
from structgen.pipeline.work import Counts, item_of
from structgen.values import Json, Reply, Request
from structgen.wire.link import Link
from structgen.wire.retry import decide

_ENDED: Final = frozenset({"completed", "expired", "cancelled"})
_UNANSWERED: Final = frozenset({"batch_expired", "batch_cancelled"})
_TIMEOUT: Final = 600.0


def batched(backend: Backend) -> Backend:
    """The backend as batches use it: without rate limits and hooks, which speak of requests of their own.

    Raises ConfigurationError for a model in this process.
    """
    if not isinstance(backend.via, Link):
        raise ConfigurationError(f"{backend.name} has no Batch API.", hint="Leave `batch` away.")
    return replace(backend, via=replace(backend.via, pacer=None, hooks=()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Batching:
    """How batches are made. `poll`: seconds between two looks at one; `window`: within which it is to end, as the server's words
    have it; `lines`, `size` (bytes): of a file, at most."""

    poll: float = 30.0
    window: str = "24h"
    lines: int = 50_000
    size: int = 100_000_000


class Batches:
    """Runs a job's questions in batches. `log`: told what goes on; `stopped`: is it to wait no longer?"""

    def __init__(
        self,
        link: Link,
        journal: Journal,
        log: Callable[[str], None],
        how: Batching,
        stopped: Callable[[], bool],
    ) -> None:
        self._link, self._journal, self._log, self._how, self._stopped = (
            link,
            journal,
            log,
            how,
            stopped,
        )

    async def run(
        self, inputs: Iterable[Any], asking: Asking[Any], counts: Counts, *, retry_failed: bool
    ) -> None:
        """Until every input has an outcome in the journal. Raises JobError where batches fail or bring nothing."""
        name = f"batches {asking.run}"
        await self._collect(name)
        while True:
            counts.clear()
            self._journal.forget_inputs()
            sent = 0
            for lines in self._files(self._pass(inputs, asking, counts, retry_failed)):
                await self._submit(name, lines)
                sent += 1
            self._journal.flush()
            if not sent:
                return
            if not await self._collect(name):
                raise JobError(
                    "The batches ended without a single answer.",
                    hint="See them in the provider's console.",
                )
            retry_failed = False

    def _pass(
        self, inputs: Iterable[Any], asking: Asking[Any], counts: Counts, retry_failed: bool
    ) -> Iterator[bytes]:
        """Once through the inputs: outcomes go into the journal; yields the lines of the requests that are to be answered."""
        asked: set[bytes] = set()
        for position, one in enumerate(inputs):
            item = item_of(one, position)
            hash = question_hash(asking.run, f"\0{item.key}" if item.error else item.document)
            self._journal.add_input(position, item.key, item.meta, hash)
            if self._journal.unwritten >= 1000:
                self._journal.flush()
            entry = self._journal.find(hash)
            if entry is not None and not entry.ok and retry_failed:
                self._journal.forget_replies(hash)
                entry = None
            if entry is not None:
                counts.add(asking.outcome(item.key, item.meta, entry), cached=True)
            elif hash not in asked and (line := self._next(item, hash, asking, counts)) is not None:
                asked.add(hash)
                yield line

    def _next(self, item: Item, hash: bytes, asking: Asking[Any], counts: Counts) -> bytes | None:
        """The line of an input's next request; None where its outcome is there, which goes into the journal."""
        replies = self._journal.replies(hash)
        came = asking.unread(item) if item.error else asking.replay(item, replies)
        if isinstance(came, Request):
            identity = f'{{"custom_id":"{hash.hex()}-{len(replies)}","method":"POST","url":"/v1/chat/completions","body":'
            return identity.encode() + came.body + b"}\n"
        self._journal.put(asking.entry(hash, came))
        counts.add(came, cached=False)
        return None

    def _files(self, lines: Iterator[bytes]) -> Iterator[bytes]:
        """The lines, in as few files as may be."""
        held: list[bytes] = []
        size = 0
        for line in lines:
            if held and (len(held) == self._how.lines or size + len(line) > self._how.size):
                yield b"".join(held)
                held, size = [], 0
            held.append(line)
            size += len(line)
        if held:
            yield b"".join(held)

    # ---- one batch

    async def _submit(self, name: str, lines: bytes) -> None:
        """Upload a file and make a batch of it. What is noted before each step tells a later run how far this one came."""
        file = (await self._call(_upload(lines)))["id"]
        noted = self._journal.note(name) or []
        self._journal.set_note(name, [*noted, {"file": file, "batch": None}])
        batch = await self._create(file)
        self._journal.set_note(name, [*noted, {"file": file, "batch": batch}])
        self._log(f"batch {batch}: {lines.count(b'}' + chr(10).encode())} requests")

    async def _create(self, file: str) -> str:
        body = {
            "input_file_id": file,
            "endpoint": "/v1/chat/completions",
            "completion_window": self._how.window,
        }
        return str((await self._call(_post("batches", body)))["id"])

    async def _collect(self, name: str) -> int:
        """Wait for the batches that are noted, keep their answers, and forget them; gives how many answers are new."""
        found = 0
        while noted := self._journal.note(name):
            file, batch = noted[0]["file"], noted[0]["batch"]
            if batch is None:  # the process ended before it was told the batch's name
                listed = (await self._call(Request("GET", "batches", {}, b""))).get("data", [])
                batch = next(
                    (one["id"] for one in listed if one.get("input_file_id") == file), None
                ) or await self._create(file)
            ended = await self._ended(batch)
            for which in ("output_file_id", "error_file_id"):
                if ended.get(which):
                    reply = await self._reply(
                        Request("GET", f"files/{ended[which]}/content", {}, b"")
                    )
                    found += self._journal.add_replies(_answers(reply.body))
            self._journal.set_note(name, noted[1:])
        return found

    async def _ended(self, batch: str) -> dict[str, Json]:
        last = None
        while True:
            state = await self._call(Request("GET", f"batches/{batch}", {}, b""))
            if state["status"] in _ENDED:
                return state
            if state["status"] == "failed":
                faults = "; ".join(
                    str(one.get("message"))
                    for one in (state.get("errors") or {}).get("data", [])[:3]
                )
                raise JobError(
                    f"The server refused batch {batch}: {faults or 'it does not say why'}.",
                    hint="Mend that, start again.",
                )
            if state["status"] != last:
                last = state["status"]
                self._log(f"batch {batch}: {last}")
            await self._wait(self._how.poll)

    async def _call(self, request: Request) -> dict[str, Json]:
        found = from_json((await self._reply(request)).body)
        return found if isinstance(found, dict) else {}

    async def _reply(self, request: Request) -> Reply:
        tries = 0
        while True:
            try:
                reply = await self._link.port.asend(request, _TIMEOUT)
                if reply.status == 200:
                    return reply
                raise self._link.caps.dialect.parse_error(reply, self._link.caps, request)
            except (TransportError, APIError) as error:
                tries += 1
                wait = decide(error, tries=tries, policy=self._link.policy)
            await self._wait(wait)

    async def _wait(self, seconds: float) -> None:
        if self._stopped():  # the cancellation that came with it may be lost in a library under way
            raise asyncio.CancelledError
        await asyncio.sleep(seconds)


def _post(path: str, body: Json) -> Request:
    return Request("POST", path, {"content-type": "application/json"}, to_json(body))


def _upload(lines: bytes) -> Request:
    """The file as a form (RFC 7578): `purpose` and `file`."""
    mark = uuid.uuid4().hex
    head = (
        f'--{mark}\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nbatch\r\n'
        f'--{mark}\r\ncontent-disposition: form-data; name="file"; filename="requests.jsonl"\r\n'
        "content-type: application/jsonl\r\n\r\n"
    )
    body = head.encode() + lines + f"\r\n--{mark}--\r\n".encode()
    return Request("POST", "files", {"content-type": f"multipart/form-data; boundary={mark}"}, body)


def _answers(body: bytes) -> Iterator[tuple[bytes, int, int, bytes]]:
    """(hash, turn, status, body) of each line of a batch's output; lines that nobody got to are left out."""
    for line in body.splitlines():
        if not line.strip():
            continue
        found = json.loads(line)
        hash, _, turn = found["custom_id"].partition("-")
        response, error = found.get("response") or {}, found.get("error") or {}
        if error.get("code") in _UNANSWERED:
            continue
        status = response.get("status_code") or 500
        yield (
            bytes.fromhex(hash),
            int(turn),
            status,
            to_json(response.get("body") or {"error": error}),
        )
