"""ATNet: annotation and transfer networks (Heo et al., ECCV 2020), with its released keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.model_constructor import model_constructor
from ltr.models.backbone.resnet import Bottleneck
from ltr.models.interactive.deeplab import Pooling, dilated_stages, fuse, resize
from ltr.models.interactive.released import without_module_prefix
from ltr.models.interactive.transfer import correlate, transfer

STAGES = ("res2", "res3", "res4", "res5")
_DEPTHS = (3, 4, 6, 3)
_REDUCTION = 4  # of the planes, inside squeeze and excitation
_TRANSFER_WEIGHT = 0.5  # of the local transfer's map in the decoder


class SqueezeBottleneck(Bottleneck):
    """A bottleneck whose residual is weighted channel by channel (squeeze and excitation)."""

    def __init__(
        self, inplanes: int, planes: int, stride: int, is_caffe_style: bool, dilation: int = 1
    ) -> None:
        super().__init__(inplanes, planes, stride, is_caffe_style, dilation)
        outplanes, inner = planes * self.expansion, planes // _REDUCTION
        self.conv_down = nn.Conv2d(outplanes, inner, 1, bias=False)
        self.conv_up = nn.Conv2d(inner, outplanes, 1, bias=False)

    def residual(self, x: torch.Tensor) -> torch.Tensor:
        """See ``Bottleneck.residual``."""
        y = super().residual(x)
        weights = self.conv_up(F.relu(self.conv_down(y.mean(dim=(2, 3), keepdim=True))))
        return y * weights.sigmoid()


class Encoder(nn.Module):
    """SE-ResNet-50 with a total stride of 16.

    Args:
        inputs: Channels of the input, part of the stem's name.
        width: Channels of the stem.
    """

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.stem = f"conv0_{inputs}ch"
        self.add_module(self.stem, nn.Conv2d(inputs, width, 7, 2, 3))
        self.bn1 = nn.BatchNorm2d(width)
        self.norm_of = {self.stem: "bn1"}
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, 2, 1)
        stages, self.out_channels = dilated_stages(SqueezeBottleneck, width, _DEPTHS)
        for name, stage in zip(STAGES, stages, strict=True):
            self.add_module(name, stage)

    def forward(self, x: torch.Tensor) -> dict[str, torch.Tensor]:
        """(N, inputs, H, W) -> ``res2`` .. ``res5`` with strides 4, 8, 16 and 16."""
        x = self.maxpool(self.relu(self.bn1(getattr(self, self.stem)(x))))
        features = {}
        for name in STAGES:
            x = getattr(self, name)(x)
            features[name] = x
        return features


class Refine(nn.Module):
    """Adds a stage's features to the map of the stage above."""

    def __init__(self, inplanes: int, planes: int) -> None:
        super().__init__()
        self.convFS1 = nn.Conv2d(inplanes, planes, 3, 1, 1)
        self.convFS2 = nn.Conv2d(planes, planes, 3, 1, 1)
        self.convFS3 = nn.Conv2d(planes, planes, 3, 1, 1)
        self.convMM1 = nn.Conv2d(planes, planes, 3, 1, 1)
        self.convMM2 = nn.Conv2d(planes, planes, 3, 1, 1)

    def prepare(self, features: torch.Tensor) -> torch.Tensor:
        """What depends on the stage alone, (N, inplanes, H, W) -> (N, planes, H, W)."""
        s = self.convFS1(features)
        return s + self.convFS3(F.relu(self.convFS2(F.relu(s))))

    def forward(self, prepared: torch.Tensor, above: torch.Tensor) -> torch.Tensor:
        """Refine.

        Args:
            prepared: (N or 1, planes, H, W), of ``prepare``.
            above: (N, planes, h, w), the map of the stage above.

        Returns:
            (N, planes, H, W).
        """
        m = prepared + resize(above, prepared.shape[-2:])
        return m + self.convMM2(F.relu(self.convMM1(F.relu(m))))


class Decoder(nn.Module):
    """From the features of a frame to the logits of one object, in both networks.

    Args:
        width: Channels of the encoder's stem.
        planes: Channels of the decoder.
    """

    def __init__(self, width: int, planes: int) -> None:
        super().__init__()
        self.aspp_decoder = Pooling(32 * width, planes, 0.5)
        self.convG0 = nn.Conv2d(32 * width, planes, 3, 1, 1)
        self.convG1 = nn.Conv2d(planes, planes, 3, 1, 1)
        self.convG2 = nn.Conv2d(planes, planes, 3, 1, 1)
        self.RF3 = Refine(8 * width, planes)
        self.RF2 = Refine(4 * width, planes)
        self.lastconv = nn.Sequential(*fuse(2 * planes, planes), nn.Conv2d(planes, 1, 1))

    def prepare(self, features: Mapping[str, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor]:
        """What depends on ``res3`` and ``res2`` alone, (N, planes, H / 8, W / 8) and (.., / 4)."""
        return self.RF3.prepare(features["res3"]), self.RF2.prepare(features["res2"])

    def forward(
        self,
        top: torch.Tensor,
        prepared: tuple[torch.Tensor, torch.Tensor],
        local: torch.Tensor | None = None,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Decode.

        Args:
            top: (N, 32 * width, H / 16, W / 16), ``res5`` or what replaces it.
            prepared: Of ``prepare``, of N samples or of one for all.
            local: (N, 1, H / 4, W / 4), mask of the neighbour moved here; the transfer network's.

        Returns:
            Logits (N, 1, H, W), and the map before the last convolutions, (N, 2 * planes, H / 4,
            W / 4).
        """
        maps = self.convG2(F.relu(self.convG1(F.relu(self.convG0(F.relu(top))))))
        maps = self.RF3(prepared[0], maps)
        if local is not None:
            maps = maps + _TRANSFER_WEIGHT * resize(local, maps.shape[-2:])
        maps = self.RF2(prepared[1], maps)
        if local is not None:
            maps = maps + _TRANSFER_WEIGHT * local
        maps = torch.cat([maps, resize(self.aspp_decoder(top), maps.shape[-2:])], dim=1)
        height, width = maps.shape[-2:]
        return resize(self.lastconv(maps), (4 * height, 4 * width)), maps


class IndicatorEncoder(nn.Module):
    """Describes what an object looks like on the annotated frame."""

    def __init__(self, width: int, planes: int) -> None:
        super().__init__()
        self.block1 = SqueezeBottleneck(2 * planes, planes, 2, False)
        self.block2 = SqueezeBottleneck(4 * planes, 2 * planes, 2, False)
        self.conv1x1 = nn.Conv2d(8 * planes + 32 * width, 32 * width, 1)

    def forward(self, top: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
        """(N, 32 * width, h, w), (N, 2 * planes, 4 * h, 4 * w) -> (N, 32 * width, h, w)."""
        return self.conv1x1(torch.cat([self.block2(self.block1(maps)), top], dim=1))


class FrameFeatures(NamedTuple):
    """What the networks know of a frame, whatever the objects.

    Args:
        top: (1, 32 * width, H / 16, W / 16), ``res5``.
        mixed: (1, 32 * width, H / 16, W / 16), its share of the convolution that mixes it with the
            global transfer.
        middle: (1, planes, H / 8, W / 8), ``res3`` prepared for the decoder.
        fine: (1, planes, H / 4, W / 4), ``res2`` prepared for the decoder.
        key: (1, 4 * width, H / 4, W / 4), compared with neighbours.
    """

    top: torch.Tensor
    mixed: torch.Tensor
    middle: torch.Tensor
    fine: torch.Tensor
    key: torch.Tensor


class ATNet(nn.Module):
    """Both networks; objects are samples of a batch, a frame's features serve all of them.

    Args:
        width: Channels of the encoders' stems.
        planes: Channels of the decoders.
    """

    def __init__(self, width: int, planes: int) -> None:
        super().__init__()
        self.encoder_6ch = Encoder(6, width)
        self.encoder_3ch = Encoder(3, width)
        self.indicator_encoder = IndicatorEncoder(width, planes)
        self.decoder_iact = Decoder(width, planes)
        self.decoder_prop = Decoder(width, planes)
        self.prev_conv1x1 = nn.Conv2d(4 * width, 4 * width, 1)
        self.conv1x1 = nn.Conv2d(64 * width, 32 * width, 1)

    adapt_state_dict = staticmethod(without_module_prefix)  # files of several GPUs

    def encode(self, image: torch.Tensor) -> FrameFeatures:
        """Features of a frame (1, 3, H, W), normalised by ``IMAGENET_RGB``."""
        found = self.encoder_3ch(image)
        top, key = found["res5"], self.prev_conv1x1(found["res2"])
        weight, bias = self.conv1x1.weight, self.conv1x1.bias
        mixed = F.conv2d(top, weight[:, : top.shape[1]], bias)
        return FrameFeatures(top, mixed, *self.decoder_prop.prepare(found), key)

    def annotate(self, inputs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Segment objects on the annotated frame (A-Net).

        Args:
            inputs: (N, 6, H, W): the normalised frame, the previous mask, and the maps of
                positive and negative scribbles.

        Returns:
            Logits (N, 1, H, W) and indicators (N, 32 * width, H / 16, W / 16).
        """
        features = self.encoder_6ch(inputs)
        logits, maps = self.decoder_iact(features["res5"], self.decoder_iact.prepare(features))
        return logits, self.indicator_encoder(features["res5"], maps)

    def propagate(
        self,
        target: FrameFeatures,
        looks: torch.Tensor,
        neighbour: FrameFeatures,
        masks: torch.Tensor,
        align_corners: bool = True,
    ) -> torch.Tensor:
        """Segment objects on another frame (T-Net).

        Args:
            target: The frame.
            looks: (N, 32 * width, H / 16, W / 16), global transfer of the indicators.
            neighbour: The frame that was segmented before.
            masks: (N, 1, H, W), probabilities there.
            align_corners: How these are sampled.

        Returns:
            Logits (N, 1, H, W).
        """
        local = self.transfer_locally(target, neighbour, masks, align_corners)
        top = target.mixed + F.conv2d(looks, self.conv1x1.weight[:, target.top.shape[1] :])
        return self.decoder_prop(top, (target.middle, target.fine), local)[0]

    def transfer_locally(
        self,
        target: FrameFeatures,
        neighbour: FrameFeatures,
        masks: torch.Tensor,
        align_corners: bool = True,
    ) -> torch.Tensor:
        """Move a neighbour's masks to where the frame resembles it, (N, 1, H / 4, W / 4)."""
        weights = correlate(target.key, neighbour.key).softmax(dim=2)
        small = resize(masks, target.key.shape[-2:])
        return transfer(weights, small, align_corners)


def transfer_globally(
    annotated: torch.Tensor, indicators: torch.Tensor, target: torch.Tensor
) -> torch.Tensor:
    """Spread the indicators of one annotated frame to the pixels that resemble its own.

    Each annotated pixel shares its indicator among the target's pixels; upstream normalises over
    the target, and neither scales by the width nor over the annotated pixels.

    Args:
        annotated: (1, C, h, w), ``top`` of the annotated frame.
        indicators: (N, C, h, w), of the objects there.
        target: (1, C, h, w), ``top`` of the frame.

    Returns:
        (N, C, h, w); the mean over the annotated frames is the global transfer.
    """
    shares = (annotated[0].flatten(1).T @ target[0].flatten(1)).softmax(dim=1)
    return (indicators.flatten(2) @ shares).view_as(indicators)


@model_constructor
def atnet(width: int = 64, planes: int = 256) -> ATNet:
    """Build ATNet; by default as released (``ATNet-checkpoint.pth``)."""
    return ATNet(width, planes)
