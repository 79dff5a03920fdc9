"""The tracker as a whole, on a small network."""

from __future__ import annotations

import copy

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from pytracking.tracker.base import FrameInfo
from tests.small_joint import small_clip, small_parameters, small_tracker


def _follow(tracker, frames, starts):
    outputs = []
    for index, frame in enumerate(frames):
        step = tracker.initialize if index == 0 else tracker.track
        outputs.append(step(frame, starts.get(index, FrameInfo())))
    return outputs


def test_outputs_have_the_promised_form():
    frames, labels = small_clip(8)
    outputs = _follow(small_tracker(), frames, {0: FrameInfo((1, 5), labels)})
    assert np.array_equal(outputs[0].segmentation, labels)
    for output in outputs:
        assert output.segmentation.dtype == np.uint8
        assert output.segmentation.shape == labels.shape
        assert set(np.unique(output.segmentation)) <= {0, 1, 5}
        assert list(output.boxes) == [1, 5]
        assert output.probabilities.shape == (3, *labels.shape)
        assert np.array_equal(
            np.array([0, 1, 5])[output.probabilities.argmax(0)], output.segmentation
        )
    assert len({output.segmentation.tobytes() for output in outputs}) > 3


def test_two_videos_do_not_mix():
    frames, labels = small_clip(6)
    start = {0: FrameInfo((1, 5), labels)}
    tracker = small_tracker()
    want = _follow(tracker, frames, start)
    _follow(tracker, frames[::-1], {0: FrameInfo((5,), labels)})
    again = _follow(tracker, frames, start)
    for first, second in zip(want, again, strict=True):
        assert np.array_equal(first.segmentation, second.segmentation)


def test_a_state_can_be_kept_and_continued():
    frames, labels = small_clip(8)
    tracker = small_tracker()
    want = _follow(tracker, frames, {0: FrameInfo((1, 5), labels)})
    _follow(tracker, frames[:5], {0: FrameInfo((1, 5), labels)})
    kept = copy.deepcopy(tracker.state)
    _follow(tracker, frames[:3], {0: FrameInfo((1,), labels)})
    tracker.state = kept
    for frame, output in zip(frames[5:], want[5:], strict=True):
        assert np.array_equal(tracker.track(frame).segmentation, output.segmentation)


def test_a_later_object_joins_without_disturbing_the_first_frames():
    frames, labels = small_clip(7)
    alone = _follow(small_tracker(), frames, {0: FrameInfo((1,), labels)})
    later = np.where(labels == 5, 5, 0).astype(np.uint8)
    both = _follow(small_tracker(), frames, {0: FrameInfo((1,), labels), 3: FrameInfo((5,), later)})
    for index in range(3):
        assert np.array_equal(alone[index].segmentation, both[index].segmentation)
    assert list(both[2].boxes) == [1]
    assert list(both[3].boxes) == [1, 5]
    assert (both[3].segmentation[later == 5] == 5).all()


def test_objects_with_the_same_window_share_their_features():
    frames, labels = small_clip(4)
    tracker = small_tracker(search_area_scale=30.0)
    _follow(tracker, frames, {0: FrameInfo((1, 5), labels)})
    first, second = tracker.state.objects
    assert first.crop.window == second.crop.window
    assert first.crop.encoded is second.crop.encoded
    assert first.memory.crops[1] is second.memory.crops[1]


def test_a_vanished_object_keeps_its_box_and_scale():
    frames, labels = small_clip(5)
    tracker = small_tracker(min_mask_area=1e9)
    outputs = _follow(tracker, frames, {0: FrameInfo((1,), labels)})
    item = tracker.state.objects[0]
    assert outputs[-1].boxes[1] == pytest.approx((10, 15, 24, 24), abs=1e-4)
    assert item.target.size.tolist() == pytest.approx([24, 24], rel=1e-5)


def test_memory_never_exceeds_its_capacity():
    frames, labels = small_clip(14)
    tracker = small_tracker(train_sample_interval=1)
    _follow(tracker, frames, {0: FrameInfo((1, 5), labels)})
    for item in tracker.state.objects:
        assert len(item.memory.crops) == len(item.memory.encodings) == 4
        assert item.memory.weights.values.sum() == pytest.approx(1, abs=1e-6)


def test_without_updates_memory_and_filter_stay():
    frames, labels = small_clip(6)
    tracker = small_tracker(update_target_model=False)
    _follow(tracker, frames[:1], {0: FrameInfo((1,), labels)})
    filters = tracker.state.objects[0].filters.clone()
    for frame in frames[1:]:
        tracker.track(frame)
    assert (tracker.state.objects[0].filters == filters).all()
    assert len(tracker.state.objects[0].memory.crops) == 1


_FRAMES, _LABELS = small_clip(2)


@pytest.mark.parametrize(
    ("info", "message"),
    [
        (FrameInfo(), "at least one object"),
        (FrameInfo((1,)), "no mask"),
        (FrameInfo((1,), _LABELS[:-1]), "110x69, but the frame is 110x70"),
        (FrameInfo((2,), _LABELS), "object 2 has no pixel"),
        (FrameInfo((255,), _LABELS), "between 1 and 254"),
    ],
)
def test_objects_that_cannot_start_are_refused(info, message):
    with pytest.raises(DataError, match=message):
        small_tracker().initialize(_FRAMES[0], info)


def test_frames_that_do_not_fit_are_refused():
    tracker = small_tracker()
    tracker.initialize(_FRAMES[0], FrameInfo((1,), _LABELS))
    with pytest.raises(DataError, match="110x70, now 100x70"):
        tracker.track(_FRAMES[1][:, :100])
    with pytest.raises(DataError, match="uint8"):
        tracker.track(_FRAMES[1].astype(np.float32))
    with pytest.raises(DataError, match="already started"):
        tracker.track(_FRAMES[1], FrameInfo((1,), _LABELS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"image_sample_size": (100, 96)},
        {"sample_memory_size": 1},
        {"learning_rate": 0.0},
        {"train_sample_interval": 0},
        {"image_format": "bgr256"},
    ],
)
def test_impossible_parameters_are_refused(wrong):
    with pytest.raises(ConfigError):
        small_parameters(**wrong)
