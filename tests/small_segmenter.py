"""A small ProposeReduce for tests: random weights that still find and follow something."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN, seq_mask_rcnn
from pytracking.tracker.base import Runtime
from pytracking.tracker.propose_reduce.loading import prepare_network
from pytracking.tracker.propose_reduce.parameters import ProposeReduceParameters
from pytracking.tracker.propose_reduce.propose_reduce import ProposeReduce
from tests.video_trees import textured_frame

SMALL = {"img_scale": (96, 64), "key_num": 3, "max_per_img": 3}
NUM_CLASSES = 41


def vivid_network(seed: int = 0) -> SeqMaskRCNN:
    """A network in eval mode whose boxes, classes and masks differ despite its random weights."""
    torch.manual_seed(seed)
    network = seq_mask_rcnn(NUM_CLASSES, "resnet18", 16).eval().requires_grad_(False)
    heads, propagation = network.roi_heads, network.prop_head
    heads.box_predictor.cls_score.weight.mul_(200)
    heads.mask_predictor.mask_fcn_logits.weight.mul_(10)
    propagation.enc_pos.weight.mul_(100)
    propagation.atn_key.weight.mul_(0.2)
    propagation.qry_atn_key.weight.mul_(0.2)
    propagation.pred2.weight.mul_(100)
    return network


def small_segmenter(seed: int = 0, **changes: object) -> ProposeReduce:
    """A segmenter on the CPU with the vivid network."""
    params = ProposeReduceParameters(**{"net": "", **SMALL, **changes})
    network = prepare_network(vivid_network(seed), Runtime(torch.device("cpu")))
    return ProposeReduce(params, network, Runtime())


def write_vivid_network(path: Path) -> Path:
    """A checkpoint of the vivid network."""
    save_checkpoint(path, network_fields(vivid_network()))
    return path


def small_clip(length: int, shape: Sequence[int] = (48, 80)) -> np.ndarray:
    """Frames of a moving texture, uint8 (length, H, W, 3)."""
    return np.stack([textured_frame(2 * index, tuple(shape)) for index in range(length)])
