"""The commands ``run_tracker.py`` and ``run_experiment.py``."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ltr.admin.locks import LOCK_FILE, try_lock
from ltr.data.image_io import read_label_map, write_label_map
from pytracking import run_evaluation, run_experiment, run_tracker
from tests.shared_material import data
from tests.video_trees import label_map, write_davis, write_folder_videos, write_youtubevos

PACKAGE = Path(run_tracker.__file__).parent
VIDEO = {"00000": {2: (4, 4)}, "00001": {2: (6, 4), 7: (30, 20)}, "00002": {2: (8, 4)}}


@pytest.fixture
def davis(tmp_path, monkeypatch) -> Path:
    """A tree with two sequences."""
    root = write_davis(tmp_path / "davis", {"bear": VIDEO, "dog": VIDEO})
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(root))
    return root


def run(*words: str | Path) -> int:
    return run_tracker.main(["baseline", "copy_mask", *map(str, words)])


def test_run_tells_speed_and_place(davis, tmp_path, capsys):
    assert run("--dataset_name", "dv2017_val", "--runid", 3, "--results", tmp_path / "out") == 0
    told = capsys.readouterr().out
    assert "Evaluating    1 trackers on     2 sequences" in told
    assert "Tracker: baseline copy_mask 3 ,  Sequence: bear" in told
    assert told.count("FPS: ") == 3
    assert f"Results: {tmp_path}/out/baseline/copy_mask_003/dv2017_val" in told


def test_quiet_run_tells_only_the_end(davis, tmp_path, capsys):
    run("--dataset_name", "dv2017_val", "--results", tmp_path, "--quiet")
    told = capsys.readouterr()
    assert told.err == ""
    assert len(told.out.splitlines()) == 2


def test_results_path_and_sequence_argument(davis, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTRACKING_RESULTS_PATH", str(tmp_path / "there"))
    assert run("--dataset_name", "dv2017_val", "--sequence", "1") == 0
    folder = tmp_path / "there/baseline/copy_mask/dv2017_val"
    assert [path.name for path in folder.iterdir() if path.is_dir()] == ["dog"]


def test_damaged_sequence_makes_exit_code_1(davis, tmp_path, capsys):
    (davis / "JPEGImages/480p/bear/00001.jpg").write_bytes(b"")
    assert run("--dataset_name", "dv2017_val", "--results", tmp_path / "out") == 1
    told = capsys.readouterr()
    assert "failed: bear: " in told.err
    assert "00001.jpg is an empty file" in told.err
    assert "1 sequences done, 1 failed" in told.out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "--dataset-name is missing: choose from "),
        (["--dataset_name", "dv2017vall"], "did you mean 'dv2017_val'"),
        (["--dataset_name", "yt2019_valid_all"], "PYTRACKING_YOUTUBEVOS_DIR"),
        (["--dataset_name", "dv2017_val", "--sequence", "baer"], "did you mean 'bear'"),
        (["--dataset_name", "dv2017_val", "--set", "metod=x"], "did you mean 'method'"),
        (["--dataset_name", "dv2017_val", "--submission", "masks.rar"], "ends in .zip"),
        (["--dataset_name", "dv2017_val", "--device", "cuda:99"], "--device cuda:99"),
    ],
)
def test_wrong_input_is_one_sentence_and_exit_code_2(davis, tmp_path, capsys, words, message):
    assert run(*words, "--results", tmp_path / "out", "--quiet") == 2
    told = capsys.readouterr().err
    assert message in told
    assert len(told.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_other_parameters_in_the_same_folder_are_refused(davis, tmp_path, capsys):
    words = ["--dataset_name", "dv2017_val", "--results", tmp_path, "--quiet"]
    assert run(*words) == 0
    assert run(*words, "--set", "flow_preset=fast") == 2
    assert "parameters.flow_preset" in capsys.readouterr().err
    assert run(*words, "--set", "flow_preset=fast", "--overwrite") == 0
    assert run(*words, "--set", "flow_preset=fast") == 0


def test_a_second_start_in_the_same_folder_is_refused_or_waits(davis, tmp_path, capsys):
    folder = tmp_path / "results/baseline/copy_mask/dv2017_val"
    lock = try_lock(folder)
    assert lock is not None
    words = ("--dataset-name", "dv2017_val", "--results", tmp_path / "results")
    assert run(*words) == 2
    assert f"error: {folder} is in use by process {os.getpid()} of" in capsys.readouterr().err
    threading.Timer(0.2, lock.release).start()
    assert run(*words, "--wait") == 0
    assert not (folder / LOCK_FILE).exists()


def test_davis_submission_has_every_frame_at_the_top(davis, tmp_path):
    archive = tmp_path / "davis.zip"
    assert run("--dataset_name", "dv2017_val", "--results", tmp_path, "--submission", archive) == 0
    with zipfile.ZipFile(archive) as pack:
        assert pack.namelist() == [f"{s}/{f}.png" for s in ("bear", "dog") for f in VIDEO]


def test_davis_2016_gets_0_and_255(davis, tmp_path, capsys):
    archive, out = tmp_path / "davis16.zip", tmp_path / "out"
    words = ["--dataset_name", "dv2016_val", "--results", out, "--submission", archive, "--vis"]
    assert run(*words) == 0
    folder = out / "baseline/copy_mask/dv2016_val"
    masks = [np.array(Image.open(path)) for path in folder.glob("*/*.png")]
    assert len(masks) == 6
    assert all(set(np.unique(mask).tolist()) == {0, 255} for mask in masks)
    with zipfile.ZipFile(archive) as pack:
        content = pack.read("bear/00002.png")
    assert content == (folder / "bear/00002.png").read_bytes()
    capsys.readouterr()
    words = ["baseline", "copy_mask", "--results", str(out), "--dataset_name", "dv2016_val"]
    assert run_evaluation.main([*words, "--quiet"]) == 0
    line = capsys.readouterr().out.splitlines()[-1]
    for path in folder.glob("*/*.png"):  # results that show the object as 1 score the same
        write_label_map(path, np.minimum(read_label_map(path), 1))
    assert run_evaluation.main([*words, "--quiet"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == line
    assert line.startswith("J&F=")


def test_youtubevos_submission_has_the_sparse_frames_and_those_before_the_start(
    tmp_path, monkeypatch
):
    sparse = {"00000": None, "00005": {4: (0, 0)}, "00010": None}
    every = [f"{i:05d}" for i in range(12)]
    root = write_youtubevos(
        tmp_path / "yt", {"v": sparse}, {"v": {4: "00005"}}, every_frame={"v": every}
    )
    monkeypatch.setenv("PYTRACKING_YOUTUBEVOS_DIR", str(root))
    archive, out = tmp_path / "yt.zip", tmp_path / "out"
    words = ["--dataset_name", "yt2019_valid_all", "--results", out, "--submission", archive]
    assert run(*words) == 0
    masks = out / "baseline/copy_mask/yt2019_valid_all/v"
    assert sorted(path.stem for path in masks.iterdir()) == every[5:]
    with zipfile.ZipFile(archive) as pack:
        assert pack.namelist() == [f"Annotations/v/{stem}.png" for stem in sparse]
        pack.extractall(tmp_path / "unpacked")
    shown = [read_label_map(tmp_path / "unpacked/Annotations/v" / f"{s}.png") for s in sparse]
    np.testing.assert_array_equal(shown[0], np.zeros((40, 60)))
    np.testing.assert_array_equal(shown[2], label_map({4: (0, 0)}))


def test_incomplete_or_wrong_results_are_not_packed(davis, tmp_path, capsys):
    archive, out = tmp_path / "davis.zip", tmp_path / "out"
    words = ["--dataset_name", "dv2017_val", "--results", out, "--submission", archive]
    assert run(*words, "--sequence", "bear") == 2
    assert "lacks 1 of 2 sequences (dog" in capsys.readouterr().err
    mask = out / "baseline/copy_mask/dv2017_val/bear/00001.png"
    for labels, message in [
        (label_map({9: (0, 0)}), "shows the ids [9]"),
        (np.zeros((9, 9), np.uint8), "is 9x9, the frames of bear are 60x40"),
    ]:
        write_label_map(mask, labels)
        assert run(*words) == 2
        assert message in capsys.readouterr().err
    mask.unlink()
    assert run(*words) == 2
    assert "00001.png does not exist" in capsys.readouterr().err
    assert not archive.exists()


def test_sparse_frames_are_warned_about(tmp_path, monkeypatch, capsys):
    root = write_youtubevos(tmp_path / "yt", {"v": {"00000": {4: (0, 0)}}}, {"v": {4: "00000"}})
    monkeypatch.setenv("PYTRACKING_YOUTUBEVOS_DIR", str(root))
    assert run("--dataset_name", "yt2019_valid", "--results", tmp_path / "out", "--quiet") == 0
    assert "yt2019_valid_all" in capsys.readouterr().err


def test_experiment_runs_all_trackers(davis, tmp_path, capsys):
    words = ["baselines", "davis", "--results", str(tmp_path), "--quiet", "--no-report"]
    assert run_experiment.main(words) == 0
    for name in ("copy_mask", "optical_flow"):
        assert (tmp_path / "baseline" / name / "dv2017_val/bear/00002.png").is_file()
    assert run_experiment.main(["baselines", "davs"]) == 2
    assert run_experiment.main(["baseline", "davis"]) == 2
    told = capsys.readouterr().err
    assert "did you mean 'davis'" in told
    assert "did you mean 'baselines'" in told


@pytest.mark.parametrize("folder", [PACKAGE, PACKAGE.parent])
def test_upstreams_command_line_works_from_both_folders(tmp_path, folder):
    script = os.path.relpath(PACKAGE / "run_tracker.py", folder)
    words = [sys.executable, script, "baseline", "copy_mask", "--runid", "1", "--dataset_name"]
    words += ["dv2017_val", "--sequence", "pair-dog-goat", "--debug", "0", "--threads", "0"]
    words += ["--use_visdom", "False", "--visdom_server", "127.0.0.1", "--visdom_port", "8097"]
    paths = {
        "PYTRACKING_DAVIS_DIR": str(data("davis-mini-multi")),
        "PYTRACKING_RESULTS_PATH": str(tmp_path),
    }
    done = subprocess.run(words, cwd=folder, env=os.environ | paths, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "method = copy_mask" in done.stderr
    result = tmp_path / "baseline/copy_mask_001/dv2017_val/pair-dog-goat"
    assert len(list(result.iterdir())) == 60
    given = data("davis-mini-multi") / "Annotations/480p/pair-dog-goat/00000.png"
    np.testing.assert_array_equal(read_label_map(result / "00059.png"), read_label_map(given))


def test_folder_of_own_videos(tmp_path):
    root = write_folder_videos(tmp_path / "mine", {"a": {"1": None, "9": {3: (0, 0)}, "10": None}})
    assert run("--dataset_name", f"folder:{root}", "--results", tmp_path / "out") == 0
    masks = tmp_path / "out/baseline/copy_mask/folder_mine/a"
    assert sorted(path.name for path in masks.iterdir()) == ["10.png", "9.png"]
