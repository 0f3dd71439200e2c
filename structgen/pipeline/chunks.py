"""A document of a job in chunks: each is looked up, asked about and kept as an input is."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any, Protocol, TypeAlias

from structgen.documents.chunked import ChunkedQuestion, Piece
from structgen.errors import InvalidDocumentError, PromptTooLongError, UsageError
from structgen.flow.drive import Rest
from structgen.pipeline.asking import JobQuestion
from structgen.pipeline.journal.journal import Journal
from structgen.pipeline.journal.outcomes import needed_chunks
from structgen.pipeline.journal.shared import SharedJournal
from structgen.pipeline.record import Item, Outcome
from structgen.pipeline.splitting import Asked
from structgen.values import Json, Usage

AskOnce: TypeAlias = "Callable[[Rest], Coroutine[Any, Any, Outcome[Any]]]"
"""Asks a question; waits before a try by the function that it is given."""


class Asker(Protocol):
    """The workers of a job, as chunks see them."""

    async def ask(self, once: AskOnce) -> Outcome[Any] | None:
        """Ask a question when there is room for it; None if the job stopped before."""
        ...

    def count_asked(self, outcome: Outcome[Any]) -> None:
        """Count a question that was asked, and stop the job if a limit says so."""
        ...

    def count_found(self, outcome: Outcome[Any]) -> None:
        """Count an outcome that the journal had."""
        ...


class DocumentsOfAnyLength:
    """Asks about documents as a whole, or in chunks if that is wanted or needed."""

    def __init__(
        self,
        asker: Asker,
        journal: Journal | SharedJournal | None,
        *,
        retry_failed: bool,
        at_once: int,
    ) -> None:
        """Prepare to ask.

        Args:
            asker: Asks, and counts what came.
            journal: Where to look up the outcomes of chunks and keep them.
            retry_failed: Whether to ask again about chunks that failed in an earlier run.
            at_once: Questions about one document at a time at most.
        """
        self._asker, self._journal = asker, journal
        self._retry_failed, self._at_once = retry_failed, at_once

    async def ask(self, item: Item, hash: bytes, question: JobQuestion[Any]) -> Outcome[Any] | None:
        """Ask about a document.

        Args:
            item: The document.
            hash: The hash of the question about it.
            question: The question of the job.

        Returns:
            The outcome; None if the job stopped before there was one.
        """
        kept = None if self._journal is None else self._journal.find(hash)
        failed_whole = kept is not None and needed_chunks(kept)
        try:
            chunked = question.chunked(item, failed_whole=failed_whole)
        except UsageError as error:
            return question.failed(item, error)
        if chunked is None:
            outcome = await self._asker.ask(lambda rest: question.ask(item, rest))
            if outcome is None:
                return None
            self._asker.count_asked(outcome)
            if isinstance(outcome.error, PromptTooLongError):
                chunked = question.chunked(item, failed_whole=True)
            if chunked is None:
                return outcome
            if self._journal is not None:  # so that it is not asked as a whole again
                self._journal.add(question.entry_of(hash, outcome))
        document = _ChunkedDocument(
            self._asker,
            self._journal,
            question,
            chunked,
            hash,
            retry_failed=self._retry_failed,
            at_once=self._at_once,
        )
        try:
            return await document.ask(item)
        except UsageError as error:  # it cannot be split
            return question.failed(item, error)


class _ChunkedDocument:
    """One document in chunks, on its way through a job."""

    def __init__(
        self,
        asker: Asker,
        journal: Journal | SharedJournal | None,
        question: JobQuestion[Any],
        chunked: ChunkedQuestion[Any],
        hash: bytes,
        *,
        retry_failed: bool,
        at_once: int,
    ) -> None:
        self._asker, self._journal, self._retry_failed = asker, journal, retry_failed
        self._question, self._chunked, self._hash = question, chunked, hash
        self._room = asyncio.Semaphore(at_once)

    async def ask(self, item: Item) -> Outcome[Any] | None:
        """Ask about every chunk that has no outcome yet, and merge.

        Args:
            item: The document.

        Returns:
            The outcome of the document; None if the job stopped before it was complete.
        """
        pieces = await asyncio.to_thread(self._chunked.pieces)
        tasks = [asyncio.create_task(self._pieces_of(piece)) for piece in pieces]
        try:
            found = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        asked: list[Asked] = []
        for of_piece in found:
            if of_piece is None:
                return None
            asked += of_piece
        outcome = self._question.merged(item, self._chunked, asked)
        if isinstance(outcome.error, InvalidDocumentError):  # none of its chunks counts as failed
            self._asker.count_asked(replace(outcome, tries=0, usage=Usage(), cost=None))
        return outcome

    async def _pieces_of(self, piece: Piece) -> list[Asked] | None:
        """Outcomes of a piece and of the rows that its answer lacks, or of halves if too long."""
        async with self._room:
            asked = await self._outcome_of(piece)
        if asked is None:
            return None
        result = asked.of_chunk.result
        if result is not None:
            found, others = [asked], self._chunked.missing(piece, result.value)
        else:
            others = self._chunked.smaller(piece, asked.outcome.error)
            found = [] if others else [asked]
        for part in others:
            of_part = await self._pieces_of(part)
            if of_part is None:
                return None
            found += of_part
        return found

    async def _outcome_of(self, piece: Piece) -> Asked | None:
        hash = self._question.hash_of_piece(self._hash, piece)
        if (kept := self._kept(piece, hash)) is not None:
            self._asker.count_found(kept)
            return Asked(piece, kept, fresh=False)
        outcome = await self._asker.ask(
            lambda rest: self._question.ask_about_piece(self._chunked, piece, rest)
        )
        if outcome is None:
            return None
        if self._journal is not None:
            self._journal.add(self._question.entry_of_piece(hash, outcome))
        self._asker.count_asked(outcome)
        return Asked(piece, outcome, fresh=True)

    def _kept(self, piece: Piece, hash: bytes) -> Outcome[Json] | None:
        """The outcome that the journal has, unless it is to be asked again."""
        entry = None if self._journal is None else self._journal.find(hash)
        if entry is None:
            return None
        outcome = self._question.outcome_of_piece(self._chunked, entry)
        if not self._retry_failed or (outcome.ok and not outcome.was_held_back):
            return outcome
        if outcome.ok:
            return None
        # A piece that was too long is not asked again: its halves are.
        return outcome if self._chunked.smaller(piece, outcome.error) else None
