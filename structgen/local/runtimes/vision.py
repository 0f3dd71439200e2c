"""Images for llama.cpp, through its multimodal library (mtmd.h) and a model's projector.

A projector turns an image into rows of numbers that the model reads like those of tokens. In a
prompt each row is an `ImageToken`: a negative number that is made of the image's content. So the
rest of the decoder handles prompts as lists of numbers, and two prompts share a beginning only if
they show the same images in it.
"""

from __future__ import annotations

import ctypes
import hashlib
import weakref
from ctypes import byref, c_int32, c_size_t, c_void_p
from pathlib import Path
from typing import Any, Final, NamedTuple

from structgen.errors import EngineError, InputError
from structgen.local.models.pictures import Picture
from structgen.local.runtimes.libraries import InputText

_TEXT: Final = 0
_IMAGE: Final = 1
"""Values of mtmd_input_chunk_type."""
_THREADS_AT: Final = 5
_USUAL_THREADS: Final = 4
"""The place of `n_threads` in mtmd_context_params, in units of 4 bytes, and its default value. If
the place holds another value, the library is laid out in another way, and keeps its default."""
_KEY_BYTES: Final = 16
_NUMBER_BITS: Final = 32


class Tile:
    """An image, or a part of one, as the projector takes it.

    Attributes:
        chunk: The library's own object.
        tokens: The tokens that it takes of a context.
        positions: By how many positions the text goes on after it. In models that count positions
            in two dimensions (M-RoPE) they are fewer than tokens.
    """

    __slots__ = ("__weakref__", "chunk", "positions", "tokens")

    def __init__(self, library: Any, chunk: int) -> None:
        self.chunk = chunk
        self.tokens = int(library.mtmd_input_chunk_get_n_tokens(chunk))
        self.positions = int(library.mtmd_input_chunk_get_n_pos(chunk))
        weakref.finalize(self, library.mtmd_input_chunk_free, chunk).atexit = False


class ImageToken(int):
    """A token of an image in a prompt.

    Attributes:
        tile: The image, or the part of it.
        number: The place of this token in it.
    """

    tile: Tile
    number: int

    @classmethod
    def of(cls, tile: Tile, key: int, number: int) -> ImageToken:
        """Make a token.

        Args:
            tile: The image, or the part of it.
            key: A number for its content.
            number: The place of the token in it.
        """
        token = cls(-1 - (key << _NUMBER_BITS | number))
        token.tile, token.number = tile, number
        return token


class Vision:
    """A loaded projector."""

    def __init__(self, library: Any, projector: Path, model: int, threads: int) -> None:
        """Load a projector.

        Args:
            library: The multimodal library.
            projector: The projector's file.
            model: llama.cpp's model, which it has to fit.
            threads: Threads of computation.

        Raises:
            EngineError: If it does not fit, or does not read images.
        """
        self._library = library
        params = library.mtmd_context_params_default()
        if params.words[_THREADS_AT] == _USUAL_THREADS:
            params.words[_THREADS_AT] = threads
        self._context = library.mtmd_init_from_file(str(projector).encode(), model, params)
        if not self._context:
            raise EngineError(
                f"The projector {projector} does not fit the model, or is damaged.",
                hint="Use the projector that was published with the model (mmproj-*.gguf), and the "
                "newest llama.cpp.",
            )
        if not library.mtmd_support_vision(self._context):
            self.close()
            raise EngineError(
                f"The projector {projector} does not read images.",
                hint="Use the projector for images that was published with the model.",
            )

    def tokens(self, picture: Picture) -> list[int]:
        """Turn an image into tokens: `ImageToken`s, and what the model expects around them.

        Any thread may call it.

        Args:
            picture: The image.

        Raises:
            InputError: If the library refuses it.
        """
        library, marker = self._library, self._library.mtmd_default_marker()
        text = InputText(marker, len(marker), False, True)
        bitmap = library.mtmd_bitmap_init(picture.width, picture.height, picture.pixels)
        chunks = library.mtmd_input_chunks_init()
        try:
            held = (c_void_p * 1)(bitmap)
            status = library.mtmd_tokenize(self._context, chunks, byref(text), held, 1)
            if status:
                raise InputError(
                    f"The model cannot be shown an image of {picture.width} x {picture.height} "
                    "pixels.",
                    hint="Give it in another size.",
                )
            size = f"{picture.width}x{picture.height}".encode()
            key = hashlib.sha256(size + picture.pixels).digest()[:_KEY_BYTES]
            return self._tokens_of(chunks, int.from_bytes(key, "big"))
        finally:
            library.mtmd_input_chunks_free(chunks)
            library.mtmd_bitmap_free(bitmap)

    def _tokens_of(self, chunks: int, key: int) -> list[int]:
        library, tokens = self._library, list[int]()
        for index in range(library.mtmd_input_chunks_size(chunks)):
            chunk = library.mtmd_input_chunks_get(chunks, index)
            kind = library.mtmd_input_chunk_get_type(chunk)
            if kind == _TEXT:
                count = c_size_t()
                found = library.mtmd_input_chunk_get_tokens_text(chunk, byref(count))
                around = found[: count.value]
                if min(around, default=0) < 0:
                    raise EngineError(
                        "The model has no token for what its projector puts around images.",
                        hint="Use the model file that was published with the projector.",
                    )
                tokens += around
            elif kind == _IMAGE:
                tile = Tile(library, library.mtmd_input_chunk_copy(chunk))
                own = key << _NUMBER_BITS | index
                tokens += [ImageToken.of(tile, own, number) for number in range(tile.tokens)]
        return tokens

    def compute(self, tile: Tile, context: int, place: int, sequence: int, batch: int) -> bool:
        """Compute an image at the end of a sequence. One thread at a time may call it.

        Args:
            tile: The image, or the part of it.
            context: llama.cpp's context.
            place: The position after what the sequence holds.
            sequence: Which sequence.
            batch: Tokens that one pass of the model takes.

        Returns:
            Whether it worked. If not, the context has no room.

        Raises:
            EngineError: If the projector fails.
        """
        library, after = self._library, c_int32()
        if library.mtmd_encode_chunk(self._context, tile.chunk):
            raise EngineError(
                "llama.cpp's projector failed on an image.", hint="Give it in another size."
            )
        rows = library.mtmd_get_output_embd(self._context)
        # With room for arguments that older versions of the function do not have.
        status = library.mtmd_helper_decode_image_chunk(
            self._context,
            context,
            tile.chunk,
            ctypes.c_void_p(rows),
            place,
            sequence,
            batch,
            byref(after),
            None,
            None,
        )
        return not status

    def close(self) -> None:
        """Free the projector."""
        self._library.mtmd_free(self._context)


class _Span(NamedTuple):
    """Where an image is in a sequence."""

    start: int
    end: int
    """Counted in tokens."""
    positions: int


class HeldImages:
    """The images that a sequence holds, and so the positions of its tokens."""

    def __init__(self) -> None:
        self._spans: list[_Span] = []

    def add(self, start: int, tile: Tile) -> None:
        """Remember an image that was computed.

        Args:
            start: The place of its first token.
            tile: The image, or the part of it.
        """
        self._spans.append(_Span(start, start + tile.tokens, tile.positions))

    def position(self, place: int) -> int:
        """Give the position that the model knows a place by.

        Args:
            place: A place outside of images, counted in tokens.
        """
        before = [span for span in self._spans if span.end <= place]
        return place - sum(span.end - span.start - span.positions for span in before)

    def keep(self, length: int) -> int:
        """Forget the images from a place on.

        Args:
            length: The place, counted in tokens.

        Returns:
            The places that can be kept: an image is kept as a whole or not at all.
        """
        cut = [span.start for span in self._spans if span.start < length < span.end]
        kept = min([length, *cut])
        self._spans = [span for span in self._spans if span.end <= kept]
        return kept

    def copy(self) -> HeldImages:
        """Give the same images for another sequence."""
        other = HeldImages()
        other._spans = self._spans.copy()
        return other
