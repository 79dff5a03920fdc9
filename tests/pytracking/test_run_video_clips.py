"""A folder of clips in one command: masks by name, restart, what is refused."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from ltr.admin.locks import lock_folder
from ltr.data.image_io import read_label_map, write_label_map
from pytracking.evaluation.engines.base import Engine
from pytracking.evaluation.running.task import VideoTask
from pytracking.evaluation.running.video_folder import VideoFolder
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.run_video import main
from pytracking.tracker.base import Runtime
from pytracking.utils.video_reader import find_videos
from tests.pytracking.clips import bar_mask, numbered_frames, write_clip, write_folder

TRACKER = ["baseline", "copy_mask"]


class InOrder(Engine):
    """Works in this process and remembers the order."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def run(self, work, jobs, count_frames):
        for job in jobs:
            self.names.append(job.name)
            yield job, work(job, count_frames)

    def close(self) -> None:
        """Nothing to free."""


@pytest.fixture
def clips(tmp_path) -> Path:
    folder = tmp_path / "clips"
    write_folder(folder / "folder", numbered_frames(4))
    write_clip(folder / "short.mp4", numbered_frames(2))
    write_clip(folder / "long.mp4", numbered_frames(6))
    return folder


@pytest.fixture
def masks(tmp_path) -> Path:
    (tmp_path / "masks").mkdir()
    for number, name in enumerate(("folder", "long", "short"), 1):
        write_label_map(tmp_path / f"masks/{name}.png", bar_mask(0).astype(np.uint8) * number)
    return tmp_path / "masks"


@pytest.fixture
def arguments(clips, masks, tmp_path) -> list[str]:
    return [*TRACKER, str(clips), "--mask", str(masks), "--output", str(tmp_path / "out")]


def test_every_clip_has_results_of_its_own_mask(arguments, tmp_path, capsys):
    assert main(arguments) == 0
    assert capsys.readouterr().out.endswith("3 videos done, 0 failed\n")
    for name, number, length in (("folder", 1, 4), ("long", 2, 6), ("short", 3, 2)):
        found = sorted((tmp_path / "out" / name / "masks").iterdir())
        assert len(found) == length
        assert np.array_equal(read_label_map(found[-1]), number * bar_mask(0))
        assert (tmp_path / "out" / name / "overlay.mp4").exists()


def test_finished_clips_are_left_alone(arguments, clips, tmp_path, capsys):
    out = tmp_path / "out"
    (clips / "long.mp4").rename(tmp_path / "long.mp4")
    assert main(arguments) == 0
    written = (out / "short/config.json").stat().st_mtime_ns
    (tmp_path / "long.mp4").rename(clips / "long.mp4")
    shutil.rmtree(out / "folder")
    capsys.readouterr()
    assert main(arguments) == 0
    assert capsys.readouterr().out.splitlines()[-2:] == [
        "1 videos already done (--overwrite runs them again)",
        "2 videos done, 0 failed",
    ]
    assert (out / "short/config.json").stat().st_mtime_ns == written
    assert main([*arguments, "--set", "method=optical_flow"]) == 2
    error = capsys.readouterr().err
    assert 'method is "copy_mask" there and "optical_flow" now' in error
    assert main([*arguments, "--set", "method=optical_flow", "--overwrite"]) == 0
    assert (out / "short/config.json").stat().st_mtime_ns > written


@pytest.mark.parametrize("locked", ["out", "out/long"])
def test_a_second_start_into_the_same_folder_is_refused(locked, arguments, tmp_path, capsys):
    """Also where the first one works on a clip of the folder only."""
    with lock_folder(tmp_path / locked):
        assert main(arguments) == 2
    assert f"{tmp_path / locked} is in use by process {os.getpid()}" in capsys.readouterr().err
    assert not (tmp_path / "out/long/config.json").exists()
    assert main(arguments) == 0


def test_a_clip_without_a_usable_mask_fails_alone(arguments, clips, masks, tmp_path, capsys):
    (masks / "folder.png").unlink()
    (clips / "short.mp4").write_bytes(b"no video")
    assert main(arguments) == 1
    output = capsys.readouterr()
    assert output.out.endswith("1 videos done, 2 failed\n")
    assert f"failed: folder: {clips / 'folder'} has no mask: {masks / 'folder.png'}" in output.err
    assert "failed: short.mp4" in output.err
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["long"]


def test_masks_of_a_later_frame(arguments, masks, capsys):
    arguments[arguments.index(str(masks))] = f"3:{masks}"
    assert main(arguments) == 1
    assert "short.mp4 has 2 frames, a mask is for frame 3" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--mask", "first.png"], "--mask FOLDER, which holds a first mask <video>.png"),
        ([], "for every video: none is named"),
        (["--mask", ".", "--optional_box", "1", "1", "5", "5"], "boxes belong to one video"),
        (["--mask", ".", "--point", "0:1:5,5"], "points belong to one video"),
    ],
)
def test_what_does_not_fit_many_clips(change, words, clips, tmp_path, capsys):
    out = tmp_path / "out"
    assert main([*TRACKER, str(clips), "--output", str(out), *change]) == 2
    assert words in capsys.readouterr().err
    assert not out.exists()


def test_a_host_of_scribbles_is_told_before_anything_is_read(clips, masks, capsys):
    assert main(["interactive", "atnet", str(clips), "--mask", str(masks)]) == 2
    assert "this tracker takes scribbles" in capsys.readouterr().err


def test_an_engine_needs_several_clips(clips, tmp_path, capsys):
    assert main([*TRACKER, str(clips / "long.mp4"), "--threads", "2"]) == 2
    assert "need a folder of videos" in capsys.readouterr().err


def test_engines_get_the_longest_clips_first(clips, masks, tmp_path):
    from pytracking.evaluation.prompt_types import MaskPrompt

    spec, prompts = TrackerSpec(*TRACKER), (MaskPrompt(0, masks),)
    task = VideoTask(spec, Runtime(), clips, prompts, output=tmp_path / "out", quiet=True)
    engine = InOrder()
    folder = VideoFolder(task, find_videos(clips).videos)
    outcomes = list(folder.run(engine))
    assert engine.names == ["long.mp4", "folder", "short.mp4"]
    assert [outcome.failure for outcome in outcomes] == ["", "", ""]
