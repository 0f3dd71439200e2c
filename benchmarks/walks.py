"""`python -m benchmarks walks`: real schemas under a model that prefers nothing.

Reads `../shared/data/jsonschemabench-dev.jsonl` (beside the repository, no part of it). Every token
of an answer is drawn evenly from those that the grammar allows, with a seed, 512 tokens at most.
The decoder ends what would not end. An answer is judged by jsonschema under the schema as it was
given, and ends as one of these:

- valid: the value is one of the schema;
- before: a typed error before the first token (the schema is refused, or no answer fits);
- noted: the check refuses the answer, and a note of the compiled schema said beforehand that it
  is left to the check; `guarantee.checked` has that note;
- after: the check refuses it for something that no note says;
- silent: a wrong value, without any error;
- crash: an error of another kind.

The last three should be 0. `--open` lets answers have undeclared members, `--engine xgrammar` holds
them with the other grammar engine.
"""

from __future__ import annotations

import json
import random
from argparse import ArgumentParser
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import numpy
from jsonschema import FormatChecker
from jsonschema.validators import validator_for

from benchmarks.jsonschemabench import DATA
from structgen.errors import InvalidOutputError, StructgenError
from structgen.local.decode.decoder import decode
from structgen.local.decode.request import DecodeRequest
from structgen.local.decode.sampling import Sampler, Sampling
from structgen.local.engine import open_engine
from structgen.local.grammar.engines import GRAMMAR_ENGINES, Compile, compiler_for
from structgen.local.grammar.grammar import Grammar
from structgen.local.runtimes.base import Vocabulary
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.json import resolve
from structgen.schema.subset import SUBSETS
from structgen.values import Json, Note, Violation

Judge: TypeAlias = Callable[[Json], bool]
BUDGET: Final = 512
OUTCOMES: Final = ("valid", "before", "noted", "after", "silent", "crash")
_WALKS: Final = 2
_SHOWN: Final = ("after", "silent", "crash")
_UNIONS: Final = ("/anyOf/", "/oneOf/")


@dataclass(frozen=True, slots=True)
class Walk:
    """How one walk ended."""

    outcome: str
    """One of `OUTCOMES`."""
    detail: str = ""
    """What the error says."""


class Even(Sampler):
    """Draws every allowed token alike."""

    def __init__(self, seed: int) -> None:
        super().__init__(Sampling())
        self._draw_from = random.Random(seed)

    def pick(
        self, scores: Any, allows: Callable[[int], bool], choices: Callable[[], Any]
    ) -> tuple[int, float]:
        return int(self._draw_from.choice(choices())), 0.0


def main(argv: Iterable[str] = ()) -> dict[str, Any]:
    """Walk through all schemas; print what went wrong, and return the counts.

    Args:
        argv: Options.
    """
    parser = ArgumentParser(prog="python -m benchmarks walks", description=__doc__)
    parser.add_argument("--walks", type=int, default=_WALKS, help="Answers for each schema.")
    parser.add_argument("--every", type=int, default=1, help="Take every n-th schema.")
    parser.add_argument("--engine", choices=GRAMMAR_ENGINES, default="llguidance")
    parser.add_argument("--open", action="store_true", help="Allow undeclared members.")
    arguments = parser.parse_args(list(argv))
    if not DATA.exists():
        raise SystemExit(f"needs {DATA}, which is not part of the repository")
    records = [json.loads(line) for line in DATA.read_text().splitlines()][:: arguments.every]
    language = replace(SUBSETS[arguments.engine], declared_only=not arguments.open)
    counts: Counter[str] = Counter()
    with open_engine("local", context=512, threads=1, grammar=arguments.engine) as engine:
        engine.outlines()
        vocabulary = engine._loaded.runtime.vocabulary
        compile_grammar = compiler_for(arguments.engine, vocabulary)
        for record in records:
            for walk in walks(
                record["schema"], language, compile_grammar, vocabulary, range(arguments.walks)
            ):
                counts[walk.outcome] += 1
                if walk.outcome in _SHOWN:
                    print(f"    {record['id']}: {walk.outcome} {walk.detail}")
    figures = {outcome: counts[outcome] for outcome in OUTCOMES}
    told = counts["valid"] + counts["before"] + counts["noted"]
    print(f"{arguments.engine:12} {figures}")
    return {**figures, "valid_or_told_before_percent": round(100 * told / counts.total(), 1)}


def walks(
    schema: Any,
    language: Any,
    compile_grammar: Compile,
    vocabulary: Vocabulary,
    seeds: Iterable[int],
) -> list[Walk]:
    """Walk through one schema, once for each seed.

    Args:
        schema: The schema.
        language: The schema language to compile it for.
        compile_grammar: Compiles the result to a grammar.
        vocabulary: The tokens of the model.
        seeds: What the walks draw with.
    """
    try:
        compiled = compile_schema(schema, language)
        grammar = compile_grammar(compiled.schema, None)
    except StructgenError as error:
        return [Walk("before", error.message) for _ in seeds]
    except Exception as error:  # whatever it is, it is counted
        return [Walk("crash", repr(error)) for _ in seeds]
    judge = judge_of(schema)
    return [_walk(compiled, grammar, vocabulary, judge, seed) for seed in seeds]


def judge_of(schema: Any) -> Judge:
    """What jsonschema itself says, by the draft that the schema names.

    Args:
        schema: The schema.
    """
    formats = FormatChecker(["date", "ipv4", "ipv6"])
    judge: Judge = validator_for(schema)(schema, format_checker=formats).is_valid
    return judge


def _walk(
    compiled: Compiled[Any], grammar: Grammar, vocabulary: Vocabulary, judge: Judge, seed: int
) -> Walk:
    try:
        text = drawn(grammar, vocabulary, seed)
        if not text:
            return Walk("before", "no answer fits")
        return Walk("valid" if judge(compiled.decode_json(text)) else "silent", text)
    except InvalidOutputError as error:
        notes = (*compiled.notes, *grammar.notes)
        told = all(explained(one, notes, compiled.target.schema) for one in error.violations)
        return Walk("noted" if told and error.violations else "after", str(error))
    except StructgenError as error:
        return Walk("noted" if grammar.notes else "after", str(error))
    except Exception as error:  # whatever it is, it is counted
        return Walk("crash", repr(error))


def drawn(grammar: Grammar, vocabulary: Vocabulary, seed: int) -> str:
    """Draw an answer, through the decoder.

    Args:
        grammar: The grammar that holds it.
        vocabulary: The tokens of the model.
        seed: What to draw with.

    Returns:
        Its text; "" if no answer fits.
    """
    asked = DecodeRequest(
        prompt=[0], budget=BUDGET, sampler=Even(seed), watch=lambda _: None, grammar=grammar
    )
    writing = decode(asked, vocabulary)
    scores = numpy.zeros((1, len(vocabulary.pieces)), dtype=numpy.float32)
    try:
        next(writing)
        while True:
            writing.send(scores)
    except StopIteration as over:
        return over.value.text if over.value.finish_reason == "stop" else ""


def explained(violation: Violation, notes: Iterable[Note], schema: Any) -> bool:
    """Whether a note left a violation to the check, at its place in the schema, above or below.

    Of a union another branch may speak than the one that was written, so a union counts as one
    place, with what its branches refer to.

    Args:
        violation: What the check says.
        notes: The notes of the compiled schema and of its grammar.
        schema: The schema as it was given.
    """
    place = _within_union(violation.schema_path.rpartition("/")[0])
    places = {place, *_referred(schema, place)}
    checked = {_within_union(note.path) for note in notes if note.action == "checked"}
    return any(
        f"{one}/".startswith(f"{path}/") or f"{path}/".startswith(f"{one}/")
        for path in checked
        for one in places
    )


def _within_union(path: str) -> str:
    return min((path.partition(union)[0] for union in _UNIONS), key=len)


def _referred(schema: Any, place: str) -> set[str]:
    """The pointers that a place leads to by references, as far as they go."""
    found: set[str] = set()
    todo = [_at(schema, place)]
    while todo:
        node = todo.pop()
        if isinstance(node, list):
            todo += node
        elif isinstance(node, dict):
            todo += node.values()
            ref = node.get("$ref")
            if isinstance(ref, str) and ref.startswith("#") and ref[1:] not in found:
                found.add(ref[1:])
                todo.append(_at(schema, ref[1:]))
    return found


def _at(schema: Any, place: str) -> Any:
    try:
        return resolve(schema, f"#{place}")
    except (LookupError, ValueError, TypeError):
        return None
