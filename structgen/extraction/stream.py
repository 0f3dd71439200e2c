"""Streamed extraction: the same flow as `extraction`, told of the answer while it is written.

`stream` emits a Partial for each piece of the answer, and last the one that is done. `stream_items` emits the items of a list, each
when it closes. Whatever `extract` would raise for the answer is raised at its end; what a fault before that means is decided there,
once: after one, the next question begins a new attempt, unless items were handed out already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, get_origin

from structgen.answer.grounding import grounded, is_grounded, source_of
from structgen.answer.partial import Partial
from structgen.errors import Truncated
from structgen.extraction.backend import Backend
from structgen.extraction.extract import extract
from structgen.extraction.listen import Listener
from structgen.extraction.question import Question
from structgen.flow.steps import Emit, Flow
from structgen.results import Extraction
from structgen.schema.check import validate
from structgen.schema.target import Target, target_of
from structgen.values import Json, JsonSchema

T = TypeVar("T")


def stream(backends: Sequence[Backend], question: Question[T]) -> Flow[Extraction[T]]:
    """Emits Partials. Raises what `extract` raises."""
    listener: Listener[T] = Listener()
    extraction = yield from extract(backends, question, listener.ask)
    yield Emit(Partial(listener.draft, listener.attempt, extraction))
    return extraction


def stream_items(
    backends: Sequence[Backend], question: Question[list[T]]
) -> Flow[Extraction[list[T]]]:
    """Emits the items of a list, each validated, when it closes. `question.target` is a list (`items_target`).

    An item that is not valid is not emitted: at the end InvalidOutputError tells of all of them. An answer that was cut ends in
    Truncated, behind the items that were whole.
    """
    listener: Listener[list[T]] = Listener(_standing(question, _prover(question.target)))
    try:
        extraction = yield from extract(backends, question, listener.ask)
    except Truncated as error:
        error.message = f"{error.message[:-1]}, behind {listener.items} whole items."
        raise
    for item in extraction.value[listener.given :]:
        yield Emit(item)
    return extraction


def items_target(source: Any) -> Target[list[Any]]:
    """The list that `stream_items` asks for: the source itself where it is one, else a list of it."""
    target = target_of(source)
    if target.adapter is None:
        return (
            target if target.schema.get("type") == "array" else target_of(_list_of(target.schema))
        )
    return target if get_origin(target.source) is list else target_of(list[target.source])  # type: ignore[name-defined]


def _list_of(schema: JsonSchema) -> JsonSchema:
    """A JSON Schema of lists; references to the root now lead to a definition."""
    name = "Item"
    while name in schema.get("$defs", ()):
        name += "_"
    inner = {
        key: value
        for key, value in _renamed(schema, f"#/$defs/{name}").items()
        if key not in ("$defs", "$schema")
    }
    defs = {
        key: _renamed(value, f"#/$defs/{name}") for key, value in schema.get("$defs", {}).items()
    }
    return {"type": "array", "items": {"$ref": f"#/$defs/{name}"}, "$defs": {**defs, name: inner}}


def _renamed(node: Json, root: str) -> Json:
    if isinstance(node, list):
        return [_renamed(item, root) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: root if key == "$ref" and value == "#" else _renamed(value, root)
        for key, value in node.items()
    }


def _prover(target: Target[Any]) -> Callable[[Any], Any]:
    """What proves an item that was read: of a JSON Schema, the schema of its items; a type's reader has validated it already."""
    if target.adapter is not None:
        return lambda item: item
    item = target.schema.get("items", True)
    defs = target.schema.get("$defs")
    return partial(
        validate, target_of({**item, "$defs": defs} if isinstance(item, dict) and defs else item)
    )


def _standing(question: Question[Any], prove: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """What proves an item whose grounded values must stand in the document, too."""
    target = question.target
    if not is_grounded(target.schema):
        return prove
    source = source_of(question.document)

    def proved(item: Any) -> Any:
        item = prove(item)
        found = grounded(target, target.dump([item]), source)
        return validate(target, found.data)[0] if found.repairs else item

    return proved
