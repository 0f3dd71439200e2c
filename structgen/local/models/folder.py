"""Read from a model's folder how much context the model was trained for.

The layout is that of Hugging Face transformers: `config.json` with the model's shape,
`*.safetensors` with its weights, `tokenizer.json`.
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
"""Its names in configurations. Models that see images have that of their language part in
`text_config`."""


def context_length(folder: Path) -> int:
    """Read the tokens of context that the model was trained for.

    Args:
        folder: The model's folder.

    Raises:
        ModelMissingError: If the folder holds no config.json.
        ModelCorruptError: If config.json is not that of a language model.
    """
    try:
        config = json.loads((folder / "config.json").read_bytes())
        texts = {**config, **config.get("text_config", {})}
        return next(int(texts[name]) for name in _CONTEXT if name in texts)
    except OSError as error:
        raise ModelMissingError(
            f"Cannot read {folder / 'config.json'}: {error.strerror}.",
            hint="Name a folder with config.json, a tokenizer and weights, or a .gguf file.",
        ) from error
    except (ValueError, TypeError, AttributeError, StopIteration) as error:
        raise ModelCorruptError(
            f"{folder / 'config.json'} is not the configuration of a language model.",
            hint="Fetch the whole model again.",
        ) from error
