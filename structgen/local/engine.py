"""Engines: a model in this process that answers under a grammar, driven through outlines.

All engines of the same model and settings share one loaded model. It is closed with the last of
them, or at exit.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from structgen.errors import ConfigurationError, EngineError
from structgen.local.decode.session import RUNTIMES, LoadedModel
from structgen.local.decode.text_stream import EngineTextStream
from structgen.local.grammar.engines import GRAMMAR_ENGINES
from structgen.local.models import catalog
from structgen.local.models.packages import Log, log_to_stderr
from structgen.local.runtimes.base import Settings
from structgen.options import Options
from structgen.values import Answer, JsonSchema, Message

if TYPE_CHECKING:
    from structgen.answer.taking_back import TakingBack
    from structgen.local.decode.outlines_model import OutlinesModel

MAX_CONTEXT: Final = 8192
"""Tokens of context if `context` is not set and the model could hold more: memory grows with it."""

_DEFAULTS: Final = Options()
_FILE_RUNTIME: Final = "xllamacpp"
_FOLDER_RUNTIME: Final = "transformers"


class Engine:
    """A model in this process. `open_engine` makes engines.

    Many threads and tasks may use it: each answer has its own state and waits for a free place.
    Close it, or use it as a context manager.
    """

    name: str
    """The runtime and the grammar engine, for people."""
    model: str
    """The name of the model."""
    family: str
    """The size and family of the model as its file tells them; "" if only its name does."""
    context: int
    """Tokens of prompt and answer together."""
    grammar: str
    """The grammar engine, and the schema language that it takes."""
    sees: bool
    """Whether it reads images: whether the model has a projector."""
    own_files: tuple[os.PathLike[str], ...]
    """The files of a model that is not packaged, and of its projector."""

    def __init__(self, loaded: LoadedModel, name: str) -> None:
        self.name, self.grammar = name, loaded.settings.grammar
        self.model, self.family = loaded.model.name, loaded.model.family
        self.context = loaded.settings.context
        self.sees = loaded.model.projector is not None
        self.own_files = loaded.model.own_files
        self._loaded = loaded
        self._open = True
        self._rules: TakingBack | None = None

    def __repr__(self) -> str:
        return f"Engine(name={self.name!r}, model={self.model!r}, context={self.context})"

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None = None,
        options: Options = _DEFAULTS,
        document: str | None = None,
    ) -> Answer:
        """Answer the messages.

        With a schema the answer is whole and valid if any answer fits `max_tokens`; the values that
        were ended early to fit are listed in its `shortened`. The finish reason `length` means that
        no answer fits, or that free text was cut.

        Args:
            messages: The conversation so far.
            schema: The compiled schema that the answer has to follow; None for free text.
            options: The options of the call. `temperature` is 0 if it is not set. `timeout` counts
                from when the model is loaded and free.
            document: The text that grounded values must be copied from; None if none is grounded.

        Raises:
            InputError: If an image cannot be read, or the model does not see.
            EnginePromptTooLongError: If the prompt does not fit the context. Nothing was decoded.
            GrammarError: If the grammar engine refuses the schema.
            ModelMissingError: If the model is not here and cannot be fetched.
            ModelCorruptError: If its file is damaged.
            MissingPackage: If a package of the runtime is not installed.
            EngineError: If the model fails or takes longer than `timeout`.
            ConfigurationError: If options do not go together.
        """
        cancelled = threading.Event()
        try:
            return self._call(messages, schema, options, document)(cancelled)
        finally:
            cancelled.set()

    async def agenerate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None = None,
        options: Options = _DEFAULTS,
        document: str | None = None,
    ) -> Answer:
        """As `generate`, in a worker thread. Cancelling the task ends the decoding."""
        cancelled = threading.Event()
        call = partial(self._call(messages, schema, options, document), cancelled)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._loaded.threads, call)
        finally:
            cancelled.set()

    def stream(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None = None,
        options: Options = _DEFAULTS,
        document: str | None = None,
    ) -> EngineTextStream:
        """As `generate`, handing out the text while it is written. Closing the stream stops it."""
        return EngineTextStream(
            self._loaded.threads, self._call(messages, schema, options, document)
        )

    async def adecide(self, messages: Sequence[Message], schema: JsonSchema) -> Answer:
        """Answer under a schema, and score every option of its closed values.

        It costs more than an answer, which stops scoring when the best option is known.

        Args:
            messages: The conversation so far.
            schema: The compiled schema that the answer has to follow.

        Returns:
            The answer. Its `alternatives` have all options of each closed value.

        Raises:
            InputError: If an image cannot be read, or the model does not see.
            EnginePromptTooLongError: If the prompt does not fit the context.
            GrammarError: If the grammar engine refuses the schema.
            EngineError: If the model fails.
        """
        self._check()
        self.check(messages)
        cancelled = threading.Event()
        call = partial(self._loaded.decide, messages, schema, cancelled)
        try:
            return await asyncio.get_running_loop().run_in_executor(self._loaded.threads, call)
        finally:
            cancelled.set()

    def prepare(self, schema: JsonSchema) -> None:
        """Compile the grammar of a schema, so that the next answer under it need not wait for that.

        Args:
            schema: The compiled schema.

        Raises:
            GrammarError: If the grammar engine refuses the schema.
            EngineError: If the engine is closed or the model cannot be loaded.
        """
        self._check()
        self._loaded.prepare(schema)

    def count(self, messages: Sequence[Message]) -> int:
        """Count the tokens of the messages. An answer may have `context` less that.

        Args:
            messages: The conversation so far.

        Raises:
            InputError: If they hold an image and the model does not see.
            EngineError: If the engine is closed or the model cannot be loaded.
        """
        self._check()
        self.check(messages)
        return self._loaded.count(messages)

    def check(self, messages: Sequence[Message]) -> None:
        """Raise if the model cannot be shown what messages hold beside texts. Nothing is loaded.

        Args:
            messages: The messages to ask.

        Raises:
            InputError: If they hold an image and the model does not see, or a file.
        """
        self._loaded.check(messages)

    def outlines(self) -> OutlinesModel:
        """Load the model for outlines: `outlines.Generator(engine.outlines(), type)(prompt)`.

        Raises:
            EngineError: If the engine is closed or the model cannot be loaded.
        """
        self._check()
        self._loaded.ready()
        return self._loaded.outlines_model

    def taking_back(self, rules: TakingBack) -> Engine:
        """This engine, which takes texts back while it writes. Do not close it.

        Args:
            rules: What texts are taken back once they have closed.
        """
        other = copy(self)
        other._rules = rules
        return other

    def _call(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        document: str | None,
    ) -> partial[Answer]:
        self._check()
        self.check(messages)
        answer = self._loaded.answer
        return partial(answer, messages, schema, options, document, rules=self._rules)

    def close(self) -> None:
        """Give the model back. The last engine that uses it frees it, after the answers under way.

        Closing twice does nothing.
        """
        if self._open:
            self._open = False
            _release(self._loaded)

    async def aclose(self) -> None:
        """As `close`, without blocking the event loop."""
        await asyncio.to_thread(self.close)

    def __enter__(self) -> Engine:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check(self) -> None:
        if not self._open:
            raise EngineError("The engine is closed.", hint="Open another one with open_engine().")


_loaded: dict[tuple[Any, ...], LoadedModel] = {}
_loaded_lock = threading.Lock()


def open_engine(
    model: str = catalog.DEFAULT,
    *,
    runtime: str | None = None,
    grammar: str = "llguidance",
    context: int | None = None,
    threads: int | None = None,
    parallel: int = 1,
    device: str = "auto",
    mmproj: str | os.PathLike[str] | None = None,
    log: Log = log_to_stderr,
) -> Engine:
    """Open an engine. The first call fetches the model, if it has to be, and loads it.

    Args:
        model: "local" (the default model), the name of a packaged model, the path of a GGUF
            file, or the path of a folder with a model in transformers' layout.
        runtime: A name in `RUNTIMES`; by default transformers for a folder, else xllamacpp.
        grammar: The grammar engine: "llguidance", or "xgrammar" if it is installed.
        context: Tokens of prompt and answer together; by default the model's own, at most
            `MAX_CONTEXT`.
        threads: Threads of computation; by default $STRUCTGEN_THREADS, else half of the cores that
            this process may use.
        parallel: Answers at a time, each with a context of its own.
        device: Where transformers computes ("cpu", "cuda", ...); by default an accelerator if there
            is one.
        mmproj: The GGUF file of the model's projector, with which it sees images; by default the
            one file beside the model whose name has "mmproj" in it. The first image loads it.
        log: Called with a line about anything that takes long; by default it goes to standard
            error.

    Raises:
        ModelMissingError: If there is no such model.
        ModelCorruptError: If the file is no model.
        ConfigurationError: If an argument is out of range, or does not go with the runtime.
    """
    found = catalog.find(model, mmproj)
    runtime = _runtime(runtime, found, device)
    if runtime == _FOLDER_RUNTIME:
        if mmproj is not None:
            raise ConfigurationError(
                f"The runtime {runtime} takes no `mmproj`: it reads texts alone.",
                hint=f"Leave `runtime` unset, or use {_FILE_RUNTIME}.",
            )
        found = replace(found, projector=None)
    if grammar not in GRAMMAR_ENGINES:
        raise ConfigurationError(
            f"There is no grammar engine {grammar!r}.",
            hint=f"Use one of {', '.join(GRAMMAR_ENGINES)}.",
        )
    settings = Settings(
        context=_positive(
            "context", context if context is not None else min(found.context, MAX_CONTEXT)
        ),
        threads=_positive("threads", threads if threads is not None else _cores()),
        parallel=_positive("parallel", parallel),
        device=device,
        grammar=grammar,
    )
    key = (runtime, found, settings)
    with _loaded_lock:
        loaded = _loaded.get(key)
        if loaded is None:
            loaded = _loaded[key] = LoadedModel(found, runtime, settings, log)
        loaded.users += 1
    return Engine(loaded, f"outlines+{runtime}/{grammar}")


def _runtime(asked: str | None, model: catalog.Model, device: str) -> str:
    runtime = asked or (_FOLDER_RUNTIME if model.file.is_dir() else _FILE_RUNTIME)
    if runtime not in RUNTIMES:
        raise ConfigurationError(
            f"There is no runtime {runtime!r}.", hint=f"Use one of {', '.join(RUNTIMES)}."
        )
    if runtime != _FOLDER_RUNTIME and model.file.is_dir():
        raise ConfigurationError(
            f"The runtime {runtime} reads .gguf files, but {model.name} is a folder.",
            hint="Leave `runtime` unset.",
        )
    if runtime != _FOLDER_RUNTIME and device != "auto":
        raise ConfigurationError(
            f"The runtime {runtime} takes no `device`: it computes where it was built for.",
            hint=f"Leave `device` unset, or use the runtime {_FOLDER_RUNTIME}.",
        )
    return runtime


def _release(loaded: LoadedModel) -> None:
    with _loaded_lock:
        loaded.users -= 1
        last = loaded.users == 0
        if last:
            for key in [key for key, value in _loaded.items() if value is loaded]:
                del _loaded[key]
    if last:
        loaded.close()


def _begin_anew() -> None:
    """Let a forked process load its own models: the threads that compute are not in it."""
    global _loaded_lock
    _loaded_lock = threading.Lock()
    for loaded in _loaded.values():
        loaded.begin_anew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)


@atexit.register
def _close_all() -> None:
    while _loaded:
        _loaded.popitem()[1].close()


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise ConfigurationError(f"`{name}` is {value}, but must be at least 1.")
    return value


def _cores() -> int:
    if wanted := os.environ.get("STRUCTGEN_THREADS", ""):
        try:
            return int(wanted)
        except ValueError:
            raise ConfigurationError(
                f"$STRUCTGEN_THREADS is {wanted!r}, but must be a whole number."
            ) from None
    logical = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    # Threads wait for one another at every layer, so one that shares its core with other work
    # stalls them all. Measured on two cores: two threads are five to ten times slower than one
    # if the machine is busy, and a third faster if it is idle.
    return max(1, logical // 2)
