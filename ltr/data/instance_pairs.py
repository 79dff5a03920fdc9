"""Training samples of Propose-Reduce: a query and a guidance frame, resized, mirrored, linked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import torch

from ltr.data.pair_dataset import AnnotatedFrame, InstancePairs
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples

_GUIDANCE_DRAWS = 2  # a pair without a common object gets another guidance frame once

NetworkSize = Callable[[Sequence[int]], tuple[tuple[int, int], float]]


class PairSampler(RandomSamples[int]):
    """Pairs of a data set; every query frame is used equally often.

    Whole epochs are shuffled here, so that neighbouring samples have one orientation.

    Args:
        pairs: Data set of annotated frame pairs.
        samples_per_epoch: Length of an epoch, which continues where the last one ended; None makes
            it every query frame once, and a few of them again to fill the groups.
        network_size: From a frame's height and width to those of the network's input, and the
            factor before rounding.
        flip_probability: Probability of mirroring both frames, 0..1.
        max_objects: Largest number of propagated objects per pair.
        pairs_per_group: So many neighbouring pairs of a whole epoch are wide, or none of them is.
        colour_jitter: The colours of both frames are multiplied by up to 1 plus or minus this.
    """

    def __init__(
        self,
        pairs: InstancePairs,
        samples_per_epoch: int | None,
        network_size: NetworkSize,
        flip_probability: float = 0.5,
        max_objects: int = 5,
        pairs_per_group: int = 1,
        colour_jitter: float = 0.0,
    ) -> None:
        self._groups = [] if samples_per_epoch else _orientations(pairs)
        self._pairs_per_group = pairs_per_group
        self._order: tuple[tuple[int, int], np.ndarray] | None = None
        whole = sum(-(-len(group) // pairs_per_group) for group in self._groups) * pairs_per_group
        super().__init__(samples_per_epoch or whole)
        self.orders_epochs = not samples_per_epoch
        self.pairs = pairs
        self.network_size = network_size
        self.flip_probability = flip_probability
        self.max_objects = max_objects
        self.colour_jitter = colour_jitter

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> int:
        """The query frame whose turn it is; another one, at random, when that fails twice."""
        if attempt > 1:
            return random.python.randrange(len(self.pairs))
        if self.orders_epochs:
            return int(self._order_of(key.seed, key.epoch)[key.position])
        return ((key.epoch - 1) * self.samples_per_epoch + key.position) % len(self.pairs)

    def _order_of(self, seed: int, epoch: int) -> np.ndarray:
        """The query frames of an epoch, group by group, the groups in random order."""
        if self._order is None or self._order[0] != (seed, epoch):
            rng, size = np.random.default_rng((seed, epoch)), self._pairs_per_group
            shuffled = [rng.permutation(group) for group in self._groups]
            filled = [np.resize(group, -(-len(group) // size) * size) for group in shuffled]
            chunks = np.concatenate(filled).reshape(-1, size)
            self._order = (seed, epoch), rng.permutation(chunks).ravel()
        return self._order[1]

    def read(self, draw: int, random: Generators) -> dict[str, Any]:
        """Read and process a pair.

        Returns:
            ``query`` and ``guidance``: ``image`` uint8 (3, H, W), ``labels`` (n,), ``boxes``
            float32 (n, 4), x1, y1, x2, y2, ``masks`` uint8 (n, H, W); ``links``: int64 (objects,
            2), places of the same object in guidance and query, at random where there are too
            many.

        Raises:
            DataError: The frames cannot be used.
        """
        is_flipped = random.python.random() < self.flip_probability
        for _ in range(_GUIDANCE_DRAWS):
            frames = self.pairs.read(draw, random)
            query, guidance = (
                prepare_frame(frame, *self.network_size(frame.image.shape), is_flipped)
                for frame in frames
            )
            links = link_objects(frames[1].numbers, frames[0].numbers, query["masks"])
            if links:
                break
        if len(links) > self.max_objects:
            links = sorted(random.python.sample(links, self.max_objects))
        if self.colour_jitter:
            _change_colours((query, guidance), self.colour_jitter, random)
        pairs = torch.tensor(links, dtype=torch.int64).reshape(-1, 2)
        return {"query": query, "guidance": guidance, "links": pairs}

    def source(self, draw: int) -> str:
        """Data set and frame."""
        return self.pairs.source(draw)

    @staticmethod
    def collate(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Join samples to a batch: frames differ in size and objects, so ``pairs`` is a list."""
        names = ("query", "guidance", "links")
        return {
            "pairs": [{name: sample[name] for name in names} for sample in samples],
            "source": [sample["source"] for sample in samples],
            "failures": [sample["failures"] for sample in samples],
        }


def _change_colours(
    frames: Sequence[dict[str, torch.Tensor]], limit: float, random: Generators
) -> None:
    """Multiply the channels of all frames by the same random numbers, in place."""
    gains = torch.tensor([random.python.uniform(1 - limit, 1 + limit) for _ in range(3)])
    for frame in frames:
        changed = frame["image"] * gains[:, None, None]
        frame["image"] = changed.clamp_(0, 255).to(torch.uint8)


def _orientations(pairs: InstancePairs) -> list[np.ndarray]:
    """Numbers of the query frames that are higher than wide or square, and of the wide ones."""
    wide = np.array([pairs.is_wide(index) for index in range(len(pairs))], bool)
    return [group for group in (np.flatnonzero(~wide), np.flatnonzero(wide)) if len(group)]


def prepare_frame(
    frame: AnnotatedFrame, size: tuple[int, int], factor: float, is_flipped: bool
) -> dict[str, torch.Tensor]:
    """Resize and mirror a frame; values as in ``PairSampler.read``.

    Args:
        frame: Image and annotations as read.
        size: Height and width afterwards.
        factor: Scale of the boxes. As in the released code it applies to their last pixels, not
            their ends.
        is_flipped: Whether it is mirrored.
    """
    height, width = size
    image = cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_LINEAR)
    masks = [
        cv2.resize(mask, (width, height), interpolation=cv2.INTER_NEAREST) for mask in frame.masks
    ]
    x, y, w, h = frame.boxes.T
    corners = np.stack([x, y, x + w - 1, y + h - 1], axis=1) * np.float32(factor)
    if is_flipped:
        image, masks = cv2.flip(image, 1), [cv2.flip(mask, 1) for mask in masks]
        corners[:, [0, 2]] = width - corners[:, [2, 0]] - 1
    corners = np.clip(corners, 0, np.array([width, height, width, height], np.float32))
    boxes = corners + np.array([0, 0, 1, 1], np.float32)
    stacked = np.stack(masks) if masks else np.zeros((0, height, width), np.uint8)
    return {
        "image": torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))),
        "labels": torch.from_numpy(frame.labels.astype(np.int64)),
        "boxes": torch.from_numpy(boxes.astype(np.float32)),
        "masks": torch.from_numpy(stacked),
    }


def link_objects(
    guidance: np.ndarray, query: np.ndarray, query_masks: torch.Tensor
) -> list[tuple[int, int]]:
    """Places of the objects of both frames that have a pixel in the query frame.

    Args:
        guidance: int64 (m,), object numbers of the guidance frame.
        query: int64 (n,), object numbers of the query frame.
        query_masks: (n, H, W).
    """
    places = {number: place for place, number in enumerate(query.tolist())}
    linked = [(here, places[n]) for here, n in enumerate(guidance.tolist()) if n in places]
    return [(here, there) for here, there in linked if query_masks[there].any()]
