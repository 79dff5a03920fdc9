"""The small copy of a data set."""

from __future__ import annotations

import numpy as np

from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.interactive.videos import interactive_videos
from pytracking.recommendation.small_experiment import Size, make_small_copy
from tests.video_trees import write_davis

VIDEO = {f"{index:05d}": {1: (2 * index, 4), 2: (40, 20)} for index in range(9)}


def test_videos_become_shorter_and_smaller(tmp_path, monkeypatch):
    first = write_davis(tmp_path / "first", {"bear": VIDEO}, "val")
    write_davis(first, dict.fromkeys("abcd", VIDEO), "train")
    second = write_davis(tmp_path / "second", {"dog": VIDEO}, "val")
    make_small_copy([first, second], tmp_path / "small", Size(height=20, frames=3, step=4))
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(tmp_path / "small"))
    videos = interactive_videos(get_dataset("dv2017_val"))
    assert list(videos) == ["bear", "dog"]
    assert get_dataset("dv2017_train").names == ["a", "b", "c"]
    truth = videos["dog"].read_truth()
    assert truth.shape == (3, 20, 30)
    assert [np.flatnonzero((labels == 1).any(axis=0))[0] for labels in truth] == [0, 4, 8]
