"""Choosing the frames of a training sample, in causal order (JOINT and LWL)."""

from __future__ import annotations

import random as python_random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.data.transforms import Frame
from ltr.data.video_dataset import VideoDataset

_GAP_STEP = 5
_MAX_GAP = 1000
_TRIES_PER_SEQUENCE = 20

Process = Callable[[Sequence[Frame], Sequence[Frame], Generators], dict[str, torch.Tensor]]


@runtime_checkable
class FrameMaker(Protocol):
    """A data set whose frames are made of still images when they are asked for."""

    def make_frames(self, sequence_id: int, count: int, random: Generators) -> list[Frame]:
        """Make ``count`` frames; all differences between them come from ``random``."""


@dataclass(frozen=True)
class Draw:
    """The frames of one sample.

    Args:
        dataset: Number of the data set.
        sequence: Number of the sequence in it.
        train_ids: Annotated frames, in order of time (backwards if reversed).
        test_ids: Frames to be segmented, in the same order; all come after the first train frame
            drawn.
        info: Information of the data set about the sequence.
    """

    dataset: int
    sequence: int
    train_ids: list[int]
    test_ids: list[int]
    info: dict[str, Any]


class SegSampler(RandomSamples[Draw]):
    """Random samples from several data sets, each a function of its key.

    Args:
        datasets: Data sets in single-object mode, with masks.
        samples_per_epoch: Length of an epoch.
        processing: Makes the tensors of a sample.
        weights: How often each data set is drawn; None: in proportion to its length.
        max_gap: Largest distance of a frame from the base frame, as long as that finds any.
        num_train_frames: Annotated frames per sample.
        num_test_frames: Frames to be segmented a sample.
        p_reverse: Probability of reversed time; None never reverses and draws nothing.

    Raises:
        DataError: No data set, or an empty one.
    """

    def __init__(
        self,
        datasets: Sequence[VideoDataset],
        samples_per_epoch: int,
        processing: Process,
        weights: Sequence[float] | None = None,
        max_gap: int = 100,
        num_train_frames: int = 1,
        num_test_frames: int = 3,
        p_reverse: float | None = None,
    ) -> None:
        lengths = [dataset.get_num_sequences() for dataset in datasets]
        for dataset, length in zip(datasets, lengths, strict=True):
            if length == 0:
                raise DataError(f"{dataset.get_name()} holds no sequence to train on")
        super().__init__(samples_per_epoch)
        total = sum(weights or lengths)
        self.datasets = datasets
        self.processing = processing
        self.weights = [weight / total for weight in weights or lengths]
        self.max_gap = max_gap
        self.num_train_frames = num_train_frames
        self.num_test_frames = num_test_frames
        self.p_reverse = p_reverse

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> Draw:
        """See ``RandomSamples.choose``."""
        return self.draw(random.python)

    def draw(self, random: python_random.Random) -> Draw:
        """Choose data set, sequence and frames.

        Raises:
            DataError: No sequence shows its object in enough frames.
        """
        number = random.choices(range(len(self.datasets)), self.weights)[0]
        dataset = self.datasets[number]
        is_reversed = self.p_reverse is not None and random.random() < self.p_reverse
        sequence, info, visible = self._draw_sequence(dataset, random)
        if not dataset.is_video_sequence():
            train_ids, test_ids = [1] * self.num_train_frames, [1] * self.num_test_frames
        else:
            train_ids, test_ids = self._draw_ids(visible, is_reversed, random)
        return Draw(
            number,
            sequence,
            sorted(train_ids, reverse=is_reversed),
            sorted(test_ids, reverse=is_reversed),
            info,
        )

    def _draw_sequence(
        self, dataset: VideoDataset, random: python_random.Random
    ) -> tuple[int, dict[str, Any], np.ndarray]:
        """A sequence whose object is visible in more than twice the frames of a sample."""
        needed = 2 * (self.num_train_frames + self.num_test_frames)
        count = dataset.get_num_sequences()
        for _ in range(max(_MAX_GAP, _TRIES_PER_SEQUENCE * count)):
            sequence = random.randint(0, count - 1)
            info = dataset.get_sequence_info(sequence)
            flags = np.asarray(info["visible"], dtype=bool)
            visible = np.logical_or.reduce(flags.reshape(len(flags), -1), axis=1)
            if visible.sum() > needed or not dataset.is_video_sequence():
                return sequence, info, visible
        raise DataError(
            f"{dataset.get_name()} has hardly any sequence with an object visible in more than "
            f"{needed} frames, which {self.num_train_frames} + {self.num_test_frames} frames need"
        )

    def _draw_ids(
        self, visible: np.ndarray, is_reversed: bool, random: python_random.Random
    ) -> tuple[list[int], list[int]]:
        """A base frame, more train frames on its one side and test frames on its other.

        The reach grows with every failure. A base needs a visible frame beside it even if none is
        drawn there, so the first visible frame of a video is never one. In reversed time the test
        frames may lie anywhere before the base.
        """
        count, num_train, num_test = len(visible), self.num_train_frames, self.num_test_frames
        bases = (
            (num_test + 1, count - num_train - 1)
            if is_reversed
            else (num_train - 1, count - num_test)
        )
        for gap in range(0, _MAX_GAP + 1, _GAP_STEP):
            reach = self.max_gap + gap
            base = _choose(visible, 1, *bases, random)
            if base is None:
                break
            (start,) = base
            beside = (start, start + reach) if is_reversed else (start - reach, start)
            others = _choose(visible, num_train - 1, *beside, random)
            if others is None:
                continue
            beyond = (0, start - 1) if is_reversed else (start + 1, start + reach)
            test_ids = _choose(visible, num_test, *beyond, random)
            if test_ids is not None:
                return base + others, test_ids
        raise DataError("no frames within reach of each other show the object")

    def read(self, draw: Draw, random: Generators) -> dict[str, Any]:
        """The tensors of ``processing``, and ``dataset``, its name."""
        dataset, ids = self.datasets[draw.dataset], draw.train_ids + draw.test_ids
        if isinstance(dataset, FrameMaker):
            frames = dataset.make_frames(draw.sequence, len(ids), random)
        else:
            frames = _read_video(dataset, draw, ids)
        split = self.num_train_frames
        tensors = self.processing(frames[:split], frames[split:], random)
        return {**tensors, "dataset": dataset.get_name()}

    def source(self, draw: Draw) -> str:
        """Data set, sequence, object and frames."""
        name = self.datasets[draw.dataset].get_name()
        sequence = draw.info.get("sequence", draw.sequence)
        objects = ",".join(str(number) for number in draw.info.get("object_ids", ()))
        return f"{name} {sequence} object {objects} frames {draw.train_ids} {draw.test_ids}"


def _choose(
    visible: np.ndarray, count: int, start: int, end: int, random: python_random.Random
) -> list[int] | None:
    """Choose ``count`` visible frames of [start, end) with replacement; None if there is none."""
    start, end = max(start, 0), min(end, len(visible))
    candidates = start + np.flatnonzero(visible[start:end])
    if len(candidates) == 0:
        return None
    return [int(frame) for frame in random.choices(candidates, k=count)]


def _read_video(dataset: VideoDataset, draw: Draw, ids: Sequence[int]) -> list[Frame]:
    """Read each frame once, however often it was drawn."""
    distinct = sorted(set(ids))
    images, values, _ = dataset.get_frames(draw.sequence, distinct, draw.info)
    frames = [Frame(*parts) for parts in zip(images, values["mask"], values["bbox"], strict=True)]
    by_id = dict(zip(distinct, frames, strict=True))
    return [by_id[number] for number in ids]
