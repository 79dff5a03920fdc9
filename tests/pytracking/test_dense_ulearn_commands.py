"""Dense Unsupervised Learning on the command line, in the original's words and in ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.data.image_io import read_image, read_label_map
from pytracking import run_tracker
from pytracking.utils.extract_frames import main as extract_frames
from tests.small_dense_ulearn import small_network
from tests.video_trees import write_davis, write_youtubevos

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "dense_ulearn"
VIDEO = {"00000": {1: (4, 4)}, "00001": {1: (6, 4)}, "00002": {1: (8, 4)}}


@pytest.fixture
def network(tmp_path) -> Path:
    path = tmp_path / "snapshots" / "ours" / "final" / "small_e001.pth"
    path.parent.mkdir(parents=True)
    save_checkpoint(path, network_fields(small_network()))
    return path


@pytest.fixture
def davis(tmp_path) -> Path:
    return write_davis(tmp_path / "davis", {"bear": VIDEO, "dog": VIDEO})


def script(name: str, folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess:
    own = {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(
        ["bash", str(SCRIPTS / name), *words],
        cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_pictures_mix_frame_and_colour(network, davis, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(davis))
    words = ["dense_ulearn", "ytvos_res4", "--net", network, "--set", "key=res3", "--set", "knn=3"]
    words += ["--dataset_name", "dv2017_val", "--results", tmp_path / "out", "--vis"]
    assert run_tracker.main([str(word) for word in words]) == 0
    folder = tmp_path / "out/dense_ulearn/ytvos_res4"
    assert f"Pictures: {folder}/dv2017_val_vis" in capsys.readouterr().out
    assert len([*(folder / "dv2017_val_vis").glob("*/*.png")]) == 6
    labels = read_label_map(folder / "dv2017_val/bear/00001.png")
    picture = read_image(folder / "dv2017_val_vis/bear/00001.png").astype(float)
    frame = read_image(davis / "JPEGImages/480p/bear/00001.jpg").astype(float)
    colour = np.array([[0, 0, 0], [128, 0, 0]], float)[labels]
    assert np.abs(picture - (0.3 * frame + 0.7 * colour)).max() <= 0.51
    assert (labels == 1).any()


def test_infer_davis(network, davis, tmp_path):
    run = script(
        "infer_vos.sh", tmp_path, "davis", SNAPSHOT="small_e001", KEY="res3", VERBOSE="False",
        PYTRACKING_DAVIS_DIR=str(davis),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr + run.stdout
    out = tmp_path / "results/ours/final_small_e001_v01/val_davis2017_test"
    assert len([*(out / "res3_vos").glob("*/*.png")]) == 6
    assert not (out / "res3_vis").exists()
    assert (out / "val_davis2017_test_res3.log").stat().st_size > 0


def test_infer_ytvos_writes_every_fifth_frame_and_pictures_of_all(network, tmp_path):
    videos = {"v1": {"00000": {1: (4, 4)}, "00005": {1: (5, 4), 2: (30, 9)}}}
    starts = {"v1": {1: "00000", 2: "00005"}}
    every = {"v1": [f"{time:05d}" for time in range(8)]}
    root = write_youtubevos(tmp_path / "ytvos", videos, starts, "2018/valid", every)
    run = script(
        "infer_vos.sh", tmp_path, "ytvos", SNAPSHOT="small_e001", EXP="ours", VER="v02",
        PYTRACKING_YOUTUBEVOS_DIR=str(root),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr + run.stdout
    out = tmp_path / "results/ours/final_small_e001_v02/val_ytvos2018_test"
    assert sorted(p.name for p in (out / "res4_vos/v1").iterdir()) == ["00000.png", "00005.png"]
    assert 2 in np.unique(read_label_map(out / "res4_vos/v1/00005.png"))
    assert len([*(out / "res4_vis/v1").iterdir()]) == 8


@pytest.mark.parametrize(
    ("name", "words", "message"),
    [
        ("infer_vos.sh", ["davs"], "choose from davis, ytvos"),
        ("train.sh", [], "choose from ytvos, oxuva, track, kinetics, folder"),
        ("train.sh", ["oxuva", "--set", "knn=3"], "no setting 'knn'"),
    ],
)
def test_wrong_words(name, words, message, tmp_path):
    run = script(name, tmp_path, *words)
    assert run.returncode == 2
    assert message in run.stderr
    assert not [*tmp_path.glob("snapshots/**/*.pth.tar")]


def test_a_missing_snapshot_stops_the_script(davis, tmp_path):
    run = script("infer_vos.sh", tmp_path, "davis", PYTRACKING_DAVIS_DIR=str(davis))
    assert run.returncode != 0
    assert "ytvos_e060_res4.pth was not found" in run.stdout + run.stderr
    assert not [*tmp_path.glob("results/**/*_vos")]


def test_videos_are_taken_apart(tmp_path, capsys):
    import cv2

    file = tmp_path / "in" / "deep" / "clip.avi"
    file.parent.mkdir(parents=True)
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 10, (64, 48))
    for level in range(0, 250, 50):
        writer.write(np.full((48, 64, 3), level, np.uint8))
    writer.release()
    (tmp_path / "in" / "broken.mp4").write_bytes(b"no video")
    words = [str(tmp_path / "in"), str(tmp_path / "out"), "--height", "24", "--every", "2"]
    assert extract_frames(words) == 1
    assert "failed: " in capsys.readouterr().err
    frames = sorted((tmp_path / "out" / "deep_clip").iterdir())
    assert [path.name for path in frames] == ["00000.jpg", "00001.jpg", "00002.jpg"]
    images = [read_image(path) for path in frames]
    assert images[0].shape == (24, 32, 3)
    assert [round(float(image.mean()) / 100) for image in images] == [0, 1, 2]
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["deep_clip"]
    (tmp_path / "in" / "broken.mp4").unlink()
    assert extract_frames(words) == 0
    assert "already done" in capsys.readouterr().out
    assert extract_frames([str(tmp_path / "out"), str(tmp_path / "x")]) == 2
