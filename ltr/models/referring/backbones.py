"""The backbones by name; all return maps of strides 4, 8, 16 and 32."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import nn
from torchvision.ops import FrozenBatchNorm2d

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.models.backbone.resnet import STAGES, BasicBlock, Bottleneck, ResNet, ShiftedBlock
from ltr.models.referring.swin import Swin

_RESNETS = {
    "resnet18": (BasicBlock, (2, 2, 2, 2)),
    "resnet18_shifted": (ShiftedBlock, (2, 2, 2, 2)),
    "resnet50": (Bottleneck, (3, 4, 6, 3)),
    "resnet101": (Bottleneck, (3, 4, 23, 3)),
}
# Channels, depths, heads, dropped paths.
_SWINS = {
    "swin_t_p4w7": (96, (2, 2, 6, 2), (3, 6, 12, 24), 0.2),
    "swin_s_p4w7": (96, (2, 2, 18, 2), (3, 6, 12, 24), 0.2),
    "swin_b_p4w7": (128, (2, 2, 18, 2), (4, 8, 16, 32), 0.3),
    "swin_l_p4w7": (192, (2, 2, 18, 2), (6, 12, 24, 48), 0.3),
    "video_swin_t_p4w7": (96, (2, 2, 6, 2), (3, 6, 12, 24), 0.2),
    "video_swin_s_p4w7": (96, (2, 2, 18, 2), (3, 6, 12, 24), 0.2),
    "video_swin_b_p4w7": (128, (2, 2, 18, 2), (4, 8, 16, 32), 0.2),
}
BACKBONES = (*_RESNETS, *_SWINS)


class ResNetBackbone(ResNet):
    """A residual network that takes clips, frame by frame but for the shifted one.

    Args:
        name: One of ``resnet18``, ``resnet18_shifted``, ``resnet50``, ``resnet101``.
        width: Channels of the stem.
        dilation: Whether the last stage keeps the resolution of the third (DC5).
        is_pretrained: Whether batch norms are fixed and the stem and first stage frozen; else
            everything is trained.
    """

    def __init__(
        self,
        name: str,
        width: int = 64,
        dilation: bool = False,
        is_pretrained: bool = True,
    ) -> None:
        block, depths = _RESNETS[name]
        strides = (1, 2, 2, 1 if dilation else 2)
        frozen = ("conv1", "bn1", "layer1") if is_pretrained else ()
        super().__init__(block, depths, width, frozen_layers=frozen, strides=strides)
        self.is_video = block is ShiftedBlock
        self.map_channels = [self.channels[stage] for stage in STAGES]
        if dilation:
            for later in list(self.get_submodule("layer4").children())[1:]:
                convolution = later.get_submodule("conv2")
                assert isinstance(convolution, nn.Conv2d)  # of every residual block
                convolution.dilation = convolution.padding = (2, 2)
        if is_pretrained:
            _fix_norms(self)

    # The parameters have ResNet's names, the call is Swin's.
    def forward(self, clips: torch.Tensor) -> list[torch.Tensor]:  # type: ignore[override]
        """Clips (clips, frames, 3, H, W) -> four maps (clips * frames, channels, h, w)."""
        for block in self.modules():
            if isinstance(block, ShiftedBlock):
                block.frames = clips.shape[1]
        return list(super().forward(clips.flatten(0, 1)).values())


class SwinBackbone(Swin):
    """A Swin or Video Swin Transformer by its name.

    Args:
        name: One of ``BACKBONES``.
        width: Channels of the first stage; None for the named network's. The first stage has a
            head for every 32 channels.
        gradient_checkpointing: Recompute activations in the backward pass instead of storing them.
    """

    def __init__(
        self, name: str, width: int | None = None, gradient_checkpointing: bool = False
    ) -> None:
        dim, depths, heads, drop_path = _SWINS[name]
        if width is not None:
            first = max(1, width // 32)
            heads = (first, 2 * first, 4 * first, 8 * first)
        is_video = name.startswith("video")
        super().__init__(width or dim, depths, heads, is_video, drop_path, gradient_checkpointing)
        self.map_channels: Sequence[int] = self.channels


Backbone = ResNetBackbone | SwinBackbone


def build_backbone(
    name: str,
    width: int | None = None,
    dilation: bool = False,
    is_pretrained: bool = True,
    gradient_checkpointing: bool = False,
) -> Backbone:
    """Build a backbone; see the two classes.

    Raises:
        ConfigError: There is none of this name, or a Swin is asked for dilation.
    """
    if name in _RESNETS:
        return ResNetBackbone(name, width or 64, dilation, is_pretrained)
    if name not in _SWINS:
        raise ConfigError(f"no backbone {name!r}{did_you_mean(name, BACKBONES)}")
    if dilation:
        raise ConfigError(f"dilation is for the residual networks, not for {name}")
    return SwinBackbone(name, width, gradient_checkpointing)


def _fix_norms(module: nn.Module) -> None:
    """Replace batch norms, in place, by affine maps that are never trained."""
    for name, child in module.named_children():
        if isinstance(child, nn.BatchNorm2d):
            setattr(module, name, FrozenBatchNorm2d(child.num_features))
        else:
            _fix_norms(child)
