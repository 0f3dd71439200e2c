"""Run a job through a Batch API (Groq's, OpenAI's): half the price, within a day.

The flow of every input is replayed against the answers that came so far; the request that it would
send next is a line of the next batch. So retries, repeated questions and everything else in a flow
happen in batches, too, one round for each.

Whatever becomes of a batch leads to a next step: the answers that it brought are kept, and what it
did not answer is asked in the next round. Rounds that bring nothing are counted, so that a job
always ends.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

from structgen.errors import APIError, BadRequestError, ConfigurationError, JobError, NotFoundError
from structgen.extraction.backend import Backend
from structgen.pipeline.asking import JobQuestion
from structgen.pipeline.batch_rounds import Batching, Rounds
from structgen.pipeline.batch_server import (
    Answered,
    BatchServer,
    BatchState,
    count_lines,
    line_of,
    parse_answers,
    refused_lines,
)
from structgen.pipeline.counts import Counts
from structgen.pipeline.inputs.given import to_item
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.record import Item
from structgen.values import Json, Request
from structgen.wire.dialects.chat_completions import CHAT_COMPLETIONS
from structgen.wire.link import Link

_MANY_UNWRITTEN: Final = 1000
"""Rows that may wait for the disk while the inputs are read."""
_MOST_FRUITLESS: Final = 3
"""Rounds in a row that may bring no answer before the job gives up."""
_CANCELLING_SECONDS: Final = 900.0
"""How long a cancelled batch may take to end. OpenAI documents up to ten minutes."""
_SHOWN_FAULTS: Final = 3
"""Faults of a refused batch that are told."""
_TOO_LARGE: Final = 413
"""The HTTP status of a file that is too large."""


def link_of(backend: Backend) -> Link:
    """Give a backend's link to its server.

    Raises:
        ConfigurationError: If it is a model in this process, or batches of its wire format are not
            made here.
    """
    if not isinstance(backend.via, Link):
        raise ConfigurationError(
            f"{backend.name} is a model in this process and has no Batch API.",
            hint="Leave out `batch`.",
        )
    if backend.via.caps.dialect is not CHAT_COMPLETIONS:
        raise ConfigurationError(
            f"{backend.name} does not speak Chat Completions, and batches are made of these alone.",
            hint="Leave out `batch`, or use a provider of Chat Completions, such as groq.",
        )
    return backend.via


def backend_for_batches(backend: Backend) -> Backend:
    """Remove rate limits and hooks, which are about single requests, and typed questions, which
    batches do not take.

    Raises:
        ConfigurationError: If it is a model in this process.
    """
    link = link_of(backend)
    caps = replace(link.caps, decisions="")
    return replace(backend, via=replace(link, caps=caps, pacer=None, hooks=()))


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
        self._server = BatchServer(link, self._wait)
        self._journal, self._log = journal, log
        self._how, self._is_stopped = how, is_stopped
        self._refusals: list[str] = []
        """Why batches did not bring every answer."""
        self._answered: list[bytes] = []
        """The questions that got their outcome in this round."""

    async def run(
        self,
        inputs: Iterable[Any],
        question: JobQuestion[Any],
        counts: Counts,
        *,
        retry_failed: bool,
    ) -> int:
        """Go on until every input has an outcome in the journal, or as far as the step goes.

        Args:
            inputs: The documents; they are read once for every round.
            question: The question about each input.
            counts: Told how far the job is.
            retry_failed: Whether to ask again about inputs that failed in an earlier run.

        Returns:
            How many batches are still under way; 0 if the job is done.

        Raises:
            JobError: If several rounds in a row bring no answer.
            APIError: If the server refuses to make batches.
        """
        rounds = Rounds(self._journal, question.run, self._how.lines)
        if rounds.batches:
            await self._end_round(rounds)
            if rounds.batches:
                self._count(inputs, question, counts)
                return len(rounds.batches)
        # A job that is collected step by step was begun by `submit`, which asks again what failed.
        retry_failed = retry_failed and self._how.step != "collect"
        while True:
            counts.clear()
            self._journal.begin_inputs()
            lines = self._open_lines(inputs, question, counts, retry_failed)
            for file in self._join_lines(lines, rounds.lines):
                await self._submit(rounds, file)
            self._journal.flush()
            self._journal.end_retries(self._answered)
            self._answered.clear()
            if not rounds.batches or self._how.step != "run":
                return len(rounds.batches)
            await self._end_round(rounds)
            retry_failed = False

    async def _end_round(self, rounds: Rounds) -> None:
        """Take the answers of the batches under way, as far as the step goes.

        Raises:
            JobError: If this round and earlier ones brought none.
        """
        if self._how.step == "submit":
            self._log(f"{len(rounds.batches)} batches are under way already: collect them first")
            return
        found = await self._collect(rounds)
        if rounds.batches:
            return
        if found:
            rounds.succeed()
            return
        rounds.fail()
        if rounds.fruitless >= _MOST_FRUITLESS:
            rounds.succeed()  # the next start may try as often
            why = "; ".join(dict.fromkeys(self._refusals)) or "the server does not say why"
            raise JobError(
                f"{_MOST_FRUITLESS} rounds of batches in a row brought no answer: {why}.",
                hint="Correct the cause, then start the same job again: what was answered is kept.",
            )
        if self._how.step == "run":
            await self._wait(self._how.poll)

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
            self._journal.add_input(position, item, hash)
            if self._journal.unwritten >= _MANY_UNWRITTEN:
                self._journal.flush()
            entry = self._journal.find(hash)
            known = question.outcome_of(item, entry) if entry else None
            again = known is not None and not known.ok and not self._journal.is_decided(item)
            if again and self._is_asked_again(hash, retry_failed):
                known = None
            if known is not None:
                counts.add(known, cached=True)
            elif hash not in asked:
                line = self._next_line(item, hash, question, counts)
                if line is not None:
                    asked.add(hash)
                    yield line

    def _is_asked_again(self, hash: bytes, retry_failed: bool) -> bool:
        """Whether a question that failed is asked again, or is being asked again already."""
        if self._journal.is_retried(hash):
            return True
        if retry_failed:
            self._journal.begin_retry(hash)
        return retry_failed

    def _next_line(
        self, item: Item, hash: bytes, question: JobQuestion[Any], counts: Counts
    ) -> bytes | None:
        """Give the line of an input's next request; None if it has its outcome."""
        replies = self._journal.replies(hash)
        found = question.unread(item) if item.error else question.replay(item, replies)
        if isinstance(found, Request):
            return line_of(hash, len(replies), found.body)
        self._journal.add(question.entry_of(hash, found))
        self._answered.append(hash)
        counts.add_spent(found)
        counts.add(found, cached=False)
        return None

    def _join_lines(self, lines: Iterator[bytes], most: int) -> Iterator[bytes]:
        """Join the lines to as few files as possible."""
        file: list[bytes] = []
        size = 0
        for line in lines:
            is_full = len(file) >= most or size + len(line) > self._how.size
            if file and is_full:
                yield b"".join(file)
                file, size = [], 0
            file.append(line)
            size += len(line)
        if file:
            yield b"".join(file)

    def _count(self, inputs: Iterable[Any], question: JobQuestion[Any], counts: Counts) -> None:
        """Count the inputs that have an outcome, while batches about others are under way."""
        for position, one in enumerate(inputs):
            item = to_item(one, position)
            if entry := self._journal.find(question.hash_of(item)):
                counts.add(question.outcome_of(item, entry), cached=True)

    # ---- one batch ---------------------------------------------------------------------------

    async def _submit(self, rounds: Rounds, lines: bytes) -> None:
        """Upload a file and make a batch of it.

        The journal notes every step before the next one, so that a later run knows where to go on.
        A file that the server finds too large is halved.
        """
        count = count_lines(lines)
        try:
            file = await self._server.upload(lines)
        except APIError as error:
            if error.status_code != _TOO_LARGE or count == 1:
                raise
            for half in self._join_lines(iter(lines.splitlines(keepends=True)), (count + 1) // 2):
                await self._submit(rounds, half)
            return
        noted = rounds.add(file)
        try:
            batch = await self._server.create(file, self._how.window)
        except (BadRequestError, NotFoundError):
            rounds.remove(noted)
            raise
        rounds.change(noted, batch=batch)
        self._log(f"batch {batch}: {count} requests")

    async def _collect(self, rounds: Rounds) -> int:
        """Take the answers of the batches under way, and forget those that have ended.

        Returns:
            How many answers are new.
        """
        found = 0
        for noted in rounds.batches:
            batch = noted["batch"] or await self._name_of(noted["file"])
            if batch is None:
                self._log(f"file {noted['file']} became no batch: its requests are sent again")
                rounds.remove(noted)
                continue
            noted = rounds.change(noted, batch=batch)
            state = await self._end_of(batch, noted, rounds)
            if state is None:
                continue
            found += await self._take(batch, noted["file"], state)
            rounds.remove(noted)
        return found

    async def _name_of(self, file: str) -> str | None:
        """Name the batch of a file. The process ended before it was told the name."""
        try:
            return await self._server.find(file) or await self._server.create(
                file, self._how.window
            )
        except (BadRequestError, NotFoundError):  # the server has deleted the file
            return None

    async def _end_of(
        self, batch: str, noted: Mapping[str, Json], rounds: Rounds
    ) -> BatchState | None:
        """Wait until a batch has ended; None if it is under way and the step does not wait."""
        last = None
        while True:
            try:
                state = await self._server.state(batch)
            except NotFoundError:
                return BatchState(status="unknown to the server")
            if state.ended:
                return state
            if state.status != last:
                last = state.status
                self._log(f"batch {batch}: {last}")
            if noted.get("cancelled"):
                if time.time() > noted["cancelled"] + _CANCELLING_SECONDS:
                    return state
            elif time.time() > noted["submitted"] + self._how.longest:
                noted = rounds.change(noted, cancelled=time.time())
                await self._cancel(batch)
            if self._how.step == "collect":
                return None
            await self._wait(self._how.poll)

    async def _cancel(self, batch: str) -> None:
        self._log(f"batch {batch} has not ended in time: it is cancelled")
        try:
            await self._server.cancel(batch)
        except APIError as error:
            self._log(f"batch {batch} cannot be cancelled: {error.message}")

    async def _take(self, batch: str, file: str, state: BatchState) -> int:
        """Keep what a batch has brought.

        A failed batch was refused as a whole, and has no answers.

        Returns:
            How many answers are new. A line that the server refused counts as none.
        """
        found = unreadable = 0
        files = () if state.status == "failed" else (state.output_file, state.error_file)
        for name in files:
            if name is None:
                continue
            answers = list(parse_answers(await self._content(name)))
            found += self._journal.add_replies(one for one in answers if one is not None)
            unreadable += answers.count(None)
        if unreadable:
            self._log(f"batch {batch}: {unreadable} lines cannot be read; they are asked again")
        if state.status != "completed" or not found:
            told = [fault.message or fault.code for fault in state.faults[:_SHOWN_FAULTS]]
            why = f"batch {batch} ended as {state.status}" + (
                f" ({'; '.join(told)})" if told else ""
            )
            self._refusals.append(why)
            self._log(f"{why}, with {found} answers; the other requests are sent again")
        if state.faults:
            self._journal.add_replies(await self._refused(file, state))
        return found

    async def _refused(self, file: str, state: BatchState) -> list[Answered]:
        """Give the lines that the server refused by their number."""
        if all(fault.line is None for fault in state.faults):
            return []
        return list(refused_lines(await self._content(file), state.faults))

    async def _content(self, file: str) -> bytes:
        """Download a file; one that the server has deleted is empty."""
        try:
            return await self._server.content(file)
        except NotFoundError:
            self._log(f"file {file} is no longer on the server")
            return b""

    async def _wait(self, seconds: float) -> None:
        if self._is_stopped():  # a library under way may have lost the cancellation
            raise asyncio.CancelledError
        await asyncio.sleep(seconds)
