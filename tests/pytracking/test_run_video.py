from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ltr.admin.locks import lock_folder
from ltr.data.image_io import read_image, read_label_map, write_label_map
from pytracking.run_video import main
from pytracking.run_webcam import main as webcam
from pytracking.utils.video_reader import read_video
from tests.pytracking.clips import bar_mask, numbered_frames, write_clip, write_folder
from tests.shared_material import data

SCRIPTS = Path(__file__).resolve().parents[2] / "pytracking"
TRACKER = ["baseline", "copy_mask", "--quiet"]


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "bar.mp4", numbered_frames(12))


@pytest.fixture
def mask(tmp_path) -> Path:
    write_label_map(tmp_path / "first.png", bar_mask(0).astype(np.uint8) * 3)
    return tmp_path / "first.png"


def test_results_of_a_file(clip, mask, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["baseline", "optical_flow", str(clip), "--mask", str(mask), "--output", str(out)]
    assert main(arguments) == 0
    assert sorted(path.name for path in out.iterdir()) == [
        "boxes",
        "config.json",
        "contact_sheet.png",
        "masks",
        "overlay.mp4",
    ]
    masks = sorted((out / "masks").iterdir())
    assert [path.name for path in masks] == [f"{index:05d}.png" for index in range(12)]
    for index, path in enumerate(masks):
        found, truth = read_label_map(path) == 3, bar_mask(index)
        assert (found & truth).sum() / (found | truth).sum() > 0.6
    video = read_video(out / "overlay.mp4")
    assert (video.size, video.fps, len(list(video))) == ((64, 48), 25, 12)
    assert read_image(out / "contact_sheet.png").shape[1] > 4 * 64
    config = json.loads((out / "config.json").read_text())
    assert config["parameters"]["method"] == "optical_flow"
    assert config["objects"] == {"0": [3]}
    assert config["video"] == {"name": "bar", "size": [64, 48], "fps": 25.0, "frames": 12}
    assert "12 frames at " in capsys.readouterr().out


def test_boxes_are_written_from_the_start_of_their_object(clip, mask, tmp_path):
    out = tmp_path / "out"
    later = tmp_path / "later.png"
    write_label_map(later, bar_mask(10).astype(np.uint8) * 8)
    arguments = [*TRACKER, str(clip), "--output", str(out), "--no_overlay"]
    assert main([*arguments, "--mask", f"2:{mask}", "--mask", f"7:{later}"]) == 0
    assert not (out / "overlay.mp4").exists()
    lines = (out / "boxes" / "3.txt").read_text().splitlines()
    assert lines == ["0\t10\t7\t19"] * 10
    assert len((out / "boxes" / "8.txt").read_text().splitlines()) == 5
    names = sorted(path.stem for path in (out / "masks").iterdir())
    assert names == [f"{index:05d}" for index in range(2, 12)]


def test_masks_are_named_like_the_frames(mask, tmp_path):
    folder = write_folder(tmp_path / "bar", numbered_frames(3))
    (folder / "00002.png").rename(folder / "00035.png")
    out = tmp_path / "out"
    assert main([*TRACKER, str(folder), "--mask", str(mask), "--output", str(out)]) == 0
    assert sorted(path.name for path in (out / "masks").iterdir()) == [
        "00000.png",
        "00001.png",
        "00035.png",
    ]


def test_boxes_instead_of_masks(clip, tmp_path):
    out = tmp_path / "out"
    arguments = [*TRACKER, str(clip), "--output", str(out), "--save_results", "--debug", "0"]
    assert main([*arguments, "--optional_box", "0", "5", "14", "30", "--box", "4:40,5,10,10"]) == 0
    last = read_label_map(out / "masks" / "00011.png")
    assert set(np.unique(last)) == {0, 1, 2}
    assert (last == 1)[bar_mask(0)].mean() > 0.9


def test_default_folder(clip, mask, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTRACKING_RESULTS_PATH", str(tmp_path / "results"))
    assert main([*TRACKER, str(clip), "--mask", str(mask)]) == 0
    assert (tmp_path / "results/baseline/copy_mask/video/bar/masks/00000.png").exists()


def test_results_are_kept_unless_overwritten(clip, mask, tmp_path, capsys):
    arguments = [*TRACKER, str(clip), "--mask", str(mask), "--output", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert main(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert main([*arguments, "--overwrite"]) == 0


def test_a_second_start_into_the_same_folder_is_refused(clip, mask, tmp_path, capsys):
    words = [*TRACKER, str(clip), "--mask", str(mask), "--output", str(tmp_path / "out")]
    with lock_folder(tmp_path / "out"):
        assert main([*words, "--overwrite"]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"error: {tmp_path / 'out'} is in use by process {os.getpid()} of ")
    assert error.count("\n") == 1
    assert not (tmp_path / "out").exists()
    assert main(words) == 0


def run_with(arguments: list[str], capsys) -> str:
    """Run the command, expect exit code 2, and give its one line on stderr."""
    assert main([*TRACKER, *arguments]) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    return error


def test_wrong_input_is_one_sentence_and_leaves_nothing(clip, mask, tmp_path, capsys):
    out = ["--output", str(tmp_path / "out")]
    small = tmp_path / "small.png"
    write_label_map(small, np.ones((4, 4), np.uint8))
    given = ["--mask", str(mask)]
    assert "does not exist" in run_with(["no.mp4", *given, *out], capsys)
    assert "no object is given" in run_with([str(clip), *out], capsys)
    wrong_size = run_with([str(clip), "--mask", str(small), *out], capsys)
    assert "is 4x4, the video 64x48" in wrong_size
    assert "frames 0..11" in run_with([str(clip), "--mask", f"12:{mask}", *out], capsys)
    assert "no setting 'metod' (did you mean 'method'?)" in run_with(
        [str(clip), *given, *out, "--set", "metod=x"], capsys
    )
    assert "no area inside" in run_with(
        [str(clip), "--optional_box", "99", "0", "5", "5", *out], capsys
    )
    assert not (tmp_path / "out").exists()


def test_damage_in_the_middle_leaves_nothing(clip, mask, tmp_path, capsys):
    folder = write_folder(tmp_path / "bar", numbered_frames(6))
    whole = (folder / "00004.png").read_bytes()
    (folder / "00004.png").write_bytes(whole[: len(whole) // 2])
    out = tmp_path / "out"
    error = run_with([str(folder), "--mask", str(mask), "--output", str(out)], capsys)
    assert "00004.png" in error
    assert not out.exists()


def test_unknown_tracker_is_named_before_the_folder_is_made(clip, mask, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["baseline", "optical_flw", str(clip), "--mask", str(mask), "--output", str(out)]
    assert main([*arguments, "--quiet"]) == 2
    assert "did you mean 'optical_flow'" in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_folder_without_permission(clip, mask, tmp_path, capsys):
    (tmp_path / "locked").mkdir(mode=0o500)
    out = ["--output", str(tmp_path / "locked" / "out")]
    assert "Permission denied" in run_with([str(clip), "--mask", str(mask), *out], capsys)


def test_file_in_the_path_of_the_folder(clip, mask, capsys):
    out = ["--output", str(clip / "out")]
    assert "Not a directory" in run_with([str(clip), "--mask", str(mask), *out], capsys)


def limit_file_size() -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))


def test_full_disk_is_one_sentence_and_leaves_nothing(mask, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (30, 48, 64, 3), dtype=np.uint8)
    clip = write_clip(tmp_path / "noise.mp4", list(noise))
    out = tmp_path / "out"
    command = [sys.executable, str(SCRIPTS / "run_video.py"), *TRACKER, str(clip)]
    done = subprocess.run(
        [*command, "--mask", str(mask), "--output", str(out)],
        capture_output=True,
        text=True,
        preexec_fn=limit_file_size,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == f"error: {out} cannot be written: File too large\n"
    assert done.stderr.count("\n") == 1
    assert not out.exists()


def test_webcam_plays_a_file(clip, tmp_path, capsys):
    out = tmp_path / "out"
    arguments = ["--source", str(clip), "--optional_box", "0", "5", "14", "30"]
    assert webcam([*TRACKER, *arguments, "--output", str(out)]) == 0
    assert len(list((out / "masks").iterdir())) == 12
    assert "12 frames" in capsys.readouterr().out


def test_webcam_needs_something_to_show(clip, capsys):
    assert webcam([*TRACKER, "--source", str(clip)]) == 2
    assert "give --show for a window or --output DIR" in capsys.readouterr().err


def test_webcam_without_a_display_tells_what_to_do(clip, monkeypatch, capsys):
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("WAYLAND_DISPLAY", raising=False)
    assert webcam([*TRACKER, "--source", str(clip), "--show"]) == 2
    assert "--optional-box and --output DIR" in capsys.readouterr().err


def test_webcam_keeps_the_results_when_interrupted(tmp_path):
    frames = [np.full((240, 320, 3), index % 250, np.uint8) for index in range(2500)]
    clip = write_clip(tmp_path / "long.mp4", frames)
    out = tmp_path / "out"
    command = [sys.executable, str(SCRIPTS / "run_webcam.py"), "baseline", "optical_flow"]
    arguments = [
        "--source",
        str(clip),
        "--optional_box",
        "9",
        "9",
        "50",
        "50",
        "--output",
        str(out),
    ]
    process = subprocess.Popen([*command, *arguments, "--quiet"])
    deadline = time.monotonic() + 60
    while not list(out.glob("*/masks/00010.png")) and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 0
    count = len(list((out / "masks").iterdir()))
    assert 10 < count < 2500
    assert json.loads((out / "config.json").read_text())["video"]["frames"] == count


def test_real_clip_with_four_objects(tmp_path):
    folder = data("videos")
    frames = []
    for _, frame in zip(range(5), read_video(folder / "02_cups.mp4"), strict=False):
        frames.append(frame)
    clip = write_clip(tmp_path / "cups.mp4", frames)
    out = tmp_path / "out"
    first = folder / "02_cups_first_frame.png"
    assert main([*TRACKER, str(clip), "--mask", str(first), "--output", str(out)]) == 0
    np.testing.assert_array_equal(
        read_label_map(out / "masks" / "00000.png"), read_label_map(first)
    )
    assert {path.stem for path in (out / "boxes").iterdir()} == {"1", "2", "3", "4"}
    shutil.rmtree(out)
