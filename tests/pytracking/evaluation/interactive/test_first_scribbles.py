"""Scribbles that the robot draws where people have drawn none, and hosts on whole data sets."""

from __future__ import annotations

import numpy as np
import pytest

from ltr.data.image_io import read_label_map, write_label_map
from ltr.data.interactive.scribbles import draw_scribbles, read_scribbles
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.interactive.first_scribbles import main
from pytracking.evaluation.interactive.videos import interactive_video
from pytracking.evaluation.outputs.folder import ResultFolder
from pytracking.evaluation.running.sequence import run_sequence
from tests.plain_host import PlainHost
from tests.video_trees import SHAPE, write_davis

VIDEO = {
    "00000": {1: (4, 4)},
    "00001": {1: (6, 4), 2: (30, 20)},
    "00002": {1: (8, 4), 2: (32, 20)},
    "00003": {1: (8, 4), 2: (34, 20)},
}


@pytest.fixture
def davis(tmp_path):
    return write_davis(tmp_path / "davis", {"bear": VIDEO, "dog": VIDEO})


def test_three_frames_with_all_objects_are_drawn(davis, capsys):
    assert main([str(davis)]) == 0
    assert "6 files written" in capsys.readouterr().out
    frames = set()
    for number in (1, 2, 3):
        scribbles = read_scribbles(davis / f"Scribbles/bear/00{number}.json")
        (frame,) = scribbles.annotated
        truth = read_label_map(davis / f"Annotations/480p/bear/{frame:05d}.png")
        lines = scribbles.frames[frame]
        assert {line.object_id for line in lines} == {1, 2}
        drawn = draw_scribbles(lines, truth.shape)
        assert (drawn == truth)[drawn > 0].mean() > 0.7
        frames.add(frame)
    assert frames == {1, 2, 3}


def test_frames_with_too_little_of_an_object_are_left_out(tmp_path):
    """One pixel of the object, as behind a post, is no place for a line."""
    video = {f"{index:05d}": {1: (4 + 4 * index, 4)} for index in range(6)}
    davis = write_davis(tmp_path / "davis", {"bear": video})
    hidden = np.zeros(SHAPE, np.uint8)
    hidden[3, 3] = 1
    for index in (0, 2, 4):
        write_label_map(davis / f"Annotations/480p/bear/{index:05d}.png", hidden)
    for seed in range(4):
        assert main([str(davis), "--seed", str(seed), "--overwrite"]) == 0
        files = [davis / f"Scribbles/bear/00{number}.json" for number in (1, 2, 3)]
        assert {frame for file in files for frame in read_scribbles(file).annotated} == {1, 3, 5}


def test_a_video_without_a_large_object_is_one_sentence(tmp_path, capsys):
    davis = write_davis(tmp_path / "davis", {"bear": VIDEO})
    for path in (davis / "Annotations/480p/bear").iterdir():
        write_label_map(path, np.eye(*SHAPE, dtype=np.uint8) * (np.arange(SHAPE[1]) == 3))
    assert main([str(davis)]) == 2
    assert "bear shows no object large enough for a scribble" in capsys.readouterr().err


def test_the_seed_decides(davis, tmp_path):
    for name, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        assert main([str(davis), "--dst", str(tmp_path / name), "--seed", seed]) == 0
    read = lambda name: [  # noqa: E731
        path.read_bytes() for path in sorted((tmp_path / name / "Scribbles").rglob("*.json"))
    ]
    assert read("a") == read("b") != read("c")
    assert not (davis / "Scribbles").exists()


def test_another_folder_can_stand_for_the_data_set(davis, tmp_path, monkeypatch):
    assert main([str(davis), "--dst", str(tmp_path / "own"), "--split", "val"]) == 0
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(tmp_path / "own"))
    video = interactive_video(get_dataset("dv2017_val")["dog"])
    assert video.read_first_scribbles(3)[1]


def test_what_people_drew_is_not_replaced(davis, capsys):
    assert main([str(davis)]) == 0
    assert main([str(davis)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([str(davis), "--overwrite"]) == 0


def test_a_folder_without_lists_is_one_sentence(tmp_path, capsys):
    assert main([str(tmp_path)]) == 2
    assert "ImageSets/2017" in capsys.readouterr().err


def test_a_host_runs_over_a_sequence_and_keeps_its_last_masks(davis, tmp_path, monkeypatch):
    main([str(davis)])
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(davis))
    sequence = get_dataset("dv2017_val")["bear"]
    folder = ResultFolder(tmp_path / "results")
    assert run_sequence(PlainHost(), sequence, folder) > 0
    labels = np.stack([read_label_map(folder.mask_path("bear", stem)) for stem in VIDEO])
    truth = np.stack([sequence.read_mask(index) for index in range(4)])
    overlap = ((labels == truth) & (truth > 0)).sum() / ((labels > 0) | (truth > 0)).sum()
    assert overlap > 0.3
    assert (tmp_path / "results/bear_2.txt").is_file()
