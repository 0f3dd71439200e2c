"""The C functions of llama.cpp's libraries: llama.h, and mtmd.h for images.

Both are read from packages that bring them. Of llama.h only parts are used that have been stable
for years: functions on opaque pointers, the batch structure, and the first four numbers of the
context's parameters. mtmd.h calls itself experimental, so a library whose functions are other ones
is an error, and never a wrong answer.
"""

from __future__ import annotations

import ctypes
import importlib.util
from collections.abc import Mapping
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
from pathlib import Path
from typing import Any, Final

from structgen.errors import EngineError, MissingPackage


class Params(ctypes.Structure):
    """Any parameter structure, with room to spare: they are passed in memory, so longer ones
    fit.
    """

    _fields_ = [("words", c_uint32 * 128)]  # as ctypes wants it


class Batch(ctypes.Structure):
    """A `llama_batch`."""

    _fields_ = [
        ("size", c_int32),
        ("tokens", POINTER(c_int32)),
        ("embeddings", c_void_p),
        ("places", POINTER(c_int32)),
        ("sequence_counts", POINTER(c_int32)),
        ("sequences", POINTER(POINTER(c_int32))),
        ("outputs", POINTER(c_int8)),
    ]


class InputText(ctypes.Structure):
    """An `mtmd_input_text`."""

    _fields_ = [
        ("text", c_char_p),
        ("length", c_size_t),
        ("add_special", c_bool),
        ("parse_special", c_bool),
    ]


_LOG: Final = ctypes.CFUNCTYPE(None, c_int, c_char_p, c_void_p)
_silent = _LOG(("Py_IsInitialized", ctypes.pythonapi))
"""Takes every line of a log, and does nothing. A function of C: one of Python would be where an
interrupt strikes that came while a model is loaded, and ctypes drops what is raised there."""

_Functions = Mapping[str, tuple[Any, list[Any]]]
_OF_LLAMA: Final[_Functions] = {
    "llama_log_set": (None, [_LOG, c_void_p]),
    "llama_backend_init": (None, []),
    "llama_model_default_params": (Params, []),
    "llama_context_default_params": (Params, []),
    "llama_model_load_from_file": (c_void_p, [c_char_p, Params]),
    "llama_model_free": (None, [c_void_p]),
    "llama_model_get_vocab": (c_void_p, [c_void_p]),
    "llama_model_chat_template": (c_char_p, [c_void_p, c_char_p]),
    "llama_init_from_model": (c_void_p, [c_void_p, Params]),
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
    "llama_decode": (c_int32, [c_void_p, Batch]),
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

_OF_VISION: Final[_Functions] = {
    "mtmd_helper_log_set": (None, [_LOG, c_void_p]),
    "mtmd_context_params_default": (Params, []),
    "mtmd_init_from_file": (c_void_p, [c_char_p, c_void_p, Params]),
    "mtmd_free": (None, [c_void_p]),
    "mtmd_support_vision": (c_bool, [c_void_p]),
    "mtmd_default_marker": (c_char_p, []),
    "mtmd_bitmap_init": (c_void_p, [c_uint32, c_uint32, c_char_p]),
    "mtmd_bitmap_free": (None, [c_void_p]),
    "mtmd_tokenize": (
        c_int32,
        [c_void_p, c_void_p, POINTER(InputText), POINTER(c_void_p), c_size_t],
    ),
    # Not called: it came with the length in `mtmd_input_text`, and tells that it is there.
    "mtmd_tokenize_from_parts": (c_int32, [c_void_p, c_void_p, c_void_p, c_size_t, c_bool]),
    "mtmd_input_chunks_init": (c_void_p, []),
    "mtmd_input_chunks_size": (c_size_t, [c_void_p]),
    "mtmd_input_chunks_get": (c_void_p, [c_void_p, c_size_t]),
    "mtmd_input_chunks_free": (None, [c_void_p]),
    "mtmd_input_chunk_get_type": (c_int, [c_void_p]),
    "mtmd_input_chunk_get_tokens_text": (POINTER(c_int32), [c_void_p, POINTER(c_size_t)]),
    "mtmd_input_chunk_get_n_tokens": (c_size_t, [c_void_p]),
    "mtmd_input_chunk_get_n_pos": (c_int32, [c_void_p]),
    "mtmd_input_chunk_copy": (c_void_p, [c_void_p]),
    "mtmd_input_chunk_free": (None, [c_void_p]),
    "mtmd_encode_chunk": (c_int32, [c_void_p, c_void_p]),
    "mtmd_get_output_embd": (c_void_p, [c_void_p]),
    "mtmd_helper_decode_image_chunk": (
        c_int32,
        [
            c_void_p,
            c_void_p,
            c_void_p,
            c_void_p,
            c_int32,
            c_int32,
            c_int32,
            POINTER(c_int32),
            c_void_p,
            c_void_p,
        ],
    ),
}


def llama_library(package: str, pattern: str, extra: str) -> Any:
    """Load the llama.cpp library that a package brings.

    Args:
        package: The package.
        pattern: The name of the library's file in it, with wildcards.
        extra: The extra of structgen that installs the package.

    Raises:
        MissingPackage: If the package is not installed.
        EngineError: If the library lacks a function that is needed.
    """
    file = _file_in(package, pattern)
    if file is None:
        raise MissingPackage(package, extra)
    found = _with_functions(file, _OF_LLAMA)
    if found is None:
        raise unknown_library(package)
    found.llama_log_set(_silent, None)
    found.llama_backend_init()
    return found


def vision_library(package: str, pattern: str) -> Any:
    """Load the library for images that a package with llama.cpp brings.

    Args:
        package: The package.
        pattern: The name of the library's file in it, with wildcards.

    Raises:
        EngineError: If there is none, or it lacks a function that is needed.
    """
    file = _file_in(package, pattern)
    found = None if file is None else _with_functions(file, _OF_VISION)
    if found is None:
        raise EngineError(
            f"{package} is installed without a library for images that structgen knows.",
            hint=f"Install the version of {package} that structgen asks for, or ask a model on a "
            "server about images.",
        )
    found.mtmd_helper_log_set(_silent, None)
    return found


def _file_in(package: str, pattern: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.origin:
        return None
    return next(iter(sorted(Path(spec.origin).parent.glob(pattern))), None)


def _with_functions(file: Path, functions: _Functions) -> Any:
    """The library of a file; None if it lacks one of the functions."""
    found = ctypes.CDLL(str(file))
    for name, (result, arguments) in functions.items():
        function = getattr(found, name, None)
        if function is None:
            return None
        function.restype, function.argtypes = result, arguments
    return found


def unknown_library(package: str) -> EngineError:
    """Make the error for a library that is laid out in another way than expected.

    Args:
        package: The package that brings it.
    """
    return EngineError(
        f"This version of structgen does not know the llama.cpp library of {package}.",
        hint=f"Install the version of {package} that structgen asks for, or use another runtime.",
    )
