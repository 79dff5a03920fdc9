"""The trackers without a network."""

from __future__ import annotations

import numpy as np
import pytest

from ltr.admin.errors import DataError
from pytracking import FrameInfo, load_tracker
from tests.video_trees import label_map, textured_frame


def track_all(name: str, start: np.ndarray, count: int, shift: int = 3) -> list[np.ndarray]:
    tracker = load_tracker("baseline", name)
    ids = tuple(np.unique(start[start > 0]).tolist())
    outputs = [tracker.initialize(textured_frame(0), FrameInfo(ids, start))]
    outputs += [tracker.track(textured_frame(i * shift)) for i in range(1, count)]
    return [output.segmentation for output in outputs]


def overlap(found: np.ndarray, wanted: np.ndarray, label: int) -> float:
    return ((found == label) & (wanted == label)).sum() / (
        (found == label) | (wanted == label)
    ).sum()


def test_copy_mask_repeats_the_start_mask():
    start = label_map({2: (4, 4), 7: (20, 20)})
    for labels in track_all("copy_mask", start, 3):
        np.testing.assert_array_equal(labels, start)


def test_optical_flow_follows_a_moving_picture_where_a_copy_cannot():
    start, end = label_map({2: (4, 4), 7: (12, 20)}, 14), label_map({2: (22, 4), 7: (30, 20)}, 14)
    followed = track_all("optical_flow", start, 7)[-1]
    copied = track_all("copy_mask", start, 7)[-1]
    for label in (2, 7):
        assert overlap(followed, end, label) > 0.75
        assert overlap(copied, end, label) < 0.1


@pytest.mark.parametrize("name", ["copy_mask", "optical_flow"])
def test_new_objects_are_added_and_boxes_cover_all(name):
    tracker = load_tracker("baseline", name)
    frame = textured_frame(0)
    first = tracker.initialize(frame, FrameInfo((3,), label_map({3: (0, 0), 5: (30, 0)})))
    assert first.boxes == {3: (0.0, 0.0, 7.0, 7.0)}
    second = tracker.track(frame, FrameInfo((9,), label_map({9: (20, 20)})))
    assert np.unique(second.segmentation).tolist() == [0, 3, 9]
    assert second.boxes == {3: (0.0, 0.0, 7.0, 7.0), 9: (20.0, 20.0, 7.0, 7.0)}


def test_covered_object_keeps_its_last_box():
    tracker = load_tracker("baseline", "copy_mask")
    tracker.initialize(textured_frame(0), FrameInfo((3,), label_map({3: (4, 4)})))
    output = tracker.track(textured_frame(0), FrameInfo((9,), label_map({9: (2, 2)}, 16)))
    assert output.boxes[3] == (4.0, 4.0, 7.0, 7.0)
    assert (output.segmentation == 3).sum() == 0


def test_new_video_forgets_the_old_one():
    tracker = load_tracker("baseline", "optical_flow")
    tracker.initialize(textured_frame(0), FrameInfo((3,), label_map({3: (0, 0)})))
    small = np.zeros((20, 30, 3), np.uint8)
    output = tracker.initialize(small, FrameInfo((1,), label_map({1: (2, 2)}, 5, (20, 30))))
    assert output.segmentation.shape == (20, 30)
    assert list(output.boxes) == [1]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (None, "got None"),
        (np.ones((10, 10), np.uint8), r"got \(10, 10\)"),
        (label_map({2: (0, 0)}), r"nothing of the objects \[1\]"),
    ],
)
def test_unusable_start_masks_are_refused(mask, message):
    tracker = load_tracker("baseline", "copy_mask")
    with pytest.raises(DataError, match=message):
        tracker.initialize(textured_frame(0), FrameInfo((1,), mask))
