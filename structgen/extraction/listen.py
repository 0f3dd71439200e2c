"""What hears one streamed answer: the draft of its value, its transcript, and the moment from which it cannot become valid any more."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from importlib.util import find_spec
from typing import Any, Final, Generic, Literal, TypeVar

from structgen.answer.partial import Draft, Partial
from structgen.errors import InvalidOutputError, NotJsonError, StructgenError
from structgen.extraction.attempts import Run
from structgen.extraction.backend import Backend, streams
from structgen.extraction.extract import ask_of, whole
from structgen.flow.steps import Emit, Flow, Read, Start
from structgen.schema.compiler import Compiled
from structgen.values import Answer, Message, Mode, Usage, Violation
from structgen.wire.dialect import Delta
from structgen.wire.exchange import exchange_stream
from structgen.wire.link import Link

T = TypeVar("T")

_HELD: Final = frozenset({"decoder", "strict", "tool"})
"""Modes whose answer is the document and nothing else."""
_UNWATCHED: Final = frozenset({"decoder", "strict"})
"""Modes whose answer something holds to the schema already."""
_TAGS: Final = ("<think>", "<thinking>")
_END_TAG: Final = re.compile(r"</think(?:ing)?>")
_LONGEST_TAG: Final = len("</thinking>")


class Listener(Generic[T]):
    """One streamed call: what has been heard of the current answer, and how much of it was emitted.

    `prove`: emit the items of the list at the root, each through this, instead of Partials.
    """

    draft: Draft[T]

    def __init__(self, prove: Callable[[Any], Any] | None = None) -> None:
        self.attempt = 0
        self.items = 0  # closed, emitted or not
        self.given = 0
        self._prove = prove

    def ask(
        self,
        backend: Backend,
        mode: Mode,
        compiled: Compiled[Any],
        messages: Sequence[Message],
        run: Run,
    ) -> Flow[Answer]:
        """The answer to one question, as `extraction.whole` gives it; emits on the way."""
        self.attempt += 1
        self.draft = Draft(compiled, prove=self._prove)
        if not streams(backend, mode):
            return (yield from whole(backend, mode, compiled, messages, run))
        transcript = _Transcript(self.draft, compiled, mode)

        def take(delta: Delta) -> Iterable[Any]:
            try:
                return self._new(run) if transcript.take(delta) else ()
            except InvalidOutputError as fault:
                return self._before(fault, run)

        try:
            if isinstance(backend.via, Link):
                asked = ask_of(backend, mode, compiled, messages, run.options, stream=True)
                yield from exchange_stream(
                    backend.via, asked, run.options, take, run.ends_at, run.attempts
                )
                return transcript.answer()
            port: Any = backend.via
            text = yield Start(port, messages, compiled.schema, run.options_left(), run.source)
            read = Read(text)
            while piece := (yield read):
                for value in take(Delta(text=piece)):
                    yield Emit(value)
            answer: Answer = text.answer
            return answer
        except StructgenError as error:
            if transcript.said and not getattr(error, "failed_generation", None):
                run.heard = transcript.answer()
            raise

    def _new(self, run: Run) -> Sequence[Any]:
        """What there is to emit now that the answer has grown."""
        if self._prove is None:
            return (Partial(self.draft, self.attempt),)
        closed = self.draft.items(self.items)
        self.items += len(closed)
        valid = [item for valid, item in closed if valid]
        self.given += len(valid)
        run.handed_on = run.handed_on or bool(valid)
        return valid

    def _before(self, fault: InvalidOutputError, run: Run) -> Iterator[Any]:
        """What came in one piece with a fault."""
        yield from self._new(run)
        raise fault


class _Transcript:
    """The transcript of one answer: all of them for the record, and the document among them for the draft."""

    def __init__(self, draft: Draft[Any], compiled: Compiled[Any], mode: Mode) -> None:
        self._draft = draft
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._tool: str | None = None
        self._raw: Any = None  # the last event
        self._usage = Usage()
        self._finish: str | None = None
        self._preamble = (
            _Preamble() if mode not in _HELD and compiled.schema.get("type") == "object" else None
        )
        self._stuck = False  # the text is no JSON: the check of the whole says what that means
        self._watched = 0  # bytes
        self._watcher = None if mode in _UNWATCHED else _watcher(compiled)

    @property
    def said(self) -> bool:
        """Has anything come?"""
        return bool(self._text or self._reasoning or self._refusal)

    def take(self, delta: Delta) -> bool:
        """Did the document grow? Raises InvalidOutputError where it can no longer become valid."""
        self._raw = delta.raw or self._raw
        piece = delta.text or ""
        if (
            delta.tool_calls
            or delta.finish_reason
            or delta.usage
            or delta.reasoning
            or delta.refusal
        ):
            piece += self._more(delta)
        if not piece:
            return False
        self._text.append(piece)
        if self._preamble is not None:
            piece = self._preamble.without(piece)
            self._preamble = None if piece else self._preamble
        if not piece or self._stuck or self._draft.scanner.done:
            return False
        try:
            self._draft.feed(piece.encode())
        except NotJsonError:
            self._stuck = True  # what stood before the fault may be shown
            return True
        if self._watcher is not None:
            self._watch(self._watcher)
        return True

    def _more(self, delta: Delta) -> str:
        """What a delta says besides its text; gives the arguments of a tool call."""
        self._finish = delta.finish_reason or self._finish
        self._usage = delta.usage or self._usage
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)
        if delta.refusal:
            self._refusal.append(delta.refusal)
        arguments = ""
        for call in delta.tool_calls:
            function = call.get("function")
            if isinstance(function, dict) and call.get("index") in (0, None):
                self._tool = self._tool or function.get("name") or "answer"
                arguments += function.get("arguments") or ""
        return arguments

    def _watch(self, watcher: Any) -> None:
        """Raises InvalidOutputError where the document can no longer become valid."""
        seen, self._watched = self._watched, len(self._draft.scanner.text)
        if not watcher.takes(self._draft.scanner.seen(seen)):
            raise InvalidOutputError(
                "The answer took a form that cannot become valid, and was stopped there.",
                violations=[
                    Violation(
                        self._draft.pointer(),
                        "",
                        "another kind of value",
                        "one that the schema allows",
                    )
                ],
                hint="What had come is in `attempts`.",
            )

    def answer(self) -> Answer:
        """What was said, as if it had come whole."""
        text, raw = "".join(self._text), self._raw or {}
        return Answer(
            text=None if self._tool else text,
            finish_reason=self._finish,
            refusal="".join(self._refusal) or None,
            reasoning="".join(self._reasoning) or None,
            tool_calls=({"function": {"name": self._tool, "arguments": text}},)
            if self._tool
            else (),
            usage=self._usage,
            model=raw.get("model"),
            id=raw.get("id"),
            raw=self._raw,
        )


class _Preamble:
    """What a model may write before its document: reasoning between tags, prose, a code fence."""

    def __init__(self) -> None:
        self._held = ""  # what may belong to a tag
        self._within: Literal["start", "reasoning", "prose"] = "start"

    def without(self, piece: str) -> str:
        """The document in the piece, from its opening brace; "" where it has not begun."""
        text, self._held = self._held + piece, ""
        if self._within == "start":
            text = text.lstrip()
            if any(tag.startswith(text) for tag in _TAGS):
                self._held = text
                return ""
            self._within = "reasoning" if text.startswith(_TAGS) else "prose"
        if self._within == "reasoning":
            end = _END_TAG.search(text)
            if end is None:
                self._held = text[-_LONGEST_TAG:]
                return ""
            text, self._within = text[end.end() :], "prose"
        start = text.find("{")
        return "" if start < 0 else text[start:]


def _watcher(compiled: Compiled[Any]) -> Any:
    """What ends an answer early, where the package for it is there, and the answer has no other valid form than the compiled."""
    rewritten = any(
        note.action == "rewritten" and note.keyword != "required" and note.path
        for note in compiled.notes
    )
    if rewritten or not find_spec("llguidance"):
        return None
    from structgen.local.grammar.early_stop import watcher  # loads llguidance

    return watcher(compiled.schema)
