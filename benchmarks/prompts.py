"""Which prompt suits a small model: forms of one question over real texts, scored against gold.

Every form is asked about every text, with the answer held to the same schema. Figures for each
form: `f1` of leaves, `valid` share, `seconds` for a text (decode and prefill, on one thread).

Needs ../shared/data/dev. Set $TEXTS (texts of each task, 4 by default) and $MODEL (a GGUF file;
the embedded model by default).
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from benchmarks._score import score
from structgen.errors import StructgenError
from structgen.evaluation.metrics import f1
from structgen.evaluation.scoring import Counts
from structgen.local.engine import Engine, open_engine
from structgen.options import Options
from structgen.prompt.inline import delimited
from structgen.prompt.messages import messages_for
from structgen.schema.compiler import Compiled, compile_schema
from structgen.values import Message

DATA = Path(__file__).parent.parent.parent / "shared" / "data" / "dev"
TASKS = ("addresses", "restaurants", "citations", "affiliations", "coffee_orders", "security_logs")
OTHER = {
    "type": "object",
    "properties": {
        "product": {"type": "string"},
        "price": {"type": ["number", "null"]},
        "colour": {"type": ["string", "null"]},
    },
    "required": ["product", "price", "colour"],
    "additionalProperties": False,
}
OTHER_TEXT = "The desk lamp is sold for 24.50."
OTHER_ANSWER = '{"product": "desk lamp", "price": 24.5, "colour": null}'

Form: TypeAlias = "Callable[[Case], Sequence[Message]]"


@dataclass(frozen=True)
class Case:
    """A text to extract from."""

    compiled: Compiled[Any]
    record: dict[str, Any]
    sample: dict[str, Any]
    """Another record of the same task."""


def fields(case: Case) -> Sequence[Message]:
    """The prompt of structgen."""
    return messages_for(case.compiled.dumps(), case.record["text"])


def names_alone(case: Case) -> Sequence[Message]:
    return messages_for(
        json.dumps(_without_descriptions(case.compiled.schema)).encode(), case.record["text"]
    )


def raw_schema(case: Case) -> Sequence[Message]:
    schema = case.compiled.dumps().decode()
    task = f"Extract the record from the document as JSON of this schema:\n{schema}"
    return [
        {"role": "system", "content": task},
        {"role": "user", "content": delimited(case.record["text"])},
    ]


def fields_and_schema(case: Case) -> Sequence[Message]:
    return messages_for(case.compiled.dumps(), case.record["text"], show_schema=True)


def document_first(case: Case) -> Sequence[Message]:
    system, document = fields(case)
    return [{"role": "user", "content": f"{document['content']}\n\n{system['content']}"}]


def all_in_one(case: Case) -> Sequence[Message]:
    system, document = fields(case)
    return [{"role": "user", "content": f"{system['content']}\n\n{document['content']}"}]


def example_of_another_schema(case: Case) -> Sequence[Message]:
    other = compile_schema(OTHER, "llguidance")
    shown = [
        *messages_for(other.dumps(), OTHER_TEXT),
        {"role": "assistant", "content": OTHER_ANSWER},
    ]
    return [*shown, *fields(case)]


def example_of_the_user(case: Case) -> Sequence[Message]:
    """The prompt with `examples=`: a record of the same task."""
    answer = case.compiled.encode(case.sample["gold"])
    return messages_for(
        case.compiled.dumps(), case.record["text"], examples=[(case.sample["text"], answer)]
    )


FORMS: tuple[Form, ...] = (
    fields,
    names_alone,
    raw_schema,
    fields_and_schema,
    document_first,
    all_in_one,
    example_of_another_schema,
    example_of_the_user,
)


def main() -> dict[str, Any]:
    count = int(os.environ.get("TEXTS", "4"))
    scores: dict[str, Counts] = {form.__name__: Counts() for form in FORMS}
    valid, seconds = dict.fromkeys(scores, 0), dict.fromkeys(scores, 0.0)
    asked = 0
    with open_engine(os.environ.get("MODEL", "local"), context=4096, threads=1) as engine:
        for task in TASKS:
            for case in _cases(task, count):
                asked += 1
                for form in FORMS:
                    found, spent = _answer(engine, case, form(case))
                    seconds[form.__name__] += spent
                    valid[form.__name__] += found is not None
                    scores[form.__name__] += score(found, case.record["gold"])
    return {
        name: {
            "f1": round(f1(scores[name]), 3),
            "valid": round(valid[name] / asked, 3),
            "seconds": round(seconds[name] / asked, 2),
        }
        for name in scores
    }


def _cases(task: str, count: int) -> list[Case]:
    lines = (DATA / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    short = [record for record in records if len(record["text"]) < 600]
    step = max(1, len(short) // (count + 1))
    path = DATA.parent / "schemas" / f"{records[0]['schema']}.schema.json"
    compiled = compile_schema(json.loads(path.read_text(encoding="utf-8")), "llguidance")
    return [
        Case(compiled, record, short[(number + 1) * step + 1])
        for number, record in enumerate(short[: count * step : step])
    ]


def _answer(engine: Engine, case: Case, messages: Sequence[Message]) -> tuple[Any, float]:
    try:
        answer = engine.generate(messages, case.compiled.schema, Options(max_tokens=300))
        seconds = answer.seconds["prefill"] + answer.seconds["decode"]
        return case.compiled.decode(json.loads(answer.text or "")), seconds
    except (StructgenError, ValueError):
        return None, 0.0


def _without_descriptions(node: Any) -> Any:
    if isinstance(node, dict):
        kept = {
            key: inner
            for key, inner in node.items()
            if key != "description" or not isinstance(inner, str)
        }
        return {key: _without_descriptions(inner) for key, inner in kept.items()}
    return [_without_descriptions(inner) for inner in node] if isinstance(node, list) else node
