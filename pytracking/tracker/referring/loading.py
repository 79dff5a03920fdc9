"""Finds the networks and the vocabulary of the segmenter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch

from ltr.admin.environment import train_environment
from ltr.models.referring.batches import SentenceBatch
from ltr.models.referring.referformer import ReferFormer
from ltr.models.referring.snapshot import load_referformer
from ltr.models.referring.text_encoder import load_tokenizer, tokenise
from pytracking.evaluation.environment import evaluation_environment
from pytracking.utils.loading import find_network


def load_referring_network(net: str, device: torch.device) -> ReferFormer:
    """Load a trained network for inference; there is no way to get random weights.

    Args:
        net: A path, or a file name that is searched in the folders of ``network_path``.
        device: Where the network computes.

    Raises:
        CheckpointError: The file is nowhere, damaged, or of another network.
    """
    path = find_network(net, evaluation_environment().network_folders)
    return load_referformer(path).requires_grad_(False).eval().to(device)


def load_text_reader(name: str) -> Callable[[Sequence[str]], SentenceBatch]:
    """Load the vocabulary of the text encoder.

    Args:
        name: Its folder: a path, or a name below ``network_path`` or ``pretrained_networks``.

    Raises:
        DataError: It is nowhere, or damaged.
    """
    given = Path(name).expanduser()
    pretrained = Path(train_environment(create=False).pretrained_networks)
    folders = [given, *(f / given for f in evaluation_environment().network_folders)]
    folders.append(pretrained / given)
    found = next((folder for folder in folders if folder.is_dir()), folders[1])
    return partial(tokenise, load_tokenizer(found))
