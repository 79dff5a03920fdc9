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
from ltr.models.layers.matmul import linear_fast

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
        return self.refine(prepared + resize(above, prepared.shape[-2:]))

    def refine(self, m: torch.Tensor) -> torch.Tensor:
        """Add what two convolutions make of a map; it may be overwritten."""
        return m + self.convMM2(F.relu(self.convMM1(F.relu(m))))


class DecodedMaps(NamedTuple):
    """What the decoder makes of a frame, before its last convolutions.

    Args:
        fine: (N, planes, H / 4, W / 4), refined.
        pooled: (N, planes, H / 16, W / 16), from the pyramid pooling.
    """

    fine: torch.Tensor
    pooled: torch.Tensor

    def join(self) -> torch.Tensor:
        """Both at the finer resolution, (N, 2 * planes, H / 4, W / 4)."""
        return torch.cat([self.fine, resize(self.pooled, self.fine.shape[-2:])], dim=1)


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
    ) -> DecodedMaps:
        """Decode; ``read`` gives the logits.

        Args:
            top: (N, 32 * width, H / 16, W / 16), ``res5`` or what replaces it.
            prepared: Output of ``prepare``, for N samples or one for all of them.
            local: (N, 1, H / 4, W / 4), mask of the neighbour moved here; the transfer network's.
        """
        maps = self.RF3(prepared[0], self.enter(top))
        if local is not None:
            maps = maps + _TRANSFER_WEIGHT * resize(local, maps.shape[-2:])
        maps = self.RF2(prepared[1], maps)
        if local is not None:
            maps = maps + _TRANSFER_WEIGHT * local
        return DecodedMaps(maps, self.aspp_decoder(top))

    def enter(self, top: torch.Tensor) -> torch.Tensor:
        """(N, 32 * width, H / 16, W / 16) -> (N, planes, H / 16, W / 16)."""
        return self.convG2(F.relu(self.convG1(F.relu(self.convG0(F.relu(top))))))

    def read(self, decoded: DecodedMaps) -> torch.Tensor:
        """Logits (N, 1, H, W)."""
        return self.enlarge(self.lastconv(decoded.join()))

    @staticmethod
    def enlarge(logits: torch.Tensor) -> torch.Tensor:
        """(N, 1, H / 4, W / 4) -> (N, 1, H, W)."""
        return resize(logits, [4 * side for side in logits.shape[-2:]])


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


class SplitConv1x1(nn.Conv2d):
    """A 1x1 convolution of two inputs side by side, each by itself: the results add up.

    Args:
        channels: Of each input and of the output.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(2 * channels, channels, 1)

    def of_first(self, x: torch.Tensor) -> torch.Tensor:
        """The share of the first input, with the bias."""
        return F.conv2d(x, self.weight[:, : x.shape[1]], self.bias)

    def of_second(self, x: torch.Tensor) -> torch.Tensor:
        """The share of the second input."""
        return F.conv2d(x, self.weight[:, x.shape[1] :])


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
        self.conv1x1 = SplitConv1x1(32 * width)

    adapt_state_dict = staticmethod(without_module_prefix)  # files of several GPUs

    def encode(self, image: torch.Tensor) -> FrameFeatures:
        """Features of a frame (1, 3, H, W), normalised by ``IMAGENET_RGB``."""
        found = self.encoder_3ch(image)
        top, key = found["res5"], self.prev_conv1x1(found["res2"])
        mixed = self.conv1x1.of_first(top)
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
        decoder, top = self.decoder_iact, features["res5"]
        decoded = decoder(top, decoder.prepare(features))
        return decoder.read(decoded), self.indicator_encoder(top, decoded.join())

    def propagate(
        self,
        target: FrameFeatures,
        looks: torch.Tensor,
        similarity: torch.Tensor,
        masks: torch.Tensor,
        align_corners: bool = True,
    ) -> torch.Tensor:
        """Segment objects on another frame (T-Net).

        Args:
            target: The frame.
            looks: (N, 32 * width, H / 16, W / 16), global transfer of indicators that went through
                ``mix``. Mixing them once per round is the same as mixing what is transferred.
            similarity: Of ``compare``, with the frame that was segmented before.
            masks: (N, 1, H, W), probabilities there.
            align_corners: How these are sampled.

        Returns:
            Logits (N, 1, H, W).
        """
        local = self.transfer_locally(similarity, masks, align_corners)
        top, decoder = target.mixed + looks, self.decoder_prop
        return decoder.read(decoder(top, (target.middle, target.fine), local))

    def mix(self, indicators: torch.Tensor) -> torch.Tensor:
        """The share of indicators in the convolution that mixes them with a frame."""
        return self.conv1x1.of_second(indicators)

    def compare(self, target: FrameFeatures, neighbour: FrameFeatures) -> torch.Tensor:
        """How much a frame resembles another one around the same place, see ``correlate``."""
        return correlate(target.key, neighbour.key)

    def transfer_locally(
        self, similarity: torch.Tensor, masks: torch.Tensor, align_corners: bool = True
    ) -> torch.Tensor:
        """Move a neighbour's masks to where the frame resembles it, (N, 1, H / 4, W / 4)."""
        small = resize(masks, similarity.shape[-2:])
        return transfer(similarity.softmax(dim=2), small, align_corners)


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
    shares = linear_fast(_pixels(annotated), _pixels(target)).softmax(dim=1).T.contiguous()
    looks = [linear_fast(shares, own.flatten(1)) for own in indicators]
    spread = torch.stack(looks).unflatten(1, tuple(target.shape[-2:]))
    return spread.permute(0, 3, 1, 2)


def _pixels(maps: torch.Tensor) -> torch.Tensor:
    """(1, C, h, w) -> (h * w, C)."""
    return maps[0].permute(1, 2, 0).flatten(0, 1)


@model_constructor
def atnet(width: int = 64, planes: int = 256) -> ATNet:
    """Build ATNet; by default as released (``ATNet-checkpoint.pth``)."""
    return ATNet(width, planes)
