"""RoBERTa through transformers, the adapter behind it, and the vocabulary (2.4).

Neither weights nor vocabulary are part of the toolkit: released checkpoints bring the weights, and
the user fetches the vocabulary, and for training the weights, once.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from ltr.admin.errors import CheckpointError, ConfigError, DataError, did_you_mean
from ltr.admin.loading import load_state
from ltr.admin.optional import import_optional
from ltr.admin.tensor_files import read_tensor_file
from ltr.data.referring.batches import SentenceBatch

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase, RobertaModel

ROBERTA_BASE = {
    "vocab_size": 50265,
    "max_position_embeddings": 514,
    "type_vocab_size": 1,
    "layer_norm_eps": 1e-5,
    "pad_token_id": 1,
    "bos_token_id": 0,
    "eos_token_id": 2,
}
# What changes the network; transformers' configuration holds much more, also files to be fetched.
_FIELDS = (
    *ROBERTA_BASE,
    "hidden_size",
    "num_hidden_layers",
    "num_attention_heads",
    "intermediate_size",
    "hidden_act",
    "hidden_dropout_prob",
    "attention_probs_dropout_prob",
    "initializer_range",
)
VOCABULARY = ("vocab.json", "merges.txt")
WEIGHTS = ("model.safetensors", "pytorch_model.bin")
_HOW_TO_FETCH = (
    "fetch it once with: hf download roberta-base vocab.json merges.txt model.safetensors "
    "--local-dir DIR (the command comes with transformers)"
)


class FeatureResizer(nn.Module):
    """Text features to the network's channels; one for words and sentence.

    Args:
        inputs: Channels of the text encoder.
        outputs: Channels of the network.
        dropout: Share of units dropped in training.
    """

    def __init__(self, inputs: int, outputs: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.fc = nn.Linear(inputs, outputs)
        self.layer_norm = nn.LayerNorm(outputs, eps=1e-12)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """(..., inputs) -> (..., outputs)."""
        return self.dropout(self.layer_norm(self.fc(features)))


def build_text_encoder(changes: Mapping[str, Any] | None = None) -> RobertaModel:
    """Build a RoBERTa with random weights; nothing is fetched.

    Args:
        changes: Fields of ``transformers.RobertaConfig`` that differ from roberta-base; those
            that decide about the network.

    Raises:
        ConfigError: transformers is not installed, or there is no such field.
    """
    transformers = _import_transformers()
    for name in changes or {}:
        if name not in _FIELDS:
            raise ConfigError(
                f"the text encoder has no field {name!r}{did_you_mean(name, _FIELDS)}"
            )
    config = transformers.RobertaConfig(**{**ROBERTA_BASE, **(changes or {})})
    return transformers.RobertaModel(config)


def load_tokenizer(folder: str | os.PathLike[str]) -> PreTrainedTokenizerBase:
    """Read the vocabulary of the text encoder.

    Args:
        folder: Holds ``vocab.json`` and ``merges.txt``.

    Raises:
        DataError: A file is missing or damaged.
    """
    folder = Path(folder)
    for name in VOCABULARY:
        if not (folder / name).is_file():
            raise DataError(
                f"the vocabulary of the text encoder, {name}, is not in {folder}: {_HOW_TO_FETCH}"
            )
    transformers = _import_transformers()
    try:
        return transformers.RobertaTokenizerFast.from_pretrained(folder, local_files_only=True)
    except Exception as error:  # damaged files can make the reader fail in any way
        raise DataError(f"the vocabulary in {folder} is damaged ({error})") from error


def tokenise(tokenizer: PreTrainedTokenizerBase, sentences: Sequence[str]) -> SentenceBatch:
    """Cut sentences into word pieces, padded to the longest."""
    pieces = tokenizer(list(sentences), padding="longest", return_tensors="pt")
    return SentenceBatch(pieces["input_ids"], pieces["attention_mask"])


def load_text_weights(text_encoder: nn.Module, folder: str | os.PathLike[str]) -> None:
    """Fill the text encoder with the weights that transformers saved.

    Args:
        text_encoder: The text encoder of a network, changed in place.
        folder: Holds ``model.safetensors`` or ``pytorch_model.bin``.

    Raises:
        CheckpointError: The file is missing, damaged or of another network.
    """
    folder = Path(folder)
    path = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    if path is None:
        raise CheckpointError(
            f"the text encoder's weights ({' or '.join(WEIGHTS)}) are not in {folder}: "
            f"{_HOW_TO_FETCH}"
        )
    state = _read_weights(path)
    state = {name.removeprefix("roberta."): value for name, value in state.items()}
    extra = ("lm_head.", "embeddings.position_ids")
    load_state(text_encoder, {k: v for k, v in state.items() if not k.startswith(extra)}, path)


def _read_weights(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix != ".safetensors":
        return read_tensor_file(path)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is damaged, or its end is missing ({error})") from error


def _import_transformers() -> Any:
    return import_optional("transformers", "the text encoder", "referring")
