"""Residual networks that return the features of their four stages.

One class covers ResNet-50 with Caffe-style strides (the form of the Mask R-CNN weights), ResNet-50
with the usual strides (torchvision's ImageNet weights), and ResNet-18, also with a total stride of
8. Keys are torchvision's (``layer1.0.conv1``, ``layer1.0.downsample.0``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch import nn

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.models.layers.folding import convolve_and_normalise
from ltr.models.layers.initialisation import draw_weights

STAGES = ("layer1", "layer2", "layer3", "layer4")
FREEZABLE = ("conv1", "bn1", *STAGES)
USUAL_STRIDES = (1, 2, 2, 2)


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, inplanes: int, planes: int, stride: int, is_caffe_style: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inplanes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inplanes, planes, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inplanes, H, W) -> (N, planes, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else convolve_and_normalise(x, *self.downsample)
        return self.relu(self.residual(x) + shortcut)

    def residual(self, x: torch.Tensor) -> torch.Tensor:
        """What the block adds to its shortcut."""
        y = self.relu(convolve_and_normalise(x, self.conv1, self.bn1))
        return convolve_and_normalise(y, self.conv2, self.bn2)


class ShiftedBlock(BasicBlock):
    """A basic block whose residual sees the neighbouring frames (Lin et al., arXiv 1811.08383).

    It has no further weights, and on clips of one frame it is a basic block.
    """

    frames = 1  # of each clip of the batch

    def residual(self, x: torch.Tensor) -> torch.Tensor:
        """See ``BasicBlock``; (clips * frames, inplanes, H, W)."""
        return super().residual(shift_in_time(x, self.frames))


def shift_in_time(x: torch.Tensor, frames: int, share: int = 8) -> torch.Tensor:
    """Take one eighth of the channels from the frame before and one from the frame after.

    Args:
        x: (clips * frames, C, H, W); the first and the last frame are their own neighbours.
        frames: Frames per clip; the batch axis holds whole clips one after the other.
        share: What part of the channels moves in each direction, 1 / ``share``.
    """
    if frames == 1:
        return x
    clips, part = x.unflatten(0, (-1, frames)), x.shape[1] // share
    before, after, rest = clips.split((part, part, x.shape[1] - 2 * part), dim=2)
    before = torch.cat([before[:, :1], before[:, :-1]], dim=1)
    after = torch.cat([after[:, 1:], after[:, -1:]], dim=1)
    return torch.cat([before, after, rest], dim=2).flatten(0, 1)


class Bottleneck(nn.Module):
    """A 1x1, a 3x3 and a 1x1 convolution and a shortcut.

    The stride sits on the first 1x1 in Caffe style, on the 3x3 otherwise.
    """

    expansion = 4

    def __init__(
        self, inplanes: int, planes: int, stride: int, is_caffe_style: bool, dilation: int = 1
    ) -> None:
        super().__init__()
        stride_1x1, stride_3x3 = (stride, 1) if is_caffe_style else (1, stride)
        self.conv1 = nn.Conv2d(inplanes, planes, 1, stride_1x1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride_3x3, dilation, dilation, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, planes * self.expansion, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = _shortcut(inplanes, planes * self.expansion, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(N, inplanes, H, W) -> (N, 4 * planes, H / stride, W / stride)."""
        shortcut = x if self.downsample is None else convolve_and_normalise(x, *self.downsample)
        return self.relu(self.residual(x) + shortcut)

    def residual(self, x: torch.Tensor) -> torch.Tensor:
        """What the block adds to its shortcut."""
        y = self.relu(convolve_and_normalise(x, self.conv1, self.bn1))
        y = self.relu(convolve_and_normalise(y, self.conv2, self.bn2))
        return convolve_and_normalise(y, self.conv3, self.bn3)


def _shortcut(inplanes: int, outplanes: int, stride: int) -> nn.Sequential | None:
    if stride == 1 and inplanes == outplanes:
        return None
    return nn.Sequential(
        nn.Conv2d(inplanes, outplanes, 1, stride, bias=False), nn.BatchNorm2d(outplanes)
    )


class ResNet(nn.Module):
    """Residual network without classifier.

    Args:
        block: ``BasicBlock`` or ``Bottleneck``.
        depths: Number of blocks of the four stages.
        width: Channels of the stem; stage ``i`` has ``width * 2**i * block.expansion``.
        is_caffe_style: Whether a bottleneck has its stride in the first 1x1 convolution (Caffe)
            instead of the 3x3 one (torchvision).
        frozen_layers: Modules (of ``FREEZABLE``) that are never trained and stay in eval mode.
        strides: Strides of the four stages.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        depths: Sequence[int],
        width: int = 64,
        is_caffe_style: bool = False,
        frozen_layers: Iterable[str] = (),
        strides: Sequence[int] = USUAL_STRIDES,
    ) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, 2, 3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        self.channels: dict[str, int] = {}
        inplanes = width
        for index, (name, depth) in enumerate(zip(STAGES, depths, strict=True)):
            planes = width * 2**index
            blocks = []
            for position in range(depth):
                stride = strides[index] if position == 0 else 1
                blocks.append(block(inplanes, planes, stride, is_caffe_style))
                inplanes = planes * block.expansion
            setattr(self, name, nn.Sequential(*blocks))
            self.channels[name] = inplanes
        draw_weights(self)
        self.frozen_layers = _checked_layers(frozen_layers)
        for name in self.frozen_layers:
            getattr(self, name).requires_grad_(False)
        self.train()

    def train(self, mode: bool = True) -> ResNet:
        """Set the training mode; frozen modules stay in eval mode."""
        super().train(mode)
        for name in self.frozen_layers if hasattr(self, "frozen_layers") else ():
            getattr(self, name).eval()
        return self

    def forward(self, images: torch.Tensor, last: str = STAGES[-1]) -> dict[str, torch.Tensor]:
        """Compute the features of the stages.

        Args:
            images: (N, 3, H, W), normalised.
            last: The stage after which it stops.

        Returns:
            ``layer1`` .. ``layer4``, (N, channels, H / s, W / s), rounded up, with s = 4, 8, 16, 32
            for the usual strides.
        """
        x = self.maxpool(self.relu(self.bn1(self.conv1(images))))
        features = {}
        for name in STAGES[: STAGES.index(last) + 1]:
            x = getattr(self, name)(x)
            features[name] = x
        return features


def _checked_layers(names: Iterable[str]) -> tuple[str, ...]:
    names = FREEZABLE if names == "all" else tuple(names)
    for name in names:
        if name not in FREEZABLE:
            raise ConfigError(f"no backbone layer {name!r}{did_you_mean(name, FREEZABLE)}")
    return names


def resnet50(is_caffe_style: bool, width: int = 64, frozen_layers: Iterable[str] = ()) -> ResNet:
    """ResNet-50; ``is_caffe_style`` for Mask R-CNN weights, else torchvision's ImageNet form."""
    return ResNet(Bottleneck, (3, 4, 6, 3), width, is_caffe_style, frozen_layers)


def resnet18(
    width: int = 64, frozen_layers: Iterable[str] = (), strides: Sequence[int] = USUAL_STRIDES
) -> ResNet:
    """ResNet-18, in torchvision's form; ``strides`` of the four stages."""
    return ResNet(BasicBlock, (2, 2, 2, 2), width, False, frozen_layers, strides)
