"""llama.cpp in this process (xllamacpp), driven by `outlines.Generator`.

Facts about the runtime that this file guards against: its server always listens on a port of 127.0.0.1, so the listener gets a
random key; an exception in its stream callback is swallowed, so ours is kept and raised afterwards; most errors come as a
dictionary in place of an answer; and a grammar that it refuses is ignored, so it is only given what llguidance has accepted.
"""

from __future__ import annotations

import json
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from queue import SimpleQueue
from typing import Any, Final, cast

import xllamacpp
from outlines import Generator
from outlines.inputs import Chat
from outlines.models import VLLMOffline
from outlines.models.base import ModelTypeAdapter
from outlines.types import CFG, JsonSchema
from outlines.types.dsl import python_types_to_terms, to_regex

from structgen.errors import EngineError
from structgen.local import models
from structgen.local.engine import MAX_TOKENS, Completion, Settings, exceeded
from structgen.local.grammar import grammar, lark_of_regex
from structgen.types import Message, Usage

_FIRST: Final = {"messages": [{"role": "user", "content": "a"}], "grammar": '%llguidance {}\nstart: "a"', "max_tokens": 1}
"""The first request with a grammar indexes the vocabulary for all others, so it is part of loading."""


def load(model: models.Model, settings: Settings) -> XLlamaCpp:
    """Start llama.cpp with the model. Raises ModelCorrupt, EngineError."""
    params = xllamacpp.CommonParams()
    params.model.path = str(model.file)
    params.n_ctx = settings.context * settings.parallel
    params.n_parallel = settings.parallel
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = settings.threads
    params.api_keys = [secrets.token_urlsafe(32)]
    params.verbosity = 0
    params.cache_ram_mib = 0  # by default it keeps up to 8 GiB of earlier prompts
    params.fit_params = False
    try:
        server = xllamacpp.Server(params)
    except RuntimeError as error:
        raise models.unloadable(model) from error
    driven = XLlamaCpp(server)
    driven._chat(_FIRST, _ignore)
    return driven


class _Adapter(ModelTypeAdapter):
    """outlines' inputs and output types -> members of a request to llama.cpp."""

    def format_input(self, model_input: Any) -> list[Message]:
        if isinstance(model_input, str):
            return [{"role": "user", "content": model_input}]
        return list(model_input.messages if isinstance(model_input, Chat) else model_input)

    def format_output_type(self, output_type: Any | None = None) -> dict[str, str]:
        if output_type is None:
            return {}
        term = python_types_to_terms(output_type)
        if isinstance(term, CFG):
            return {"grammar": term.definition}
        if isinstance(term, JsonSchema):
            return {"grammar": grammar(json.loads(term.schema), MAX_TOKENS).text}
        return {"grammar": lark_of_regex(to_regex(term))}


class _Text(str):
    """What outlines hands on is the text alone; this one remembers how it came about."""

    completion: Completion


class XLlamaCpp(VLLMOffline):
    """An outlines model over a running xllamacpp server.

    `Generator` takes only the classes outlines knows; of those, its other in-process engine that is given the constraint, not the
    logits, is the nearest relative. Nothing is inherited but the kinship.
    """

    name = "xllamacpp"

    def __init__(self, server: Any) -> None:
        self._server = server
        self.type_adapter = _Adapter()

    # -- for outlines

    def generate(self, model_input: Any, output_type: Any | None = None, **inference_kwargs: Any) -> str:
        done = self._chat(self._body(model_input, output_type, inference_kwargs), inference_kwargs.get("watch", _ignore))
        text = _Text(done.text)
        text.completion = done
        return text

    def generate_batch(self, model_input: list[Any], output_type: Any | None = None, **inference_kwargs: Any) -> list[Any]:
        return [self.generate(one, output_type, **inference_kwargs) for one in model_input]

    def generate_stream(self, model_input: Any, output_type: Any | None = None, **inference_kwargs: Any) -> Iterator[str]:
        body = self._body(model_input, output_type, inference_kwargs)
        pieces: SimpleQueue[str | BaseException | None] = SimpleQueue()
        left = threading.Event()

        def put(piece: str) -> None:
            if left.is_set():
                raise GeneratorExit
            pieces.put(piece)

        def run() -> None:
            try:
                self._chat(body, put)
                pieces.put(None)
            except BaseException as error:  # raised below, in the thread that reads
                pieces.put(error)

        threading.Thread(target=run, daemon=True).start()
        try:
            while (piece := pieces.get()) is not None:
                if isinstance(piece, BaseException):
                    raise piece
                yield piece
        finally:
            left.set()

    # -- for the engine

    def count(self, messages: Sequence[Message], slot: int) -> Completion:
        return self._chat({"messages": list(messages), "max_tokens": 0, "id_slot": slot}, _ignore)

    def complete(
        self, messages: Sequence[Message], grammar: str | None, sampling: Mapping[str, Any], slot: int, watch: Callable[[str], None]
    ) -> Completion:
        generator = Generator(self, None if grammar is None else CFG(grammar))
        text = generator(Chat([dict(message) for message in messages]), **sampling, id_slot=slot, watch=watch)
        return cast("_Text", text).completion

    def close(self) -> None:
        self._server = None

    # -- for both

    def _body(self, model_input: Any, output_type: Any, settings: Mapping[str, Any]) -> dict[str, Any]:
        members = {"max_tokens": MAX_TOKENS, **settings}
        members.pop("watch", None)
        held = self.type_adapter.format_output_type(output_type)
        return {**members, "messages": self.type_adapter.format_input(model_input), **held}

    def _chat(self, body: dict[str, Any], see: Callable[[str], None]) -> Completion:
        """Perform a request; `see` gets each piece of text, and ends the answer by raising."""
        chunks = _Chunks(see)
        try:
            self._server.handle_chat_completions({**body, "stream": True, "stream_options": {"include_usage": True}}, chunks.take)
        except (ValueError, RuntimeError) as error:
            raise _refused(str(error)) from None
        return chunks.completion()


class _Chunks:
    """Collects what the stream callback is given. Nothing it raises would get out of the callback, so it keeps the error."""

    def __init__(self, see: Callable[[str], None]) -> None:
        self._see = see
        self._text: list[str] = []
        self._reasoning: list[str] = []
        self._finish: str | None = None
        self._last: dict[str, Any] = {}
        self._error: BaseException | None = None

    def take(self, chunk: dict[str, Any]) -> bool:
        """Read one chunk; True ends the answer."""
        try:
            self._read(chunk)
        except BaseException as error:  # raised by `completion`
            self._error = error
        return self._error is not None

    def _read(self, chunk: dict[str, Any]) -> None:
        if "error" in chunk:
            raise _fault(chunk["error"])
        for choice in chunk["choices"]:
            self._finish = choice["finish_reason"] or self._finish
            self._reasoning.append(choice["delta"].get("reasoning_content") or "")
            piece = choice["delta"].get("content") or ""
            self._text.append(piece)
            self._see(piece)
        self._last = chunk

    def completion(self) -> Completion:
        if self._error is not None:
            raise self._error
        if self._finish is None or "timings" not in self._last:
            raise EngineError("llama.cpp ended an answer without saying why.", hint="Try again, or with a newer xllamacpp.")
        usage, timings = self._last["usage"], self._last["timings"]
        return Completion(
            text="".join(self._text),
            finish=self._finish,
            reasoning="".join(self._reasoning) or None,
            usage=Usage(
                prompt_tokens=usage["prompt_tokens"],
                completion_tokens=usage["completion_tokens"],
                cached_tokens=usage.get("prompt_tokens_details", {}).get("cached_tokens", 0),
            ),
            seconds={"prefill": timings["prompt_ms"] / 1000, "decode": timings["predicted_ms"] / 1000},
            raw=self._last,
        )


def _fault(error: Mapping[str, Any]) -> EngineError:
    if error.get("type") == "exceed_context_size_error":
        return exceeded(error["n_prompt_tokens"], error["n_ctx"])
    return _refused(str(error.get("message")))


def _refused(said: str) -> EngineError:
    """What llama.cpp says, without the piece of the messages that its JSON reader quotes."""
    return EngineError(f"llama.cpp refused the request: {said.split('; last read')[0][:200]}")


def _ignore(_: str) -> None:
    """Nothing to see."""
