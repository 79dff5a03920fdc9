"""Scoring folders of masks: the same for any number of processes, and nothing is guessed."""

from __future__ import annotations

import logging
import shutil

import numpy as np
import pytest
from PIL import Image

from ltr.admin.errors import DataError
from ltr.data.frame_files import list_masks
from pytracking.analysis.files.mask_evaluation import evaluate_masks
from pytracking.analysis.files.truth_folder import VideoTruth
from pytracking.analysis.metrics.scores import Scores
from pytracking.analysis.protocols import davis
from pytracking.analysis.protocols.mask_rules import (
    after_start,
    davis_semi_supervised,
    davis_unsupervised,
)
from tests.pytracking.analysis.mask_folders import copy_first, moving_squares, write_videos


@pytest.fixture
def folders(tmp_path):
    """Ground truth and results of two videos."""
    truth = {"dog": moving_squares(45), "cat": moving_squares(20, objects=3, step=3)}
    results = {name: copy_first(maps) for name, maps in truth.items()}
    return write_videos(tmp_path / "truth", truth), write_videos(tmp_path / "results", results)


def _videos(truth):
    return [VideoTruth(f.name, f, list_masks(f)) for f in sorted(truth.iterdir())]


def _score(folders, threads=1, rule=davis_semi_supervised) -> Scores:
    truth, results = folders
    comparisons = [rule(video, results / video.name) for video in _videos(truth)]
    return Scores.join(evaluate_masks(comparisons, threads, quiet=True))


def test_files_give_the_scores_of_arrays(folders):
    maps = moving_squares(45)
    of_arrays = davis.score_clip(maps, copy_first(maps), "dog")
    of_files = Scores(_score(folders).objects[3:])
    for item, wanted in zip(of_files.objects, of_arrays.objects, strict=True):
        assert (item.name, item.frames) == (wanted.name, wanted.frames)
        np.testing.assert_array_equal(item.j, wanted.j)
        np.testing.assert_array_equal(item.f, wanted.f)


@pytest.mark.parametrize("rule", [davis_semi_supervised, davis_unsupervised])
def test_any_number_of_processes_gives_the_same_bits(folders, rule):
    one = _score(folders, 1, rule)
    for threads in (0, 2, 3):
        many = _score(folders, threads, rule)
        for item, wanted in zip(many.objects, one.objects, strict=True):
            assert item.name == wanted.name
            assert item.j.tobytes() == wanted.j.tobytes()
            assert item.f.tobytes() == wanted.f.tobytes()


def test_missing_masks_are_named_before_any_work(folders):
    results = folders[1]
    (results / "dog/00007.png").unlink()
    (results / "dog/00009.png").unlink()
    shutil.rmtree(results / "cat")
    with pytest.raises(DataError) as caught:
        _score(folders)
    message = str(caught.value)
    assert message.count("is missing") == 3
    for name in ("cat is missing", "dog/00007.png is missing", "dog/00009.png is missing"):
        assert name in message


def test_frames_that_do_not_count_may_be_missing(folders):
    expected = _score(folders)
    for name in ("00000", "00044"):
        (folders[1] / f"dog/{name}.png").unlink()
    assert _score(folders).summary == expected.summary


def test_extra_masks_are_reported(folders, caplog):
    shutil.copy(folders[1] / "dog/00001.png", folders[1] / "dog/00100.png")
    with caplog.at_level(logging.WARNING):
        _score(folders)
    assert "1 result masks belong to no frame" in caplog.text
    assert "dog/00100.png" in caplog.text


@pytest.mark.parametrize("threads", [1, 2])
def test_all_bad_masks_are_counted_and_the_first_named(folders, threads):
    _, results = folders
    for number in range(1, 5):
        Image.fromarray(np.zeros((60, 91), np.uint8)).save(results / f"dog/0000{number}.png")
    (results / "cat/00002.png").write_bytes(b"nothing")
    (results / "cat/00003.png").write_bytes((results / "cat/00001.png").read_bytes()[:80])
    with_void = np.full((60, 90), 255, np.uint8)
    with_void[:30] = 1
    Image.fromarray(with_void).save(results / "cat/00004.png")
    with pytest.raises(DataError) as caught:
        _score(folders, threads)
    message = str(caught.value)
    assert "cat/00002.png is not a PNG file" in message
    assert "cat/00003.png is truncated" in message
    assert "cat/00004.png: the prediction holds the id 255" in message
    assert "dog/00001.png: prediction has the shape (60, 91)" in message
    assert message.endswith("and 2 more")


def test_foreign_palettes_are_reported_and_the_indices_taken(folders, caplog):
    expected = _score(folders)
    path = folders[1] / "dog/00003.png"
    picture = Image.open(path)
    picture.putpalette([1, 2, 3] * 256)
    picture.save(path)
    with caplog.at_level(logging.WARNING):
        assert _score(folders).summary == expected.summary
    assert "1 result masks have a palette of their own" in caplog.text


def test_masks_before_the_first_start_are_not_asked_for(folders):
    truth, results = folders
    video = VideoTruth("dog", truth / "dog", list_masks(truth / "dog"), {1: "00010", 2: "00020"})
    for number in range(10):
        (results / f"dog/{number:05d}.png").unlink()
    (scores,) = evaluate_masks([after_start(video, results / "dog", True)], quiet=True)
    first, second = scores.objects
    assert np.isnan(first.j[:11]).all()
    assert not np.isnan(first.j[11:]).any()
    assert np.isnan(second.j[:21]).all()
    assert len(first.frames) == 45


def test_objects_of_a_folder_start_where_they_are_first_seen(folders):
    truth, results = folders
    (truth / "dog/00000.png").unlink()
    (video,) = [v for v in _videos(truth) if v.name == "dog"]
    (scores,) = evaluate_masks([after_start(video, results / "dog", False)], quiet=True)
    assert np.isnan(scores.objects[0].j[[0, -1]]).all()
    assert not np.isnan(scores.objects[0].j[1:-1]).any()


@pytest.mark.parametrize("rule", [davis_semi_supervised, davis_unsupervised])
def test_ids_that_no_annotation_shows_are_no_objects(tmp_path, rule, caplog):
    """One object of id 127 counted as 127, 126 of them perfect."""
    maps = moving_squares(objects=1)
    truth = write_videos(tmp_path / "truth", {"dog": [labels * 127 for labels in maps]})
    results = write_videos(tmp_path / "results", {"dog": maps})
    scores = _score((truth, results), rule=rule)
    assert len(scores.objects) == 1
    assert scores.objects[0].j.mean() == (1.0 if rule is davis_unsupervised else 0.0)
    assert "dog: no annotation shows the objects 1, 2, 3 and 123 more: not scored" in caplog.text


def test_an_object_that_appears_later_counts_below_the_largest_id(tmp_path, caplog):
    maps = moving_squares(objects=3)
    maps[0] = np.where(maps[0] == 2, 0, maps[0]).astype(np.uint8)
    truth = write_videos(tmp_path / "truth", {"dog": maps})
    scores = _score((truth, truth))
    assert [item.name for item in scores.objects] == ["dog_1", "dog_2", "dog_3"]
    assert not caplog.records
