"""Two-headed label encoder: a mask becomes the targets and weights of the two branches."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn

from ltr.models.layers.initialisation import draw_weights, fill_bias


class _Block(nn.Module):
    """Basic residual block without normalisation; halves the resolution.

    The shortcut is a 3x3 convolution with bias.
    """

    def __init__(self, inplanes: int, planes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, 2, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.downsample = nn.Conv2d(inplanes, planes, 3, 2, 1)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.relu(self.conv2(self.relu(self.conv1(x))) + self.downsample(x))


class LabelEncoder(nn.Module):
    """Encode masks for the induction branch (tm) and the transduction branch (tr).

    Args:
        dims: Channels of the stem, the two residual blocks and the output, (16, 32, 64, 16).
    """

    def __init__(self, dims: Sequence[int]) -> None:
        super().__init__()
        stem, middle, last, out = dims
        self.conv_block = nn.Sequential(nn.Conv2d(1, stem, 3, 2, 1), nn.ReLU(inplace=True))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.res1_tm = _Block(stem, middle)
        self.res2_tm = _Block(middle, last)
        self.res1_tr = _Block(stem, middle)
        self.res2_tr = _Block(middle, last)
        self.label_pred_tm = nn.Sequential(nn.Conv2d(last, out, 3, 1, 1), nn.ReLU(inplace=True))
        self.samp_w_pred = nn.Conv2d(last, out, 3, 1, 1)
        self.label_pred_tr = nn.Sequential(nn.Conv2d(last, out, 3, 1, 1), nn.ReLU(inplace=True))
        draw_weights(self)
        nn.init.zeros_(self.samp_w_pred.weight)
        fill_bias(self.samp_w_pred, 1.0)

    def forward(self, masks: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Encode masks.

        Args:
            masks: (frames, sequences, H, W) in 0..1; H and W are multiples of 16.

        Returns:
            The encodings e_tm and e_tr and the sample weights w of the induction branch, each
            (frames, sequences, out, H / 16, W / 16).
        """
        stem = self.pool(self.conv_block(masks.flatten(0, 1).unsqueeze(1)))
        trunk_tm = self.res2_tm(self.res1_tm(stem))
        trunk_tr = self.res2_tr(self.res1_tr(stem))
        heads = (
            self.label_pred_tm(trunk_tm),
            self.label_pred_tr(trunk_tr),
            self.samp_w_pred(trunk_tm),
        )
        e_tm, e_tr, weights = (head.unflatten(0, masks.shape[:2]) for head in heads)
        return e_tm, e_tr, weights
