"""Reads networks of this system: checkpoints of this code, and files of ReferFormer and TF².

Their files are ``{"model": state dict, "optimizer", "lr_scheduler", "epoch", "args"}``. What the
network looks like is read from the names and shapes of its tensors.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import torch

from ltr.admin.checkpoint import as_state_dict, find_checkpoint, read_checkpoint
from ltr.admin.errors import CheckpointError
from ltr.admin.loading import load_own_or_released, load_state
from ltr.admin.tensor_files import read_tensor_file
from ltr.models.referring.referformer import ReferFormer, referformer

_CLASSIFIER = "class_embed."
_BODY = "backbone.0.body."
# Blocks of the third stage, and channels of the first.
_SWIN_SIZES = {(6, 96): "t", (18, 96): "s", (18, 128): "b", (18, 192): "l"}
_HEADS = 8  # of all released files; it cannot be read from their shapes


def load_referformer(path: str | os.PathLike[str]) -> ReferFormer:
    """Load a network; entries that are missing or do not fit are an error.

    Args:
        path: A checkpoint or training folder of this code, or a file of ReferFormer or TF².

    Returns:
        The network on the CPU, in training mode.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    network = load_own_or_released(path, ReferFormer, _find)
    # No file that was released is of a network trained with tracking, and none holds a recipe.
    tracked = getattr(network, "recipe", {"tracking": False}).get("tracking")
    if isinstance(tracked, bool):
        network.trained_with_tracking = tracked
    return network


def _find(record: Any, path: Path) -> tuple[Callable[[], ReferFormer], Mapping[str, Any]] | None:
    if not isinstance(record, dict) or "model" not in record:
        return None
    state = as_state_dict(record["model"], path)
    return partial(referformer, **released_arguments(state, path)), state


def load_pretrained(network: ReferFormer, path: str | os.PathLike[str]) -> None:
    """Start fine-tuning: load everything but the classifiers, which keep their random weights.

    Args:
        network: To be trained.
        path: A checkpoint or training folder of this code, or a file of ReferFormer or TF².

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    path = Path(path)
    record = None if path.is_dir() else read_tensor_file(path)
    if isinstance(record, dict) and "model" in record:
        state = as_state_dict(record["model"], path)
    else:
        state = load_referformer(path).state_dict()
    kept = {key: value for key, value in state.items() if not key.startswith(_CLASSIFIER)}
    expected = network.state_dict()
    load_state(
        network, kept | {k: v for k, v in expected.items() if k.startswith(_CLASSIFIER)}, path
    )


def load_backbone(network: ReferFormer, path: str | os.PathLike[str]) -> None:
    """Fill the backbone with weights of ImageNet or, for Video Swin, Kinetics, or of a training.

    Args:
        network: To be trained.
        path: torchvision's file of a ResNet, a file of Swin or Video Swin Transformer, or the
            folder or a checkpoint of the training of a ``LookNet``.

    Raises:
        CheckpointError: The file is missing, damaged, or of another network.
    """
    path = find_checkpoint(path) if Path(path).is_dir() else Path(path)
    record = read_tensor_file(path)
    if not isinstance(record, dict):
        raise CheckpointError(f"{path} holds no dictionary of tensors")
    if "net" in record:
        own = read_checkpoint(path).net
        record = {key: value for key, value in own.items() if key.startswith("backbone.")}
    record = record.get("state_dict", record.get("model", record))
    expected = network.body.state_dict()
    state = {}
    for key, value in as_state_dict(record, path).items():
        key = key.removeprefix("backbone.")
        if key == "patch_embed.proj.weight" and value.dim() == 5:
            # Kinetics networks join two frames at once; here every frame is a token of its own.
            value = value.sum(2, keepdim=True)
        if not key.startswith(("fc.", "head.", "cls_head.", "norm.")):
            state[key] = value
    # Files of image networks have no norm of each stage's output; it starts as drawn.
    state = {k: v for k, v in expected.items() if re.fullmatch(r"norm\d\.\w+", k)} | state
    state |= {k: v for k, v in expected.items() if k.endswith("relative_position_index")}
    load_state(
        network.body,
        {k: v for k, v in state.items() if not k.endswith(("attn_mask", "num_batches_tracked"))},
        path,
    )


def released_arguments(state: Mapping[str, torch.Tensor], path: Path) -> dict[str, Any]:
    """Arguments of ``referformer`` for a state dict of upstream's.

    Raises:
        CheckpointError: It is not of this system.
    """
    try:
        return _arguments(state)
    except KeyError as error:
        reason = f"it has no entry {error}"
    except (ValueError, IndexError, TypeError, ZeroDivisionError):
        reason = "its tensors have other shapes"
    raise CheckpointError(f"{path} is not a checkpoint of ReferFormer: {reason}")


def _arguments(state: Mapping[str, torch.Tensor]) -> dict[str, Any]:
    levels, dim = state["transformer.level_embed"].shape
    weights = state["transformer.encoder.layers.0.self_attn.attention_weights.bias"]
    mask_dim = len(state["pixel_decoder.mask_features.bias"])
    parameters = len(state["controller.layers.2.bias"])
    return {
        "backbone": backbone_name(state),
        "num_classes": len(state["class_embed.0.bias"]),
        "with_box_refine": "transformer.decoder.bbox_embed.0.layers.0.weight" in state,
        "num_queries": len(state["query_embed.weight"]),
        "hidden_dim": dim,
        "encoder_layers": _count(state, r"transformer\.encoder\.layers\.(\d+)\."),
        "decoder_layers": _count(state, r"transformer\.decoder\.layers\.(\d+)\."),
        "feedforward_dim": len(state["transformer.encoder.layers.0.linear1.bias"]),
        "num_levels": levels,
        "num_points": len(weights) // (_HEADS * levels),
        "mask_dim": mask_dim,
        "relative_coordinates": parameters != _dynamic_parameters(mask_dim),
        "text_config": _text_config(state),
    }


def backbone_name(state: Mapping[str, torch.Tensor]) -> str:
    """The backbone to which a state dict's entries under ``backbone.0.body.`` belong.

    Raises:
        KeyError: To none that is known here.
    """
    if _BODY + "layer3.0.conv1.weight" in state:
        if _BODY + "layer3.0.conv3.weight" not in state:
            return "resnet18"
        return "resnet101" if _BODY + "layer3.6.conv1.weight" in state else "resnet50"
    patches = state[_BODY + "patch_embed.proj.weight"]
    blocks = _count(state, re.escape(_BODY) + r"layers\.2\.blocks\.(\d+)\.")
    size = _SWIN_SIZES[blocks, len(patches)]
    return f"{'video_' if patches.dim() == 5 else ''}swin_{size}_p4w7"


def _text_config(state: Mapping[str, torch.Tensor]) -> dict[str, int]:
    words = state["text_encoder.embeddings.word_embeddings.weight"]
    layer = "text_encoder.encoder.layer.0.intermediate.dense.bias"
    return {
        "vocab_size": words.shape[0],
        "hidden_size": words.shape[1],
        "num_attention_heads": max(1, words.shape[1] // 64),  # 12 of roberta-base's 768 channels
        "num_hidden_layers": _count(state, r"text_encoder\.encoder\.layer\.(\d+)\."),
        "intermediate_size": len(state[layer]),
        "max_position_embeddings": len(state["text_encoder.embeddings.position_embeddings.weight"]),
    }


def _dynamic_parameters(mask_dim: int, channels: int = 8) -> int:
    """Numbers of the dynamic convolutions without relative coordinates."""
    return (mask_dim + 1) * channels + (channels + 1) * channels + channels + 1


def _count(state: Mapping[str, Any], pattern: str) -> int:
    """How many numbers the pattern's group takes in the names."""
    found = (re.match(pattern, key) for key in state)
    return len({match[1] for match in found if match})
