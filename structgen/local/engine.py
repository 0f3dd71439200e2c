"""Engines: a model in this process, driven through outlines, that answers under a grammar.

A loaded model is shared by all engines of the same model and settings, and closed with the last of them, or at exit.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from structgen.errors import ConfigurationError, EngineError
from structgen.local.decode.session import RUNTIMES, Loaded
from structgen.local.decode.text_stream import Pieces
from structgen.local.models import catalog
from structgen.local.runtimes.base import Settings
from structgen.options import Options
from structgen.values import Answer, JsonSchema, Message

if TYPE_CHECKING:
    from structgen.local.decode.outlines_model import Steered

MAX_CONTEXT: Final = 8192
"""Tokens of context where `context` is not set and the model could hold more: memory grows with it."""

_DEFAULTS: Final = Options()
_OF_FILES: Final = "xllamacpp"
_OF_FOLDERS: Final = "transformers"


class Engine:
    """A model in this process: `generate` and `agenerate` answer messages, held to a schema where there is one.

    `name`: runtime and grammar engine, for people; `model`; `context`: tokens of prompt and answer together. Safe to use from many
    threads and tasks: each answer has its own state, and waits for a free slot. Usable as a context manager.
    """

    def __init__(self, loaded: Loaded, name: str) -> None:
        self.name = name
        self.model = loaded.model.name
        self.context = loaded.settings.context
        self._loaded = loaded
        self._open = True

    def __repr__(self) -> str:
        return f"Engine(name={self.name!r}, model={self.model!r}, context={self.context})"

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None = None,
        options: Options = _DEFAULTS,
        document: str | None = None,
    ) -> Answer:
        """Answer the messages; with a `schema`, the finished text is proved to be a sentence of its grammar.

        `document`: the text in which grounded values have to stand. `temperature` is 0 where unset; `timeout` counts from when the
        model is loaded and free. With a schema the answer is always whole where any answer fits `max_tokens`; values that were
        ended for that are listed in `shortened`. Finish reason `length` means that none fits, or that free text was cut.
        Raises EnginePromptTooLongError (nothing was decoded), GrammarError, ModelMissingError, ModelCorruptError, MissingPackage, EngineError, and
        ConfigurationError for options that do not go together.
        """
        cancelled = threading.Event()
        try:
            return self._answering(messages, schema, options, document)(cancelled)
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
        call = partial(self._answering(messages, schema, options, document), cancelled)
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
    ) -> Pieces:
        """As `generate`, with the text as it is written. Closing the stream ends the decoding."""
        return Pieces(self._loaded.threads, self._answering(messages, schema, options, document))

    def count(self, messages: Sequence[Message]) -> int:
        """Tokens of the messages as the model reads them. An answer has `context` less that."""
        self._check()
        return self._loaded.count(messages)

    def outlines(self) -> Steered:
        """The model for outlines: `outlines.Generator(engine.outlines(), type)(prompt, max_tokens=...)`."""
        self._check()
        self._loaded.ready()
        return self._loaded.steered

    def _answering(self, *asked: Any) -> partial[Answer]:
        self._check()
        return partial(self._loaded.answer, *asked)

    def close(self) -> None:
        """Give the model back; the last engine that uses it frees it, after the answers under way. Closing twice does nothing."""
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
            raise EngineError("The engine is closed.", hint="Open another with open_engine().")


_loaded: dict[tuple[Any, ...], Loaded] = {}
_loaded_lock = threading.Lock()


def open_engine(
    model: str = catalog.DEFAULT,
    *,
    runtime: str | None = None,
    context: int | None = None,
    threads: int | None = None,
    parallel: int = 1,
    device: str = "auto",
    say: catalog.Say = catalog.say,
) -> Engine:
    """An engine for `model`: "local" (the default model), the name of a packaged model, or the path of a GGUF file or of
    a folder with a model in transformers' layout.

    `runtime`: a name in `RUNTIMES` (default: transformers for a folder, else xllamacpp); `device`: where transformers computes
    ("cpu", "cuda", ...; default: an accelerator where there is one).
    `context`: tokens of prompt and answer together (default: the model's own, at most `MAX_CONTEXT`); `threads`: of computation
    (default: $STRUCTGEN_THREADS, else half of the cores this process may use); `parallel`: answers at a time, each with a context
    of its own. The model is fetched, where it has to be, and loaded by the first call; `say` is told what takes time (default:
    standard error). Raises ModelMissingError, ModelCorruptError and ConfigurationError.
    """
    found = catalog.find(model)
    runtime = _runtime(runtime, found, device)
    settings = Settings(
        context=_positive(
            "context", context if context is not None else min(found.context, MAX_CONTEXT)
        ),
        threads=_positive("threads", threads if threads is not None else _cores()),
        parallel=_positive("parallel", parallel),
        device=device,
    )
    key = (runtime, found, settings)
    with _loaded_lock:
        loaded = _loaded.get(key)
        if loaded is None:
            loaded = _loaded[key] = Loaded(found, runtime, settings, say)
        loaded.users += 1
    return Engine(loaded, f"outlines+{runtime}/llguidance")


def _runtime(asked: str | None, model: catalog.Model, device: str) -> str:
    runtime = asked or (_OF_FOLDERS if model.file.is_dir() else _OF_FILES)
    if runtime not in RUNTIMES:
        raise ConfigurationError(
            f"There is no runtime {runtime!r}.", hint=f"Known: {', '.join(RUNTIMES)}."
        )
    if runtime != _OF_FOLDERS and model.file.is_dir():
        raise ConfigurationError(
            f"The runtime {runtime} reads .gguf files, {model.name} is a folder.",
            hint="Leave `runtime` unset.",
        )
    if runtime != _OF_FOLDERS and device != "auto":
        raise ConfigurationError(
            f"The runtime {runtime} computes where its build computes; `device` is for {_OF_FOLDERS}.",
            hint="Leave `device` unset.",
        )
    return runtime


def _release(loaded: Loaded) -> None:
    with _loaded_lock:
        loaded.users -= 1
        last = loaded.users == 0
        if last:
            for key in [key for key, value in _loaded.items() if value is loaded]:
                del _loaded[key]
    if last:
        loaded.close()


@atexit.register
def _close_all() -> None:
    while _loaded:
        _loaded.popitem()[1].close()


def _positive(name: str, value: int) -> int:
    if value < 1:
        raise ConfigurationError(f"`{name}` is {value}; it has to be at least 1.")
    return value


def _cores() -> int:
    if wanted := os.environ.get("STRUCTGEN_THREADS", ""):
        try:
            return int(wanted)
        except ValueError:
            raise ConfigurationError(
                f"$STRUCTGEN_THREADS is {wanted!r}; it has to be a number."
            ) from None
    logical = (
        len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    )
    # Threads wait for one another at every layer, so one that shares its core with other work stalls them all: on a busy machine of
    # two cores, two threads are five to ten times slower than one, and on an idle one a third faster.
    return max(1, logical // 2)
