"""Small copies of data sets."""

from __future__ import annotations

import numpy as np

from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.interactive.videos import interactive_videos
from pytracking.recommendation.make_clips import ClipSize, main
from pytracking.recommendation.small_experiment import make_small_copy
from tests.video_trees import write_davis

VIDEO = {f"{index:05d}": {1: (2 * index, 4), 2: (40, 20)} for index in range(9)}


def test_videos_become_shorter_and_smaller(tmp_path, monkeypatch):
    first = write_davis(tmp_path / "first", {"bear": VIDEO}, "val")
    write_davis(first, dict.fromkeys("abcd", VIDEO), "train")
    second = write_davis(tmp_path / "second", {"dog": VIDEO}, "val")
    make_small_copy([first, second], tmp_path / "small", ClipSize(20, 3, 4), 3)
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(tmp_path / "small"))
    videos = interactive_videos(get_dataset("dv2017_val"))
    assert list(videos) == ["bear", "dog"]
    assert get_dataset("dv2017_train").names == ["a", "b", "c"]
    truth = videos["dog"].read_truth()
    assert truth.shape == (3, 20, 30)
    assert [np.flatnonzero((labels == 1).any(axis=0))[0] for labels in truth] == [0, 4, 8]


def test_frames_are_spread_over_the_whole_video(tmp_path, monkeypatch, capsys):
    davis = write_davis(tmp_path / "davis", {"bear": VIDEO}, "val")
    short = {stem: VIDEO[stem] for stem in ("00000", "00001")}
    write_davis(davis, {"dog": short}, "train")
    words = [str(davis), str(tmp_path / "clips"), "--frames", "3", "--height", "20"]
    assert main(words) == 0
    assert "2 clips" in capsys.readouterr().out
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(tmp_path / "clips"))
    truth = interactive_videos(get_dataset("dv2017_val"))["bear"].read_truth()
    assert [np.flatnonzero((labels == 1).any(axis=0))[0] for labels in truth] == [0, 4, 8]
    assert len(get_dataset("dv2017_train")["dog"].frames) == 2
    assert main(words) == 2
    assert "exists already" in capsys.readouterr().err
    assert main([str(tmp_path), str(tmp_path / "other")]) == 2
    assert "no list train.txt or val.txt" in capsys.readouterr().err
