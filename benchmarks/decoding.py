"""Decoding with the embedded model under the schemas of `schemas/`, in one interleaved run on one
thread.

`decode`: speed in units of free decoding in the same runtime: structgen's; llama.cpp's own
grammars, in its own server; and outlines as it is shipped with llguidance, where llama-cpp-python
is installed. Three schemas, or all with $SCHEMAS=all. `mask`: microseconds to the next token's
mask, p50 and p99, of the decoder's and of llguidance called directly, and to the likeliest token
that is allowed, the decoder's way and from a copy of all scores. `grammar`: time from a schema
to a matcher, cold and warm. `first_token`: seconds from the question to the first token, for the
first and for later calls of a schema.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, TypeAlias

import numpy

from benchmarks._measure import cpu
from structgen.local.decode.mask import TokenMask
from structgen.local.engine import Engine, open_engine
from structgen.local.grammar.grammar import compile_grammar
from structgen.local.grammar.matcher import Matcher
from structgen.local.models import catalog
from structgen.options import Options
from structgen.prompt.messages import messages_for
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.load import load_target

THREE = ("contact", "event", "support_ticket")
SCHEMAS = sorted(
    path
    for path in (Path(__file__).parent.parent / "schemas").glob("*.py")
    if path.stem in THREE or (os.environ.get("SCHEMAS") == "all" and not path.stem.startswith("_"))
)
INVOICE = (
    "Invoice INV-2041 of 3 March 2024. Brightwave Ltd, 12 Harbour Road, Bristol BS1 4DJ, UK, to "
    "Maria Lopez "
    "(maria.lopez@example.org, +44 20 7946 0958). 3 x desk lamp at 24.50 GBP, 1 x office chair at "
    "189.00 GBP. VAT 20 %. "
    "Total 314.40 GBP, due within 30 days. Please call Peter Smith before the delivery."
)
TEXTS = {
    "contact": (
        "Maria Lopez, Head of Sales at Brightwave Ltd, 12 Harbour Road, Bristol. "
        "maria.lopez@example.org, +44 20 7946 0958."
    ),
    "event": (
        "The annual general meeting takes place on 3 March 2024 at 14:00 in the Town Hall, "
        "Bristol, held by Brightwave."
    ),
    "support_ticket": (
        "The desk lamp I ordered on 3 March does not turn on. Order 2041. "
        "Please send a new one soon. Maria Lopez"
    ),
}
"""What a text of the schema's kind looks like; an invoice for the others."""
TOKENS = 80
HELD = 320


def main() -> dict[str, Any]:
    asked = [_asked(path) for path in SCHEMAS]
    with open_engine("local", context=4096, threads=1) as engine:
        engine.generate(asked[0][1], None, Options(max_tokens=1))
        figures: dict[str, Any] = {"decode": _decode(engine, asked)}
        figures |= {
            "mask": _mask(engine, asked),
            "grammar": _grammars(engine, asked),
            "first_token": _first_token(engine, asked),
        }
    return figures


def _asked(path: Path) -> tuple[Compiled[Any], list[dict[str, Any]]]:
    name = "".join(part.title() for part in path.stem.split("_"))
    compiled = compile_schema(load_target(f"{path}:{name}"), "llguidance")
    return compiled, [
        dict(message) for message in messages_for(compiled.dumps(), TEXTS.get(path.stem, INVOICE))
    ]


# ---- tokens --------------------------------------------------------------------------------------

Way: TypeAlias = "Callable[[list[dict[str, Any]], dict[str, Any]], int]"
"""Answers messages under a schema; gives the number of tokens."""


def _decode(
    engine: Engine, asked: list[tuple[Compiled[Any], list[dict[str, Any]]]]
) -> dict[str, Any]:
    """CPU seconds a token, of answers whose prompt has been read before."""
    ways = _ways(engine)
    spent: dict[str, list[tuple[float, int]]] = {name: [] for name in ways}
    for compiled, messages in asked:
        for name, way in ways.items():
            way(messages, compiled.schema)
            began = cpu()
            tokens = way(messages, compiled.schema)
            spent[name].append((cpu() - began, tokens))
    per_token = {
        name: sum(s for s, _ in pairs) / sum(n for _, n in pairs) for name, pairs in spent.items()
    }
    base = {
        "structgen": "free",
        "outlines": "llama-cpp-python free",
        "llama.cpp grammar": "llama.cpp server free",
    }
    return {
        "cpu_ms_per_token": {name: round(value * 1000, 2) for name, value in per_token.items()},
        "tokens": {name: sum(n for _, n in pairs) for name, pairs in spent.items()},
        "speed_against_free": {
            name: round(per_token[to] / per_token[name], 3)
            for name, to in base.items()
            if name in per_token
        },
        "structgen_per_schema": {
            path.stem: round((free[0] / free[1]) / (held[0] / held[1]), 2)
            for path, free, held in zip(SCHEMAS, spent["free"], spent["structgen"], strict=True)
        },
    }


def _ways(engine: Engine) -> dict[str, Way]:
    def held(messages: list[dict[str, Any]], schema: dict[str, Any]) -> int:
        return engine.generate(messages, schema, Options(max_tokens=HELD)).usage.completion_tokens

    def free(messages: list[dict[str, Any]], schema: dict[str, Any]) -> int:
        return engine.generate(messages, None, Options(max_tokens=TOKENS)).usage.completion_tokens

    return {
        "free": free,
        "structgen": held,
        **_of_llama_cpp_server(),
        **(_of_llama_cpp_python() if importlib.util.find_spec("llama_cpp") else {}),
    }


def _of_llama_cpp_server() -> dict[str, Way]:
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = str(catalog.find("local").file)
    params.n_ctx, params.n_parallel, params.verbosity = 4096, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    server = xllamacpp.Server(params)

    def answer(messages: list[dict[str, Any]], **held: Any) -> int:
        body = {"messages": messages, "max_tokens": TOKENS, "temperature": 0, **held}
        return int(server.handle_chat_completions(body)["usage"]["completion_tokens"])

    def own(messages: list[dict[str, Any]], schema: dict[str, Any]) -> int:
        return answer(
            messages,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        )

    return {"llama.cpp server free": lambda messages, _: answer(messages), "llama.cpp grammar": own}


def _of_llama_cpp_python() -> dict[str, Way]:
    import outlines
    from outlines.backends import get_json_schema_logits_processor

    llama_cpp: Any = importlib.import_module("llama_cpp")
    llama = llama_cpp.Llama(
        str(catalog.find("local").file), n_ctx=4096, n_threads=1, n_threads_batch=1, verbose=False
    )
    steerable = outlines.from_llamacpp(llama)

    def answer(messages: list[dict[str, Any]], **held: Any) -> int:
        done = llama.create_chat_completion(messages, max_tokens=TOKENS, temperature=0, **held)
        return int(done["usage"]["completion_tokens"])

    def shipped(messages: list[dict[str, Any]], schema: dict[str, Any]) -> int:
        closed = json.dumps({**schema, "x-guidance": {"whitespace_flexible": False}})
        processor = get_json_schema_logits_processor("llguidance", steerable, closed)
        return answer(messages, logits_processor=llama_cpp.LogitsProcessorList([processor]))

    return {"llama-cpp-python free": lambda messages, _: answer(messages), "outlines": shipped}


# ---- masks and grammars --------------------------------------------------------------------------


def _mask(
    engine: Engine, asked: list[tuple[Compiled[Any], list[dict[str, Any]]]]
) -> dict[str, Any]:
    """Along real answers: our mask and llguidance's own; and from there to the likeliest token.

    The model's scores are drawn, so that the likeliest token is hardly ever an allowed one.
    """
    vocabulary = engine._loaded.runtime.vocabulary
    size = vocabulary.engine.vocab_size
    words = numpy.zeros((size + 31) // 32, dtype=numpy.int32)
    address, room = words.ctypes.data, words.nbytes
    mask = TokenMask(size, len(vocabulary.pieces))
    scores = numpy.random.default_rng(0).random(len(vocabulary.pieces), dtype=numpy.float32)
    times: dict[str, list[float]] = {name: [] for name in ("direct", "ours", "copied", "chosen")}
    for compiled, messages in asked[:8]:
        matcher = compile_grammar(compiled.schema, vocabulary.engine).matcher()
        text = engine.generate(messages, compiled.schema, Options(max_tokens=HELD)).text or ""
        calls: dict[str, Callable[[], object]] = {
            "direct": partial(matcher.unsafe_compute_mask_ptr, address, room),
            "ours": partial(mask.fill, matcher),
            "copied": partial(_chosen_by_copy, matcher, words, scores),
            "chosen": partial(_chosen, mask, matcher, scores),
        }
        for token in vocabulary.engine.tokenize_str(text):
            for call in calls.values():
                call()  # the first question after a token is the engine's own work
            for name, call in calls.items():
                times[name].append(_microseconds(call))
            matcher.consume_tokens([token])
    return {
        "mask_us": _spread(times["ours"]),
        "llguidance_us": _spread(times["direct"]),
        "ratio_p50": round(median(times["ours"]) / median(times["direct"]), 3),
        "likeliest_us": _spread(times["chosen"]),
        "likeliest_by_copy_us": _spread(times["copied"]),
        **_allowing(engine, asked),
    }


def _chosen(mask: TokenMask, matcher: Matcher, scores: Any) -> int:
    """The likeliest token that is allowed, as the decoder finds it."""
    allowed = mask.fill(matcher).tokens()
    return int(allowed[scores.take(allowed).argmax()])


def _chosen_by_copy(matcher: Matcher, words: Any, scores: Any) -> int:
    """The same token, from a copy of all scores."""
    matcher.unsafe_compute_mask_ptr(words.ctypes.data, words.nbytes)
    flags = numpy.unpackbits(words.view(numpy.uint8), bitorder="little", count=len(scores))
    return int(numpy.where(flags.view(numpy.bool_), scores, -numpy.inf).argmax())


def _allowing(
    engine: Engine, asked: list[tuple[Compiled[Any], list[dict[str, Any]]]]
) -> dict[str, Any]:
    """What a greedy step really costs: most likeliest tokens are allowed, and need no mask."""
    compiled, messages = asked[0]
    vocabulary = engine._loaded.runtime.vocabulary
    matcher = compile_grammar(compiled.schema, vocabulary.engine).matcher()
    tokens = vocabulary.engine.tokenize_str(
        engine.generate(messages, compiled.schema, Options(max_tokens=HELD)).text or ""
    )
    spent = []
    for token in tokens:
        spent.append(_microseconds(lambda: matcher.validate_tokens([token])))  # noqa: B023  # called at once
        matcher.consume_tokens([token])
    return {"question_about_one_token_us": _spread(spent)}


def _microseconds(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1e6


def _spread(values: list[float]) -> dict[str, float]:
    ordered = sorted(values)
    return {
        "p50": round(ordered[len(ordered) // 2], 1),
        "p99": round(ordered[int(len(ordered) * 0.99)], 1),
    }


def _grammars(
    engine: Engine, asked: list[tuple[Compiled[Any], list[dict[str, Any]]]]
) -> dict[str, Any]:
    tokens = engine._loaded.runtime.vocabulary.engine
    times: dict[str, list[float]] = {"cold": [], "warm": []}
    for number, (compiled, _) in enumerate(asked):
        other = {**compiled.schema, "title": f"not seen before {number}"}
        for name in ("cold", "warm"):
            began = time.perf_counter()
            compile_grammar(other, tokens).matcher()
            times[name].append(time.perf_counter() - began)
    return {
        name: {"median_us": round(median(found) * 1e6, 1), "max_us": round(max(found) * 1e6, 1)}
        for name, found in times.items()
    }


def _first_token(
    engine: Engine, asked: list[tuple[Compiled[Any], list[dict[str, Any]]]]
) -> dict[str, Any]:
    """`compile` and `prefill` of the first call of a schema and of one on another text, with all
    other schemas between them.
    """
    first: list[float] = []
    later: list[float] = []
    for compiled, _ in asked[:6]:
        for found, text in (
            (first, INVOICE),
            (later, "Peter Smith, 30, ordered two lamps in Leeds on 4 May 2023."),
        ):
            messages = messages_for(compiled.dumps(), text)
            answer = engine.generate(messages, compiled.schema, Options(max_tokens=HELD))
            found.append(answer.seconds["compile"] + answer.seconds["prefill"])
    return {
        "first": round(median(first), 4),
        "later": round(median(later), 4),
        "ratio": round(median(first) / median(later), 2),
    }
