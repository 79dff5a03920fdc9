"""Interaction and propagation networks (Oh et al., CVPR 2019), with the keys of zyy-cn/IPN.

Both see the region around one object (``region.py``); objects are samples of a batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn

from ltr.admin.model_constructor import model_constructor
from ltr.models.interactive.prompt_encoder import PromptEncoder
from ltr.models.interactive.region import SIDE, crop_regions, enclosing_box, paste_regions
from ltr.models.interactive.released import without_module_prefix
from ltr.models.layers.residual import ResBlock

IS_OBJECT = 0.49  # probability from which a pixel belongs to the region
_MISSING = -1.0  # every pixel of a previous mask that does not exist
_UNKNOWN = 0.5  # what takes its place
_WEIGHT_MARGIN = 0.001  # added to the mean weight by which I-Net's losses are divided


class Refine(nn.Module):
    """Adds a stage's features to the map of the stage above."""

    def __init__(self, inplanes: int, planes: int) -> None:
        super().__init__()
        self.ResFS = ResBlock(inplanes, planes)
        self.ResMM = ResBlock(planes, planes)

    def forward(self, features: torch.Tensor, above: torch.Tensor) -> torch.Tensor:
        """(N, inplanes, H, W), (N, planes, H / 2, W / 2) -> (N, planes, H, W)."""
        return self.ResMM(self.ResFS(features) + _enlarge(above, 2))


def _enlarge(maps: torch.Tensor, factor: int) -> torch.Tensor:
    return F.interpolate(maps, scale_factor=factor, mode="bilinear", align_corners=True)


class Decoder(nn.Module):
    """From the features of all stages to logits of background and object at five scales.

    Args:
        entry: Names and channels of the blocks from ``res5`` to the first map: ``ResFM``, or
            ``ResFM1`` and ``ResFM2`` in the propagation network.
        channels: Channels of the encoder stages from ``res4`` to ``res2``.
    """

    def __init__(self, entry: Mapping[str, tuple[int, int]], channels: tuple[int, ...]) -> None:
        super().__init__()
        self.entry = tuple(entry)
        for name, sizes in entry.items():
            self.add_module(name, ResBlock(*sizes))
        planes = tuple(entry.values())[-1][1]
        for number, width in zip((4, 3, 2), channels, strict=True):
            self.add_module(f"RF{number}", Refine(width, planes))
        for number in (5, 4, 3, 2):
            self.add_module(f"pred{number}", nn.Conv2d(planes, 2, 3, 1, 1))

    def forward(
        self, top: torch.Tensor, features: Mapping[str, torch.Tensor]
    ) -> list[torch.Tensor]:
        """Decode.

        Args:
            top: (N, channels, 8, 8), what replaces ``res5``.
            features: ``res4`` .. ``res2`` of the encoder.

        Returns:
            Logits (N, 2, side, side), sides 256, 64, 32, 16 and 8.
        """
        for name in self.entry:
            top = getattr(self, name)(top)
        maps = [top]
        for number in (4, 3, 2):
            maps.append(getattr(self, f"RF{number}")(features[f"res{number}"], maps[-1]))
        logits = [
            getattr(self, f"pred{number}")(F.relu(values))
            for number, values in zip((5, 4, 3, 2), maps, strict=True)
        ][::-1]
        return [_enlarge(logits[0], 4), *logits]


class Guess(NamedTuple):
    """What a network says of objects in a frame.

    Args:
        probabilities: (N, H, W), 0 outside the region.
        reference: (N, channels, 8, 8), the aggregated or the encoder's features of the region.
        logits: Logits of the region at five scales, for training.
        boxes: (N, 4), the regions.
    """

    probabilities: torch.Tensor
    reference: torch.Tensor
    logits: list[torch.Tensor]
    boxes: torch.Tensor


class InteractionNet(nn.Module):
    """Segments objects on the frame that has scribbles (I-Net)."""

    def __init__(self, width: int, mdim: int) -> None:
        super().__init__()
        self.Encoder = PromptEncoder(("m", "p", "n"), width)
        self.Decoder = Decoder({"ResFM": (32 * width, mdim)}, _below(width))

    adapt_state_dict = staticmethod(without_module_prefix)  # files of several GPUs

    def forward(
        self,
        images: torch.Tensor,
        previous: torch.Tensor,
        positive: torch.Tensor,
        negative: torch.Tensor,
    ) -> Guess:
        """Segment objects.

        Args:
            images: (N, 3, H, W) RGB, 0..1.
            previous: (N, H, W) probability of the last round, -1 in the first one.
            positive: (N, H, W), 1 where scribbles mark the object.
            negative: (N, H, W), 1 where they mark the background.
        """
        maps = torch.stack([fill_unknown(previous), positive, negative], dim=1)
        boxes = enclosing_box((maps >= IS_OBJECT).any(dim=1))  # in the first round the whole image
        regions = crop_regions(torch.cat([images, maps], dim=1), boxes)
        stems = {"m": regions[:, 3:4], "p": regions[:, 4:5], "n": regions[:, 5:6]}
        features = self.Encoder(regions[:, :3], stems)
        logits = self.Decoder(features["res5"], features)
        return Guess(_paste(logits, boxes, images), features["res5"], logits, boxes)

    def loss(self, guess: Guess, truth: torch.Tensor, scribbles: torch.Tensor) -> torch.Tensor:
        """The loss of the objects that have scribbles; 0 for the others.

        Args:
            guess: What ``forward`` returned.
            truth: (N, H, W), 1 on the object.
            scribbles: (N, ..., H, W), not 0 where scribbles mark the object or the background.

        Returns:
            (N,), ``region_loss`` times the weight (1 with scribbles, else 0) over the batch's mean
            weight plus a thousandth.
        """
        weights = (scribbles != 0).flatten(1).any(dim=1).float()
        return region_loss(guess, truth) * weights / (weights.mean() + _WEIGHT_MARGIN)


class Aggregation(nn.Module):
    """Mixes two reference features, channel by channel (SEFA)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(2 * channels, channels)
        self.fc2 = nn.Linear(channels, 2 * channels)

    def forward(self, current: torch.Tensor, stored: torch.Tensor) -> torch.Tensor:
        """Two (N, channels, h, w) -> one."""
        means = torch.cat([current, stored], dim=1).mean(dim=(2, 3))
        weights = self.fc2(F.relu(self.fc1(means))).unflatten(1, (-1, 2)).softmax(dim=2)
        first, second = weights[..., None, None].unbind(2)
        return current * first + stored * second


class PropagationNet(nn.Module):
    """Segments objects on the neighbour of a frame that is done (P-Net)."""

    def __init__(self, width: int, mdim: int) -> None:
        super().__init__()
        channels = 32 * width
        self.Encoder = PromptEncoder(("m", "x"), width)
        self.SEFA = Aggregation(channels)
        entry = {"ResFM1": (2 * channels, channels // 2), "ResFM2": (channels // 2, mdim)}
        self.Decoder = Decoder(entry, _below(width))

    adapt_state_dict = staticmethod(without_module_prefix)  # files of several GPUs

    def forward(
        self,
        images: torch.Tensor,
        previous: torch.Tensor,
        neighbour: torch.Tensor,
        reference: torch.Tensor,
    ) -> Guess:
        """Segment objects.

        Args:
            images: (N, 3, H, W) RGB, 0..1.
            previous: (N, H, W) probability of this frame in the last round, -1 in the first one.
            neighbour: (N, H, W) probability of the neighbouring frame.
            reference: (N, channels, 8, 8), aggregated features of the annotated frames.
        """
        maps = torch.stack([fill_unknown(previous), neighbour], dim=1)
        boxes = enclosing_box((maps >= IS_OBJECT).any(dim=1))  # in the first round the whole image
        regions = crop_regions(torch.cat([images, maps], dim=1), boxes)
        features = self.Encoder(regions[:, :3], {"m": regions[:, 3:4], "x": regions[:, 4:5]})
        top = torch.cat([reference, features["res5"]], dim=1)
        logits = self.Decoder(top, features)
        return Guess(_paste(logits, boxes, images), reference, logits, boxes)

    def loss(self, guess: Guess, truth: torch.Tensor) -> torch.Tensor:
        """See ``region_loss``."""
        return region_loss(guess, truth)


def fill_unknown(previous: torch.Tensor) -> torch.Tensor:
    """Replace the maps that are -1 in every pixel, those of the first round, by 0.5.

    It happens before the region is taken, so the region of such an object is the whole image. A
    map that is -1 in part stays as it is.

    Args:
        previous: (N, H, W).
    """
    is_unknown = (previous == _MISSING).flatten(1).all(dim=1)
    return torch.where(is_unknown[:, None, None], torch.full_like(previous, _UNKNOWN), previous)


def region_loss(guess: Guess, truth: torch.Tensor) -> torch.Tensor:
    """Cross entropy in the region, summed over the five scales.

    A pixel of the resized truth that is exactly one half counts as background (rounding half to
    even, as upstream).

    Args:
        guess: Output of either network.
        truth: (N, H, W), 1 on the object.

    Returns:
        (N,), one value per object.
    """
    regions = crop_regions(truth[:, None].float(), guess.boxes)
    losses = []
    for logits in guess.logits:
        scale = logits.shape[-1] / SIDE
        small = F.interpolate(regions, scale_factor=scale, mode="bilinear", align_corners=True)
        labels = small[:, 0].round().long()
        losses.append(F.cross_entropy(logits, labels, reduction="none").mean(dim=(1, 2)))
    return torch.stack(losses).sum(dim=0)


def _below(width: int) -> tuple[int, int, int]:
    return 16 * width, 8 * width, 4 * width


def _paste(logits: list[torch.Tensor], boxes: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    object_maps = logits[0].softmax(dim=1)[:, 1:]
    return paste_regions(object_maps, boxes, (images.shape[-2], images.shape[-1]))[:, 0]


class RoundOfClip(NamedTuple):
    """A round of training on one object of a clip.

    Args:
        images: (frames, 3, H, W) RGB, 0..1.
        truth: (frames, H, W), 1 on the object.
        previous: (frames, H, W), probabilities after the last round, -1 before the first.
        positive: (H, W), 1 where scribbles mark the object.
        negative: (H, W), 1 where they mark the background.
        frame: Position of the frame with the scribbles.
        ends: The first and the last frame to which the result is propagated.
        weights: Weight of the new probabilities of every frame, 0..1; the rest is that of
            ``previous``.
        reference: (1, channels, 8, 8), the aggregated features of earlier rounds, or None.
    """

    images: torch.Tensor
    truth: torch.Tensor
    previous: torch.Tensor
    positive: torch.Tensor
    negative: torch.Tensor
    frame: int
    ends: tuple[int, int]
    weights: Sequence[float]
    reference: torch.Tensor | None


class TrainedRound(NamedTuple):
    """What a round of training gave.

    Args:
        loss: The loss of the frame with the scribbles and of all frames propagated to.
        probabilities: (frames, H, W), blended with ``previous`` as in a round of the host.
        reference: (1, channels, 8, 8).
    """

    loss: torch.Tensor
    probabilities: torch.Tensor
    reference: torch.Tensor


class IPN(nn.Module):
    """Both networks, as they are trained together.

    Args:
        width: Channels of the stems.
        mdim: Channels of the decoders.
    """

    def __init__(self, width: int, mdim: int) -> None:
        super().__init__()
        self.interaction = InteractionNet(width, mdim)
        self.propagation = PropagationNet(width, mdim)

    def forward(self, clip: RoundOfClip) -> TrainedRound:
        """Segment the frame with the scribbles, then its neighbours one after the other."""
        images, previous, frame = clip.images, clip.previous, clip.frame
        marks = clip.positive[None], clip.negative[None]
        guess = self.interaction(images[frame][None], previous[frame][None], *marks)
        truth = clip.truth[frame][None]
        loss = self.interaction.loss(guess, truth, torch.stack(marks, dim=1)).mean()
        found = dict(enumerate(previous)) | {frame: guess.probabilities[0]}
        reference = guess.reference
        if clip.reference is not None:
            reference = self.propagation.SEFA(reference, clip.reference)
        for indices in (range(frame + 1, clip.ends[1] + 1), range(frame - 1, clip.ends[0] - 1, -1)):
            neighbour = guess.probabilities
            for index in indices:
                step = self.propagation(
                    images[index][None], previous[index][None], neighbour, reference
                )
                loss = loss + self.propagation.loss(step, clip.truth[index][None]).mean()
                neighbour = step.probabilities
                found[index] = torch.lerp(previous[index], neighbour[0], clip.weights[index])
        maps = torch.stack([found[index] for index in range(len(images))])
        return TrainedRound(loss, maps, reference)


@model_constructor
def interaction_propagation_network(width: int = 64, mdim: int = 256) -> IPN:
    """Build both networks for training."""
    return IPN(width, mdim)


@model_constructor
def interaction_network(width: int = 64, mdim: int = 256) -> InteractionNet:
    """Build I-Net; by default as released (``I.pth``)."""
    return InteractionNet(width, mdim)


@model_constructor
def propagation_network(width: int = 64, mdim: int = 256) -> PropagationNet:
    """Build P-Net; by default as released (``P.pth``)."""
    return PropagationNet(width, mdim)
