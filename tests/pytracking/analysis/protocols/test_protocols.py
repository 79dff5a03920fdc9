"""The rules of the protocols: which frames, objects and pixels count."""

from __future__ import annotations

import numpy as np
import pytest

from ltr.admin.errors import DataError
from pytracking.analysis.metrics.scores import Scores
from pytracking.analysis.protocols import davis, youtubevos
from pytracking.analysis.protocols import pytracking as pytracking_rule


def _square(*boxes: tuple[int, int], size: int = 8, label: int = 1) -> np.ndarray:
    """Frames with a square at ``(y, x)``; negative = absent."""
    frames = np.zeros((len(boxes), 60, 80), np.uint8)
    for frame, (y, x) in zip(frames, boxes, strict=True):
        if y >= 0:
            frame[y : y + size, x : x + size] = label
    return frames


_ABSENT = (-1, -1)
_HERE, _THERE = (10, 10), (40, 60)


def test_davis_leaves_out_the_first_and_the_last_frame():
    truth = _square(_HERE, _HERE, _HERE, _HERE)
    prediction = _square(_ABSENT, _HERE, _THERE, _ABSENT)
    (item,) = davis.score_clip(truth, prediction, "dog").objects
    assert item.name == "dog_1"
    assert item.frames == ("00001", "00002")
    assert item.j.tolist() == [1.0, 0.0]


def test_davis_counts_the_objects_of_the_first_frame_and_takes_void_for_background():
    truth = _square(_HERE, _HERE, _HERE, _HERE)
    truth[0, 30:, 60:] = 3
    truth[1:, 30:, 60:] = 255
    truth[2, 30:, :20] = 7
    scores = davis.score_clip(truth, np.where(truth == 1, 1, 0).astype(np.uint8))
    assert [item.label for item in scores.objects] == ["1", "2", "3"]
    assert [item.j.tolist() for item in scores.objects] == [[1.0, 1.0]] * 3


def test_davis_leaves_out_ids_that_no_annotation_shows():
    truth = _square(_HERE, _HERE, _HERE, label=5)
    for score in (davis.score_clip, davis.score_clip_unsupervised):
        (item,) = score(truth, truth).objects
        assert (item.j.mean(), item.f.mean()) == (1.0, 1.0)
    assert davis.score_clip(truth, np.zeros_like(truth)).objects[0].name == "clip_5"


def test_davis_takes_frames_one_by_one():
    truth = _square(_HERE, _HERE, _HERE, _HERE)
    scores = davis.score_clip(iter(truth), (frame for frame in truth))
    assert scores.summary == "J&F=100.0 J=100.0 F=100.0"


@pytest.mark.parametrize(
    ("truth", "prediction", "message"),
    [
        (_square(_HERE, _HERE, _HERE), _square(_HERE, _HERE), "predictions ended after 2"),
        (_square(_HERE, _HERE), _square(_HERE, _HERE, _HERE), "ground truth ended after 2"),
        (_square(_HERE, _HERE), _square(_HERE, _HERE), "no frame to score"),
        (_square(_ABSENT, _HERE, _HERE), _square(_HERE, _HERE, _HERE), "shows no object"),
        (_square(_HERE, _HERE, _HERE), _square(_HERE, _HERE, _HERE, label=2), "holds the id 2"),
        (_square(_HERE, _HERE, _HERE), np.zeros((3, 5, 5), np.uint8), r"shape \(5, 5\)"),
    ],
)
def test_davis_refuses_what_does_not_fit(truth, prediction, message):
    with pytest.raises(DataError, match=message):
        davis.score_clip(truth, prediction)


def test_all_objects_weigh_the_same():
    one = davis.score_clip(_square(_HERE, _HERE, _HERE), _square(_HERE, _HERE, _HERE), "one")
    truth = np.maximum(_square(_HERE, _HERE, _HERE), _square(_THERE, _THERE, _THERE, label=2))
    two = davis.score_clip(truth, np.zeros_like(truth), "two")
    assert Scores.join([one, two]).j.mean == pytest.approx(1 / 3)


def test_proposals_are_matched_whatever_their_ids():
    truth = np.maximum(_square(_HERE, _HERE, _HERE), _square(_THERE, _THERE, _THERE, label=2))
    table = np.array([0, 17, 4], np.uint8)
    noise = _square((0, 40), (0, 41), (0, 42), label=9)
    scores = davis.score_clip_unsupervised(truth, np.maximum(table[truth], noise))
    assert scores.summary == "J&F=100.0 J=100.0 F=100.0"
    assert [item.label for item in scores.objects] == ["1", "2"]
    assert len(scores.objects[0].frames) == 3, "the first and the last frame count here"


def test_unsupervised_leaves_void_out():
    truth, prediction = _square(_HERE, _HERE), _square(_HERE, _HERE)
    prediction[:, 30:50, 30:50] = 1
    assert davis.score_clip_unsupervised(truth, prediction).j.mean < 0.2
    truth[:, 30:50, 30:50] = 255
    assert davis.score_clip_unsupervised(truth, prediction).summary == "J&F=100.0 J=100.0 F=100.0"


def test_fewer_proposals_than_objects():
    truth = np.maximum(_square(_HERE, _HERE), _square(_THERE, _THERE, label=2))
    scores = davis.score_clip_unsupervised(truth, np.where(truth == 2, 1, 0).astype(np.uint8))
    assert scores.j.mean == 0.5
    with pytest.raises(DataError, match="holds the id 21: at most 20"):
        davis.score_clip_unsupervised(truth, np.where(truth > 0, 21, 0).astype(np.uint8))


_FRAMES = ("00000", "00005", "00010", "00015")


def _late() -> tuple[np.ndarray, np.ndarray, dict[int, str]]:
    truth = np.maximum(_square(*[_HERE] * 4), _square(_ABSENT, _THERE, _THERE, _THERE, label=2))
    prediction = truth.copy()
    prediction[[0, 1]] = 0
    prediction[3] = 0
    return truth, prediction, {1: "00000", 2: "00005"}


def test_youtubevos_scores_after_the_start_to_the_end():
    first, second = youtubevos.score_video(*_late()[:2], _FRAMES, _late()[2], "v").objects
    np.testing.assert_array_equal(first.j, [np.nan, 0.0, 1.0, 0.0])
    np.testing.assert_array_equal(second.j, [np.nan, np.nan, 1.0, 0.0])


def test_pytracking_leaves_the_last_frame_out():
    first, second = pytracking_rule.score_video(*_late()[:2], _FRAMES, _late()[2], "v").objects
    np.testing.assert_array_equal(first.j, [np.nan, 0.0, 1.0, np.nan])
    np.testing.assert_array_equal(second.j, [np.nan, np.nan, 1.0, np.nan])


def test_an_object_must_start_in_an_annotated_frame():
    truth = _square(*[_HERE] * 4)
    with pytest.raises(DataError, match="object 1 starts in the frame 00003"):
        youtubevos.score_video(truth, truth, _FRAMES, {1: "00003"})


def test_groups_are_averaged_before_the_overall_score():
    truth, prediction, starts = _late()
    scores = youtubevos.score_video(truth, prediction, _FRAMES, starts, "v")
    categories = {("v", "1"): "dog", ("v", "2"): "duck"}
    groups = youtubevos.group_scores(scores, categories, {"dog"})
    assert groups.j_seen == pytest.approx(1 / 3)
    assert groups.j_unseen == pytest.approx(1 / 2)
    assert groups.overall == pytest.approx(np.mean([1 / 3, 1 / 2, 1 / 3, 1 / 2]))
    assert groups.summary == "J&F=41.7 J=41.7 F=41.7"
    only_seen = youtubevos.group_scores(scores, categories, {"dog", "duck"})
    assert np.isnan(only_seen.j_unseen)
    assert only_seen.overall == pytest.approx(5 / 12)
