"""A quality network for few data: it judges a mask by what can be measured of it."""

from __future__ import annotations

import numpy as np
import torch
from torch import nn

from ltr.admin.model_constructor import model_constructor
from ltr.data.interactive.mask_measures import MEASURES, measure_mask
from ltr.models.interactive.assess import QualityNet

_MOST = 4.0  # standard deviations of a measurement that count
_USUAL = 0.65  # quality, with which training begins


class MeasureNet(QualityNet):
    """Estimates J&F of one object in one frame by a weighted sum of ``measure_mask``."""

    def __init__(self) -> None:
        super().__init__()
        self.normalise = nn.BatchNorm1d(len(MEASURES), affine=False)
        self.judgement = nn.Linear(len(MEASURES), 1)
        nn.init.zeros_(self.judgement.weight)
        nn.init.constant_(self.judgement.bias, _USUAL)

    def forward(self, images: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        """See ``QualityNet.forward``; no gradients reach the input."""
        pixels = (255 * images.detach()).round().byte().permute(0, 2, 3, 1).cpu().numpy()
        maps = probabilities.detach().float().cpu().numpy()
        found = np.stack([measure_mask(*pair) for pair in zip(pixels, maps, strict=True)])
        return self.judge(torch.from_numpy(found).to(images.device))[:, None]

    def judge(self, measures: torch.Tensor) -> torch.Tensor:
        """Estimate J&F from measurements: (..., 13) -> (...)."""
        values = self.normalise(measures.flatten(0, -2)).clamp(-_MOST, _MOST)
        return self.judgement(values)[:, 0].view(measures.shape[:-1])


@model_constructor
def measure_network() -> MeasureNet:
    """Build the network, which says the same of every mask until it has learned."""
    return MeasureNet()
