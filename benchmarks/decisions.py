"""Closed values: how often they are right, and what they cost, written and decided.

    python -m benchmarks decisions --tasks restaurants,coffee_orders --records 10

Needs ../shared/data/dev. Each closed value of a record (an enum, a boolean, a small integer, the
tag of a union) is asked for after the gold of everything before it, so that one mistake does not
make the next. Ways: `written` token by token, under the grammar; `whole`, decided by the
probability of whole options; `prior`, with a share of the prior taken off (`--share`). Figures
of each way, by task and over all values: the share of values that are right, CPU milliseconds, and
tokens that the model computed. Both last until the next choice: by then all tokens of the value are
computed, which is left to the next step if they are forced. CPU includes what is forced after the
value, such as the next name; tokens do not. `ratio` is the cost of a way to that of writing.

Records are the last ones of a task, or with `--half first` the first ones.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import Any, Final

from benchmarks.truth import SHARED, text_of, without_offsets
from structgen import Client
from structgen.answer.scanner import Scanner
from structgen.local.decide.closed_values import place_of
from structgen.local.decide.decided import Deciding
from structgen.local.decode.request import DecodeRequest
from structgen.local.decode.sampling import Sampler, Sampling
from structgen.local.engine import Engine, open_engine
from structgen.local.grammar.grammar import Grammar, compile_grammar
from structgen.local.runtimes.base import Part
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.json import same_json
from structgen.schema.target import target_of

TASKS: Final = (
    "restaurants",
    "coffee_orders",
    "security_logs",
    "voice_commands",
    "quantities",
    "datetimes",
    "ner_bc5cdr",
    "ner_crossner",
)
LONGEST: Final = 2500
"""Characters of a text: longer ones say more about reading than about deciding."""
ROOM: Final = 60
"""Tokens that an answer may have besides the gold."""


@dataclass(frozen=True)
class Value:
    """A closed value of a record."""

    place: str
    before: bytes
    """The answer up to the value, without the space before it: a token may begin with that."""
    gold: Any


class Done(Exception):
    """The value is there and computed; the rest of the answer is not needed."""


class Counter:
    """Counts the tokens that a runtime computes.

    Args:
        runtime: The runtime. Its `decode` is replaced.
    """

    def __init__(self, runtime: Any) -> None:
        self.tokens = 0
        decode = runtime.decode

        def counted(parts: Sequence[Part]) -> Any:
            self.tokens += sum(len(part.tokens) for part in parts)
            return decode(parts)

        runtime.decode = counted


@dataclass
class Watch:
    """Watches an answer until the value after a beginning is whole."""

    beginning: int
    counter: Counter
    text: str = ""
    began: float | None = None
    tokens_before: int = 0
    spent: float = 0.0
    tokens: int = 0
    after: int = 0
    """Tokens that were written after the value."""
    is_whole: bool = False
    value: Any = None
    decoder: json.JSONDecoder = field(default_factory=json.JSONDecoder)

    def __call__(self, piece: str) -> None:
        if self.is_whole:
            self.after += bool(piece)
            if not piece:
                self.stop()
                raise Done
            return
        self.text += piece
        raw = self.text.encode()
        if not piece and self.began is None and len(raw) >= self.beginning:
            # The prompt and the beginning have been computed.
            self.began, self.tokens_before = time.process_time(), self.counter.tokens
        written = raw[self.beginning :].decode(errors="ignore").lstrip()
        try:
            self.value, end = self.decoder.raw_decode(written)
        except ValueError:
            return
        self.is_whole = written[0] == '"' or len(written) > end

    def stop(self) -> None:
        """Say that everything that was written is computed."""
        if self.began is not None:
            self.spent = time.process_time() - self.began
            self.tokens = max(0, self.counter.tokens - self.tokens_before - self.after)


def main(argv: Sequence[str] = ()) -> dict[str, Any]:
    """Ask for every closed value in every way, and print a table.

    Args:
        argv: The arguments after the benchmark's name.
    """
    arguments = _arguments(argv)
    found: dict[str, list[dict[str, Any]]] = {}
    with open_engine(arguments.model, context=4096, threads=1) as engine:
        engine._loaded.ready()
        counter = Counter(engine._loaded.runtime)
        for task in arguments.tasks.split(","):
            found[task] = list(_task(engine, counter, task, arguments))
            print(task, json.dumps(_figures(found[task])), flush=True)
    figures = {task: _figures(rows) for task, rows in found.items() if rows}
    together = _figures([row for rows in found.values() for row in rows])
    return {"model": arguments.model, "all": together, "tasks": figures}


def _arguments(argv: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks decisions")
    parser.add_argument("--tasks", default=",".join(TASKS), help="separated by commas")
    parser.add_argument("--records", type=int, default=10, help="of each task")
    parser.add_argument("--half", choices=("first", "last"), default="last")
    parser.add_argument("--share", type=float, default=0.5, help="of the prior, 0 for none")
    parser.add_argument("--model", default="local", help="local, or a GGUF file")
    return parser.parse_args(argv)


def _task(
    engine: Engine, counter: Counter, task: str, arguments: argparse.Namespace
) -> Iterator[dict[str, Any]]:
    lines = (SHARED / "dev" / f"{task}.jsonl").read_text(encoding="utf-8").splitlines()
    records = [record for record in map(json.loads, lines) if len(record["text"]) <= LONGEST]
    middle = len(records) // 2
    half = records[:middle] if arguments.half == "first" else records[middle:]
    for record in half[: arguments.records]:
        path = SHARED / "schemas" / f"{record['schema']}.schema.json"
        schema = without_offsets(json.loads(path.read_text(encoding="utf-8")))
        yield from _record(engine, counter, schema, record, arguments.share)


def _record(
    engine: Engine,
    counter: Counter,
    schema: dict[str, Any],
    record: Mapping[str, Any],
    share: float,
) -> Iterator[dict[str, Any]]:
    compiled = compile_schema(target_of(schema), "llguidance")
    # Not closed: that would close the engine.
    messages = Client(engine).plan(schema, text_of(record)).messages
    loaded = engine._loaded
    loaded.ready()
    grammar = compile_grammar(compiled.schema, loaded.runtime.vocabulary.engine)
    ways: dict[str, Deciding | None] = {"written": None, "whole": Deciding()}
    if share:
        assert grammar.closed is not None
        priors = loaded.priors.of(messages, grammar.closed)
        ways["prior"] = Deciding(share=share, priors=priors)
    prompt = loaded.runtime.prompt(messages)
    for value in values_of(compiled, grammar, without_offsets(record["gold"])):
        row: dict[str, Any] = {"place": value.place}
        for way, deciding in ways.items():
            watch = Watch(len(value.before), counter)
            asked = DecodeRequest(
                prompt=prompt,
                budget=len(value.before) + ROOM,
                sampler=Sampler(Sampling()),
                watch=watch,
                grammar=grammar,
                begun=value.before,
                deciding=deciding,
            )
            try:
                loaded._batcher.submit(asked).result()
                watch.stop()
            except Done:
                pass
            if watch.is_whole:
                is_right = same_json(watch.value, value.gold)
                row[way] = is_right, watch.spent * 1000, watch.tokens
        yield row


def values_of(compiled: Compiled[Any], grammar: Grammar, gold: Any) -> list[Value]:
    """The closed values of a record, in the order in which an answer states them."""
    data = ordered(compiled.encode(gold), compiled.schema, compiled.schema)
    text = json.dumps(data, ensure_ascii=False).encode()
    spans = Scanner().feed(text)
    return [
        Value(place_of(span.path), text[: span.start].rstrip(), span.value)
        for span in spans
        if span.what == "scalar" and grammar.closed is not None and span.path in grammar.closed
    ]


def ordered(value: Any, node: Any, root: Mapping[str, Any]) -> Any:
    """A value with its members in the order in which the grammar writes them."""
    if "$ref" in node:
        return ordered(value, root["$defs"][node["$ref"].rpartition("/")[2]], root)
    for branch in node.get("anyOf", ()):
        if _fits(value, branch, root):
            return ordered(value, branch, root)
    if isinstance(value, dict):
        return {
            name: ordered(value[name], inner, root)
            for name, inner in node["properties"].items()
            if name in value
        }
    if isinstance(value, list):
        return [ordered(item, node["items"], root) for item in value]
    return value


def _fits(value: Any, branch: Any, root: Mapping[str, Any]) -> bool:
    import jsonschema

    whole = {**branch, "$defs": root.get("$defs", {})}
    return jsonschema.Draft202012Validator(whole).is_valid(value)


def _figures(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    ways = [way for way in ("written", "whole", "prior") if rows and way in rows[0]]
    figures: dict[str, Any] = {"values": len(rows)}
    costs = {}
    for way in ways:
        is_right, spent, tokens = zip(*(row[way] for row in rows if way in row), strict=True)
        costs[way] = fmean(spent), fmean(tokens)
        figures[way] = {
            "right": round(fmean(is_right), 3),
            "cpu_ms": round(costs[way][0], 1),
            "tokens": round(costs[way][1], 2),
        }
        if way != "written":
            pairs = zip(costs[way], costs["written"], strict=True)
            cpu, computed = (round(one / max(other, 1e-9), 2) for one, other in pairs)
            figures[way]["ratio"] = {"cpu": cpu, "tokens": computed}
    return figures
