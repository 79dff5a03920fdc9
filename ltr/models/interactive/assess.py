"""The network that estimates how good a mask is (IVOS-W, arXiv 2103.10391, section 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.model_constructor import model_constructor
from ltr.models.interactive.prompt_encoder import RESNET50, Block, PromptEncoder
from ltr.models.interactive.region import SIDE, crop_regions, enclosing_box, min_extent_of
from ltr.models.interactive.released import without_module_prefix

_IS_OBJECT = 0.5


class QualityNet(nn.Module):
    """Estimates J&F of one object in one frame from the frame and the object's probabilities."""

    def forward(self, images: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        """Estimate the quality of masks.

        Args:
            images: (N, 3, H, W) RGB, 0..1.
            probabilities: (N, H, W) of one object each.

        Returns:
            (N, 1), J&F as a fraction, not limited to 0..1.
        """
        raise NotImplementedError


class AssessNet(QualityNet):
    """The published network: a ResNet that sees the region around the object.

    Args:
        width: Channels of the stem.
        depths: Number of blocks of the four stages.
        side: Side of the region that the network sees, pixels.
        block: Kind of the blocks.
        rows: Frames are scaled to so many rows, and the smallest region is the same part of them
            as of 480; None sees them as they come, as the released network does.
    """

    def __init__(
        self, width: int, depths: Sequence[int], side: int, block: Block, rows: int | None
    ) -> None:
        super().__init__()
        self.side = side
        self.rows = rows
        # Stems ``m`` and ``n`` are in the released file, but nothing goes through them.
        self.Encoder = PromptEncoder(("m", "p", "n"), width, depths, block)
        self.fc1 = nn.Linear(self.Encoder.out_channels, 1)

    adapt_state_dict = staticmethod(without_module_prefix)  # files of several GPUs

    def forward(self, images: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        """See ``QualityNet.forward``."""
        maps = torch.cat([images, probabilities[:, None]], dim=1)
        if self.rows is None:
            boxes = enclosing_box(probabilities > _IS_OBJECT)
        else:
            maps = _scaled_to(maps, self.rows)
            boxes = enclosing_box(maps[:, 3] > _IS_OBJECT, min_extent_of(self.rows))
        regions = crop_regions(maps, boxes, self.side)
        features = self.Encoder(regions[:, :3], {"p": regions[:, 3:]})["res5"]
        return self.fc1(features.mean(dim=(2, 3)))


def _scaled_to(maps: torch.Tensor, rows: int) -> torch.Tensor:
    height, width = maps.shape[-2:]
    if height == rows:
        return maps
    size = rows, max(1, round(width * rows / height))
    return F.interpolate(maps, size, mode="bilinear", align_corners=False, antialias=True)


@model_constructor
def assess_network(
    width: int = 64,
    depths: Sequence[int] = RESNET50,
    side: int = SIDE,
    block: Block = "bottleneck",
    rows: int | None = None,
) -> AssessNet:
    """Build the quality network; by default the ResNet-50 of the released one."""
    return AssessNet(width, depths, side, block, rows)
