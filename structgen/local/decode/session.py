"""A loaded model, and the checks around its answers.

The prompt is counted before anything is decoded, the grammar is accepted before it is used, and the
finished text is read by the grammar once more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from structgen.errors import (
    ConfigurationError,
    EngineError,
    EnginePromptTooLongError,
    GrammarError,
    StructgenError,
)
from structgen.extras import load
from structgen.local.grammar.engines import GRAMMAR_ENGINES, compiler_for
from structgen.local.models import catalog
from structgen.local.models.packages import Log
from structgen.local.models.pictures import check_pictures
from structgen.local.runtimes.base import Settings
from structgen.options import UNSET, Options
from structgen.values import Answer, JsonSchema, Message, Usage

if TYPE_CHECKING:
    from structgen.answer.taking_back import TakingBack
    from structgen.local.decide.decided import Deciding
    from structgen.local.decide.priors import KnownPriors, Priors
    from structgen.local.decode.batcher import Batcher, Finished
    from structgen.local.decode.outlines_model import OutlinesModel
    from structgen.local.decode.request import DecodeRequest
    from structgen.local.grammar.grammar import Grammar
    from structgen.local.runtimes.base import Runtime
    from structgen.local.runtimes.prefixes import FixedTokens

RUNTIMES: Final[Mapping[str, tuple[str, str]]] = {
    "xllamacpp": ("structgen.local.runtimes.xllamacpp", "local"),
    "llama-cpp-python": ("structgen.local.runtimes.llama_cpp", "llama-cpp"),
    "transformers": ("structgen.local.runtimes.transformers", "transformers"),
}
"""Runtimes by name: the module whose `load(model, settings)` gives the Runtime, and the extra that
installs it."""

MAX_TOKENS: Final = 2048
"""Tokens of an answer if the call sets no limit: enough for long records, and about half a
minute of a small model on one core.
"""


_NOTHING_TOKENS: Final = 256
"""Tokens of an answer about nothing. It is ended early if it is longer."""


class LoadedModel:
    """One model and its sequences, for any number of engines and threads.

    The first call loads it.
    """

    def __init__(self, model: catalog.Model, runtime: str, settings: Settings, log: Log) -> None:
        self.model, self.settings, self.users = model, settings, 0
        self._kind, self._log = runtime, log
        self._runtime: Runtime | None = None
        self._closed = False
        self._abandoned: list[Runtime] = []
        self._start_threads()

    def _start_threads(self) -> None:
        self._lock = threading.Lock()
        self.threads = ThreadPoolExecutor(
            self.settings.parallel, thread_name_prefix=f"structgen-{self.model.name}"
        )

    def begin_anew(self) -> None:
        """Forget what was loaded, in a process that was forked. The next call loads it again.

        The runtime is kept, because freeing it would wait for threads that are not in this process.
        """
        if self._runtime is not None:
            self._abandoned.append(self._runtime)
        self._runtime = None
        self._start_threads()

    def check(self, messages: Sequence[Message]) -> None:
        """Raise InputError if the model cannot be shown what messages hold."""
        check_pictures(messages, self.model.name, able=self.model.projector is not None)

    def answer(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None = None,
        cancelled: threading.Event | None = None,
        on_text: Callable[[str], None] | None = None,
        rules: TakingBack | None = None,
    ) -> Answer:
        """Let the model answer, through outlines.

        Args:
            messages: The conversation so far.
            schema: The compiled schema that the answer has to follow; None for free text.
            options: The options of the call.
            document: The text that grounded values must be copied from; None if none is grounded.
            cancelled: Ends the decoding once it is set.
            on_text: Called with each piece of text.
            rules: What texts are taken back once they have closed; None for none.

        Raises:
            EngineError: If the model cannot answer.
            ConfigurationError: If an option does not go with a model in this process.
        """
        loading = self.ready()  # says first which package is missing
        from structgen.local.decode.outlines_model import generate

        began = time.perf_counter()
        grammar = self._grammar(schema, options, document)
        compiled = time.perf_counter() - began
        watch = _watch(options, cancelled, on_text)
        answer = generate(self.outlines_model, messages, grammar, options, watch, rules)
        return replace(answer, seconds={**loading, "compile": compiled, **answer.seconds})

    def decide(
        self, messages: Sequence[Message], schema: JsonSchema, cancelled: threading.Event
    ) -> Answer:
        """Let the model answer, with every option of closed values scored to its end."""
        self.ready()
        from structgen.local.decide.decided import Deciding
        from structgen.local.decode.request import DecodeRequest
        from structgen.local.decode.sampling import Sampler, Sampling

        options = Options()
        prompt = self.runtime.prompt(messages)
        grammar = self._grammar(schema, options, None)
        request = DecodeRequest(
            prompt=prompt,
            budget=_budget(options, len(prompt), self.settings.context),
            sampler=Sampler(Sampling()),
            watch=_watch(options, cancelled, None),
            grammar=grammar,
            deciding=Deciding(all_scores=True),
        )
        return self._answer(_finished(self._batcher.submit(request)), request, options, grammar)

    def prepare(self, schema: JsonSchema) -> None:
        """Compile the grammar of a schema. The next answer under it finds it in the cache."""
        self.ready()
        self._grammar(schema, Options(), None)

    def count(self, messages: Sequence[Message]) -> int:
        """Count the tokens of the messages, through the model's chat template."""
        self.ready()
        return len(self.runtime.prompt(messages))

    def ready(self) -> dict[str, float]:
        """Load the model unless it is loaded.

        Returns:
            The seconds that fetching and loading took; {} if it was loaded.

        Raises:
            EngineError: If it cannot be loaded.
            MissingPackage: If a package of its runtime is not installed.
        """
        with self._lock:
            if self._closed:
                raise EngineError(
                    "The engine was closed while a call waited for it.",
                    hint="Close it after the last call.",
                )
            if self._runtime is not None:
                return {}
            began = time.perf_counter()
            name, extra = RUNTIMES[self._kind]
            module = load(name, extra)
            # Before anything is fetched, so that a missing package shows at once.
            load("structgen.local.decode.outlines_model", extra)
            load(*GRAMMAR_ENGINES[self.settings.grammar])
            imported = time.perf_counter()
            catalog.ready(self.model, self._log)
            fetched = time.perf_counter()
            self._start(module.load(self.model, self.settings))
            return {
                "fetch": fetched - imported,
                "load": time.perf_counter() - fetched + imported - began,
            }

    def _start(self, runtime: Runtime) -> None:
        from structgen.local.decide.priors import KnownPriors
        from structgen.local.decode.batcher import Batcher
        from structgen.local.decode.outlines_model import OutlinesModel
        from structgen.local.runtimes.prefixes import FixedTokens, saved_prefixes

        self.runtime = self._runtime = runtime
        self._fixed: FixedTokens = FixedTokens(runtime.prompt)
        folder = catalog.cache().parent / "prefixes"
        saved = saved_prefixes(folder, self.model.file, runtime.build, self.settings)
        self._batcher: Batcher = Batcher(runtime, self.model.name, saved, self._log)
        self.priors: KnownPriors = KnownPriors(
            f"{self.model.name} {self.model.file.stat().st_size}",
            catalog.cache().parent / "priors",
            self._scores_of_nothing,
        )
        self._compile = compiler_for(self.settings.grammar, runtime.vocabulary)
        self.outlines_model: OutlinesModel = OutlinesModel(
            self._decode, self._compile, runtime.vocabulary.engine
        )

    def _grammar(
        self, schema: JsonSchema | None, options: Options, document: str | None
    ) -> Grammar | None:
        if schema is None:
            return None
        if options.stop is not UNSET and options.stop:
            raise ConfigurationError(
                "Stop sequences would cut a record short.",
                hint="Leave `stop` unset: the grammar ends the record.",
            )
        return self._compile(schema, document)

    def _decode(
        self,
        messages: Sequence[Message],
        grammar: Grammar | None,
        options: Options,
        on_text: Callable[[str], None],
        rules: TakingBack | None = None,
    ) -> Answer:
        """Decode one answer: what the outlines model calls."""
        from structgen.local.decode.prelude import prelude_for
        from structgen.local.decode.request import DecodeRequest
        from structgen.local.decode.sampling import Sampler, sampling_of

        self.check(messages)
        prompt, context = self.runtime.prompt(messages), self.settings.context
        budget = _budget(options, len(prompt), context)
        request = DecodeRequest(
            prompt=prompt,
            budget=budget,
            prelude=prelude_for(options, prompt=len(prompt), answer=budget, context=context),
            fixed=self._fixed.count(messages, prompt),
            sampler=Sampler(sampling_of(options), options.logprobs is True),
            watch=on_text,
            grammar=grammar,
            stop=() if options.stop is UNSET else options.stop,
            deciding=self._deciding(messages, grammar, options),
            rules=rules,
        )
        done = _finished(self._batcher.submit(request))
        if grammar is not None:
            _prove(grammar, done)
        return self._answer(done, request, options, grammar)

    def _deciding(
        self, messages: Sequence[Message], grammar: Grammar | None, options: Options
    ) -> Deciding | None:
        """How closed values are decided; None to write them token by token."""
        from structgen.local.decide.decided import Deciding
        from structgen.local.decide.priors import row_of

        share = row_of(f"{self.model.family} {self.model.name}").share
        if grammar is None or grammar.closed is None or share is None or options.decide == "off":
            return None
        if not share:
            return Deciding()
        return Deciding(share=share, priors=self.priors.of(messages, grammar.closed))

    def _scores_of_nothing(self, messages: Sequence[Message], schema: JsonSchema) -> Priors:
        """The scores of all options of closed values in the answer to a prompt."""
        from structgen.local.decide.decided import Deciding
        from structgen.local.decode.request import DecodeRequest
        from structgen.local.decode.sampling import Sampler, Sampling

        prompt = self.runtime.prompt(messages)
        room = self.settings.context - len(prompt)
        if room <= 0:
            return {}  # with a document it fits even less, which is told then
        request = DecodeRequest(
            prompt=prompt,
            budget=min(_NOTHING_TOKENS, room),
            sampler=Sampler(Sampling()),
            watch=lambda _: None,
            grammar=self._compile(schema, None),
            deciding=Deciding(all_scores=True),
        )
        return self._batcher.submit(request).result().written.scores

    def _answer(
        self, done: Finished, request: DecodeRequest, options: Options, grammar: Grammar | None
    ) -> Answer:
        written, thought = done.written, done.written.thought
        thoughts = thought.count if thought else 0
        return Answer(
            text=written.text,
            finish_reason=written.finish_reason,
            reasoning=thought.text if thought else None,
            usage=Usage(
                prompt_tokens=len(request.prompt),
                completion_tokens=written.tokens + thoughts,
                cached_tokens=done.cached,
                reasoning_tokens=thoughts,
            ),
            model=self.model.name,
            seconds={"prefill": done.prefill, "decode": done.decode},
            notes=grammar.notes if grammar else (),
            logprobs=written.logprobs if options.logprobs is True else (),
            shortened=written.shortened,
            shortened_by=written.shortened_by,
            repeated=written.repeated,
            removed=written.removed,
            alternatives=written.alternatives,
            pressure=written.pressure,
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


def _finished(future: Future[Finished]) -> Finished:
    try:
        return future.result()
    except StructgenError:
        raise
    except Exception as error:
        raise EngineError(
            f"The decoder failed with an unexpected {type(error).__name__}.",
            hint="The error that it came from is its cause. Please report a bug.",
        ) from error


def _budget(options: Options, prompt: int, context: int) -> int:
    """Tokens that the answer may have: as many as asked for, if the prompt leaves them."""
    if prompt >= context:
        raise EnginePromptTooLongError(
            f"The prompt has {prompt} tokens, but prompt and answer together may have {context}.",
            tokens=prompt,
            limit=context,
            hint="Open the engine with a larger `context`, or use `extract_document`.",
        )
    wanted = MAX_TOKENS if options.max_tokens is UNSET else options.max_tokens
    if wanted < 1:
        raise ConfigurationError(f"`max_tokens` is {wanted}, but must be at least 1.")
    return min(wanted, context - prompt)


def _prove(grammar: Grammar, done: Finished) -> None:
    """Raise GrammarError unless the text is a sentence of the grammar, or of a cut one the
    start.
    """
    kind, finish = grammar.classify(done.written.text), done.written.finish_reason
    if kind == "no" or (kind == "part" and finish != "length"):
        raise GrammarError(
            f"The runtime left the grammar in its answer (finish reason {finish!r}).",
            hint="The answer was not used. Try a simpler schema, and report this one.",
        )


def _watch(
    options: Options, cancelled: threading.Event | None, on_text: Callable[[str], None] | None
) -> Callable[[str], None]:
    """What ends an answer early (its time is over, or nobody waits for it any more) and hands on
    its text.
    """
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
                    f"The answer took longer than its timeout of {limit:g} s.",
                    hint="Raise `timeout`.",
                )
        if on_text is not None and piece:
            on_text(piece)

    return watch
