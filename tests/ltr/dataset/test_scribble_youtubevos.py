"""Conversion of the scribbled part of YouTube-VOS to the layout of DAVIS."""

from __future__ import annotations

import json

import pytest

from ltr.data.image_io import read_image, write_label_map
from ltr.dataset.scribble_youtubevos import main
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.interactive.videos import interactive_video
from tests.video_trees import label_map, write_video

SQUARES = {"00000": {1: (4, 4)}, "00005": {1: (6, 4), 2: (30, 20)}, "00015": {2: (32, 20)}}


@pytest.fixture
def source(tmp_path):
    train = tmp_path / "ytvos/train"
    for name in ("3e91", "77aa"):
        write_video(train / "JPEGImages" / name, train / "CleanedAnnotations" / name, SQUARES)
    scribbles = tmp_path / "scribbles"
    (scribbles / "3e91").mkdir(parents=True)
    (scribbles / "val.txt").write_text("3e91\n")
    line = {"path": [[0.1, 0.15], [0.2, 0.2]], "object_id": 1, "start_time": 0, "end_time": 1}
    for number in (1, 2, 3):
        frames = [[], [line], []]
        record = {"sequence": "3e91", "scribbles": frames, "annotator": "x"}
        (scribbles / f"3e91/00{number}.json").write_text(json.dumps(record))
    return tmp_path


def run(folder, target="out") -> int:
    words = ["--src", folder / "ytvos", "--scb", folder / "scribbles", "--dst", folder / target]
    return main([*map(str, words), "--quiet"])


def test_the_result_is_a_data_set(source, monkeypatch):
    assert run(source) == 0
    root = source / "out"
    frames = sorted(path.name for path in (root / "JPEGImages/480p/3e91").iterdir())
    assert frames == ["00000.jpg", "00001.jpg", "00002.jpg"]
    assert not (root / "JPEGImages/480p/77aa").exists()
    original = source / "ytvos/train/JPEGImages/3e91/00015.jpg"
    assert (read_image(root / "JPEGImages/480p/3e91/00002.jpg") == read_image(original)).all()
    row = json.loads((root / "scb_ytbvos.json").read_text())["sequences"]["3e91"]
    assert row["image_size"] == [60, 40]
    assert (row["num_frames"], row["num_objects"], row["num_scribbles"]) == (3, 2, 3)
    monkeypatch.setenv("PYTRACKING_SCRIBBLE_YTVOS_DIR", str(root))
    (sequence,) = get_dataset("scribble_ytvos")
    video = interactive_video(sequence)
    frame, lines = video.read_first_scribbles(2)
    assert (video.num_objects, frame, lines[0].object_id) == (2, 1, 1)


def test_folders_that_do_not_agree_leave_nothing(source, capsys):
    extra = source / "ytvos/train/CleanedAnnotations/surplus"
    extra.mkdir()
    assert run(source) == 2
    assert "holds 2 sequences" in capsys.readouterr().err
    extra.rmdir()
    (source / "ytvos/train/CleanedAnnotations/3e91/00015.png").unlink()
    assert run(source) == 2
    assert "holds 3 frames" in capsys.readouterr().err
    assert sorted(path.name for path in source.iterdir()) == ["scribbles", "ytvos"]


def test_ids_with_gaps_and_missing_scribbles_are_named(source, capsys):
    mask = source / "ytvos/train/CleanedAnnotations/3e91/00015.png"
    write_label_map(mask, label_map({4: (32, 20)}))
    assert run(source) == 2
    assert "objects [1, 2, 4]" in capsys.readouterr().err
    write_label_map(mask, label_map({2: (32, 20)}))
    (source / "scribbles/3e91/003.json").unlink()
    assert run(source) == 2
    assert "003.json does not exist" in capsys.readouterr().err
    assert not (source / "out").exists()


def test_an_existing_folder_is_not_touched(source, capsys):
    (source / "out").mkdir()
    assert run(source) == 2
    assert "exists already" in capsys.readouterr().err


def test_names_cannot_leave_the_folder(source, capsys):
    (source / "scribbles/val.txt").write_text("../77aa\n")
    assert run(source) == 2
    assert "'../77aa'" in capsys.readouterr().err
