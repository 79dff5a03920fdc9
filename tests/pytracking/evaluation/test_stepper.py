from __future__ import annotations

import numpy as np
import pytest

from ltr.admin.errors import DataError
from pytracking import load_tracker, segment_video
from pytracking.evaluation.stepper import FrameStepper
from pytracking.tracker.base import FrameInfo
from tests.pytracking.clips import bar_mask, numbered_frames


def label_map(ids: dict[int, tuple[slice, slice]]) -> np.ndarray:
    labels = np.zeros((48, 64), np.uint8)
    for key, place in ids.items():
        labels[place] = key
    return labels


def test_moving_bar_is_followed():
    first = bar_mask(0).astype(np.uint8) * 5
    tracker = load_tracker("baseline", "optical_flow")
    for index, _, output in segment_video(tracker, numbered_frames(10), first):
        truth = bar_mask(index)
        found = output.segmentation == 5
        assert (truth & found).sum() / (truth | found).sum() > 0.4  # a copied mask ends with 0
        assert list(output.boxes) == [5]


def test_objects_start_when_they_are_told():
    prompts = {
        2: label_map({3: np.s_[:5, :5]}),
        4: FrameInfo((9,), None, {9: (20, 20, 10, 10)}),
    }
    outputs = [
        output
        for _, _, output in segment_video(
            load_tracker("baseline", "copy_mask"), numbered_frames(6), prompts
        )
    ]
    assert [sorted(output.boxes) for output in outputs] == [[], [], [3], [3], [3, 9], [3, 9]]
    assert not outputs[1].segmentation.any()
    assert outputs[5].segmentation[:5, :5].min() == 3
    assert (outputs[4].segmentation == 9).any()


def test_frames_are_taken_one_by_one():
    taken = []

    def camera():
        for frame in numbered_frames(4):
            taken.append(1)
            yield frame

    results = segment_video(
        load_tracker("baseline", "copy_mask"), camera(), bar_mask(0) * np.uint8(1)
    )
    next(results)
    assert len(taken) == 1


def test_prompt_behind_the_end_is_an_error():
    results = segment_video(
        load_tracker("baseline", "copy_mask"),
        iter(numbered_frames(3)),
        {0: label_map({1: np.s_[:5, :5]}), 7: label_map({2: np.s_[:5, :5]})},
    )
    with pytest.raises(DataError, match="the video has 3 frames, a prompt is for frame 7"):
        list(results)


@pytest.mark.parametrize(
    ("prompt", "message"),
    [
        (np.zeros((48, 64), np.uint8), "holds no object"),
        (np.ones((48, 60), np.uint8), r"shape \(48, 60\), its frame \(48, 64\)"),
        (FrameInfo((1,), np.zeros((48, 64), np.uint8)), "nothing of the objects"),
        (FrameInfo((1,), None, {1: (90, 0, 5, 5)}), "no area inside"),
    ],
)
def test_prompts_that_do_not_fit_are_refused(prompt, message):
    session = FrameStepper(load_tracker("baseline", "copy_mask"))
    with pytest.raises(DataError, match=message):
        session.step(numbered_frames(1)[0], prompt)


def test_object_cannot_start_twice():
    session = FrameStepper(load_tracker("baseline", "copy_mask"))
    first = label_map({1: np.s_[:5, :5]})
    session.step(numbered_frames(1)[0], first)
    with pytest.raises(DataError, match=r"objects \[1\] of a prompt have started before"):
        session.step(numbered_frames(1)[0], first)


def test_frames_must_keep_their_size():
    session = FrameStepper(load_tracker("baseline", "copy_mask"))
    session.step(np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(DataError, match=r"shape \(5, 4, 3\), the first one \(4, 4, 3\)"):
        session.step(np.zeros((5, 4, 3), np.uint8))


def test_reset_forgets_all_objects():
    session = FrameStepper(load_tracker("baseline", "copy_mask"))
    frame = numbered_frames(1)[0]
    session.step(frame, label_map({1: np.s_[:5, :5]}))
    session.reset()
    assert session.step(frame).boxes == {}
    assert list(session.step(frame, label_map({2: np.s_[:5, :5]})).boxes) == [2]


def test_two_videos_in_one_process():
    masks = [label_map({1: np.s_[:5, :5]}), label_map({2: np.s_[9:20, 9:20]})]
    pairs = [
        segment_video(load_tracker("baseline", "copy_mask"), numbered_frames(3), mask)
        for mask in masks
    ]
    for first, second in zip(*pairs, strict=True):
        np.testing.assert_array_equal(first.output.segmentation, masks[0])
        np.testing.assert_array_equal(second.output.segmentation, masks[1])
