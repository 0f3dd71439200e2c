"""Hostile inputs, each for a process of its own: `python benchmarks/_hostile_inputs.py NAME SIZE`.

The process prints one JSON line: how it ended, the CPU seconds, and the most memory it held. It
imports nothing of this folder, so that it also runs against an older checkout (`PYTHONPATH`).
"""

from __future__ import annotations

import importlib
import json
import re
import resource
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Final, NamedTuple, TypeAlias

from pydantic import BaseModel, Field

import structgen
from structgen.errors import SchemaLimitError, StructgenError

Schema: TypeAlias = Any


class Input(NamedTuple):
    """One hostile input."""

    size: int
    """How large it is made, in units of its own."""
    run: Callable[[int], object]
    """Does the work."""


# ---- what is done with a schema ------------------------------------------------------------------


def compiled(schema: Schema) -> None:
    """Compile a schema for a server and for the decoder, and make the grammar."""

    with suppress(SchemaLimitError):  # its limits are published, and small
        compile_for(schema, "openai-strict")
    grammar_of(compile_for(schema, "llguidance").schema)


def compile_for(schema: Schema, language: str) -> Any:
    """Compile a schema; version 0.1.0 has another name for that."""
    return _named(structgen, "compile_schema", "compile")(schema, language)


def _named(module: Any, now: str, once: str) -> Any:
    """A function by the name that it has now, or had in 0.1.0."""
    return getattr(module, now, None) or getattr(module, once)


def grammar_of(schema: Schema) -> Any:
    """Make the grammar of a compiled schema, over bytes; in 0.1.0 it is in another module."""
    try:
        module = importlib.import_module("structgen.local.grammar.grammar")
    except ImportError:
        module = importlib.import_module("structgen.local.grammar")
    compile_grammar = _named(module, "compile_grammar", "grammar")
    return compile_grammar(schema, module.byte_tokenizer())


def checked(target: Any, data: Any) -> None:
    """Check an answer."""
    _named(structgen, "validate", "check")(target, data)


def encoded(schema: Schema, value: Any) -> None:
    """Write a value in a server's form and read it back."""
    it = compile_for(schema, "json-object")
    it.decode(it.encode(value))


def audited(schema: Schema) -> None:
    """Compare a schema with all languages."""
    structgen.audit(schema)


# ---- schemas -------------------------------------------------------------------------------------


_STRING: Final = {"type": "string"}
_UNIQUE: Final = {"type": "array", "uniqueItems": True}
_REF_A: Final = {"$ref": "#/$defs/A"}


def record(**properties: Any) -> Schema:
    """A closed object that has all of its members."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def nested(size: int, outer: Callable[[Any], Any], inner: Any) -> Any:
    """A value in a value in a value."""
    for _ in range(size):
        inner = outer(inner)
    return inner


def _texts(count: int) -> list[str]:
    return [f"value number {number}" for number in range(count)]


def _chain(size: int, link: Callable[[str], Any], last: Any) -> Schema:
    """Definitions that lead one to the next."""
    names = [f"D{number}" for number in range(size)]
    defs = {name: link(f"#/$defs/{after}") for name, after in pairwise(names)}
    return {"$defs": {**defs, names[-1]: last}, "$ref": "#/$defs/D0"}


def _diamonds(size: int, keyword: str) -> Schema:
    """Definitions that use the next one twice: 2^size ways lead to the last."""
    return _chain(size, lambda ref: {keyword: [{"$ref": ref}, {"$ref": ref}]}, {"type": "string"})


def _products(size: int) -> Schema:
    """All of several unions: each choice multiplies the others."""
    choices = [
        [{"properties": {f"p{one}": {"const": other}}} for other in range(6)] for one in range(size)
    ]
    return {"type": "object", "allOf": [{"anyOf": options} for options in choices]}


def _tagged(number: int) -> Schema:
    return record(kind={"const": f"kind{number}"}, value={"type": "integer"})


class _Small(BaseModel):
    left: _Small | _Large | None = None
    name: str = ""


class _Large(BaseModel):
    left: _Small | _Large | None = None
    name: str = ""
    size: int = 0


def _overlapping(size: int) -> None:
    """A value in a value, of two types that both fit."""
    value = nested(size, lambda part: _Small(left=part), None)
    it = compile_for(_Small, "openai-strict")
    it.decode(it.encode(value))


def _itself(schema: Schema) -> Schema:
    """A schema whose only definition is `A`."""
    return {"$defs": {"A": schema}, "$ref": "#/$defs/A"}


def _anchored(size: int) -> Schema:
    anchors = {f"D{one}": {"$anchor": f"a{one}", "type": "string"} for one in range(size)}
    return {"$defs": anchors, **record(**{f"p{one}": {"$ref": f"#a{one}"} for one in range(size)})}


def _conditions(size: int) -> Schema:
    parts = [
        {"if": {"required": [f"a{one}"]}, "then": {"required": [f"b{one}"]}} for one in range(size)
    ]
    return {"type": "object", "allOf": parts}


def _lengths(size: int) -> Schema:
    return {"allOf": [record(a={**_STRING, "maxLength": one}) for one in range(1, size)]}


def _python_pattern(size: int) -> None:
    class Model(BaseModel):
        text: Annotated[str, Field(pattern=re.compile("^(a+)+$"))]

    checked(Model, {"text": "a" * size + "!"})


def _integers(size: int) -> None:
    class Model(BaseModel):
        xs: list[int]

    checked(Model, {"xs": ["q"] * size})


def _classified(size: int) -> None:
    """Many members that may be left out, each with a pattern: is the first one a beginning?"""
    text = {"type": "string", "pattern": "^[a-z]{2,8}-[0-9]+$"}
    schema = {
        "type": "object",
        "properties": {f"property{number}": text for number in range(size)},
        "additionalProperties": False,
    }
    kind = _named(grammar_of(schema), "classify", "reads")('{"property7": "ab-1"}')
    assert kind == "whole", f"classified as {kind!r}"  # a wrong word is no answer


def _object(size: int, part: Any) -> Schema:
    return record(**{f"property{number}": part for number in range(size)})


def _in_list(part: Any) -> Schema:
    return {"type": "array", "items": part}


def _or_null(part: Any) -> Schema:
    return {"anyOf": [part, {"type": "null"}]}


_SCHEMAS: Final[dict[str, tuple[int, Callable[[int], Schema]]]] = {
    "nested objects": (300, lambda n: nested(n, lambda part: record(a=part), _STRING)),
    "nested lists": (3000, lambda n: nested(n, _in_list, _STRING)),
    "nested anyOf": (500, lambda n: nested(n, _or_null, _STRING)),
    "nested not": (900, lambda n: record(a=nested(n, lambda part: {"not": part}, {}))),
    "chain of definitions": (
        1000,
        lambda n: _chain(n, lambda ref: record(next={"$ref": ref}), _STRING),
    ),
    "chain of bare references": (5000, lambda n: _chain(n, lambda ref: {"$ref": ref}, _STRING)),
    "reference to itself": (1, lambda n: _itself(_REF_A)),
    "cycle through allOf": (1, lambda n: _itself({"allOf": [_REF_A, _STRING]})),
    "definition that needs itself": (1, lambda n: _itself(record(a=_REF_A))),
    "diamonds of allOf": (30, lambda n: _diamonds(n, "allOf")),
    "diamonds of anyOf": (30, lambda n: _diamonds(n, "anyOf")),
    "allOf of unions": (10, _products),
    "allOf of many": (1000, _lengths),
    "anyOf of many objects": (
        1000,
        lambda n: {"anyOf": [record(**{f"p{one}": _STRING}) for one in range(n)]},
    ),
    "oneOf of many tags": (500, lambda n: {"oneOf": [_tagged(one) for one in range(n)]}),
    "options": (50_000, lambda n: record(a={"enum": _texts(n)})),
    "properties": (20_000, lambda n: _object(n, _STRING)),
    "patterns of members": (
        1000,
        lambda n: {
            "type": "object",
            "patternProperties": {f"^{one}": _STRING for one in range(n)},
        },
    ),
    "positions of a list": (
        5000,
        lambda n: {"type": "array", "prefixItems": [_STRING] * n, "items": False},
    ),
    "unused definitions": (
        5000,
        lambda n: {"$defs": {f"D{one}": _object(3, _STRING) for one in range(n)}, **_STRING},
    ),
    "anchors": (2000, _anchored),
    "conditions": (300, _conditions),
    "a long key": (1_000_000, lambda n: record(**{"k" * n: _STRING})),
    "a long description": (10_000_000, lambda n: record(a={**_STRING, "description": "d" * n})),
    "repetition of repetition": (
        100,
        lambda n: {**_STRING, "pattern": f"^((a{{1,{n}}}){{1,{n}}}){{1,{n}}}$"},
    ),
    "a long pattern": (20_001, lambda n: {**_STRING, "pattern": f"^{'a?' * (n // 2)}$"}),
    "a huge length": (10**9, lambda n: record(a={**_STRING, "minLength": n, "maxLength": 2 * n})),
    "huge counts": (10**9, lambda n: {**_in_list(_STRING), "minItems": n, "maxItems": n + 1}),
    "a huge number": (
        400,
        lambda n: {"type": "integer", "minimum": -(10**n), "maximum": 10**n},
    ),
    "a tiny divisor": (300, lambda n: {"type": "number", "multipleOf": 10.0**-n}),
    "a large divisor": (99_999_999, lambda n: {"type": "integer", "multipleOf": n}),
    "counts as floats": (
        5,
        lambda n: record(
            a={**_STRING, "maxLength": float(n)}, b={**_in_list(_STRING), "minItems": float(n)}
        ),
    ),
}
"""Schemas that are compiled, by name: how large they are made, and how."""


def _wide_value(size: int) -> dict[str, str]:
    return {f"property{number}": "x" for number in range(size)}


_OTHERS: Final[dict[str, Input]] = {
    "options, checked": Input(200_000, lambda n: checked({"enum": _texts(n)}, "value number 7")),
    "properties, written and read": Input(
        10_000, lambda n: encoded(_object(n, _STRING), _wide_value(n))
    ),
    "optional properties with patterns": Input(6000, _classified),
    "an evil pattern": Input(
        20_000, lambda n: checked({**_STRING, "pattern": "^(a+)+$"}, "a" * n + "!")
    ),
    "an evil pattern of Python": Input(34, _python_pattern),
    "wrong values": Input(10_000, _integers),
    "unique objects": Input(
        5000, lambda n: checked(_UNIQUE, [{"a": one, "b": [one]} for one in range(n)])
    ),
    "a nested answer": Input(10_000, lambda n: checked({}, nested(n, lambda part: [part], 0))),
    "overlapping options": Input(18, _overlapping),
    "audit": Input(300, lambda n: audited(_object(n, _or_null(record(a=_STRING))))),
}


def _compiling(size: int, made: Callable[[int], Schema]) -> Input:
    return Input(size, lambda n: compiled(made(n)))


_INPUTS: Final = {
    **{name: _compiling(*schema) for name, schema in _SCHEMAS.items()},
    **_OTHERS,
}
NAMES: Final = tuple(_INPUTS)


def size_of(name: str) -> int:
    """How large an input is made."""
    return _INPUTS[name].size


def outcome_of(run: Callable[[], object]) -> str:
    """Run something: "done", the class of a typed error, or "UNTYPED" and the class."""
    try:
        run()
    except StructgenError as error:
        return type(error).__name__
    except BaseException as error:
        return f"UNTYPED {type(error).__name__}"
    return "done"


def main(name: str, size: int) -> None:
    """Run one input, and print what came of it."""
    began = time.process_time()
    outcome = outcome_of(partial(_INPUTS[name].run, size))
    seconds = time.process_time() - began
    print(json.dumps({"outcome": outcome, "seconds": round(seconds, 3), "mb": _peak()}))


def _peak() -> int:
    """The most memory that this process had, in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # Linux gives a new program the peak of the one that started it elsewhere
        words = status.read_text(encoding="utf-8").split()
        return int(words[words.index("VmHWM:") + 1]) // 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
