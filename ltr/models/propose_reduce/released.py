"""The names of upstream's checkpoints and ours, and the files that were released with them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ltr.admin.checkpoint import as_state_dict
from ltr.admin.errors import CheckpointError
from ltr.admin.loading import load_own_or_released
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN, seq_mask_rcnn

_CONVS = ("0", "1", "2", "3")
PREFIXES = {
    "backbone.": "backbone.body.",
    **{f"neck.lateral_convs.{i}.conv.": f"backbone.fpn.inner_blocks.{i}.0." for i in _CONVS},
    **{f"neck.fpn_convs.{i}.conv.": f"backbone.fpn.layer_blocks.{i}.0." for i in _CONVS},
    "rpn_head.rpn_conv.": "rpn.head.conv.0.0.",
    "rpn_head.rpn_cls.": "rpn.head.cls_logits.",
    "rpn_head.rpn_reg.": "rpn.head.bbox_pred.",
    "bbox_head.shared_fcs.0.": "roi_heads.box_head.fc6.",
    "bbox_head.shared_fcs.1.": "roi_heads.box_head.fc7.",
    "bbox_head.fc_cls.": "roi_heads.box_predictor.cls_score.",
    "bbox_head.fc_reg.": "roi_heads.box_predictor.bbox_pred.",
    **{f"mask_head.convs.{i}.conv.": f"roi_heads.mask_head.{i}.0." for i in _CONVS},
    "mask_head.upsample.": "roi_heads.mask_predictor.conv5_mask.",
    "mask_head.conv_logits.": "roi_heads.mask_predictor.mask_fcn_logits.",
    "prop_head.": "prop_head.",
}
_UNUSED = ("convs.", "upsample.", "conv_logits.")
_WRAPPER = "module."


def from_upstream(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Rename the entries of an upstream checkpoint.

    The tensors that its propagation head holds but never uses are left out; unknown names stay, so
    that strict loading reports them.

    Args:
        state: With or without the prefix ``module.`` of a wrapped network.
    """
    if next(iter(state), "").startswith(_WRAPPER):
        state = {name.removeprefix(_WRAPPER): tensor for name, tensor in state.items()}
    return {_renamed(name): tensor for name, tensor in state.items() if not _is_unused(name)}


def load_seq_mask_rcnn(path: str | os.PathLike[str]) -> SeqMaskRCNN:
    """Load a network; entries that are missing or do not fit are an error.

    Args:
        path: A checkpoint or training folder of this code, or a file of upstream:
            ``{"state_dict": ..., "meta": ...}``, for instance ``seq_mask_rcnn_r50_ytv19.pth``.

    Returns:
        The network on the CPU, in training mode.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    return load_own_or_released(path, SeqMaskRCNN, find_released)


def find_released(
    record: Any, path: Path
) -> tuple[Callable[[], SeqMaskRCNN], Mapping[str, Any]] | None:
    """What builds the network of a file of upstream, and its weights; None for other files."""
    if not isinstance(record, dict) or "state_dict" not in record:
        return None
    state = from_upstream(as_state_dict(record["state_dict"], path))
    return partial(seq_mask_rcnn, *_size(state, path)), state


def _renamed(name: str) -> str:
    for old, new in reversed(PREFIXES.items()):
        if name.startswith(old):
            return new + name.removeprefix(old)
    return name


def _is_unused(name: str) -> bool:
    return name.startswith(tuple(f"prop_head.{part}" for part in _UNUSED))


def _size(state: Mapping[str, torch.Tensor], path: Path) -> tuple[int, str]:
    """Classes and backbone of the network, which the tensors tell."""
    classes = state.get("roi_heads.box_predictor.cls_score.bias")
    grouped = state.get("backbone.body.layer1.0.conv2.weight")
    if classes is None or grouped is None or grouped.ndim != 4:
        raise CheckpointError(f"{path} is not a checkpoint of Seq Mask R-CNN")
    if grouped.shape[1] != grouped.shape[0]:
        backbone = "resnext101_64x4d"
    else:
        is_deep = "backbone.body.layer3.22.conv1.weight" in state
        backbone = "resnet101" if is_deep else "resnet50"
    return len(classes), backbone
