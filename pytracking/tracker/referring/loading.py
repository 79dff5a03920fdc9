"""Finds the networks and the vocabulary of the segmenter."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ltr.admin.environment import train_environment
from ltr.data.referring.batches import SentenceBatch
from ltr.models.referring.fused import prepare_for_cpu
from ltr.models.referring.referformer import ReferFormer
from ltr.models.referring.snapshot import backbone_name, load_referformer
from ltr.models.referring.text_encoder import load_tokenizer, tokenise
from pytracking.tracker.base import Runtime
from pytracking.utils.environment import evaluation_environment
from pytracking.utils.loading import SHIPPED_NETWORKS, find_network

_LOG = logging.getLogger(__name__)


def load_referring_network(net: str, runtime: Runtime, tracking: bool = False) -> ReferFormer:
    """Load a trained network for inference; there is no way to get random weights.

    Args:
        net: A path, or a file name that is searched in the folders of ``network_path``.
        runtime: Device and precision.
        tracking: Whether it will get tracking images. If it was trained without them, a warning is
            logged.

    Raises:
        CheckpointError: The file is nowhere, damaged, or of another network.
    """
    path = find_network(net)
    network = load_referformer(path)
    if tracking and network.trained_with_tracking is False:
        _LOG.warning(
            "%s was trained without tracking images (plain ReferFormer), but this configuration "
            "feeds them: run 'referring %s', which gives its published scores",
            path,
            _plain_name(network, path),
        )
    network = network.requires_grad_(False).eval().to(runtime.device)
    if runtime.packs:
        prepare_for_cpu(network)
    return network


def _plain_name(network: ReferFormer, path: Path) -> str:
    """The configuration without tracking for a network."""
    backbone = backbone_name(network.state_dict())
    backbone = backbone.removesuffix("_p4w7").replace("resnet", "r")
    return f"referformer_{'a2d_' if path.name.startswith('a2d') else ''}{backbone}"


def load_text_reader(name: str) -> Callable[[Sequence[str]], SentenceBatch]:
    """Load the vocabulary of the text encoder.

    Args:
        name: Folder of the vocabulary: a path, or a name below ``network_path`` or
            ``pretrained_networks``.

    Raises:
        DataError: It is nowhere, or damaged.
    """
    given = Path(name).expanduser()
    pretrained = Path(train_environment(create=False).pretrained_networks)
    folders = [given, *(f / given for f in evaluation_environment().network_folders)]
    folders += [pretrained / given, SHIPPED_NETWORKS / given]
    found = next((folder for folder in folders if folder.is_dir()), folders[1])
    return partial(tokenise, load_tokenizer(found))
