"""Models through Hugging Face transformers: a folder of safetensors, or a GGUF file.

The weights of a GGUF file are unpacked to full size. Nothing is fetched, and no code that comes
with a model is run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import copy
from inspect import signature
from typing import TYPE_CHECKING, Any, Final

import llguidance.hf
import torch
import transformers

from structgen.errors import EngineError, MissingPackage
from structgen.local.models import catalog, chat_template
from structgen.local.runtimes.base import Part, Vocabulary
from structgen.values import Message

if TYPE_CHECKING:
    from structgen.local.runtimes.base import Rows, Settings

_BATCH: Final = 512
"""Tokens of one `decode`, so that short steps do not wait long behind a prompt."""


def load(model: catalog.Model, settings: Settings) -> Transformers:
    """Load a model onto `settings.device`.

    On a CPU it computes in float32, because shorter numbers are slower there; elsewhere as it is
    stored.

    Args:
        model: The model; its file or folder is here.
        settings: How it is run.

    Raises:
        MissingPackage: If a package that the model needs is not installed.
        ModelCorruptError: If the files are damaged.
        EngineError: If the machine lacks the device or the memory.
    """
    device = _device(settings.device)
    where: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    folder = model.file
    if not folder.is_dir():
        where["gguf_file"] = folder.name
        folder = folder.parent
    try:
        with _threads(settings.threads):
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, **where)
            dtype = torch.float32 if device.type == "cpu" else "auto"
            loaded: Any = transformers.AutoModelForCausalLM.from_pretrained(
                folder, dtype=dtype, **where
            )
            return Transformers(loaded.to(device).eval(), tokenizer, settings)
    except EngineError:
        raise
    except ImportError as missing:
        raise MissingPackage(missing.name or "gguf", "transformers") from missing
    except (
        Exception
    ) as error:  # whatever transformers, safetensors and tokenizers make of a damaged file
        raise (_no_memory() if _is_memory(error) else catalog.unloadable(model)) from error


class Transformers:
    """A `Runtime` over a causal language model. Each sequence has a cache and is computed by
    itself.
    """

    name = "transformers"
    build = ""
    batch = _BATCH

    def __init__(self, model: Any, tokenizer: Any, settings: Settings) -> None:
        self.context, self.sequences = settings.context, settings.parallel
        if model._is_stateful:
            raise EngineError(
                "Cannot run this model: it keeps a state that cannot be shortened.",
                hint="Run it as a GGUF file with llama.cpp.",
            )
        self._model, self._tokenizer, self._number = (
            model,
            tokenizer.backend_tokenizer,
            settings.threads,
        )
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._plain = copy(self._tokenizer)
        self._plain.encode_special_tokens = True  # control tokens in a document are plain text
        # Renamed in transformers 5.24; models that were written for older ones still have the
        # old name.
        self._cache = (
            "cache" if "cache" in signature(model.forward).parameters else "past_key_values"
        )
        self._caches = [transformers.DynamicCache() for _ in range(settings.parallel)]
        self.vocabulary = _vocabulary(model, tokenizer)
        self._marks = [
            token.content
            for token in self._tokenizer.get_added_tokens_decoder().values()
            if token.special
        ]
        source = tokenizer.chat_template or ""
        source = source.get("default", "") if isinstance(source, dict) else source
        self._template = chat_template.template(source)
        begins = (
            self._tokenizer.encode("").ids[:1] == [tokenizer.bos_token_id] or "bos_token" in source
        )
        self._begin = (
            [tokenizer.bos_token_id] if begins and tokenizer.bos_token_id is not None else []
        )

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        pieces = chat_template.parts(self._template, messages)
        parts = [(str(piece.content), piece.trusted) for piece in pieces]
        if any(mark in text for text, trusted in parts if not trusted for mark in self._marks):
            cut = [
                (self._tokenizer if trusted else self._plain).encode(text, add_special_tokens=False)
                for text, trusted in parts
            ]
            tokens = [token for piece in cut for token in piece.ids]
        else:  # whole, it is cut into tokens as in training
            tokens = self._tokenizer.encode(
                "".join(text for text, _ in parts), add_special_tokens=False
            ).ids
        return tokens if tokens[:1] == self._begin else self._begin + tokens

    def decode(self, parts: Sequence[Part]) -> list[Rows]:
        try:
            with torch.inference_mode(), _threads(self._number):
                return [self._part(part) for part in parts]
        except Exception as error:  # each model is a program of its own, and can raise anything
            raise _no_memory() if _is_memory(error) else _failed() from error

    def _part(self, part: Part) -> Rows:
        tokens = torch.tensor([part.tokens], device=self._model.device)
        cache = {self._cache: self._caches[part.sequence]}
        wanted = len(part.tokens) if part.each else 1
        out = self._model(tokens, **cache, use_cache=True, logits_to_keep=wanted)
        size = len(self.vocabulary.pieces)
        rows: Rows = out.logits[0, -wanted:, :size].float().cpu().numpy()
        return rows

    def keep(self, sequence: int, length: int) -> int:
        return self.copy(sequence, sequence, length)

    def copy(self, source: int, target: int, length: int) -> int:
        copied = transformers.DynamicCache()
        layers: list[Any] = self._caches[source].layers
        for index, layer in enumerate(layers):
            copied.update(layer.keys[:, :, :length], layer.values[:, :, :length], index)
        self._caches[target] = copied
        return length

    def state(self, sequence: int) -> bytes:
        return b""

    def restore(self, sequence: int, state: bytes, length: int) -> bool:
        self.keep(sequence, 0)
        return False

    def close(self) -> None:
        del self._model, self._caches


def _vocabulary(model: Any, tokenizer: Any) -> Vocabulary:
    """The tokenizer's tokens. The model may score more, because its table is padded."""
    config = model.generation_config.eos_token_id
    named = [*(config if isinstance(config, list) else [config]), tokenizer.eos_token_id]
    ends = frozenset(token for token in named if token is not None)
    engine = llguidance.hf.from_tokenizer(tokenizer, eos_token=sorted(ends))
    size = engine.vocab_size
    if size > model.config.get_text_config().vocab_size:
        raise EngineError(
            "The tokenizer has more tokens than the model.",
            hint="Use the tokenizer that the model was trained with.",
        )
    special = {
        token for token, added in tokenizer.added_tokens_decoder.items() if added.special
    } | ends
    pieces = [b"" if token in special else engine.decode_bytes([token]) for token in range(size)]
    return Vocabulary(pieces, ends, engine)


def _device(name: str) -> torch.device:
    if name == "auto":
        name = (
            "cuda"
            if torch.cuda.is_available()
            else "mps"
            if torch.backends.mps.is_available()
            else "cpu"
        )
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:  # the latter if torch was built without it
        raise EngineError(
            f"This machine, or its torch, has no device {name!r}.",
            hint='Set device="cpu" or "auto".',
        ) from error


@contextmanager
def _threads(number: int) -> Iterator[None]:
    """Compute on so many threads. The setting is the process's own, so it is put back."""
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _is_memory(error: BaseException) -> bool:
    return isinstance(error, (torch.OutOfMemoryError, MemoryError)) or "alloc" in str(error).lower()


def _failed() -> EngineError:
    return EngineError(
        "transformers could not compute the next token.",
        hint="Try the model as a GGUF file with llama.cpp, or another version of transformers.",
    )


def _no_memory() -> EngineError:
    return EngineError(
        "Memory is short for the model and its contexts.",
        hint="Set a smaller `context` or `parallel`.",
    )
