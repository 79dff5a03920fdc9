"""Results that are carried along the optical flow: which frames are tracked, and what is shown."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
import torch

from ltr.admin.errors import DataError
from pytracking.evaluation.tracker import create_tracker
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker, Runtime
from pytracking.tracker.carrying import CarryingTracker, carry
from pytracking.tracker.joint.joint import JointTracker
from tests.small_joint import small_clip, small_tracker
from tests.video_trees import textured_frame

STEP = 3  # columns by which everything moves to the right from frame to frame
SIZE = (72, 120)


def frame(time: int) -> np.ndarray:
    return textured_frame(STEP * time, SIZE)


def square(time: int) -> np.ndarray:
    labels = np.zeros(SIZE, np.uint8)
    labels[20:50, 20 + STEP * time : 50 + STEP * time] = 4
    return labels


@dataclass
class Seeing(OnlineTracker):
    """Knows where the square is, but for the frames in which it is wrong; notes what it sees."""

    wrong: tuple[int, ...] = ()
    seen: list[int] = field(default_factory=list)
    time: int = 0

    @classmethod
    def create(cls, params: Any, runtime: Runtime) -> Seeing:
        return cls()

    def initialize(self, image: np.ndarray, info: FrameInfo) -> FrameOutput:
        return self._look()

    def track(self, image: np.ndarray, info: FrameInfo | None = None) -> FrameOutput:
        self.time += 1
        return self._look()

    def skip(self) -> None:
        self.time += 1

    def correct(
        self, image: np.ndarray, info: FrameInfo, is_remembered: bool = False
    ) -> FrameOutput:
        return self._look()

    def remove(self, object_id: int) -> None:
        pass

    def _look(self) -> FrameOutput:
        self.seen.append(self.time)
        labels = square(self.time)
        if self.time in self.wrong:
            labels = np.roll(labels, 60, axis=1)
        chance = torch.from_numpy((labels > 0).astype(np.float32))
        return FrameOutput.of_labels(labels, [4], torch.stack([1 - chance, chance]))


def follow(
    count: int, wrong: tuple[int, ...] = (), most: int = 3
) -> tuple[Seeing, CarryingTracker, list[FrameOutput]]:
    seeing = Seeing(wrong)
    tracker = CarryingTracker(seeing, most, 0.8)
    outputs = [tracker.initialize(frame(0), FrameInfo((4,), square(0)))]
    outputs += [tracker.track(frame(time)) for time in range(1, count)]
    return seeing, tracker, outputs


def test_more_and_more_frames_are_carried_while_the_results_agree():
    seeing, _, outputs = follow(14)
    assert seeing.seen == [0, 1, 3, 6, 10]
    for time, output in enumerate(outputs):
        wanted, found = square(time) > 0, output.segmentation == 4
        assert (wanted & found).sum() > 0.9 * (wanted | found).sum(), time
        np.testing.assert_allclose(output.boxes[4], (20 + STEP * time, 20, 29, 29), atol=2)
        assert output.probabilities is not None
        assert output.probabilities.shape == (2, *SIZE)


def test_never_more_than_the_most_are_carried():
    assert follow(9, most=1)[0].seen == [0, 1, 3, 5, 7]


def test_a_disagreement_ends_the_carrying_and_a_clear_one_lets_the_comparison_rest():
    seeing, _, _ = follow(12, wrong=(3,))
    # Frames 4 and 5 are not compared, 6 agrees with 5: one frame is carried, later more.
    assert seeing.seen == [0, 1, 3, 4, 5, 6, 8, 11]


def test_a_carried_frame_is_tracked_before_it_is_corrected_and_the_next_one_too():
    seeing, tracker, _ = follow(3)
    assert seeing.seen == [0, 1]
    tracker.correct(frame(2), FrameInfo((4,), square(2)))
    assert len(seeing.seen) == 4
    tracker.track(frame(3))
    assert len(seeing.seen) == 5


def test_a_frame_in_which_an_object_starts_is_tracked():
    seeing, tracker, _ = follow(2)
    labels = square(2)
    labels[:10, :10] = 7
    tracker.track(frame(2), FrameInfo((7,), labels))
    assert seeing.seen == [0, 1, 2]


def test_when_an_object_is_removed_the_next_frame_is_tracked_and_with_the_last_one_the_video_ends():
    labels = square(0)
    labels[:10, :10] = 7
    seeing = Seeing()
    tracker = CarryingTracker(seeing, 3, 0.8)
    tracker.initialize(frame(0), FrameInfo((4,), labels))
    tracker.track(frame(1))
    tracker.remove(4)
    with pytest.raises(RuntimeError, match="no video has begun"):
        tracker.track(frame(2))


def test_carried_frames_are_checked_as_tracked_ones_are():
    _, tracker, _ = follow(2)
    with pytest.raises(DataError, match="frames change size: 120x72, now 60x72"):
        tracker.track(frame(2)[:, :60])
    with pytest.raises(DataError, match=r"a frame must be uint8 \(H, W, 3\)"):
        tracker.track(frame(2).astype(np.float32))


def test_joint_stores_a_frame_as_often_when_frames_are_skipped():
    frames, labels = small_clip(9)
    every, some = small_tracker(train_sample_interval=4), small_tracker(train_sample_interval=4)
    for tracker in (every, some):
        tracker.initialize(frames[0], FrameInfo((1, 5), labels))
    for time, image in enumerate(frames[1:], 1):
        every.track(image)
        if time in (1, 3, 5, 8):
            some.track(image)
        else:
            some.skip()
    for one, other in zip(every.state.objects, some.state.objects, strict=True):
        assert one.memory.weights.stored == other.memory.weights.stored == 3
        assert one.frame_number == other.frame_number == 9
        assert other.skipped == 0


def test_only_the_fast_mode_carries():
    runtime = Runtime(torch.device("cpu"))
    assert isinstance(create_tracker("joint", "joint_demo", runtime=runtime), JointTracker)
    fast = create_tracker("joint", "joint_demo", ["fast=true"], runtime=runtime)
    assert isinstance(fast, CarryingTracker)
    exact = small_tracker()
    assert carry(exact, exact.params) is exact
