"""Listen to one streamed answer: keep a draft and a transcript, and stop it once it is invalid."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, Final, Generic, Literal, TypeVar

from structgen.answer.continuation import first_cut_item
from structgen.answer.draft import Draft
from structgen.answer.partial import Partial
from structgen.answer.repair import CLOSING_TAG, OPENING_TAG
from structgen.answer.unstated import Rules
from structgen.errors import InvalidOutputError, NotJsonError, StructgenError
from structgen.extraction.ask import chat_request, get_whole_answer
from structgen.extraction.attempts import CallState
from structgen.extraction.backend import Backend, streams
from structgen.extraction.outcome import rules_of_cut, stays_whole
from structgen.flow.ports import TextStream
from structgen.flow.steps import Emit, Flow, Read, Run, Start
from structgen.schema.compiler import Compiled
from structgen.values import Answer, CutText, Message, Mode, Usage, Violation
from structgen.wire.dialect import Delta
from structgen.wire.exchange import exchange_stream
from structgen.wire.own_server import decided_in

T = TypeVar("T")

_JSON_ALONE: Final = frozenset({"decoder", "strict", "tool"})
"""Modes whose answer is the JSON text and nothing else."""
_HELD: Final = frozenset({"decoder", "strict"})
"""Modes in which something holds the answer to the schema already."""
Held = Literal["none", "last", "all"]
"""Which items that have closed wait for the end of the answer, which says what was cut: none; the
last one, which may be cut; or all that come, because something was cut already."""
_LONGEST_TAG: Final = len("</reflection>")
_MAY_BE_TAG: Final = re.compile(r"(?:[<\[◁][/\w]*)?", re.ASCII)


class Listener(Generic[T]):
    """Listens to one streamed call, answer by answer.

    Args:
        check_item: If given, the items of the list at the root are emitted instead of Partials. It
            checks each item, and gives it, mended.
    """

    draft: Draft[T]
    """The answer that is being written."""
    attempt: int
    """Which answer of the call it is; counts from 1."""
    whole: int
    """How many items of its list are whole, valid or not."""
    emitted: int
    """How many items were emitted."""

    def __init__(self, check_item: Callable[[Any], Any] | None = None) -> None:
        self.attempt = 0
        self.whole = self.emitted = 0
        self._check_item = check_item
        self._seen = 0  # items that have closed and were emitted or found invalid

    def get_answer(
        self,
        backend: Backend,
        mode: Mode,
        compiled: Compiled[Any],
        messages: Sequence[Message],
        state: CallState,
    ) -> Flow[Answer]:
        """Ask, as `get_whole_answer` does, and emit values while the answer is written."""
        self.attempt += 1
        self.whole = self._seen = 0
        self.draft = Draft(compiled, check_item=self._check_item, rules=state.rules)
        if not streams(backend, mode):
            answer = yield from get_whole_answer(backend, mode, compiled, messages, state)
            with suppress(StructgenError):  # the check of the answer tells what is wrong
                self.draft.feed((answer.text or "").encode())
            return answer
        transcript = _Transcript(self.draft, compiled, mode)
        ask = self._ask_server if backend.is_server else self._ask_engine
        try:
            return (yield from ask(backend, mode, compiled, messages, state, transcript))
        except StructgenError as error:
            if transcript.said and not getattr(error, "failed_generation", None):
                state.received = transcript.answer()
            raise

    def _ask_server(
        self,
        backend: Backend,
        mode: Mode,
        compiled: Compiled[Any],
        messages: Sequence[Message],
        state: CallState,
        transcript: _Transcript,
    ) -> Flow[Answer]:
        link: Any = backend.via
        request = chat_request(backend, mode, compiled, messages, state.options, stream=True)

        may_cut = has_cut = False

        def take(delta: Delta) -> Iterable[Any]:
            # A server that decodes as engines do ends the last item early as they do, and says
            # with its first event that it may.
            nonlocal may_cut, has_cut
            if "x_structgen" in (delta.raw or ()):
                own, may_cut = delta.raw["x_structgen"], True
                has_cut = has_cut or (isinstance(own, dict) and own.get("cut") is True)
            keeps = state.options.on_shortened == "keep"
            held: Held = "none" if keeps or not may_cut else "all" if has_cut else "last"
            return self._take(transcript, delta, state, held)

        yield Run(
            exchange_stream(link, request, state.options, take, state.ends_at, state.attempts)
        )
        answer = transcript.answer()
        for item in self._last_items(answer, compiled, state):
            yield Emit(item)
        return answer

    def _ask_engine(
        self,
        backend: Backend,
        mode: Mode,
        compiled: Compiled[Any],
        messages: Sequence[Message],
        state: CallState,
        transcript: _Transcript,
    ) -> Flow[Answer]:
        port, options = state.engine(backend, compiled), state.engine_options()
        # An engine that runs out of tokens ends the last item early, and says so afterwards.
        held: Held = "none" if state.options.on_shortened == "keep" else "last"
        text: TextStream = yield Start(port, messages, compiled.schema, options, state.document)
        read = Read(text)
        while piece := (yield read):
            if held == "last" and isinstance(piece, CutText):
                held = "all"
            for value in self._take(transcript, Delta(text=piece), state, held):
                yield Emit(value)
        answer = text.answer
        assert answer is not None  # noqa: S101 - the stream has been read to its end
        for item in self._last_items(answer, compiled, state):
            yield Emit(item)
        return answer

    def _take(
        self, transcript: _Transcript, delta: Delta, state: CallState, held: Held
    ) -> Iterable[Any]:
        """What there is to emit after a delta."""
        try:
            return self._news(state, held) if transcript.take(delta) else ()
        except InvalidOutputError as fault:
            return self._news_before(fault, state)

    def _news(self, state: CallState, held: Held = "none") -> Sequence[Any]:
        """What there is to emit now that the answer has grown.

        A last item that is held waits until the next one has begun, and so was not the last.
        """
        if self._check_item is None:
            return (Partial(self.draft, self.attempt),)
        if held == "all":
            return ()
        closed = self.draft.items(self._seen)
        if held == "last" and not self.draft.in_item:
            closed = closed[:-1]
        return self._hand_out(closed, state)

    def _news_before(self, fault: InvalidOutputError, state: CallState) -> Iterator[Any]:
        """What came in the same piece as a fault, then the fault."""
        yield from self._news(state)
        raise fault

    def _last_items(
        self, answer: Answer, compiled: Compiled[Any], state: CallState
    ) -> Sequence[Any]:
        """The items that were held back, up to the first that was cut short."""
        if self._check_item is None:
            return ()
        closed = self.draft.items(self._seen)
        cut = first_cut_item(answer.shortened, compiled)
        if cut is not None and state.options.on_shortened != "keep":
            rules = rules_of_cut(answer, compiled, state)
            if stays_whole(answer, compiled, rules):
                closed = self._read_again(compiled, rules)
            else:
                closed = closed[: max(0, cut - self._seen)]
        return self._hand_out(closed, state)

    def _read_again(self, compiled: Compiled[Any], rules: Rules | None) -> list[tuple[bool, Any]]:
        """The items that were held back, now that it is known which of their values to take out."""
        draft = Draft(compiled, check_item=self._check_item, rules=rules)
        draft.feed(bytes(self.draft.scanner.text))
        return draft.items(self._seen)

    def _hand_out(self, closed: Sequence[tuple[bool, Any]], state: CallState) -> Sequence[Any]:
        """The valid ones of some items, which the caller then has."""
        valid = [item for is_valid, item in closed if is_valid]
        self._seen += len(closed)
        self.whole = self._seen
        self.emitted += len(valid)
        state.handed_out = state.handed_out or bool(valid)
        return valid


class _Transcript:
    """What was said in one answer: all of it for the record, and the JSON text for the draft."""

    def __init__(self, draft: Draft[Any], compiled: Compiled[Any], mode: Mode) -> None:
        self._draft = draft
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._calls: list[_Call] = []
        self._last_event: Any = None
        self._model: str | None = None
        self._id: str | None = None
        self._usage = Usage()
        self._finish_reason: str | None = None
        self._shortened: tuple[str, ...] = ()
        self._shortened_by: tuple[str, ...] = ()
        self._repeated: tuple[str, ...] = ()
        skips_preamble = mode not in _JSON_ALONE and compiled.schema.get("type") == "object"
        self._preamble = _Preamble() if skips_preamble else None
        self._broken = False  # the text is no JSON; the check of the whole says what that means
        self._watched = 0  # bytes
        self._watcher = None if mode in _HELD else _watcher(compiled)

    @property
    def said(self) -> bool:
        """Whether anything has come."""
        return bool(self._text or self._reasoning or self._refusal)

    def take(self, delta: Delta) -> bool:
        """Add a delta; say whether the JSON text grew.

        Raises:
            InvalidOutputError: If the answer cannot become valid any more.
        """
        self._last_event = delta.raw or self._last_event
        if self._model is None and delta.raw:  # some dialects say it with the first event alone
            self._model, self._id = delta.raw.get("model") or None, delta.raw.get("id") or None
        piece = delta.text or ""
        if (
            delta.tool_calls
            or delta.finish_reason
            or delta.usage
            or delta.reasoning
            or delta.refusal
        ):
            piece += self._take_other_parts(delta)
        if not piece:
            return False
        self._text.append(piece)
        if self._preamble is not None:
            piece = self._preamble.rest_of(piece)
            self._preamble = None if piece else self._preamble
        if not piece or self._broken or self._draft.scanner.done:
            return False
        try:
            self._draft.feed(piece.encode())
        except NotJsonError:
            self._broken = True  # what came before the fault may be shown
            return True
        if self._watcher is not None:
            self._watch(self._watcher)
        return True

    def _take_other_parts(self, delta: Delta) -> str:
        """Add what a delta says besides its text; return the arguments of a tool call."""
        self._finish_reason = delta.finish_reason or self._finish_reason
        self._shortened = delta.shortened or self._shortened
        self._shortened_by = delta.shortened_by or self._shortened_by
        self._repeated = delta.repeated or self._repeated
        self._usage = self._usage.largest(delta.usage) if delta.usage else self._usage
        if delta.reasoning:
            self._reasoning.append(delta.reasoning)
        if delta.refusal:
            self._refusal.append(delta.refusal)
        arguments = ""
        for part in delta.tool_calls:
            call = self._call_of(part)
            call.add(part)
            if call is self._calls[0]:
                arguments += _arguments_of(part)
        return arguments

    def _call_of(self, part: Mapping[str, Any]) -> _Call:
        """The call that a part belongs to. Some servers give two calls one index and two ids."""
        index, id_ = part.get("index") or 0, part.get("id")
        for call in reversed(self._calls):
            if call.index == index and (not id_ or call.id in (None, id_)):
                return call
        self._calls.append(_Call(index))
        return self._calls[-1]

    def _watch(self, watcher: Any) -> None:
        """Raise InvalidOutputError if the answer cannot become valid any more."""
        seen, self._watched = self._watched, len(self._draft.scanner.text)
        if watcher.takes(self._draft.scanner.seen(seen)):
            return
        found, wanted = "another kind of value", "one that the schema allows"
        raise InvalidOutputError(
            "The answer could not become valid any more, and was stopped there.",
            violations=(Violation(self._draft.pointer(), "", found, wanted),),
            hint="What had come is in `attempts`.",
        )

    def answer(self) -> Answer:
        """What was said, as if it had come in one piece."""
        text = "".join(self._text)
        return Answer(
            text=None if self._calls else text,
            finish_reason=self._finish_reason,
            refusal="".join(self._refusal) or None,
            reasoning="".join(self._reasoning) or None,
            tool_calls=tuple(call.whole() for call in self._calls),
            usage=self._usage,
            model=self._model,
            id=self._id,
            shortened=self._shortened,
            shortened_by=self._shortened_by,
            repeated=self._repeated,
            **decided_in(self._last_event),
            raw=self._last_event,
        )


@dataclass
class _Call:
    """One call of a tool, as far as it has come."""

    index: int
    id: str | None = None
    name: str | None = None
    arguments: list[str] = field(default_factory=list)

    def add(self, part: Mapping[str, Any]) -> None:
        function = part.get("function")
        name = function.get("name") if isinstance(function, dict) else None
        self.id, self.name = self.id or part.get("id"), self.name or name
        self.arguments.append(_arguments_of(part))

    def whole(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": "".join(self.arguments)}
        return {"id": self.id, "type": "function", "function": function}


def _arguments_of(part: Mapping[str, Any]) -> str:
    function = part.get("function")
    arguments = function.get("arguments") if isinstance(function, dict) else None
    return arguments if isinstance(arguments, str) else ""


class _Preamble:
    """What a model may write before the JSON text: reasoning between tags, prose, a code fence."""

    def __init__(self) -> None:
        self._pending = ""  # what may belong to a tag
        self._within: Literal["start", "reasoning", "prose"] = "start"

    def rest_of(self, piece: str) -> str:
        """The part of a piece from the opening brace on; "" if the JSON text has not begun."""
        text, self._pending = self._pending + piece, ""
        while True:
            if self._within == "start":
                text = text.lstrip()
                if len(text) < _LONGEST_TAG and _MAY_BE_TAG.fullmatch(text):
                    self._pending = text
                    return ""
                self._within = "reasoning" if OPENING_TAG.match(text) else "prose"
            if self._within == "prose":
                break
            end = CLOSING_TAG.search(text)
            if end is None:
                self._pending = text[-_LONGEST_TAG:]
                return ""
            text, self._within = text[end.end() :], "start"  # there may be more of it
        start = text.find("{")
        return "" if start < 0 else text[start:]


def _watcher(compiled: Compiled[Any]) -> Any:
    """What ends an invalid answer early; None if its package is missing, or it could be wrong.

    It could be wrong about an answer that is valid in another form than the compiled one.
    """
    rewritten = any(
        note.action == "rewritten" and note.keyword != "required" and note.path
        for note in compiled.notes
    )
    if rewritten or compiled.thoughts or not find_spec("llguidance"):
        return None
    from structgen.local.grammar.early_stop import open_watcher  # loads llguidance

    return open_watcher(compiled.schema)
