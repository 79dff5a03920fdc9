"""Reference cases of the losses and of the learning-rate schedule."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.models.loss.lovasz import lovasz_hinge, lovasz_sigmoid, lovasz_softmax
from ltr.models.loss.segmentation import encoding_similarity, stable_bce
from ltr.trainers.schedule import MultiStep
from tests.conformance.report import Report

_OF_LOGITS: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "lovasz_batch": lambda x, t: lovasz_sigmoid(x, t),
    "lovasz_per_image": lambda x, t: lovasz_sigmoid(x, t, per_image=True),
    "lovasz_batch_empty": lambda x, t: lovasz_sigmoid(x, torch.zeros_like(t)),
    "lovasz_batch_full": lambda x, t: lovasz_sigmoid(x, torch.ones_like(t)),
    "hinge_batch": lambda x, t: lovasz_hinge(x, t, per_image=False),
    "hinge_per_image": lambda x, t: lovasz_hinge(x, t),
    "stable_bce": stable_bce,
}
_OF_ENCODINGS: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "diff": encoding_similarity,
    "diff_self": lambda a, b: encoding_similarity(a, a),
}
_OF_CLASSES: Mapping[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "softmax_present": lambda p, t: lovasz_softmax(p, t),
    "softmax_all": lambda p, t: lovasz_softmax(p, t, "all"),
    "softmax_present_per_image": lambda p, t: lovasz_softmax(p, t, per_image=True),
    "softmax_ignore0": lambda p, t: lovasz_softmax(p, t, ignore=0),
}


def losses(entry: Mapping[str, Any], folder: Path, report: Report) -> None:
    """Loss values, and gradients with respect to the logits where they are given."""
    arrays = np.load(folder / "losses.npz")
    inputs = {name: torch.from_numpy(arrays[name]) for name in arrays.files}
    for name, value in entry["values"].items():
        if name in _OF_LOGITS:
            _compare_loss(name, value, inputs, report)
        elif name in _OF_ENCODINGS:
            got = _OF_ENCODINGS[name](inputs["enc_a"], inputs["enc_b"])
            report.close("losses", name, got, value, relative=1e-5)
        elif name in _OF_CLASSES:
            got = _OF_CLASSES[name](inputs["mc_probas"], inputs["mc_labels"])
            report.close("losses", name, got, value, relative=1e-5)
        else:
            report.fail("losses", f"unknown loss {name!r}")


def _compare_loss(
    name: str, value: float, inputs: Mapping[str, torch.Tensor], report: Report
) -> None:
    logits = inputs["logits"].clone().requires_grad_()
    loss = _OF_LOGITS[name](logits, inputs["target"])
    report.close("losses", name, loss, value, relative=1e-5)
    if f"grad_{name}" in inputs:
        (gradient,) = torch.autograd.grad(loss, logits)
        report.close("losses", f"grad_{name}", gradient, inputs[f"grad_{name}"], relative=1e-5)


def lr_schedule(entry: Mapping[str, Any], folder: Path, report: Report) -> None:
    """The learning rate of every parameter group in every epoch."""
    for case, wanted in json.loads((folder / "lr_schedule.json").read_text()).items():
        schedule = MultiStep(tuple(wanted["milestones"]), wanted["gamma"])
        rates = [
            [base * schedule(epoch) for base in wanted["base_lr"]]
            for epoch in range(1, wanted["epochs"] + 1)
        ]
        report.close(
            "lr_schedule",
            case,
            np.array(rates),
            np.array(wanted["lr_used_in_epoch"]),
            absolute=1e-12,
        )
