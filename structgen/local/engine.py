"""Engines: a model in this process, driven through outlines, that answers under a grammar.

What differs between runtimes is one file each, a `Runtime`. What makes an answer trustworthy is here, once: the prompt is counted
before anything is decoded, the grammar is accepted before it is used, and the finished text is read by it again.

A loaded model is shared by all engines of the same model and settings, and closed with the last of them, or at exit.
"""

from __future__ import annotations

import asyncio
import atexit
import importlib
import os
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from functools import partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final, Protocol

from structgen.errors import ConfigurationError, ContextExceeded, EngineError, GrammarError, RuntimeMissing
from structgen.local import models
from structgen.local.pieces import Pieces
from structgen.types import UNSET, Answer, JsonSchema, Message, Options, Usage

if TYPE_CHECKING:
    from structgen.local.grammar import Grammar

RUNTIMES: Final[Mapping[str, str]] = {"xllamacpp": "structgen.local.xllamacpp"}
"""Runtimes by name, each with the module whose `load(model, settings)` gives the Runtime."""

MAX_TOKENS: Final = 2048
"""Tokens of an answer where the call sets no limit: enough for long records, and half a minute of a small model on one core."""

MAX_CONTEXT: Final = 8192
"""Tokens of context where `context` is not set and the model could hold more: memory grows with it."""

_DEFAULTS: Final = Options()

_OWN: Final = frozenset(
    [
        "messages",
        "prompt",
        "model_input",
        "output_type",
        "grammar",
        "json_schema",
        "response_format",
        "tools",
        "max_tokens",
        "n_predict",
        "stream",
        "id_slot",
        "watch",
    ]
)
"""Names that `Options.extra` may not hold: the engine sets these members of a request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a model is run.

    `context`: tokens of prompt and answer together; `threads`: of computation; `parallel`: answers at a time, each with a context
    of its own.
    """

    context: int
    threads: int
    parallel: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completion:
    """What a runtime gives back. `finish`: `stop` or `length`; `seconds`: its own `prefill` and `decode` times."""

    text: str = field(repr=False)
    finish: str
    usage: Usage
    seconds: Mapping[str, float]
    reasoning: str | None = field(default=None, repr=False)
    raw: Any = field(default=None, repr=False)


class Runtime(Protocol):
    """A loaded model. Raises EngineErrors only. One caller per `slot` at a time."""

    name: str

    def count(self, messages: Sequence[Message], slot: int) -> Completion:
        """Read the prompt into the slot's cache and count it (`usage.prompt_tokens`). Raises ContextExceeded."""
        ...

    def complete(
        self, messages: Sequence[Message], grammar: str | None, sampling: Mapping[str, Any], slot: int, watch: Callable[[str], None]
    ) -> Completion:
        """Answer the messages. `watch` is given each piece of text; what it raises ends the answer and is raised here."""
        ...

    def close(self) -> None: ...


class Engine:
    """A model in this process: `generate` and `agenerate` answer messages, held to a schema where there is one.

    `name`: runtime and grammar engine, for people; `model`; `context`: tokens of prompt and answer together. Safe to use from many
    threads and tasks: each answer has its own state, and waits for a free slot. Usable as a context manager.
    """

    def __init__(self, shared: _Shared, name: str) -> None:
        self.name = name
        self.model = shared.model.name
        self.context = shared.settings.context
        self._shared = shared
        self._open = True

    def __repr__(self) -> str:
        return f"Engine(name={self.name!r}, model={self.model!r}, context={self.context})"

    def generate(self, messages: Sequence[Message], schema: JsonSchema | None = None, options: Options = _DEFAULTS) -> Answer:
        """Answer the messages; with a `schema`, the finished text is proved to be a sentence of its grammar.

        `temperature` is 0 where unset; `timeout` counts from when the model is loaded and free. Finish reason `length` means that
        the answer was cut at `max_tokens` or the context's end.
        Raises ContextExceeded (nothing was decoded), GrammarError, ModelMissing, ModelCorrupt, RuntimeMissing, EngineError, and
        ConfigurationError for options that do not go together.
        """
        self._check()
        return self._shared.answer(messages, schema, options)

    async def agenerate(
        self, messages: Sequence[Message], schema: JsonSchema | None = None, options: Options = _DEFAULTS
    ) -> Answer:
        """As `generate`, in a worker thread. Cancelling the task ends the decoding."""
        self._check()
        cancelled = threading.Event()
        call = partial(self._shared.answer, messages, schema, options, cancelled)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._shared.threads, call)
        finally:
            cancelled.set()

    def stream(self, messages: Sequence[Message], schema: JsonSchema | None = None, options: Options = _DEFAULTS) -> Pieces:
        """As `generate`, with the text as it is written. Closing the stream ends the decoding."""
        self._check()
        return Pieces(self._shared.threads, partial(self._shared.answer, messages, schema, options))

    def close(self) -> None:
        """Give the model back; the last engine that uses it frees it, after the answers under way. Closing twice does nothing."""
        if self._open:
            self._open = False
            _release(self._shared)

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        if not self._open:
            raise EngineError("The engine is closed.", hint="Open another with open_engine().")


_loaded: dict[tuple[Any, ...], _Shared] = {}
_loaded_lock = threading.Lock()


def open_engine(
    model: str = models.DEFAULT,
    *,
    runtime: str = "xllamacpp",
    context: int | None = None,
    threads: int | None = None,
    parallel: int = 1,
    say: models.Say = models.say,
) -> Engine:
    """An engine for `model`: "local" (the default model), the name of a packaged model, or the path of a GGUF file.

    `context`: tokens of prompt and answer together (default: the model's own, at most `MAX_CONTEXT`); `threads`: of computation
    (default: $STRUCTGEN_THREADS, else half of the cores this process may use); `parallel`: answers at a time, each with a context
    of its own. The model is fetched, where it has to be, and loaded by the first call; `say` is told what takes time (default:
    standard error). Raises ModelMissing, ModelCorrupt and ConfigurationError.
    """
    if runtime not in RUNTIMES:
        raise ConfigurationError(f"There is no runtime {runtime!r}.", hint=f"Known: {', '.join(RUNTIMES)}.")
    found = models.find(model)
    settings = Settings(
        context=_positive("context", context if context is not None else min(found.context, MAX_CONTEXT)),
        threads=_positive("threads", threads if threads is not None else _cores()),
        parallel=_positive("parallel", parallel),
    )
    key = (runtime, found, settings)
    with _loaded_lock:
        shared = _loaded.get(key)
        if shared is None:
            shared = _loaded[key] = _Shared(found, runtime, settings, say)
        shared.users += 1
    return Engine(shared, f"outlines+{runtime}/llguidance")


def _release(shared: _Shared) -> None:
    with _loaded_lock:
        shared.users -= 1
        last = shared.users == 0
        if last:
            for key in [key for key, value in _loaded.items() if value is shared]:
                del _loaded[key]
    if last:
        shared.close()


@atexit.register
def _close_all() -> None:
    while _loaded:
        _loaded.popitem()[1].close()


class _Shared:
    """One loaded model and its slots, for any number of engines and threads. Loaded by the first call that needs it."""

    def __init__(self, model: models.Model, runtime: str, settings: Settings, say: models.Say) -> None:
        self.model, self.settings, self.users = model, settings, 0
        self._module, self._say = RUNTIMES[runtime], say
        self._runtime: Runtime | None = None
        self._closed = False
        self._lock = threading.Lock()
        self._slots: SimpleQueue[int] = SimpleQueue()
        for slot in range(settings.parallel):
            self._slots.put(slot)
        self.threads = ThreadPoolExecutor(settings.parallel, thread_name_prefix=f"structgen-{model.name}")

    def answer(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        cancelled: threading.Event | None = None,
        hear: Callable[[str], None] | None = None,
    ) -> Answer:
        slot = self._slots.get()
        try:
            runtime, load = self._ready()
            watch = _watch(options, cancelled, hear)
            watch("")
            return _answer(runtime, _Question(self.model.name, self.settings.context, slot, messages, schema, options, watch), load)
        finally:
            self._slots.put(slot)

    def _ready(self) -> tuple[Runtime, dict[str, float]]:
        with self._lock:
            if self._closed:
                raise EngineError("The engine was closed while a call waited for it.")
            if self._runtime is not None:
                return self._runtime, {}
            began = time.perf_counter()
            module = _import(self._module)
            imported = time.perf_counter()
            models.ready(self.model, self._say)
            fetched = time.perf_counter()
            self._runtime = module.load(self.model, self.settings)
            return self._runtime, {"fetch": fetched - imported, "load": time.perf_counter() - fetched + imported - began}

    def close(self) -> None:
        """Wait for the answers under way, then free the model."""
        self.threads.shutdown()
        slots = [self._slots.get() for _ in range(self.settings.parallel)]
        with self._lock:
            self._closed = True
            if self._runtime is not None:
                self._runtime.close()
                self._runtime = None
        for slot in slots:
            self._slots.put(slot)


@dataclass(frozen=True, slots=True)
class _Question:
    model: str
    context: int
    slot: int
    messages: Sequence[Message]
    schema: JsonSchema | None
    options: Options
    watch: Callable[[str], None]


def _answer(runtime: Runtime, asked: _Question, load: Mapping[str, float]) -> Answer:
    prompt = runtime.count(asked.messages, asked.slot)
    tokens = _budget(asked, prompt.usage.prompt_tokens)
    began = time.perf_counter()
    held = _grammar(asked, tokens)
    compiled = time.perf_counter() - began
    sampling = {"max_tokens": tokens, **_sampling(asked.options)}
    done = runtime.complete(asked.messages, held.text if held else None, sampling, asked.slot, asked.watch)
    if held is not None:
        _prove(held, done)
    return Answer(
        text=done.text,
        finish=done.finish,
        reasoning=done.reasoning,
        usage=replace(done.usage, cached_tokens=prompt.usage.cached_tokens),
        model=asked.model,
        seconds={
            **load,
            "compile": compiled,
            "prefill": prompt.seconds["prefill"] + done.seconds["prefill"],
            "decode": done.seconds["decode"],
        },
        notes=held.notes if held else (),
        raw=done.raw,
    )


def _budget(asked: _Question, prompt: int) -> int:
    """Tokens the answer may have: what was asked for, within what the prompt leaves of the context."""
    wanted = asked.options.max_tokens
    room = asked.context - prompt
    if room < 1:
        raise exceeded(prompt, asked.context)
    return min(MAX_TOKENS if wanted is UNSET else _positive("max_tokens", wanted), room)


def exceeded(tokens: int, limit: int) -> ContextExceeded:
    """The error for a prompt of `tokens` tokens that a context of `limit` cannot hold with an answer."""
    return ContextExceeded(
        f"The prompt is {tokens} tokens long; the context holds {limit}, the answer included.",
        tokens=tokens,
        limit=limit,
        hint="Give a larger context if the model allows one, or extract from the text in parts.",
    )


def _grammar(asked: _Question, tokens: int) -> Grammar | None:
    if asked.schema is None:
        return None
    if asked.options.stop is not UNSET and asked.options.stop:
        raise ConfigurationError(
            "Stop sequences would cut a held answer short.", hint="Leave `stop` unset: the grammar ends the answer."
        )
    from structgen.local.grammar import grammar  # loads llguidance, which only constrained answers need

    return grammar(asked.schema, tokens)


def _prove(held: Grammar, done: Completion) -> None:
    """Raise unless the grammar reads the text: wholly, or as a beginning where the answer was cut."""
    reading = held.reads(done.text)
    if reading == "no" or (reading == "part" and done.finish != "length"):
        raise GrammarError(
            f"The runtime did not hold the answer to the grammar (finish reason {done.finish!r}).",
            hint="Nothing of it was used. Please report this with the schema; a simpler schema may help meanwhile.",
        )


def _sampling(options: Options) -> dict[str, Any]:
    extra = {} if options.extra is UNSET else dict(options.extra)
    if taken := extra.keys() & _OWN:
        raise ConfigurationError(f"`extra` may not set what the engine itself sets: {', '.join(sorted(taken))}.")
    asked = {name: getattr(options, name) for name in ("temperature", "top_p", "seed", "stop")}
    given = {name: list(value) if name == "stop" else value for name, value in asked.items() if value is not UNSET}
    return {"temperature": 0.0, **given, **extra}


def _watch(options: Options, cancelled: threading.Event | None, hear: Callable[[str], None] | None = None) -> Callable[[str], None]:
    """What ends an answer early (its time is over, or nobody waits for it any more) and hands on its text."""
    ends_at = None if options.timeout is UNSET or options.timeout is None else time.monotonic() + options.timeout

    def watch(piece: str) -> None:
        if cancelled is not None and cancelled.is_set():
            raise EngineError("The call was cancelled.")
        if ends_at is not None and time.monotonic() > ends_at:
            raise EngineError(f"The answer took longer than its timeout of {options.timeout} s.", hint="Raise `timeout`.")
        if hear is not None and piece:
            hear(piece)

    return watch


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise RuntimeMissing(
            f"The in-process engine needs a package that is not installed: {missing.name}.",
            hint="Install it with: pip install 'structgen[local]'",
        ) from missing


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise ConfigurationError(f"`{name}` is {value}; it has to be at least 1.")
    return value


def _cores() -> int:
    if wanted := os.environ.get("STRUCTGEN_THREADS", ""):
        try:
            return int(wanted)
        except ValueError:
            raise ConfigurationError(f"$STRUCTGEN_THREADS is {wanted!r}; it has to be a number.") from None
    logical = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    # Threads wait for one another at every layer, so one that shares its core with other work stalls them all: on a busy machine of
    # two cores, two threads are five to ten times slower than one, and on an idle one a third faster.
    return max(1, logical // 2)
