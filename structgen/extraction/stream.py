"""Streamed extraction: the flow of `extract`, which emits values while the answer is written.

`stream` emits a Partial for each piece of the answer, and last the one that is done. `stream_items`
emits the items of a list, each when it closes. Whatever `extract` raises for the answer is raised
at its end. A further question begins a new attempt; there is none once items were handed out.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar, get_origin

from structgen.answer.draft import Draft
from structgen.answer.grounding import document_text, require_grounded, schema_is_grounded
from structgen.answer.partial import Partial
from structgen.errors import ConfigurationError, Truncated
from structgen.extraction.backend import Backend
from structgen.extraction.cascade import escalate, first_question
from structgen.extraction.extract import extract
from structgen.extraction.listen import Listener
from structgen.extraction.question import Question
from structgen.extraction.readings import with_confidence
from structgen.flow.steps import Emit, Flow
from structgen.results import Extraction
from structgen.schema.check import validate
from structgen.schema.compiler import compile_schema
from structgen.schema.target import Target, target_of
from structgen.values import Json, JsonSchema

T = TypeVar("T")


def stream(backends: Sequence[Backend], question: Question[T]) -> Flow[Extraction[T]]:
    """Extract, and emit Partials: those of the first model, and the result of the whole cascade.

    Args:
        backends: Who to ask, in order.
        question: What to ask.

    Returns:
        The result.

    Raises:
        StructgenError: Whatever `extract` raises.
    """
    listener: Listener[T] = Listener()
    first = _streamed(backends, first_question(backends, question), listener)
    extraction = yield from escalate(backends, question, first)
    if not listener.attempt:  # the first model could not even be asked
        listener.draft = Draft(compile_schema(question.target, "best-effort"))
    yield Emit(Partial(listener.draft, max(listener.attempt, 1), extraction))
    return extraction


def _streamed(
    backends: Sequence[Backend], question: Question[T], listener: Listener[T]
) -> Flow[Extraction[T]]:
    """One model's answer, of which the listener emits what has come."""
    began = time.monotonic()
    extraction = yield from extract(backends, question, listener.get_answer)
    return (yield from with_confidence(backends, question, extraction, began))


def stream_items(
    backends: Sequence[Backend], question: Question[list[T]]
) -> Flow[Extraction[list[T]]]:
    """Extract a list, and emit each item when it closes, validated.

    Args:
        backends: Who to ask, in order.
        question: What to ask; its target is a list (see `items_target`).

    Returns:
        The result.

    Raises:
        ConfigurationError: If the client has a cascade: items that were handed out cannot be
            escalated.
        InvalidOutputError: If an item is not valid. It is not emitted; `violations` names all.
        Truncated: If the list was cut. The items that are whole have been emitted.
        StructgenError: Whatever else `extract` raises.
    """
    if question.cascade is not None:
        raise ConfigurationError(
            "Items are handed out as they come, so a cascade could not correct them any more.",
            hint="Call `stream` or `extract`, or a client of one model.",
        )
    listener: Listener[list[T]] = Listener(_item_check(question))
    began = time.monotonic()
    try:
        extraction = yield from extract(backends, question, listener.get_answer)
    except Truncated as error:
        if count := listener.whole:
            items = "1 whole item" if count == 1 else f"{count} whole items"
            error.message = f"{error.message[:-1]}, after {items}."
        raise
    for item in extraction.value[listener.emitted :]:
        yield Emit(item)
    return (yield from with_confidence(backends, question, extraction, began))


def items_target(source: Any) -> Target[list[Any]]:
    """The list that `stream_items` asks for.

    Args:
        source: A list type, or the type of the items; or a JSON Schema of either.

    Returns:
        The target, which is a list.

    Raises:
        TargetError: If the source is no type and no JSON Schema.
    """
    target = target_of(source)
    if target.adapter is None:
        is_list = target.schema.get("type") == "array"
        return target if is_list else target_of(_list_of(target.schema))
    is_list = get_origin(target.source) is list
    if is_list:
        return target
    return target_of(list[target.source]).with_context(target.context)  # type: ignore[name-defined]


def _list_of(schema: JsonSchema) -> JsonSchema:
    """A JSON Schema of lists of a schema; references to its root now lead to a definition."""
    name = "Item"
    while name in schema.get("$defs", ()):
        name += "_"
    ref = f"#/$defs/{name}"
    moved = _with_root_at(schema, ref)
    defs = moved.pop("$defs", {})
    moved.pop("$schema", None)
    return {"type": "array", "items": {"$ref": ref}, "$defs": {**defs, name: moved}}


def _with_root_at(node: Json, ref: str) -> Json:
    """A schema whose references to its root are `ref`."""
    if isinstance(node, list):
        return [_with_root_at(item, ref) for item in node]
    if not isinstance(node, dict):
        return node
    return {
        key: ref if key == "$ref" and value == "#" else _with_root_at(value, ref)
        for key, value in node.items()
    }


def _item_check(question: Question[Any]) -> Callable[[Any], Any]:
    """What checks an item that was read, and gives it, mended; raises OutputError."""
    target = question.target
    check = _schema_check(target)
    if not schema_is_grounded(target.schema):
        return check
    document = document_text(question.document)

    def check_grounded(item: Any) -> Any:
        item = check(item)
        found = require_grounded(target, target.dump([item]), document)
        return validate(target, found.data)[0] if found.repairs else item

    return check_grounded


def _schema_check(target: Target[Any]) -> Callable[[Any], Any]:
    """The check of the schema of the items; a type's reader has validated its items already."""
    if target.adapter is not None:
        return lambda item: item
    item = target.schema.get("items", True)
    defs = target.schema.get("$defs")
    if isinstance(item, dict) and defs:
        item = {**item, "$defs": defs}
    return partial(validate, target_of(item))
