"""Finds the network of the segmenter: a checkpoint of this code or a released file."""

from __future__ import annotations

from ltr.models.layers.folding import fold_batch_norms
from ltr.models.layers.fused import pack
from ltr.models.layers.memory_format import to_channels_last
from ltr.models.layers.winograd import use_winograd
from ltr.models.propose_reduce.fused import fuse_mask_rcnn
from ltr.models.propose_reduce.released import load_seq_mask_rcnn
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN
from pytracking.tracker.base import Runtime
from pytracking.utils.loading import find_network


def load_propagation_network(net: str, runtime: Runtime) -> SeqMaskRCNN:
    """Load a trained network for inference, see ``load_evaluation_network``."""
    path = find_network(net)
    return prepare_network(load_seq_mask_rcnn(path), runtime)


def prepare_network(network: SeqMaskRCNN, runtime: Runtime) -> SeqMaskRCNN:
    """Make a network ready for inference, in place."""
    network = fold_batch_norms(network.requires_grad_(False).eval())
    if runtime.packs:
        fuse_mask_rcnn(network)
    use_winograd(to_channels_last(network, runtime.device))
    if runtime.packs:
        pack(network)
    return network
