"""Streamed extraction: the same flow as `extraction`, told of the answer while it is written.

`stream` emits a Partial for each piece of the answer, and last the one that is done. `stream_items` emits the items of a list, each
when it closes. Whatever `extract` would raise for the answer is raised at its end; what a fault before that means is decided there,
once: after one, the next question begins a new attempt, unless items were handed out already.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from typing import Any, Final, Generic, Literal, TypeVar, get_origin

from structgen.answer.grounding import grounded, is_grounded, source_of
from structgen.answer.partial import Draft, Partial
from structgen.errors import InvalidOutput, NotJson, StructgenError, Truncated
from structgen.extraction.attempts import Run
from structgen.extraction.backend import Backend, streams
from structgen.extraction.extract import Question, ask_of, extract, whole
from structgen.flow import Emit, Flow, Read, Start
from structgen.schema.check import check
from structgen.schema.compiler import Compiled
from structgen.schema.target import Target, target_of
from structgen.types import Answer, Extraction, Json, JsonSchema, Message, Mode, Usage, Violation
from structgen.wire.dialect import Delta
from structgen.wire.exchange import Link, hear

T = TypeVar("T")

_HELD: Final = frozenset({"decoder", "strict", "tool"})
"""Modes whose answer is the document and nothing else."""
_UNWATCHED: Final = frozenset({"decoder", "strict"})
"""Modes whose answer something holds to the schema already."""
_TAGS: Final = ("<think>", "<thinking>")
_END_TAG: Final = re.compile(r"</think(?:ing)?>")
_LONGEST_TAG: Final = len("</thinking>")


def stream(backends: Sequence[Backend], question: Question[T]) -> Flow[Extraction[T]]:
    """Emits Partials. Raises what `extract` raises."""
    hearing: _Hearing[T] = _Hearing()
    extraction = yield from extract(backends, question, hearing.ask)
    yield Emit(Partial(hearing.draft, hearing.attempt, extraction))
    return extraction


def stream_items(backends: Sequence[Backend], question: Question[list[T]]) -> Flow[Extraction[list[T]]]:
    """Emits the items of a list, each validated, when it closes. `question.target` is a list (`items_target`).

    An item that is not valid is not emitted: at the end InvalidOutput tells of all of them. An answer that was cut ends in
    Truncated, behind the items that were whole.
    """
    hearing: _Hearing[list[T]] = _Hearing(_standing(question, _prover(question.target)))
    try:
        extraction = yield from extract(backends, question, hearing.ask)
    except Truncated as error:
        error.message = f"{error.message[:-1]}, behind {hearing.items} whole items."
        raise
    for item in extraction.value[hearing.given :]:
        yield Emit(item)
    return extraction


def items_target(source: Any) -> Target[list[Any]]:
    """The list that `stream_items` asks for: the source itself where it is one, else a list of it."""
    target = target_of(source)
    if target.adapter is None:
        return target if target.schema.get("type") == "array" else target_of(_list_of(target.schema))
    return target if get_origin(target.source) is list else target_of(list[target.source])  # type: ignore[name-defined]


def _list_of(schema: JsonSchema) -> JsonSchema:
    """A JSON Schema of lists; references to the root now lead to a definition."""
    name = "Item"
    while name in schema.get("$defs", ()):
        name += "_"
    inner = {key: value for key, value in _renamed(schema, f"#/$defs/{name}").items() if key not in ("$defs", "$schema")}
    defs = {key: _renamed(value, f"#/$defs/{name}") for key, value in schema.get("$defs", {}).items()}
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}, "$defs": {**defs, name: inner}}


def _renamed(node: Json, root: str) -> Json:
    if isinstance(node, list):
        return [_renamed(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    return {key: root if key == "$ref" and value == "#" else _renamed(value, root) for key, value in node.items()}


def _prover(target: Target[Any]) -> Callable[[Any], Any]:
    """What proves an item that was read: of a JSON Schema, the schema of its items; a type's reader has validated it already."""
    if target.adapter is not None:
        return lambda item: item
    item = target.schema.get("items", True)
    defs = target.schema.get("$defs")
    return partial(check, target_of({**item, "$defs": defs} if isinstance(item, dict) and defs else item))


def _standing(question: Question[Any], prove: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What proves an item whose grounded values must stand in the document, too."""
    target = question.target
    if not is_grounded(target.schema):
        return prove
    source = source_of(question.document)

    def proved(item: Any) -> Any:
        item = prove(item)
        found = grounded(target, target.dump([item]), source)
        return check(target, found.data)[0] if found.repairs else item

    return proved


class _Hearing(Generic[T]):
    """One streamed call: what has been heard of the current answer, and how much of it was emitted.

    `prove`: emit the items of the list at the root, each through this, instead of Partials.
    """

    draft: Draft[T]

    def __init__(self, prove: Callable[[Any], Any] | None = None) -> None:
        self.attempt = 0
        self.items = 0  # closed, emitted or not
        self.given = 0
        self._prove = prove

    def ask(self, backend: Backend, mode: Mode, compiled: Compiled[Any], messages: Sequence[Message], run: Run) -> Flow[Answer]:
        """The answer to one question, as `extraction.whole` gives it; emits on the way."""
        self.attempt += 1
        self.draft = Draft(compiled, prove=self._prove)
        if not streams(backend, mode):
            return (yield from whole(backend, mode, compiled, messages, run))
        words = _Words(self.draft, compiled, mode)

        def take(delta: Delta) -> Iterable[Any]:
            try:
                return self._new(run) if words.take(delta) else ()
            except InvalidOutput as fault:
                return self._before(fault, run)

        try:
            if isinstance(backend.via, Link):
                asked = ask_of(backend, mode, compiled, messages, run.options, stream=True)
                yield from hear(backend.via, asked, run.options, take, run.ends_at, run.attempts)
                return words.answer()
            port: Any = backend.via
            text = yield Start(port, messages, compiled.schema, run.options_left(), run.source)
            read = Read(text)
            while piece := (yield read):
                for value in take(Delta(text=piece)):
                    yield Emit(value)
            answer: Answer = text.answer
            return answer
        except StructgenError as error:
            if words.said and not getattr(error, "failed_generation", None):
                run.heard = words.answer()
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

    def _before(self, fault: InvalidOutput, run: Run) -> Iterator[Any]:
        """What came in one piece with a fault."""
        yield from self._new(run)
        raise fault


class _Words:
    """The words of one answer: all of them for the record, and the document among them for the draft."""

    def __init__(self, draft: Draft[Any], compiled: Compiled[Any], mode: Mode) -> None:
        self._draft = draft
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._refusal: list[str] = []
        self._tool: str | None = None
        self._raw: Any = None  # the last event
        self._usage = Usage()
        self._finish: str | None = None
        self._lead = _Lead() if mode not in _HELD and compiled.schema.get("type") == "object" else None
        self._stuck = False  # the text is no JSON: the check of the whole says what that means
        self._watched = 0  # bytes
        self._watcher = None if mode in _UNWATCHED else _watcher(compiled)

    @property
    def said(self) -> bool:
        """Has anything come?"""
        return bool(self._text or self._reasoning or self._refusal)

    def take(self, delta: Delta) -> bool:
        """Did the document grow? Raises InvalidOutput where it can no longer become valid."""
        self._raw = delta.raw or self._raw
        piece = delta.text or ""
        if delta.tool_calls or delta.finish or delta.usage or delta.reasoning or delta.refusal:
            piece += self._more(delta)
        if not piece:
            return False
        self._text.append(piece)
        if self._lead is not None:
            piece = self._lead.without(piece)
            self._lead = None if piece else self._lead
        if not piece or self._stuck or self._draft.scanner.done:
            return False
        try:
            self._draft.feed(piece.encode())
        except NotJson:
            self._stuck = True  # what stood before the fault may be shown
            return True
        if self._watcher is not None:
            self._watch(self._watcher)
        return True

    def _more(self, delta: Delta) -> str:
        """What a delta says besides its text; gives the arguments of a tool call."""
        self._finish = delta.finish or self._finish
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
        """Raises InvalidOutput where the document can no longer become valid."""
        seen, self._watched = self._watched, len(self._draft.scanner.text)
        if not watcher.takes(self._draft.scanner.seen(seen)):
            raise InvalidOutput(
                "The answer took a form that cannot become valid, and was stopped there.",
                violations=[Violation(self._draft.pointer(), "", "another kind of value", "one that the schema allows")],
                hint="What had come is in `attempts`.",
            )

    def answer(self) -> Answer:
        """What was said, as if it had come whole."""
        text, raw = "".join(self._text), self._raw or {}
        return Answer(
            text=None if self._tool else text,
            finish=self._finish,
            refusal="".join(self._refusal) or None,
            reasoning="".join(self._reasoning) or None,
            tool_calls=({"function": {"name": self._tool, "arguments": text}},) if self._tool else (),
            usage=self._usage,
            model=raw.get("model"),
            id=raw.get("id"),
            raw=self._raw,
        )


class _Lead:
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
    rewritten = any(note.action == "rewritten" and note.keyword != "required" and note.path for note in compiled.notes)
    if rewritten or not find_spec("llguidance"):
        return None
    from structgen.local.grammar.early_stop import watcher  # loads llguidance

    return watcher(compiled.schema)
