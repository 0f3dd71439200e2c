"""Tokens of the schema, the prompt and the answer: structgen against the converters of its peers.

    python -m benchmarks tokens
    python -m benchmarks tokens --encoding cl100k_base

Over the sixteen ready-made targets, each with the answer to its example text, and models of every
construct. The peers are openai's `to_strict_json_schema`, which langchain uses too, and
pydantic-ai's transformer in strict mode; they write no prompt. An answer of theirs is the value's
own JSON. A schema that leads to a 400, or to a value that does not come back, is marked as not
usable: by `tests.checkers`, written from OpenAI's rules, and by the value itself.

Needs tiktoken, which fetches the encoding once.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter

from benchmarks._ten_models import VALUES
from structgen.prompt.messages import messages_for
from structgen.schema import SUBSETS
from structgen.schema.compiler import compile_schema
from tests.checkers import CHECKERS
from tests.laws.instances import validator
from tests.ready_made import EXAMPLES

_MAY_BE_TAKEN: Final = "keyword default"
"""A fault that is passed over: OpenAI's guide does not list `default`, nor does it refuse it."""
COLUMNS: Final = ("openai", "groq", "vllm", "omitting", "sdk", "pydantic_ai")


@dataclass(frozen=True)
class Sizes:
    """The tokens of one target in one way."""

    schema: int
    answer: int
    prompt: int = 0
    usable: bool = True


def main(argv: Sequence[str] = ()) -> dict[str, Any]:
    """Count everything and print a table.

    Args:
        argv: The arguments after the benchmark's name.
    """
    parser = argparse.ArgumentParser(prog="python -m benchmarks tokens")
    parser.add_argument("--encoding", default="o200k_base", help="an encoding of tiktoken")
    arguments = parser.parse_args(argv)
    encoding = import_module("tiktoken").get_encoding(arguments.encoding)

    def count(text: str) -> int:
        return len(encoding.encode(text, disallowed_special=()))

    rows = {name: _row(value, count) for name, value in _values().items()}
    print(_table(rows))
    sums = {way: _sums(rows, way) for way in COLUMNS}
    return {"encoding": arguments.encoding, "targets": len(rows), "sums": sums}


def _values() -> dict[str, BaseModel]:
    """A value of each target, by name."""
    found: dict[str, BaseModel] = {}
    for name, example in EXAMPLES.items():
        module = import_module(f"structgen.schemas.{name}")
        model = getattr(module, "".join(word.title() for word in name.split("_")))
        found[name] = model.model_validate(example)
    return {**found, **VALUES}


def _row(value: BaseModel, count: Callable[[str], int]) -> dict[str, Sizes]:
    vllm = SUBSETS["vllm"]
    return {
        "openai": _ours(value, SUBSETS["openai-strict"], count),
        "groq": _ours(value, SUBSETS["groq-strict"], count),
        "vllm": _ours(value, replace(vllm, absent="null"), count),
        "omitting": _ours(value, replace(vllm, absent="omit"), count),
        "sdk": _theirs(value, _sdk_schema, count),
        "pydantic_ai": _theirs(value, _pydantic_ai_schema, count),
    }


def _ours(value: BaseModel, row: Any, count: Callable[[str], int]) -> Sizes:
    compiled = compile_schema(type(value), row)
    messages = messages_for(compiled.dumps(), "x")
    prompt = sum(count(str(message["content"])) for message in messages)
    answer = _compact(compiled.encode(value))
    return Sizes(count(compiled.dumps().decode()), count(answer), prompt)


def _theirs(
    value: BaseModel, convert: Callable[[type[BaseModel]], Any], count: Callable[[str], int]
) -> Sizes:
    schema = convert(type(value))
    plain = TypeAdapter(type(value)).dump_python(value, mode="json")
    faults = CHECKERS["openai-strict"](schema, type(value).__name__)
    is_taken = all(str(fault).endswith(_MAY_BE_TAKEN) for fault in faults)
    comes_back = validator(schema).is_valid(plain)
    return Sizes(count(_compact(schema)), count(_compact(plain)), usable=is_taken and comes_back)


def _sdk_schema(model: type[BaseModel]) -> Any:
    return import_module("openai.lib._pydantic").to_strict_json_schema(model)


def _pydantic_ai_schema(model: type[BaseModel]) -> Any:
    made = import_module("pydantic_ai.profiles.openai").OpenAIJsonSchemaTransformer
    return made(model.model_json_schema(), strict=True).walk()


def _compact(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":"))


def _sums(rows: Mapping[str, Mapping[str, Sizes]], way: str) -> dict[str, int]:
    found = [row[way] for row in rows.values()]
    return {
        "schema": sum(one.schema for one in found),
        "answer": sum(one.answer for one in found),
        "prompt": sum(one.prompt for one in found),
        "usable": sum(one.usable for one in found),
    }


def _table(rows: Mapping[str, Mapping[str, Sizes]]) -> str:
    """The counts as plain text."""
    names = ("openai", "groq", "vllm", "omit", "SDK", "p-ai")
    groups = f"{'schema':<36}{'prompt':<14}answer"
    lines = [f"{'':<34}{groups}"]
    head = "".join(f"{name:>6}" for name in names)
    lines.append(f"{'':<32}{head}{'openai':>8}{'omit':>6}  {'openai':>6}{'omit':>6}{'SDK':>6}")
    for name, row in rows.items():
        schema = "".join(f"{_cell(row[way]):>6}" for way in COLUMNS)
        ours, omitting, sdk = row["openai"], row["omitting"], row["sdk"]
        rest = f"{ours.prompt:>8}{omitting.prompt:>6}"
        rest += f"  {ours.answer:>6}{omitting.answer:>6}{sdk.answer:>6}"
        lines.append(f"{name[:32]:<32}{schema}{rest}")
    lines.append("(in brackets: not taken by OpenAI's rules, or the value is not valid under it)")
    return "\n".join(lines)


def _cell(sizes: Sizes) -> str:
    return str(sizes.schema) if sizes.usable else f"({sizes.schema})"
