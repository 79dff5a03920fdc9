"""Pipes and endless devices in the place of files: one sentence at once, never a wait."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ltr.data.image_io import write_label_map
from pytracking.run_evaluation import main as evaluate
from pytracking.run_tracker import main as track
from pytracking.run_video import main as segment
from tests.pytracking.clips import bar_mask, numbered_frames, write_folder
from tests.video_trees import write_folder_videos

SQUARES = {f"{index:05d}": {1: (4 + 4 * index, 10)} for index in range(3)}


def replace(path: Path, kind: str) -> None:
    path.unlink()
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_frame(tmp_path, capsys, kind):
    folder = write_folder(tmp_path / "clip", numbered_frames(3))
    replace(sorted(folder.iterdir())[1], kind)
    write_label_map(tmp_path / "first.png", bar_mask(0).astype(np.uint8))
    words = [str(folder), "--mask", str(tmp_path / "first.png"), "--output", str(tmp_path / "out")]
    assert segment(["baseline", "copy_mask", *words, "--quiet", "--device", "cpu"]) == 2
    assert "Not a regular file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_first_mask_and_a_frame_of_a_data_set(tmp_path, capsys, kind):
    write_folder_videos(tmp_path / "data", dict.fromkeys(("bear", "cow", "dog"), SQUARES))
    replace(next((tmp_path / "data/Annotations/bear").glob("00000*")), kind)
    replace(next((tmp_path / "data/JPEGImages/cow").glob("00001*")), kind)
    words = ["--dataset_name", f"folder:{tmp_path / 'data'}", "--results", str(tmp_path / "out")]
    assert track(["baseline", "copy_mask", *words, "--quiet", "--device", "cpu"]) == 1
    printed = "".join(capsys.readouterr())
    assert printed.count("Not a regular file") == 2
    assert [path.name for path in tmp_path.glob("out/*/*/*/[!.]*") if path.is_dir()] == ["dog"]


@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_a_mask_that_is_scored(tmp_path, capsys, kind):
    write_folder_videos(tmp_path / "data", {"bear": SQUARES})
    words = ["--dataset_name", f"folder:{tmp_path / 'data'}"]
    assert track(["baseline", "copy_mask", *words, "--results", str(tmp_path / "out"), "--quiet",
                  "--device", "cpu"]) == 0  # fmt: skip
    masks = next(tmp_path.glob("out/*/*/*/bear"))
    replace(masks / "00001.png", kind)
    words += ["--results", str(masks.parent), "--quiet"]
    assert evaluate([*words, "--output", str(tmp_path / "scores")]) == 2
    assert "Not a regular file" in capsys.readouterr().err
