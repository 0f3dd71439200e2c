"""llama.cpp in this process, through its C API, from any package that brings the library.

The numbers of the context's parameters are read back from the finished context, so that a library
with another layout is an error and never a wrong setting.
"""

from __future__ import annotations

import ctypes
import platform
import re
import threading
from collections.abc import Callable, Iterable, Sequence
from ctypes import POINTER, c_int8, c_int32, c_void_p
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy
from llguidance import LLTokenizer

from structgen.errors import EngineError
from structgen.local.models import catalog, chat_template
from structgen.local.models.chat_template import Piece
from structgen.local.models.pictures import picture_of
from structgen.local.runtimes.base import Part, Vocabulary
from structgen.local.runtimes.libraries import Batch, unknown_library
from structgen.local.runtimes.vision import HeldImages, ImageToken, Vision
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


def _build_of(library: Any, package: str) -> str:
    """The library by its package's version and its file, since it may have been built here."""
    try:
        known = version(package)
    except PackageNotFoundError:
        known = "?"
    file = Path(library._name).stat()
    return f"{package} {known} {platform.machine()} {file.st_size} {file.st_mtime_ns}"


def _failed(status: int) -> EngineError:
    """The error for a status of llama_decode that is not 0."""
    full = "The context is full."
    return EngineError(
        full if status == _FULL else f"llama.cpp failed with status {status}.",
        hint="Set a larger `context` or a smaller `parallel`.",
    )


class LlamaCpp:
    """A `Runtime` over libllama, for the model of a GGUF file."""

    def __init__(
        self,
        library: Any,
        name: str,
        model: catalog.Model,
        settings: Settings,
        vision_library: Callable[[], Any],
    ) -> None:
        """Load a model.

        Args:
            library: The llama.cpp library.
            name: The name of the package that brings it.
            model: The model; its file is here.
            settings: How it is run.
            vision_library: Loads the library for images, once there is one.

        Raises:
            ModelCorruptError: If the file is damaged.
            EngineError: If llama.cpp cannot run it.
        """
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
        self._open_vision = partial(self._load_vision, vision_library, model, settings.threads)
        self._vision: Vision | None = None
        self._vision_lock = threading.Lock()
        self._images = [HeldImages() for _ in range(settings.parallel)]
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
            raise unknown_library(self.name)
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
        pieces = chat_template.parts(self._template, messages)
        tokens: list[int] = []
        for is_text, run in groupby(pieces, key=lambda piece: isinstance(piece.content, str)):
            for content, trusted in self._in_one_piece(run) if is_text else run:
                if isinstance(content, str):
                    tokens += self._tokens(content.encode(), parse_special=trusted)
                else:
                    tokens += self._open_vision().tokens(picture_of(content))
        first = library.llama_vocab_bos(vocab)
        if library.llama_vocab_get_add_bos(vocab) and tokens[:1] != [first]:
            tokens.insert(0, first)
        if tokens and isinstance(tokens[-1], ImageToken):
            raise EngineError(
                "The model's chat template ends with the image, and leaves no place to answer.",
                hint="Give a text after the image, or use another model file.",
            )
        return tokens

    def _in_one_piece(self, run: Iterable[Piece]) -> list[Piece]:
        """Texts as one, which is cut into tokens as in training, if no message has a special token
        in it.
        """
        pieces = list(run)
        texts = [str(piece.content) for piece in pieces]
        untrusted = (str(piece.content) for piece in pieces if not piece.trusted)
        if any(self._marks.search(text) for text in untrusted):
            return pieces
        return [Piece("".join(texts), True)]

    def _load_vision(
        self, vision_library: Callable[[], Any], model: catalog.Model, threads: int
    ) -> Vision:
        with self._vision_lock:
            if self._vision is None:
                if model.projector is None:
                    raise EngineError(f"{model.name} has no projector.", hint="Name its `mmproj`.")
                self._vision = Vision(vision_library(), model.projector, self._model, threads)
            return self._vision

    def _tokens(self, raw: bytes, *, parse_special: bool) -> list[int]:
        room = (c_int32 * (len(raw) + 8))()
        count = self._library.llama_tokenize(
            self._vocab, raw, len(raw), room, len(room), False, parse_special
        )
        return room[:count]

    # -- computing

    def decode(self, parts: Sequence[Part]) -> list[Rows]:
        texts = [self._after_images(part) for part in parts]
        outputs = self._compute([part for part in texts if part.tokens])
        rows = iter([self._logits(one) for one in outputs])
        nothing = numpy.empty((0, len(self.vocabulary.pieces)), dtype=numpy.float32)
        return [next(rows) if part.tokens else nothing for part in texts]

    def _after_images(self, part: Part) -> Part:
        """Compute a part up to its last image. Returns what follows."""
        if min(part.tokens) >= 0:  # an ImageToken is negative
            return part
        done = 0
        for at, token in enumerate(part.tokens):
            if not isinstance(token, ImageToken):
                continue
            if done < at:
                before = Part(part.sequence, part.start + done, part.tokens[done:at])
                self._compute([before], wants_scores=False)
            if token.number == 0:  # the whole image, even if the part ends in the middle of it
                self._compute_image(token, part.sequence, part.start + at)
            done = at + 1
        return Part(part.sequence, part.start + done, part.tokens[done:], part.each)

    def _compute_image(self, token: ImageToken, sequence: int, start: int) -> None:
        images, vision = self._images[sequence], self._open_vision()
        place = images.position(start)
        if not vision.compute(token.tile, self._context, place, sequence, self.batch):
            raise _failed(_FULL)
        images.add(start, token.tile)

    def _compute(self, parts: Sequence[Part], *, wants_scores: bool = True) -> list[range]:
        """Compute texts in one batch. Returns the outputs of each that have scores."""
        size = sum(len(part.tokens) for part in parts)
        if not size:
            return []
        tokens, places, counts = (
            (c_int32 * size)(),
            (c_int32 * size)(),
            (c_int32 * size)(*[1] * size),
        )
        owners, outputs = (POINTER(c_int32) * size)(), (c_int8 * size)()
        wanted, at = [], 0
        for part in parts:
            end = at + len(part.tokens)
            first = self._images[part.sequence].position(part.start)
            tokens[at:end] = list(part.tokens)
            places[at:end] = list(range(first, first + len(part.tokens)))
            owner = ctypes.pointer(c_int32(part.sequence))
            for index in range(at, end):
                owners[index] = owner
            rows = range(at if part.each else end - 1, end)
            for index in rows if wants_scores else ():
                outputs[index] = 1
            wanted.append(rows)
            at = end
        status = self._library.llama_decode(
            self._context, Batch(size, tokens, None, places, counts, owners, outputs)
        )
        if status:
            raise _failed(status)
        return wanted

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
        images = self._images[sequence]
        kept = images.keep(length)
        position = images.position(kept)
        if self._library.llama_memory_seq_rm(self._memory, sequence, position, -1):
            return kept
        self._forget(sequence)
        return 0

    def _forget(self, sequence: int) -> None:
        self._library.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        self._images[sequence] = HeldImages()

    def copy(self, source: int, target: int, length: int) -> int:
        self._forget(target)
        # llama.cpp copies whole sequences only.
        self._library.llama_memory_seq_cp(self._memory, source, target, -1, -1)
        self._images[target] = self._images[source].copy()
        return self.keep(target, length)

    def state(self, sequence: int) -> bytes:
        size = self._library.llama_state_seq_get_size(self._context, sequence)
        room = ctypes.create_string_buffer(size)
        got = self._library.llama_state_seq_get_data(self._context, room, size, sequence)
        return room.raw[:got]

    def restore(self, sequence: int, state: bytes, length: int) -> bool:
        self._images[sequence] = HeldImages()  # states are taken before a document is read
        taken = self._library.llama_state_seq_set_data(self._context, state, len(state), sequence)
        last = self._library.llama_memory_seq_pos_max(self._memory, sequence)
        if taken == len(state) and last == length - 1:
            return True
        self._forget(sequence)
        return False

    def close(self) -> None:
        if self._vision is not None:
            self._vision.close()
        self._library.llama_free(self._context)
        self._library.llama_model_free(self._model)
