"""A folder with a model as model hubs give them out: enough to know that it is one, and how much context it was trained for.

Layout (Hugging Face transformers): `config.json` with the model's shape, `*.safetensors` with its weights, `tokenizer.json`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

from structgen.errors import ModelCorruptError, ModelMissingError

_CONTEXT: Final = (
    "max_position_embeddings",
    "n_positions",
    "max_sequence_length",
    "max_seq_len",
    "seq_length",
)
"""What configurations call it; those of models that see images have that of their language part in `text_config`."""


def context_length(folder: Path) -> int:
    """Tokens of context the model was trained for. Raises ModelMissingError, ModelCorruptError."""
    try:
        config = json.loads((folder / "config.json").read_bytes())
        texts = {**config, **config.get("text_config", {})}
        return next(int(texts[name]) for name in _CONTEXT if name in texts)
    except OSError as error:
        raise ModelMissingError(
            f"The folder {folder} holds no model: its config.json cannot be read: {error.strerror}.",
            hint="Name the folder in which config.json, the tokenizer and the safetensors files stand, or a .gguf file.",
        ) from error
    except (ValueError, TypeError, AttributeError, StopIteration) as error:
        raise ModelCorruptError(
            f"{folder / 'config.json'} is not the configuration of a language model.",
            hint="Fetch the model again, whole.",
        ) from error
