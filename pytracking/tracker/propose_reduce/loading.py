"""Finds the network of the segmenter: a checkpoint of this code or a released file."""

from __future__ import annotations

import torch

from ltr.models.layers.folding import fold_batch_norms
from ltr.models.layers.memory_format import to_channels_last
from ltr.models.layers.winograd import use_winograd
from ltr.models.propose_reduce.released import load_seq_mask_rcnn
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN
from pytracking.utils.loading import find_network


def load_propagation_network(net: str, device: torch.device) -> SeqMaskRCNN:
    """Load a trained network for inference, see ``load_evaluation_network``."""
    path = find_network(net)
    return prepare_network(load_seq_mask_rcnn(path), device)


def prepare_network(network: SeqMaskRCNN, device: torch.device) -> SeqMaskRCNN:
    """Make a network ready for inference, in place."""
    network = fold_batch_norms(network.requires_grad_(False).eval())
    return use_winograd(to_channels_last(network, device))
