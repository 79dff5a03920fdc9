"""A referring network small enough for tests, its vocabulary, and sentences."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.data.referring.batches import SentenceBatch
from ltr.models.referring.referformer import ReferFormer, referformer
from tests.seeded_weights import seeded_tensor

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

SENTENCES = (
    "the red square moving left",
    "the blue circle on the right",
    "a green triangle moving up",
    "the yellow square at the bottom",
)
TEXT = {
    "vocab_size": 400,
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "max_position_embeddings": 40,
}
SIZES = {
    "backbone": "resnet18",
    "backbone_width": 8,
    "hidden_dim": 32,
    "num_heads": 4,
    "encoder_layers": 1,
    "decoder_layers": 2,
    "feedforward_dim": 32,
    "num_points": 2,
    "mask_dim": 16,
    "text_config": TEXT,
}


def small_network(seed: int = 0, **changes: object) -> ReferFormer:
    """A network with random weights whose slots differ, in eval mode."""
    network = referformer(**{**SIZES, **changes})
    state = network.state_dict()
    for key, value in state.items():
        if value.dtype.is_floating_point:
            state[key] = seeded_tensor(key, value.shape, seed)
    state["query_embed.weight"] *= 16
    network.load_state_dict(network.adapt_state_dict(state))
    return network.eval().requires_grad_(False)


def small_sentences(count: int = 1, length: int = 6) -> SentenceBatch:
    """Drawn word pieces; every second sentence is two pieces shorter."""
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(5, TEXT["vocab_size"], (count, length), generator=generator)
    attention = torch.ones_like(ids)
    attention[1::2, -2:] = 0
    ids[:, 0], ids[attention == 0] = 0, 1
    return SentenceBatch(ids, attention)


def small_tokenizer(
    folder: str | os.PathLike[str], sentences: Sequence[str] = SENTENCES
) -> PreTrainedTokenizerBase:
    """Learn a byte-level vocabulary from sentences, store it in a folder and read it from there."""
    from tokenizers import ByteLevelBPETokenizer

    from ltr.models.referring.text_encoder import load_tokenizer

    learner = ByteLevelBPETokenizer()
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    learner.train_from_iterator(
        sentences, vocab_size=TEXT["vocab_size"], special_tokens=special, show_progress=False
    )
    Path(folder).mkdir(parents=True, exist_ok=True)
    learner.save_model(str(folder))
    return load_tokenizer(folder)


def write_small_files(folder: Path, texts: Sequence[str]) -> Path:
    """Write a network, ``small.pth.tar``, and its vocabulary of some texts, ``tokenizer``."""
    save_checkpoint(folder / "small.pth.tar", network_fields(small_network(3)))
    small_tokenizer(folder / "tokenizer", texts)
    return folder
