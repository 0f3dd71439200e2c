"""llama.cpp in this process, through its C API (llama.h), from any package that brings the library.

It uses only parts of that header that have been stable for years: functions on opaque pointers,
the batch structure, and the first four numbers of the context's parameters. These are read back
from the finished context, so that a library with another layout is an error and never a wrong
setting.
"""

from __future__ import annotations

import ctypes
import importlib.util
import platform
import re
from collections.abc import Sequence
from ctypes import (
    POINTER,
    c_bool,
    c_char_p,
    c_float,
    c_int,
    c_int8,
    c_int32,
    c_size_t,
    c_uint32,
    c_void_p,
)
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy
from llguidance import LLTokenizer

from structgen.errors import EngineError, MissingPackage
from structgen.local.models import catalog, chat_template
from structgen.local.runtimes.base import Part, Vocabulary
from structgen.values import Message

if TYPE_CHECKING:
    from structgen.local.runtimes.base import Rows, Settings

_BATCH: Final = 512
"""Tokens of a batch: llama.cpp's own default for one pass."""
_ATTRIBUTE_CONTROL: Final = 1 << 3
_ATTRIBUTE_USER_DEFINED: Final = 1 << 4
"""Bits of llama_token_attr."""
_FULL: Final = 1
"""The status of llama_decode if the context has no room."""


class _Params(ctypes.Structure):
    """Any parameter structure, with room to spare: they are passed in memory, so longer ones
    fit.
    """

    _fields_ = [("words", c_uint32 * 128)]  # as ctypes wants it


class _Batch(ctypes.Structure):
    _fields_ = [
        ("size", c_int32),
        ("tokens", POINTER(c_int32)),
        ("embeddings", c_void_p),
        ("places", POINTER(c_int32)),
        ("sequence_counts", POINTER(c_int32)),
        ("sequences", POINTER(POINTER(c_int32))),
        ("outputs", POINTER(c_int8)),
    ]


_LOG: Final = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)
_silent = _LOG(lambda *_: None)

_FUNCTIONS: Final[dict[str, tuple[Any, list[Any]]]] = {
    "llama_log_set": (None, [_LOG, c_void_p]),
    "llama_backend_init": (None, []),
    "llama_model_default_params": (_Params, []),
    "llama_context_default_params": (_Params, []),
    "llama_model_load_from_file": (c_void_p, [c_char_p, _Params]),
    "llama_model_free": (None, [c_void_p]),
    "llama_model_get_vocab": (c_void_p, [c_void_p]),
    "llama_model_chat_template": (c_char_p, [c_void_p, c_char_p]),
    "llama_init_from_model": (c_void_p, [c_void_p, _Params]),
    "llama_free": (None, [c_void_p]),
    "llama_n_ctx": (c_uint32, [c_void_p]),
    "llama_n_batch": (c_uint32, [c_void_p]),
    "llama_n_ubatch": (c_uint32, [c_void_p]),
    "llama_n_seq_max": (c_uint32, [c_void_p]),
    "llama_set_n_threads": (None, [c_void_p, c_int32, c_int32]),
    "llama_get_memory": (c_void_p, [c_void_p]),
    "llama_memory_seq_rm": (c_bool, [c_void_p, c_int32, c_int32, c_int32]),
    "llama_memory_seq_cp": (None, [c_void_p, c_int32, c_int32, c_int32, c_int32]),
    "llama_memory_seq_pos_max": (c_int32, [c_void_p, c_int32]),
    "llama_state_seq_get_size": (c_size_t, [c_void_p, c_int32]),
    "llama_state_seq_get_data": (c_size_t, [c_void_p, c_char_p, c_size_t, c_int32]),
    "llama_state_seq_set_data": (c_size_t, [c_void_p, c_char_p, c_size_t, c_int32]),
    "llama_decode": (c_int32, [c_void_p, _Batch]),
    "llama_get_logits_ith": (POINTER(c_float), [c_void_p, c_int32]),
    "llama_vocab_n_tokens": (c_int32, [c_void_p]),
    "llama_vocab_is_eog": (c_bool, [c_void_p, c_int32]),
    "llama_vocab_get_attr": (c_int, [c_void_p, c_int32]),
    "llama_vocab_get_add_bos": (c_bool, [c_void_p]),
    "llama_vocab_bos": (c_int32, [c_void_p]),
    "llama_vocab_eos": (c_int32, [c_void_p]),
    "llama_token_to_piece": (c_int32, [c_void_p, c_int32, c_char_p, c_int32, c_int32, c_bool]),
    "llama_tokenize": (
        c_int32,
        [c_void_p, c_char_p, c_int32, POINTER(c_int32), c_int32, c_bool, c_bool],
    ),
}


def library(package: str, pattern: str, extra: str) -> Any:
    """Load the llama.cpp library that a package brings.

    Args:
        package: The package.
        pattern: The name of the library's file in it, with wildcards.
        extra: The extra of structgen that installs the package.

    Raises:
        MissingPackage: If the package is not installed.
        EngineError: If the library lacks a function that is needed.
    """
    spec = importlib.util.find_spec(package)
    files = (
        sorted(Path(spec.origin).parent.glob(pattern)) if spec is not None and spec.origin else []
    )
    if not files:
        raise MissingPackage(package, extra)
    found = ctypes.CDLL(str(files[0]))
    try:
        for name, (result, arguments) in _FUNCTIONS.items():
            function = getattr(found, name)
            function.restype, function.argtypes = result, arguments
    except AttributeError as error:
        raise _unknown(package) from error
    found.llama_log_set(_silent, None)
    found.llama_backend_init()
    return found


def _build_of(library: Any, package: str) -> str:
    """The library by its package's version and its file, since it may have been built here."""
    try:
        known = version(package)
    except PackageNotFoundError:
        known = "?"
    file = Path(library._name).stat()
    return f"{package} {known} {platform.machine()} {file.st_size} {file.st_mtime_ns}"


def _unknown(package: str) -> EngineError:
    return EngineError(
        f"This version of structgen does not know the llama.cpp library of {package}.",
        hint=f"Install the version of {package} that structgen asks for, or use another runtime.",
    )


class LlamaCpp:
    """A `Runtime` over libllama, for the model of a GGUF file."""

    def __init__(self, library: Any, name: str, model: catalog.Model, settings: Settings) -> None:
        self.name = name
        self.context = settings.context
        self.sequences = settings.parallel
        self.batch = min(_BATCH, settings.context * settings.parallel)
        self.build = _build_of(library, name)
        self._library = library
        self._model = library.llama_model_load_from_file(
            str(model.file).encode(), library.llama_model_default_params()
        )
        if not self._model:
            raise catalog.unloadable(model)
        self._context = self._open(settings)
        self._vocab = library.llama_model_get_vocab(self._model)
        self._memory = library.llama_get_memory(self._context)
        self.vocabulary = self._vocabulary()
        self._template = chat_template.template(
            (library.llama_model_chat_template(self._model, None) or b"").decode()
        )

    def _open(self, settings: Settings) -> int:
        library, params = self._library, self._library.llama_context_default_params()
        asked = (settings.context * settings.parallel, self.batch, self.batch, settings.parallel)
        params.words[0:4] = asked
        context: int | None = library.llama_init_from_model(self._model, params)
        if not context:
            library.llama_model_free(self._model)
            raise EngineError(
                f"Memory is short for {settings.parallel} contexts of {settings.context} tokens.",
                hint="Set a smaller `context` or `parallel`.",
            )
        got = (
            library.llama_n_ctx,
            library.llama_n_batch,
            library.llama_n_ubatch,
            library.llama_n_seq_max,
        )
        if any(read(context) < wanted for read, wanted in zip(got, asked, strict=True)):
            library.llama_free(context)
            library.llama_model_free(self._model)
            raise _unknown(self.name)
        library.llama_set_n_threads(context, settings.threads, settings.threads)
        return context

    # -- texts and tokens

    def _vocabulary(self) -> Vocabulary:
        library, vocab = self._library, self._vocab
        size = library.llama_vocab_n_tokens(vocab)
        room = ctypes.create_string_buffer(1 << 14)
        sizes = (
            library.llama_token_to_piece(vocab, token, room, len(room), 0, True)
            for token in range(size)
        )
        pieces = [ctypes.string_at(room, length) for length in sizes]
        special = frozenset(
            token for token in range(size) if self._is_special(token, pieces[token])
        )
        self._marks = re.compile(
            "|".join(re.escape(pieces[token].decode()) for token in special if pieces[token])
            or "(?!)"
        )
        ends = frozenset(token for token in special if library.llama_vocab_is_eog(vocab, token))
        engine = LLTokenizer.from_llamacpp(  # type: ignore[attr-defined]  # missing in its stubs
            tokens=[
                b"\xff" + piece if token in special else piece for token, piece in enumerate(pieces)
            ],
            vocab_ptr=vocab,
            tokenize_fptr=ctypes.cast(library.llama_tokenize, c_void_p).value,
            eos_token=sorted(ends) or [library.llama_vocab_eos(vocab)],
        )
        return Vocabulary(
            [b"" if token in special else piece for token, piece in enumerate(pieces)], ends, engine
        )

    def _is_special(self, token: int, piece: bytes) -> bool:
        kind = self._library.llama_vocab_get_attr(self._vocab, token)
        marked = kind & _ATTRIBUTE_USER_DEFINED and piece.startswith(b"<") and piece.endswith(b">")
        return bool(kind & _ATTRIBUTE_CONTROL or marked)

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        library, vocab = self._library, self._vocab
        parts = list(chat_template.parts(self._template, messages))
        if not any(self._marks.search(text) for text, trusted in parts if not trusted):
            # In one piece, it is cut into tokens as in training.
            parts = [("".join(text for text, _ in parts), True)]
        tokens: list[int] = []
        for text, trusted in parts:
            tokens += self._tokens(text.encode(), parse_special=trusted)
        first = library.llama_vocab_bos(vocab)
        if library.llama_vocab_get_add_bos(vocab) and tokens[:1] != [first]:
            tokens.insert(0, first)
        return tokens

    def _tokens(self, raw: bytes, *, parse_special: bool) -> list[int]:
        room = (c_int32 * (len(raw) + 8))()
        count = self._library.llama_tokenize(
            self._vocab, raw, len(raw), room, len(room), False, parse_special
        )
        return room[:count]

    # -- computing

    def decode(self, parts: Sequence[Part]) -> list[Rows]:
        size = sum(len(part.tokens) for part in parts)
        tokens, places, counts = (
            (c_int32 * size)(),
            (c_int32 * size)(),
            (c_int32 * size)(*[1] * size),
        )
        owners, outputs = (POINTER(c_int32) * size)(), (c_int8 * size)()
        wanted, at = [], 0
        for part in parts:
            end = at + len(part.tokens)
            tokens[at:end] = list(part.tokens)
            places[at:end] = list(range(part.start, part.start + len(part.tokens)))
            owner = ctypes.pointer(c_int32(part.sequence))
            for index in range(at, end):
                owners[index] = owner
            rows = range(at if part.each else end - 1, end)
            for index in rows:
                outputs[index] = 1
            wanted.append(rows)
            at = end
        status = self._library.llama_decode(
            self._context, _Batch(size, tokens, None, places, counts, owners, outputs)
        )
        if status:
            raise EngineError(
                "The context is full."
                if status == _FULL
                else f"llama.cpp failed with status {status}.",
                hint="Set a larger `context` or a smaller `parallel`.",
            )
        return [self._logits(rows) for rows in wanted]

    def _logits(self, outputs: range) -> Rows:
        shape = (1, len(self.vocabulary.pieces))
        rows = [
            numpy.ctypeslib.as_array(
                self._library.llama_get_logits_ith(self._context, output), shape
            )
            for output in outputs
        ]
        return rows[0] if len(rows) == 1 else numpy.concatenate(rows)

    def keep(self, sequence: int, length: int) -> int:
        if self._library.llama_memory_seq_rm(self._memory, sequence, length, -1):
            return length
        self._library.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return 0

    def copy(self, source: int, target: int, length: int) -> int:
        self._library.llama_memory_seq_rm(self._memory, target, -1, -1)
        # llama.cpp copies whole sequences only.
        self._library.llama_memory_seq_cp(self._memory, source, target, -1, -1)
        return self.keep(target, length)

    def state(self, sequence: int) -> bytes:
        size = self._library.llama_state_seq_get_size(self._context, sequence)
        room = ctypes.create_string_buffer(size)
        got = self._library.llama_state_seq_get_data(self._context, room, size, sequence)
        return room.raw[:got]

    def restore(self, sequence: int, state: bytes, length: int) -> bool:
        taken = self._library.llama_state_seq_set_data(self._context, state, len(state), sequence)
        last = self._library.llama_memory_seq_pos_max(self._memory, sequence)
        if taken == len(state) and last == length - 1:
            return True
        self._library.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return False

    def close(self) -> None:
        self._library.llama_free(self._context)
        self._library.llama_model_free(self._model)
