"""The network that estimates how good a mask is (IVOS-W, arXiv 2103.10391, section 4)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ltr.admin.model_constructor import model_constructor
from ltr.models.interactive.prompt_encoder import RESNET50, PromptEncoder
from ltr.models.interactive.region import SIDE, crop_regions, enclosing_box
from ltr.models.interactive.released import without_module_prefix

_IS_OBJECT = 0.5


class AssessNet(nn.Module):
    """Estimates J&F of one object in one frame from the frame and the object's probabilities.

    Args:
        width: Channels of the stem.
        depths: Number of blocks of the four stages.
        side: Side of the region that the network sees, pixels.
    """

    def __init__(self, width: int, depths: Sequence[int], side: int) -> None:
        super().__init__()
        self.side = side
        # Stems ``m`` and ``n`` are in the released file, but nothing goes through them.
        self.Encoder = PromptEncoder(("m", "p", "n"), width, depths)
        self.fc1 = nn.Linear(self.Encoder.out_channels, 1)

    adapt_state_dict = staticmethod(without_module_prefix)  # files of several GPUs

    def forward(self, images: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        """Estimate the quality of masks.

        Args:
            images: (N, 3, H, W) RGB, 0..1.
            probabilities: (N, H, W) of one object each.

        Returns:
            (N, 1), J&F as a fraction, not limited to 0..1.
        """
        boxes = enclosing_box(probabilities > _IS_OBJECT)
        maps = torch.cat([images, probabilities[:, None]], dim=1)
        regions = crop_regions(maps, boxes, self.side)
        features = self.Encoder(regions[:, :3], {"p": regions[:, 3:]})["res5"]
        return self.fc1(features.mean(dim=(2, 3)))


@model_constructor
def assess_network(
    width: int = 64, depths: Sequence[int] = RESNET50, side: int = SIDE
) -> AssessNet:
    """Build the quality network; by default the ResNet-50 of the released one."""
    return AssessNet(width, depths, side)
