"""Lovasz extensions of the Jaccard index (Berman et al., CVPR 2018).

``lovasz_sigmoid`` is the segmentation loss of JOINT; the other two are its general forms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
import torch.nn.functional as F

Classes = Literal["present", "all"] | Sequence[int]


def lovasz_sigmoid(
    logits: torch.Tensor, targets: torch.Tensor, per_image: bool = False
) -> torch.Tensor:
    """Jaccard loss of the foreground.

    Without foreground in ``targets`` the loss is the largest error, not zero.

    Args:
        logits: (images, 1, H, W), not normalised.
        targets: Same shape as ``logits``, 0 or 1.
        per_image: Average over the images instead of treating all pixels as one image.

    Returns:
        A number in 0..1.
    """
    probabilities, labels = torch.sigmoid(logits), targets.squeeze(1)
    return lovasz_softmax(probabilities, labels, classes=(1,), per_image=per_image)


def lovasz_softmax(
    probabilities: torch.Tensor,
    labels: torch.Tensor,
    classes: Classes = "present",
    per_image: bool = False,
    ignore: int | None = None,
) -> torch.Tensor:
    """Mean over classes of the Jaccard loss.

    Args:
        probabilities: (images, C, H, W) in 0..1; with C = 1 the foreground probability.
        labels: (images, H, W), class numbers.
        classes: Which classes count: those that occur in ``labels``, all, or the given ones.
        per_image: Average over the images instead of treating all pixels as one image.
        ignore: Pixels with this label are dropped.

    Returns:
        A number in 0..1.
    """
    if per_image:
        pairs = zip(probabilities.split(1), labels.split(1), strict=True)
        losses = [lovasz_softmax(p, t, classes, False, ignore) for p, t in pairs]
        return torch.stack(losses).mean()
    pixels = probabilities.movedim(1, -1).reshape(-1, probabilities.shape[1]).float()
    labels = labels.reshape(-1)
    if ignore is not None:
        is_kept = labels != ignore
        pixels, labels = pixels[is_kept], labels[is_kept]
    losses = [
        _jaccard_loss((is_class - pixels[:, column]).abs(), is_class)
        for column, is_class in _class_columns(pixels.shape[1], labels, classes)
    ]
    return torch.stack(losses).mean() if losses else pixels.sum() * 0.0


def lovasz_hinge(
    logits: torch.Tensor, targets: torch.Tensor, per_image: bool = True
) -> torch.Tensor:
    """Jaccard hinge loss of the foreground.

    Args:
        logits: (images, H, W) or (images, 1, H, W), not normalised.
        targets: Same shape as ``logits``, 0 or 1.
        per_image: Average over the images instead of treating all pixels as one image.
    """
    if per_image:
        pairs = zip(logits.split(1), targets.split(1), strict=True)
        return torch.stack([lovasz_hinge(x, t, False) for x, t in pairs]).mean()
    logits, targets = logits.reshape(-1).float(), targets.reshape(-1).float()
    errors = 1.0 - logits * (2.0 * targets - 1.0)
    return _jaccard_loss(errors, targets, is_hinge=True)


def _class_columns(
    num_columns: int, labels: torch.Tensor, classes: Classes
) -> list[tuple[int, torch.Tensor]]:
    """The column of the probabilities and the indicator of every class that counts."""
    numbers = range(num_columns) if isinstance(classes, str) else classes
    pairs = [(0 if num_columns == 1 else n, (labels == n).float()) for n in numbers]
    if classes == "present":
        return [(column, indicator) for column, indicator in pairs if indicator.any()]
    return pairs


def _jaccard_loss(
    errors: torch.Tensor, targets: torch.Tensor, is_hinge: bool = False
) -> torch.Tensor:
    """Sorted errors times the steps of the Jaccard loss; the gradient flows through the errors."""
    errors, order = errors.sort(descending=True)
    weights = _jaccard_steps(targets[order])
    return torch.dot(F.relu(errors) if is_hinge else errors, weights)


def _jaccard_steps(targets: torch.Tensor) -> torch.Tensor:
    """By how much each further wrong pixel raises the Jaccard loss, J_i - J_(i-1) (Algorithm 1).

    With G foreground pixels and y the sorted targets,
    J_i = 1 - (G - cumsum(y)_i) / (G + cumsum(1 - y)_i). Differences in float32 cost digits, but
    the published networks were trained with them.
    """
    foreground = targets.sum()
    intersection = foreground - targets.cumsum(0)
    union = foreground + (1.0 - targets).cumsum(0)
    jaccard = 1.0 - intersection / union
    return torch.cat([jaccard[:1], jaccard[1:] - jaccard[:-1]])
