"""Training data of ``MeasureNet``: the measurements of all masks of a round, and their true J&F."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.image_io import read_image, read_label_map, read_shades
from ltr.data.interactive.mask_measures import measure_mask
from ltr.data.mask_metrics.frame_pair import FramePair
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.dataset.interactive.quality_masks import MaskSample

Clip = Sequence[MaskSample]


def group_by_round(samples: Sequence[MaskSample]) -> list[Clip]:
    """The masks that one object has in all frames after one round, round by round.

    Raises:
        DataError: The videos have different lengths.
    """
    clips = defaultdict(list)
    for sample in samples:
        clips[sample.probabilities.parent].append(sample)
    lengths = sorted({len(clip) for clip in clips.values()})
    if len(lengths) > 1:
        raise DataError(f"the videos must have one length, found {lengths[0]} to {lengths[-1]}")
    return list(clips.values())


class MeasuredClips(RandomSamples[int]):
    """Rounds in random order; each is read and measured once.

    Args:
        clips: From ``group_by_round``.
        threshold: Probability above which a pixel is the object's in the host's masks.
        samples_per_epoch: Length of an epoch; more than there are rounds repeats some.
    """

    orders_epochs = True

    def __init__(self, clips: Sequence[Clip], threshold: float, samples_per_epoch: int) -> None:
        super().__init__(samples_per_epoch)
        self.clips = clips
        self.threshold = threshold
        self._known: dict[int, dict[str, Any]] = {}

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> int:
        """The round whose turn it is; another one when that cannot be read."""
        if attempt:
            return random.python.randrange(len(self.clips))
        order = np.random.default_rng(key[:2]).permutation(len(self.clips))
        return int(order[key.position % len(order)])

    def read(self, draw: int, random: Generators) -> dict[str, Any]:
        """Measure the masks of a round.

        Returns:
            ``measures`` float32 (frames, 13); ``quality`` float32 (frames,), their true J&F.

        Raises:
            DataError: A file is missing or damaged.
        """
        if draw not in self._known:
            pairs = [self._measure(sample) for sample in self.clips[draw]]
            measures, quality = zip(*pairs, strict=True)
            self._known[draw] = {
                "measures": torch.from_numpy(np.stack(measures)),
                "quality": torch.tensor(quality),
            }
        return dict(self._known[draw])

    def source(self, draw: int) -> str:
        """The folder of the probabilities."""
        return str(self.clips[draw][0].probabilities.parent)

    def _measure(self, sample: MaskSample) -> tuple[np.ndarray, float]:
        soft = read_shades(sample.probabilities).astype(np.float32) / 255
        truth = read_label_map(sample.mask) == sample.object_id
        pair = FramePair(truth.astype(np.uint8), (soft > self.threshold).astype(np.uint8))
        quality = (pair.jaccard(1, 1) + pair.boundary_f(1, 1)) / 2
        return measure_mask(read_image(sample.image), soft), quality
