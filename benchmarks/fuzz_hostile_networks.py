"""Network files of a few kilobytes whose networks would fill the memory, or never be built."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import torch

from ltr.admin.checkpoint import network_fields
from ltr.models.dense_ulearn.dense_ulearn_net import dense_ulearn_resnet18

_BIG, _LARGEST = 10**7, 1 << 17
_JOINT = "joint.joint_net:steepest_descent_resnet"
_REFERRING = "referring.referformer:referformer"
_ARGUMENTS: tuple[tuple[str, dict[str, Any]], ...] = (
    (f"{_JOINT}50", {"backbone_width": 1500}),
    (f"{_JOINT}50", {"num_filters": _LARGEST, "decoder_mdim": _LARGEST}),
    (f"{_JOINT}50", {"label_encoder_dims": (16,) * 100_000}),
    (f"{_JOINT}18", {"transformer_dim": _LARGEST, "key_dim": _LARGEST, "filter_size": 999}),
    (f"{_JOINT}18", {"backbone_width": 2**70}),
    ("interactive.assess:assess_network", {"depths": (_BIG, _BIG, _BIG, _BIG)}),
    ("interactive.assess:assess_network", {"depths": (_LARGEST,) * 4, "side": _LARGEST}),
    ("interactive.assess:assess_network", {"width": 1500}),
    ("interactive.ipn:interaction_network", {"width": _LARGEST, "mdim": _LARGEST}),
    ("interactive.ipn:propagation_network", {"width": _LARGEST, "mdim": _LARGEST}),
    ("interactive.manet:manet", {"width": 1500, "planes": _LARGEST}),
    ("interactive.atnet:atnet", {"width": _LARGEST, "planes": _LARGEST}),
    ("interactive.agent:agent_network", {"hidden": _LARGEST}),
    ("dense_ulearn.dense_ulearn_net:dense_ulearn_resnet18", {"backbone_width": _LARGEST}),
    ("propose_reduce.seq_mask_rcnn:seq_mask_rcnn", {"num_classes": _LARGEST, "width": _LARGEST}),
    ("propose_reduce.seq_mask_rcnn:seq_mask_rcnn",
     {"num_classes": 3, "backbone": "resnet18", "backbone_width": 1500}),
    (_REFERRING, {"text_config": {"num_hidden_layers": 10**6}}),
    (_REFERRING, {"text_config": {"num_hidden_layers": _LARGEST, "hidden_size": 12}}),
    (_REFERRING, {"text_config": {"vocab_size": 10**10}}),
    (_REFERRING, {"encoder_layers": _LARGEST, "decoder_layers": _LARGEST}),
    (_REFERRING, {"mask_layers": _LARGEST}),
    (_REFERRING, {"hidden_dim": _LARGEST, "num_queries": _LARGEST, "feedforward_dim": _LARGEST}),
    (_REFERRING, {"num_levels": _LARGEST}),
    (_REFERRING, {"num_points": _LARGEST, "num_heads": 64}),
    (_REFERRING, {"backbone": "swin_l_p4w7", "backbone_width": _LARGEST}),
    (_REFERRING, {"backbone": "video_swin_b_p4w7", "backbone_width": _LARGEST}),
)  # fmt: skip


def hostile_networks() -> Iterator[tuple[str, bytes]]:
    """Name and content of every file."""
    for function, arguments in _ARGUMENTS:
        changed = ", ".join(f"{key}={str(value)[:24]}" for key, value in arguments.items())
        yield f"{function.partition(':')[2]}({changed})", _file(function, arguments)
    nested: Any = 1
    for _ in range(200):
        nested = [nested]
    yield "nested arguments", _file(f"{_JOINT}18", {"label_encoder_dims": nested})
    yield "a long name", _file(f"{_JOINT}18", {"frozen_backbone_layers": ["x" * 1500]})
    yield "NaN", _file(f"{_JOINT}18", {"optim_init_reg": float("nan")})
    yield "strides of 0", _repeated_numbers()
    for kind in (torch.int32, torch.complex64, torch.bool):
        yield f"weights of {kind}", _of_kind(kind)
    weights = {f"text_encoder.encoder.layer.{i}.x": torch.ones(()) for i in range(20)}
    yield "a released form", _saved({"model": weights})


def _file(function: str, arguments: dict[str, Any]) -> bytes:
    constructor = {"function": f"ltr.models.{function}", "kwargs": arguments}
    return _saved({"net": {"weight": torch.ones(2)}, "constructor": constructor})


def _repeated_numbers() -> bytes:
    """A network of 9 GB, each tensor of which is one number that is repeated."""
    with torch.device("meta"):
        network = dense_ulearn_resnet18(128, 1000)
    fields = network_fields(network)
    fields["net"] = {k: torch.ones(()).expand(v.shape) for k, v in fields["net"].items()}
    return _saved(fields)


def _of_kind(kind: torch.dtype) -> bytes:
    fields = network_fields(dense_ulearn_resnet18(2, 1))
    fields["net"] = {key: value.to(kind) for key, value in fields["net"].items()}
    return _saved(fields)


def _saved(record: dict[str, Any]) -> bytes:
    stream = io.BytesIO()
    torch.save(record, stream)
    return stream.getvalue()
