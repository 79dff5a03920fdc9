"""Drawn clips and images with the shape, colour and motion of whatever every cell shows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from ltr.data.image_format import IMAGENET_RGB
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.dataset.synthetic_shapes import (
    COLOURS,
    MOTIONS,
    SHAPES,
    SyntheticClip,
    as_stored,
    render_clip,
)

PROPERTIES: Mapping[str, tuple[str, ...]] = {
    "shape": SHAPES,
    "colour": tuple(COLOURS),
    "motion": MOTIONS,
}
"""What is known of a cell, and its values."""
Properties = Mapping[str, tuple[str, ...]]
RenderClip = Callable[[int, int], SyntheticClip]
"""Draws the clip of a seed and a number of frames."""
GROUND = -1
"""No object, or one of which a property is not known."""
_SEEDS = (10_000_000, 1 << 31)  # far from those of the data sets of sentences
_OBJECTS = 3


class LookSamples(RandomSamples[int]):
    """A clip, and as many single images of other clips, which show more different objects.

    Args:
        samples_per_epoch: Length of an epoch.
        num_frames: Frames of the clip.
        size: Height and width, multiples of ``cell``.
        cell: Side of a cell, pixels.
        properties: What is known of a cell.
        render: Draws the clip of a seed and a number of frames, of this size; None draws shapes.
    """

    def __init__(
        self,
        samples_per_epoch: int,
        num_frames: int,
        size: tuple[int, int],
        cell: int,
        properties: Properties = PROPERTIES,
        render: RenderClip | None = None,
    ) -> None:
        super().__init__(samples_per_epoch)
        self.properties = properties
        self.render = render or self._render_shapes
        self.num_frames = num_frames
        self.size = size
        self.cell = cell

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> int:
        """The seed of the clip; those of the images follow."""
        return random.python.randrange(*_SEEDS)

    def read(self, draw: int, random: Generators) -> dict[str, Any]:
        """Draw the pictures.

        Returns:
            ``clip`` and ``images``, float32 (num_frames, 3, H, W), normalised; ``clip_looks`` and
            ``image_looks``, int64 (num_frames, properties, H / cell, W / cell): values by their
            places in the properties, or ``GROUND``.
        """
        clip = as_stored(self.render(draw, self.num_frames))
        seeds = range(draw + 1, draw + 1 + self.num_frames)
        singles = [as_stored(self.render(seed, 1)) for seed in seeds]
        looks = [cell_looks(single, self.cell, self.properties) for single in singles]
        return {
            "clip": _to_input(clip),
            "clip_looks": cell_looks(clip, self.cell, self.properties),
            "images": torch.cat([_to_input(single) for single in singles]),
            "image_looks": torch.cat(looks),
        }

    def source(self, draw: int) -> str:
        """The seed."""
        return f"synthetic clip {draw}"

    def _render_shapes(self, seed: int, frames: int) -> SyntheticClip:
        return render_clip(seed, frames, self.size, _OBJECTS, _OBJECTS)


def cell_looks(clip: SyntheticClip, cell: int, properties: Properties = PROPERTIES) -> torch.Tensor:
    """What most pixels of every cell show.

    Args:
        clip: Its height and width are multiples of ``cell``.
        cell: Side of a cell, pixels.
        properties: What is told of a cell.

    Returns:
        int64 (frames, properties, H / cell, W / cell); see ``LookSamples.read``.
    """
    labels = torch.from_numpy(np.stack(clip.labels)).long()
    shares = F.one_hot(labels, len(clip.objects) + 1).permute(0, 3, 1, 2).float()
    shown = F.avg_pool2d(shares, cell).argmax(dim=1)
    known = [
        [_place(getattr(item, name), values) for name, values in properties.items()]
        for item in clip.objects
    ]
    table = torch.tensor([[GROUND] * len(properties), *known])
    return table[shown].permute(0, 3, 1, 2)


def _place(value: str, values: tuple[str, ...]) -> int:
    return values.index(value) if value in values else GROUND


def _to_input(clip: SyntheticClip) -> torch.Tensor:
    images = torch.from_numpy(np.stack(clip.images)).permute(0, 3, 1, 2).float()
    return IMAGENET_RGB.normalise(images)
