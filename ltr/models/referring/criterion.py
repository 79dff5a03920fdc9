"""Matching of queries to the referred object, and the losses (spec 4)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torchvision.ops import box_convert, sigmoid_focal_loss

from ltr.data.referring.batches import ReferringTarget
from ltr.models.referring.outputs import Predictions

ALPHA, GAMMA = 0.25, 2.0  # of the focal loss
MASK_STRIDE = 4
_MULTIPLE = 32  # of the sides of padded clips
_EPS = 1e-6


@dataclass(frozen=True)
class LossWeights:
    """Weight of each loss in the total; its fields name the losses."""

    loss_ce: float = 2.0
    loss_bbox: float = 5.0
    loss_giou: float = 2.0
    loss_mask: float = 2.0
    loss_dice: float = 5.0


@dataclass(frozen=True)
class MatchCosts:
    """Weight of each part of the cost of a query."""

    label: float = 2.0
    box: float = 5.0
    giou: float = 2.0
    mask: float = 2.0
    dice: float = 5.0


class Criterion:
    """The losses of a batch; each decoder layer is matched on its own.

    Args:
        num_classes: Outputs of the classifier; with 1 the labels of the targets do not matter.
        weights: Weight of each loss.
        costs: Weights of the matching costs.
        alpha: Weight of the positive class in the classification loss; the matching and the masks
            always have ``ALPHA``.
        clips_per_group: Masks are compared in the padding that so many neighbouring clips have
            alone, as on GPUs with so many clips each, since losses are means over the padding,
            too. None compares them in that of the batch.
    """

    def __init__(
        self,
        num_classes: int = 1,
        weights: LossWeights | None = None,
        costs: MatchCosts | None = None,
        alpha: float = ALPHA,
        clips_per_group: int | None = None,
    ) -> None:
        self.alpha = alpha
        self.clips_per_group = clips_per_group
        self.num_classes = num_classes
        self.weights = asdict(weights or LossWeights())
        self.costs = costs or MatchCosts()

    def __call__(
        self, predictions: Predictions, targets: Sequence[ReferringTarget]
    ) -> dict[str, torch.Tensor]:
        """Compute all losses, not weighted.

        Args:
            predictions: Predictions for all clips, with or without auxiliary ones.
            targets: One a clip.

        Returns:
            ``loss_ce``, ``loss_bbox``, ``loss_giou``, ``loss_mask`` and ``loss_dice``, and the same
            names with ``_0``, ``_1``, ... of the earlier decoder layers.
        """
        targets = self._prepare_all(predictions, targets)
        count = _mean_over_processes(torch.stack([t.valid.sum() for t in targets]).sum())
        losses = self._layer(predictions, targets, count)
        for index, earlier in enumerate(predictions.auxiliary):
            found = self._layer(earlier, targets, count)
            losses |= {f"{name}_{index}": value for name, value in found.items()}
        return losses

    def total(self, losses: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """The weighted sum; auxiliary losses weigh as much as those of the last layer."""
        return sum(self.weights["_".join(name.split("_")[:2])] * x for name, x in losses.items())

    def match(self, predictions: Predictions, targets: Sequence[ReferringTarget]) -> list[int]:
        """The query of each clip whose predictions fit its object best, in all frames together."""
        return [
            matched_query(_sample(predictions, index, target), target, self.costs)
            for index, target in enumerate(self._prepare_all(predictions, targets))
        ]

    def _prepare_all(
        self, predictions: Predictions, targets: Sequence[ReferringTarget]
    ) -> list[ReferringTarget]:
        """All targets, each with the padding of its group."""
        whole = predictions.masks.shape[-2:]
        if self.clips_per_group is None:
            return [self._prepare(target, whole) for target in targets]
        sides = torch.tensor([target.masks.shape[-2:] for target in targets])
        own = -(-sides // _MULTIPLE) * (_MULTIPLE // MASK_STRIDE)
        groups = [group.amax(dim=0).expand_as(group) for group in own.split(self.clips_per_group)]
        grids = torch.minimum(torch.cat(groups), torch.tensor(whole)).tolist()
        return [self._prepare(*pair) for pair in zip(targets, grids, strict=True)]

    def _prepare(self, target: ReferringTarget, size: Sequence[int]) -> ReferringTarget:
        """Masks at the cells of the predictions; labels that the classifier knows."""
        masks = target.masks.float()
        height, width = (MASK_STRIDE * side for side in size)
        masks = F.pad(masks, (0, width - masks.shape[-1], 0, height - masks.shape[-2]))
        start = MASK_STRIDE // 2
        labels = target.labels.long() * (self.num_classes > 1)
        return ReferringTarget(
            labels, target.boxes, masks[:, start::MASK_STRIDE, start::MASK_STRIDE], target.valid > 0
        )

    def _layer(
        self, predictions: Predictions, targets: Sequence[ReferringTarget], count: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        wanted = torch.zeros_like(predictions.logits)
        boxes, mask_losses, dices = [], [], []
        for index, target in enumerate(targets):
            sample = _sample(predictions, index, target)
            query = matched_query(sample, target, self.costs)
            frames = target.valid.nonzero()[:, 0]
            wanted[index, frames, query, target.labels[frames]] = 1.0
            boxes.append((sample.boxes[:, query], target.boxes))
            mask_losses.append(_focal(sample.masks[:, query], target.masks).mean())
            dices.append(1 - _dice(sample.masks[:, query : query + 1], target.masks)[0])
        found, truth = (torch.cat(group) for group in zip(*boxes, strict=True))
        return {
            "loss_ce": _focal(predictions.logits, wanted, self.alpha).sum() / count,
            "loss_bbox": (found - truth).abs().sum() / count,
            "loss_giou": (1 - generalised_iou(found, truth)).sum() / count,
            "loss_mask": torch.stack(mask_losses).sum() / count,
            "loss_dice": torch.stack(dices).sum() / count,
        }


@torch.no_grad()
def matched_query(sample: Predictions, target: ReferringTarget, costs: MatchCosts) -> int:
    """The query of least cost; of equal ones the first.

    Args:
        sample: Predictions of one clip, without the first dimension.
        target: Labels, boxes and masks of the object, the masks at the cells of the predictions:
            (frames, h, w).
        costs: Weights of the parts.
    """
    frames = target.valid.nonzero()[:, 0]
    logits = sample.logits[frames, :, target.labels[frames]]
    p = logits.sigmoid()
    present = ALPHA * (1 - p) ** GAMMA * -(p + 1e-8).log()
    absent = (1 - ALPHA) * p**GAMMA * -(1 - p + 1e-8).log()
    truth = target.boxes[:, None].expand_as(sample.boxes)
    wanted = target.masks[:, None].expand_as(sample.masks)
    cost = (
        costs.label * (present - absent).mean(0)
        + costs.box * (sample.boxes - truth).abs().sum(-1).mean(0)
        - costs.giou * generalised_iou(sample.boxes, truth).mean(0)
        + costs.mask * _focal(sample.masks, wanted).mean((0, 2, 3))
        - costs.dice * _dice(sample.masks, target.masks)
    )
    return int(cost.argmin())


def generalised_iou(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Generalised overlap of pairs of boxes.

    Unlike torchvision's, numerators and denominators are 1e-6 larger, as in training upstream.

    Args:
        first: Centre, width and height, (..., 4).
        second: Boxes of the same shape.
    """
    one, other = (box_convert(boxes, "cxcywh", "xyxy") for boxes in (first, second))
    common = _area(torch.max(one[..., :2], other[..., :2]), torch.min(one[..., 2:], other[..., 2:]))
    union = _area(one[..., :2], one[..., 2:]) + _area(other[..., :2], other[..., 2:]) - common
    hull = _area(torch.min(one[..., :2], other[..., :2]), torch.max(one[..., 2:], other[..., 2:]))
    return (common + _EPS) / (union + _EPS) - (hull - union + _EPS) / (hull + _EPS)


def _area(low: torch.Tensor, high: torch.Tensor) -> torch.Tensor:
    return (high - low).clamp(min=0).prod(-1)


def _focal(logits: torch.Tensor, wanted: torch.Tensor, alpha: float = ALPHA) -> torch.Tensor:
    return sigmoid_focal_loss(logits, wanted, alpha, GAMMA)


def _dice(logits: torch.Tensor, wanted: torch.Tensor) -> torch.Tensor:
    """Dice over frames and pixels: (frames, queries, h, w), (frames, h, w) -> (queries,)."""
    p, m = logits.sigmoid(), wanted[:, None]
    sums = p.sum((0, 2, 3)) + m.sum()
    return (2 * (p * m).sum((0, 2, 3)) + 1) / (sums + 1)


def _sample(predictions: Predictions, index: int, target: ReferringTarget) -> Predictions:
    """The predictions for one clip, with the padding of its prepared target."""
    logits, boxes, masks, centers, _ = predictions
    height, width = target.masks.shape[-2:]
    own = masks[index, ..., :height, :width]
    return Predictions(logits[index], boxes[index], own, centers[index])


def _mean_over_processes(count: torch.Tensor) -> torch.Tensor:
    """Mean number of valid frames, at least 1."""
    count = count.float()
    if dist.is_available() and dist.is_initialized():
        dist.all_reduce(count)
        count = count / dist.get_world_size()
    return count.clamp(min=1.0)
