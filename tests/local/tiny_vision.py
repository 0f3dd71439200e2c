"""Tiny models that see: a text model and its projector with random weights, as GGUF files.

They know nothing, but they are computed as large ones are: an image becomes rows of numbers, and
these change what the model writes.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gguf
import numpy
from PIL import Image

SPECIAL = [
    "<s>",
    "</s>",
    "<|im_start|>",
    "<|im_end|>",
    "<start_of_image>",
    "<end_of_image>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<fake_token_around_image>",
    "<global-img>",
    "<image>",
]
"""The tokens around turns, and those that projectors put around images."""
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
PARTS_TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% for part in m.content %}"
    "{% if part.type == 'text' %}{{ part.text }}{% endif %}{% endfor %}<|im_end|>\n{% endfor %}"
    "<|im_start|>assistant\n"
)
"""As templates of models that see: it takes the content of a message as a list of parts alone."""
WIDTH = 32
"""Numbers of a token in the text model."""
KINDS = {"mlp": "llama", "gemma3": "llama", "idefics3": "llama", "qwen2vl_merger": "qwen2vl"}
"""Kinds of projectors, each with the architecture of a text model for it. gemma3 looks at all of an
image at once, idefics3 cuts it into tiles, qwen2vl_merger counts positions in two dimensions."""


def picture(seed: int, width: int = 64, height: int = 48, kind: str = "PNG") -> bytes:
    """An image file of random pixels."""
    pixels = numpy.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=numpy.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind)
    return file.getvalue()


def write_model(
    path: Path, architecture: str = "llama", *, width: int = WIDTH, template: str = TEMPLATE
) -> Path:
    """Write a text model of two layers whose tokens are bytes."""
    file, weights = gguf.GGUFWriter(path, architecture), _weights(1)
    heads, inner = 4, 64
    file.add_name("tiny")
    file.add_context_length(8192)
    file.add_embedding_length(width)
    file.add_block_count(2)
    file.add_feed_forward_length(inner)
    file.add_head_count(heads)
    file.add_head_count_kv(heads)
    file.add_layer_norm_rms_eps(1e-5)
    file.add_rope_dimension_count(width // heads)
    if architecture == "qwen2vl":
        file.add_rope_dimension_sections([1, 2, 1, 0])
    merged = ['{"', "ĊĊ"]
    tokens = [*_bytes(), *SPECIAL, *merged]
    file.add_tokenizer_model("gpt2")
    file.add_tokenizer_pre("gpt-2")
    file.add_token_list(tokens)
    file.add_token_types([1] * 256 + [3] * len(SPECIAL) + [1] * len(merged))
    file.add_token_merges(['{ "', "Ċ Ċ"])
    file.add_bos_token_id(tokens.index("<s>"))
    file.add_eos_token_id(tokens.index("<|im_end|>"))
    file.add_add_bos_token(False)
    file.add_chat_template(template)
    file.add_tensor("token_embd.weight", weights(len(tokens), width, scale=6))
    file.add_tensor("output.weight", weights(len(tokens), width, scale=2))
    file.add_tensor("output_norm.weight", _ones(width))
    for layer in (0, 1):
        block = f"blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_output"):
            file.add_tensor(f"{block}{name}.weight", weights(width, width, scale=2))
            if architecture == "qwen2vl" and name != "attn_output":
                file.add_tensor(f"{block}{name}.bias", weights(width))
        for name in ("ffn_gate", "ffn_up"):
            file.add_tensor(f"{block}{name}.weight", weights(inner, width, scale=2))
        file.add_tensor(f"{block}ffn_down.weight", weights(width, inner, scale=2))
        for name in ("attn_norm", "ffn_norm"):
            file.add_tensor(f"{block}{name}.weight", _ones(width))
    return _written(file, path)


def write_projector(path: Path, kind: str = "mlp", *, width: int = WIDTH) -> Path:
    """Write a projector for a text model: images of 28 x 28 pixels in patches of 7 x 7."""
    file, weights = gguf.GGUFWriter(path, "clip"), _weights(2)
    inner, own, patch, size = 32, 16, 7, 28
    vision = "clip.vision."
    file.add_bool("clip.has_vision_encoder", True)
    file.add_string("clip.projector_type", kind)
    file.add_bool("clip.use_gelu", True)
    for name, number in (
        ("image_size", size),
        ("patch_size", patch),
        ("embedding_length", own),
        ("feed_forward_length", inner),
        ("projection_dim", width),
        ("block_count", 2),
        ("attention.head_count", 2),
        ("projector.scale_factor", 2 if kind == "idefics3" else 4),
        ("preproc_image_size", 2 * size),
    ):
        file.add_uint32(vision + name, number)
    file.add_float32(vision + "attention.layer_norm_epsilon", 1e-5)
    file.add_array(vision + "image_mean", [0.5] * 3)
    file.add_array(vision + "image_std", [0.5] * 3)
    patches = (size // patch) ** 2 + (kind == "mlp")
    if kind == "mlp":
        file.add_tensor("v.class_embd", weights(own))
        _add_norm(file, weights, "v.pre_ln", own)
    if kind == "qwen2vl_merger":
        file.add_tensor("v.patch_embd.weight.1", weights(own, 3, patch, patch, scale=3))
    else:
        file.add_tensor("v.position_embd.weight", weights(patches, own))
        file.add_tensor("v.patch_embd.bias", weights(own))
    file.add_tensor("v.patch_embd.weight", weights(own, 3, patch, patch, scale=3))
    for layer in (0, 1):
        block = f"v.blk.{layer}."
        for name in ("attn_q", "attn_k", "attn_v", "attn_out"):
            _add_linear(file, weights, block + name, own, own)
        _add_linear(file, weights, f"{block}ffn_up", inner, own)
        _add_linear(file, weights, f"{block}ffn_down", own, inner)
        for name in ("ln1", "ln2"):
            _add_norm(file, weights, block + name, own)
    if kind == "mlp":
        _add_linear(file, weights, "mm.0", width, own, scale=2)
        _add_linear(file, weights, "mm.2", width, width, scale=2)
    else:
        _add_norm(file, weights, "v.post_ln", own)
    if kind == "gemma3":
        file.add_tensor("mm.input_projection.weight", weights(own, width, scale=2))
        file.add_tensor("mm.soft_emb_norm.weight", _ones(own))
    elif kind == "idefics3":
        file.add_tensor("mm.model.fc.weight", weights(width, own * 4, scale=2))
    elif kind == "qwen2vl_merger":
        _add_linear(file, weights, "mm.0", own * 4, own * 4)
        _add_linear(file, weights, "mm.2", width, own * 4, scale=2)
    return _written(file, path)


def _add_linear(
    file: Any, weights: Any, name: str, outputs: int, inputs: int, scale: float = 0.5
) -> None:
    file.add_tensor(f"{name}.weight", weights(outputs, inputs, scale=scale))
    file.add_tensor(f"{name}.bias", weights(outputs))


def _add_norm(file: Any, weights: Any, name: str, width: int) -> None:
    file.add_tensor(f"{name}.weight", _ones(width))
    file.add_tensor(f"{name}.bias", weights(width))


def _weights(seed: int) -> Callable[..., Any]:
    random = numpy.random.default_rng(seed)

    def weights(*shape: int, scale: float = 0.5) -> Any:
        spread = scale / shape[-1] ** 0.5 if len(shape) > 1 else scale
        return (random.standard_normal(shape) * spread).astype(numpy.float32)

    return weights


def _ones(size: int) -> Any:
    return numpy.ones(size, dtype=numpy.float32)


def _bytes() -> list[str]:
    """The 256 bytes as GPT-2's tokenizer writes them: printable ones as they are."""
    plain = {*range(33, 127), *range(161, 173), *range(174, 256)}
    others = (code for code in range(256, 512))
    return [chr(byte if byte in plain else next(others)) for byte in range(256)]


def _written(file: Any, path: Path) -> Path:
    file.add_file_type(0)
    file.write_header_to_file()
    file.write_kv_data_to_file()
    file.write_tensors_to_file()
    file.close()
    return path
