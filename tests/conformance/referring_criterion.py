"""Matching and losses of the reference values."""

from __future__ import annotations

from dataclasses import asdict

import torch

from ltr.data.referring.batches import ReferringTarget
from ltr.models.referring.criterion import Criterion, LossWeights
from ltr.models.referring.outputs import Predictions
from tests.conformance.referring_case import Case

_LOSS = 1e-5


def targets_of(case: Case) -> list[ReferringTarget]:
    """The targets that a case stores, as many as there are."""
    targets = []
    while case.has(f"tgt{len(targets)}_masks"):
        name = f"tgt{len(targets)}"
        boxes, masks, valid = (case.input(f"{name}_{part}") for part in ("boxes", "masks", "valid"))
        has_labels = case.has(f"{name}_labels")
        labels = case.input(f"{name}_labels") if has_labels else torch.zeros(len(valid)).long()
        targets.append(ReferringTarget(labels, boxes, masks, valid))
    return targets


def run(case: Case) -> None:
    """Matched slots, losses, and the total's gradients with respect to the last layer."""
    classes = case["num_classes"]
    shape = tuple(case[key] for key in ("b", "t", "q"))
    grid = (case["H"] // 4, case["W"] // 4)

    def layer(name: str) -> Predictions:
        prefix = f"cr{classes}.{name}"
        return Predictions(
            case.drawn(f"{prefix}.logits", (*shape, classes)).requires_grad_(),
            case.drawn(f"{prefix}.boxes", (*shape, 4)).sigmoid().requires_grad_(),
            (case.drawn(f"{prefix}.masks", (*shape, *grid)) * 2).requires_grad_(),
            torch.zeros(*shape, 2),
        )

    last, earlier, targets = layer("last"), layer("aux"), targets_of(case)
    weights = {name: case["weights"][name] for name in asdict(LossWeights())}
    criterion = Criterion(classes, LossWeights(**weights))
    for name, predictions in (("match_last", last), ("match_aux", earlier)):
        slots = torch.tensor(criterion.match(predictions, targets))
        case.compare(name, slots[:, None], absolute=0)
    losses = criterion(last._replace(auxiliary=(earlier,)), targets)
    compare_losses(case, criterion, losses, _LOSS)
    gradients = torch.autograd.grad(criterion.total(losses), last[:3])
    for name, gradient in zip(("logits", "boxes", "masks"), gradients, strict=True):
        case.compare(f"grad_{name}", gradient, relative=_LOSS)


def compare_losses(
    case: Case, criterion: Criterion, losses: dict[str, torch.Tensor], relative: float
) -> None:
    """Compare every loss, and the weighted sum."""
    for name, value in losses.items():
        case.compare(name, value.reshape(1), relative=relative)
    case.compare("total", criterion.total(losses).reshape(1), relative=relative)
