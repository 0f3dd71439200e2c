"""Grammar engines on real schemas: what compiles, what is held, and whether a random model can
break it.

Reads `../shared/data/jsonschemabench-dev.jsonl` (beside the repository, no part of it). For each
schema and engine:

- compiled: the engine takes it (and builds what it masks with);
- right: every valid instance is accepted and every invalid one refused. Of ours, as a call does
it: by the compiled form, the
  grammar and then the check; of the others, by the engine alone;
- walks: answers of a model whose every token is drawn evenly from the mask, 512 tokens at most,
judged by jsonschema under the
  schema as it was given. Ours runs through the decoder, which ends what would not end; "told" is
  a typed error in place of a value (no answer fits, before anything is decoded; or the check
  refused it), "silent" a wrong value that nothing told.

xgrammar is run if it is installed. outlines' own default engine runs on a part of the schemas, each
in a process of its own that is ended after `_PATIENCE` seconds.
"""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import random
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cache, partial
from multiprocessing.connection import Connection
from typing import Any, Final

import numpy
from llguidance import LLMatcher

from benchmarks.jsonschemabench import DATA, kind_of
from benchmarks.walks import BUDGET, drawn, judge_of
from structgen.errors import NotJsonError, StructgenError
from structgen.local.engine import open_engine
from structgen.local.grammar.engines import Compile, compiler_for
from structgen.local.grammar.matcher import Matcher
from structgen.local.runtimes.base import Vocabulary
from structgen.schema.check import parse_json
from structgen.schema.compiler import compile_schema
from structgen.schema.json import resolve
from structgen.schema.subset import SUBSETS
from structgen.schema.validate.validator import validator_of
from structgen.values import Json, JsonSchema

_WALKS: Final = 2
_PATIENCE: Final = 5.0
_PARTS: Final = {"llguidance": 3, "xgrammar": 3, "outlines-core": 12}
"""Every which schema the others get, so that all ends within minutes; ours gets all."""

_FORM: Final = {"whitespace_flexible": False, "item_separator": ", ", "key_separator": ": "}
LLGUIDANCE: Final[Mapping[str, Mapping[str, bool]]] = {
    "llguidance": {},
    "llguidance coerce_one_of": {"coerce_one_of": True},
    "llguidance lenient": {"lenient": True},
}


@dataclass(frozen=True, slots=True)
class Held:
    """A schema in an engine: `accepts` a value; `walk` gives a verdict on one answer drawn with a
    random seed.
    """

    accepts: Callable[[Json], bool]
    walk: Callable[[int], str]


def main() -> dict[str, Any]:
    """Prints one row an engine, and each schema ours has wrong; gives the rows as data."""
    if not DATA.exists():
        raise SystemExit(f"needs {DATA}, which is not part of the repository")
    records = [json.loads(line) for line in DATA.read_text().splitlines()]
    with open_engine("local", context=512, threads=1) as engine:
        engine.outlines()
        vocabulary = engine._loaded.runtime.vocabulary
        figures = {
            "structgen": _row(
                "structgen", records, lambda record: ours(record["schema"], vocabulary)
            )
        }
        for name, options in LLGUIDANCE.items():
            figures[name] = _row(
                name,
                records[:: _PARTS["llguidance"]],
                partial(theirs, vocabulary=vocabulary, options=options),
            )
        if importlib.util.find_spec("xgrammar"):
            figures["xgrammar"] = _row(
                "xgrammar",
                records[:: _PARTS["xgrammar"]],
                partial(xgrammar_alone, vocabulary=vocabulary),
            )
        figures["outlines-core"] = _row(
            "outlines-core",
            records[:: _PARTS["outlines-core"]],
            lambda record: _in_a_process(record, vocabulary),
        )
    return figures


def _row(
    name: str, records: list[dict[str, Any]], hold: Callable[[dict[str, Any]], Held | None]
) -> dict[str, Any]:
    compiled = right = tested = under = 0
    verdicts: Counter[str] = Counter()
    for record in records:
        tests, judge = record["tests"], judge_of(record["schema"])
        tested += bool(tests)
        try:
            held = hold(record)
        except StructgenError as error:
            print(f"    {record['id']}: {kind_of(error)}")
            continue
        if held is None:
            continue
        compiled += 1
        accepted = [(test["valid"], held.accepts(test["data"])) for test in tests]
        right += bool(tests) and all(valid is taken for valid, taken in accepted)
        under += any(taken and not valid for valid, taken in accepted)
        drawn = [_verdict(held.walk(seed), judge) for seed in range(_WALKS)]
        verdicts.update(drawn)
        if name == "structgen" and (
            any(valid is not taken for valid, taken in accepted) or "silent" in drawn
        ):
            print(
                f"    {record['id']}: (valid, accepted) "
                f"{[pair for pair in accepted if pair[0] is not pair[1]]}, walks {drawn}"
            )
    figures = {
        "schemas": len(records),
        "compiled_percent": _percent(compiled, len(records)),
        "right_percent": _percent(right, tested),
        "accepting_invalid": under,
        "walks": dict(verdicts),
    }
    print(f"{name:26} {figures}")
    return figures


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 1)


def _verdict(text: str, judge: Callable[[Json], bool]) -> str:
    """Of a walk's text; a word in angle brackets is a verdict already."""
    if text.startswith("<"):
        return text[1:-1]
    try:
        return "valid" if judge(parse_json(text)) else "silent"
    except NotJsonError:
        return "silent"


# ---- ours ----------------------------------------------------------------------------------------


def ours(schema: Any, vocabulary: Vocabulary, engine: str = "llguidance") -> Held:
    """A schema in structgen, held by one of its grammar engines.

    Labelled instances have undeclared members, so the language takes them.

    Args:
        schema: The schema.
        vocabulary: The tokens of the model.
        engine: The grammar engine.
    """
    compiled = compile_schema(schema, replace(SUBSETS[engine], declared_only=False))
    held = compiler_of(engine, vocabulary)(compiled.schema, None)
    validator = validator_of(compiled.schema)

    def accepts(value: Json) -> bool:
        try:
            written = _in_order(compiled.encode(value), compiled.schema, validator)
            text = json.dumps(written, ensure_ascii=False)
            return held.classify(text) == "whole" and compiled.decode_json(text) == value
        except StructgenError:
            return False

    def walk(seed: int) -> str:
        text = drawn(held, vocabulary, seed)
        try:
            return json.dumps(compiled.decode_json(text)) if text else "<told: too long>"
        except StructgenError:
            return "<told: refused>"

    return Held(accepts, walk)


_compilers: Final[dict[tuple[str, int], Compile]] = {}


def compiler_of(engine: str, vocabulary: Vocabulary) -> Compile:
    """What compiles schemas for one of our grammar engines; made once for a vocabulary."""
    return _compilers.setdefault((engine, id(vocabulary)), compiler_for(engine, vocabulary))


def _in_order(value: Json, node: Json, validator: Any) -> Json:
    """A value with its members in the order in which the compiled schema has them, as the grammar
    writes them.
    """
    if not isinstance(node, dict):
        return value
    if "$ref" in node:
        return _in_order(value, resolve(validator.schema, node["$ref"]), validator)
    for keyword in ("anyOf", "oneOf"):
        fitting = (
            part for part in node.get(keyword, ()) if _inner(validator, part).is_valid(value)
        )
        if (part := next(fitting, None)) is not None:
            return _in_order(value, part, validator)
    if isinstance(value, list):
        heads = node.get("prefixItems", ())
        parts = [*heads, *[node.get("items")] * max(0, len(value) - len(heads))]
        return [_in_order(item, part, validator) for item, part in zip(value, parts, strict=False)]
    if isinstance(value, dict):
        parts = node.get("properties", {})
        known = {
            name: _in_order(value[name], parts[name], validator) for name in parts if name in value
        }
        return {**known, **{name: member for name, member in value.items() if name not in parts}}
    return value


def _inner(validator: Any, part: JsonSchema) -> Any:
    return validator.evolve(schema={**part, "$defs": validator.schema.get("$defs", {})})


# ---- llguidance as it comes ----------------------------------------------------------------------


def theirs(
    record: dict[str, Any], vocabulary: Vocabulary, options: Mapping[str, bool]
) -> Held | None:
    """The schema as it stands, with the separators of ours; None where llguidance refuses it."""
    schema = record["schema"]
    if not isinstance(schema, dict):
        return None
    text = json.dumps({**schema, "x-guidance": {**_FORM, **options}})
    matcher = LLMatcher(vocabulary.engine, LLMatcher.grammar_from_json_schema(text), log_level=0)
    if matcher.is_error():
        return None

    def accepts(value: Json) -> bool:
        reader, tokens = (
            matcher.deep_copy(),
            vocabulary.engine.tokenize_str(json.dumps(value, ensure_ascii=False)),
        )
        return reader.try_consume_tokens(tokens) == len(tokens) and reader.is_accepting()

    return Held(accepts, lambda seed: _walked(matcher.deep_copy(), vocabulary, seed))


def _walked(matcher: Matcher, vocabulary: Vocabulary, seed: int) -> str:
    written, draw = bytearray(), random.Random(seed)
    for _ in range(BUDGET):
        mask = numpy.frombuffer(matcher.compute_bitmask(), dtype=numpy.uint8)
        token = int(draw.choice(numpy.flatnonzero(numpy.unpackbits(mask, bitorder="little"))))
        if token in vocabulary.ends:
            return written.decode(errors="replace")
        matcher.consume_tokens([token])
        written += vocabulary.pieces[token]
        if matcher.is_stopped():
            return written.decode(errors="replace")
    return written.decode(errors="replace") if matcher.is_accepting() else "<cut off>"


# ---- xgrammar as it comes ------------------------------------------------------------------------


def xgrammar_alone(record: dict[str, Any], vocabulary: Vocabulary) -> Held | None:
    """The schema as it stands, with the separators of ours; None where xgrammar refuses it."""
    import xgrammar

    from structgen.local.grammar.with_xgrammar import XGrammarMatcher

    try:
        grammar = _xgrammar(vocabulary).compile_json_schema(
            json.dumps(record["schema"]),
            any_whitespace=False,
            separators=(", ", ": "),
            strict_mode=False,
        )
    except RuntimeError:  # whatever its C++ checks
        return None

    def accepts(value: Json) -> bool:
        matcher = xgrammar.GrammarMatcher(grammar)
        text = json.dumps(value, ensure_ascii=False)
        return matcher.accept_string(text) and matcher.is_completed()

    def walk(seed: int) -> str:
        matcher = XGrammarMatcher(xgrammar.GrammarMatcher(grammar), vocabulary.engine)
        return _walked(matcher, vocabulary, seed)

    return Held(accepts, walk)


_xgrammars: Final[dict[int, Any]] = {}


def _xgrammar(vocabulary: Vocabulary) -> Any:
    """Xgrammar's compiler for a vocabulary; made once."""
    import xgrammar

    if id(vocabulary) not in _xgrammars:
        size = max(len(vocabulary.pieces), vocabulary.engine.vocab_size)
        tokens = xgrammar.TokenizerInfo(
            list(vocabulary.pieces), vocab_size=size, stop_token_ids=sorted(vocabulary.ends)
        )
        _xgrammars[id(vocabulary)] = xgrammar.GrammarCompiler(
            tokens, max_threads=1, enable_dynamic_compilation=True
        )
    return _xgrammars[id(vocabulary)]


# ---- outlines-core -------------------------------------------------------------------------------


def _in_a_process(record: dict[str, Any], vocabulary: Vocabulary) -> Held | None:
    """What a process of its own found within the time; None where it found nothing."""
    ours_, its = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(
        target=_core_or_nothing, args=(record, vocabulary.pieces, its), daemon=True
    )
    child.start()
    its.close()
    try:
        found = ours_.recv() if ours_.poll(_PATIENCE) else None
    except EOFError:
        found = None
    child.kill()
    child.join()
    if found is None:
        return None
    accepted, texts = found
    verdicts: Iterator[bool] = iter(accepted)
    return Held(lambda _: next(verdicts), lambda seed: texts[seed])


def _core_or_nothing(record: dict[str, Any], pieces: list[bytes], pipe: Connection) -> None:
    with suppress(Exception):  # of whatever class: it refuses the schema
        _core(record, pieces, pipe)


def _core(record: dict[str, Any], pieces: list[bytes], pipe: Connection) -> None:
    """In the child: which instances match, and the texts of the walks."""
    from outlines_core import Guide, Index  # type: ignore[import-untyped]
    from outlines_core.json_schema import build_regex_from_schema  # type: ignore[import-untyped]

    pattern = build_regex_from_schema(json.dumps(record["schema"]))
    index = Index(pattern, _core_vocabulary(tuple(pieces)))
    accepted = [
        re.fullmatch(pattern, json.dumps(test["data"], ensure_ascii=False)) is not None
        for test in record["tests"]
    ]
    texts = []
    for seed in range(_WALKS):
        guide, written, draw = Guide(index), bytearray(), random.Random(seed)
        for _ in range(BUDGET):
            if guide.is_finished() or not (choices := guide.get_tokens()):
                break
            token = draw.choice(choices)
            if token == len(pieces):
                break
            written += pieces[token]
            guide.advance(token, return_tokens=False)
        texts.append(written.decode(errors="replace") if guide.is_finished() else "<cut off>")
    pipe.send((accepted, texts))


@cache
def _core_vocabulary(pieces: tuple[bytes, ...]) -> Any:
    from outlines_core import Vocabulary as Tokens

    ids: dict[bytes, list[int]] = {}
    for token, piece in enumerate(pieces):
        if piece:
            ids.setdefault(piece, []).append(token)
    return Tokens(len(pieces), ids)
