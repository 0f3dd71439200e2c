"""A loaded model, and what makes its answers trustworthy: the prompt is counted before anything is decoded, the grammar is accepted
before it is used, and the finished text is read by it once more."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from structgen.errors import ConfigurationError, EngineError, EnginePromptTooLongError, GrammarError
from structgen.extras import load
from structgen.local.models import catalog
from structgen.local.runtimes.base import Settings
from structgen.options import UNSET, Options
from structgen.values import Answer, JsonSchema, Message, Usage

if TYPE_CHECKING:
    from structgen.local.decode.batcher import Batcher, Done
    from structgen.local.decode.decoder import Asked
    from structgen.local.decode.outlines_model import Steered
    from structgen.local.decode.sampling import Sampling
    from structgen.local.grammar.grammar import Grammar
    from structgen.local.runtimes.base import Runtime

RUNTIMES: Final[Mapping[str, tuple[str, str]]] = {
    "xllamacpp": ("structgen.local.runtimes.xllamacpp", "local"),
    "llama-cpp-python": ("structgen.local.runtimes.llama_cpp", "llama-cpp"),
    "transformers": ("structgen.local.runtimes.transformers", "transformers"),
}
"""Runtimes by name, each with the module whose `load(model, settings)` gives the Runtime, and the extra that installs it."""

MAX_TOKENS: Final = 2048
"""Tokens of an answer where the call sets no limit: enough for long records, and half a minute of a small model on one core."""


class Loaded:
    """One model and its sequences, for any number of engines and threads. Loaded by the first call that needs it."""

    def __init__(
        self, model: catalog.Model, runtime: str, settings: Settings, say: catalog.Say
    ) -> None:
        self.model, self.settings, self.users = model, settings, 0
        self._kind, self._say = runtime, say
        self._runtime: Runtime | None = None
        self._closed = False
        self._lock = threading.Lock()
        self.threads = ThreadPoolExecutor(
            settings.parallel, thread_name_prefix=f"structgen-{model.name}"
        )

    def answer(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        source: str | None = None,
        cancelled: threading.Event | None = None,
        hear: Callable[[str], None] | None = None,
    ) -> Answer:
        """Let the model answer, through outlines. Raises EngineErrors and ConfigurationError."""
        load = self.ready()
        from structgen.local.decode.outlines_model import (
            steer,
        )  # what is missing for it is said by `ready`

        began = time.perf_counter()
        held = self._grammar(schema, options, source)
        compiled = time.perf_counter() - began
        answer = steer(self.steered, messages, held, options, _watch(options, cancelled, hear))
        return replace(answer, seconds={**load, "compile": compiled, **answer.seconds})

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the messages, through the model's chat template."""
        self.ready()
        return len(self.runtime.prompt(messages))

    def ready(self) -> dict[str, float]:
        """Load the model unless it is; gives the seconds that took. Raises EngineErrors."""
        with self._lock:
            if self._closed:
                raise EngineError("The engine was closed while a call waited for it.")
            if self._runtime is not None:
                return {}
            began = time.perf_counter()
            name, extra = RUNTIMES[self._kind]
            module = load(name, extra)
            load(
                "structgen.local.decode.outlines_model", extra
            )  # so that what is missing shows before anything is fetched
            imported = time.perf_counter()
            catalog.ready(self.model, self._say)
            fetched = time.perf_counter()
            self._start(module.load(self.model, self.settings))
            return {
                "fetch": fetched - imported,
                "load": time.perf_counter() - fetched + imported - began,
            }

    def _start(self, runtime: Runtime) -> None:
        from structgen.local.decode.batcher import Batcher
        from structgen.local.decode.outlines_model import Steered

        self.runtime = self._runtime = runtime
        self._batcher: Batcher = Batcher(runtime, self.model.name)
        self.steered: Steered = Steered(self._ask, runtime.vocabulary.engine)

    def _grammar(
        self, schema: JsonSchema | None, options: Options, source: str | None
    ) -> Grammar | None:
        if schema is None:
            return None
        if options.stop is not UNSET and options.stop:
            raise ConfigurationError(
                "Stop sequences would cut a held answer short.",
                hint="Leave `stop` unset: the grammar ends the answer.",
            )
        from structgen.local.grammar.grammar import grammar

        return grammar(schema, self.runtime.vocabulary.engine, source)

    def _ask(
        self,
        messages: Sequence[Message],
        held: Grammar | None,
        options: Options,
        hear: Callable[[str], None],
    ) -> Answer:
        """What stands behind the outlines model."""
        from structgen.local.decode.decoder import Asked
        from structgen.local.decode.sampling import Sampler

        prompt = self.runtime.prompt(messages)
        asked = Asked(
            prompt=prompt,
            budget=_budget(options, len(prompt), self.settings.context),
            sampler=Sampler(_sampling(options), options.logprobs is True),
            watch=hear,
            grammar=held,
            stop=() if options.stop is UNSET else options.stop,
        )
        done = self._batcher.put(asked).result()
        if held is not None:
            _prove(held, done)
        return self._answer(done, asked, options, held)

    def _answer(self, done: Done, asked: Asked, options: Options, held: Grammar | None) -> Answer:
        written = done.written
        return Answer(
            text=written.text,
            finish_reason=written.finish_reason,
            usage=Usage(
                prompt_tokens=len(asked.prompt),
                completion_tokens=written.tokens,
                cached_tokens=done.cached,
            ),
            model=self.model.name,
            seconds={"prefill": done.prefill, "decode": done.decode},
            notes=held.notes if held else (),
            logprobs=written.logprobs if options.logprobs is True else (),
            shortened=written.shortened,
            shortened_by=written.shortened_by,
            raw={"forced_tokens": written.forced},
        )

    def close(self) -> None:
        """Finish the answers under way, then free the model."""
        self.threads.shutdown()
        with self._lock:
            self._closed = True
            if self._runtime is not None:
                self._batcher.close()
                self._runtime.close()
                self._runtime = None


def _budget(options: Options, prompt: int, context: int) -> int:
    """Tokens the answer may have: what was asked for, within what the prompt leaves of the context."""
    if prompt >= context:
        raise EnginePromptTooLongError(
            f"The prompt is {prompt} tokens long; the context holds {context}, the answer included.",
            tokens=prompt,
            limit=context,
            hint="Give a larger context if the model allows one, or extract from the text in parts.",
        )
    wanted = MAX_TOKENS if options.max_tokens is UNSET else options.max_tokens
    if wanted < 1:
        raise ConfigurationError(f"`max_tokens` is {wanted}; it has to be at least 1.")
    return min(wanted, context - prompt)


def _sampling(options: Options) -> Sampling:
    from structgen.local.decode.sampling import EXTRA, Sampling

    extra = {} if options.extra_body is UNSET else dict(options.extra_body)
    if unknown := extra.keys() - set(EXTRA):
        raise ConfigurationError(
            f"A model in this process does not know: {', '.join(sorted(unknown))}.",
            hint=f"`extra_body` may hold: {', '.join(EXTRA)}.",
        )
    asked = {name: getattr(options, name) for name in ("temperature", "top_p", "seed")}
    return Sampling(**{name: value for name, value in asked.items() if value is not UNSET}, **extra)


def _prove(held: Grammar, done: Done) -> None:
    """Raise unless the grammar reads the text: wholly, or as a beginning where the answer was cut."""
    reading, finish = held.reads(done.written.text), done.written.finish_reason
    if reading == "no" or (reading == "part" and finish != "length"):
        raise GrammarError(
            f"The runtime did not hold the answer to the grammar (finish reason {finish!r}).",
            hint="Nothing of it was used. Please report this with the schema; a simpler schema may help meanwhile.",
        )


def _watch(
    options: Options, cancelled: threading.Event | None, hear: Callable[[str], None] | None
) -> Callable[[str], None]:
    """What ends an answer early (its time is over, or nobody waits for it any more) and hands on its text."""
    limit = options.timeout if isinstance(options.timeout, (int, float)) else None
    ends_at: float | None = None

    def watch(piece: str) -> None:
        nonlocal ends_at
        now = time.monotonic()
        if cancelled is not None and cancelled.is_set():
            raise EngineError("The call was cancelled.")
        if limit is not None:
            ends_at = now + limit if ends_at is None else ends_at
            if now >= ends_at:
                raise EngineError(
                    f"The answer took longer than its timeout of {limit} s.",
                    hint="Raise `timeout`.",
                )
        if hear is not None and piece:
            hear(piece)

    return watch
