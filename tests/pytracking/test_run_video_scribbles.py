"""A video and a file of scribbles in, masks out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from ltr.data.image_io import read_label_map
from ltr.data.interactive.scribbles import ScribbleLine, VideoScribbles, write_scribbles
from pytracking.run_video import main
from tests.pytracking.clips import bar_mask, numbered_frames, write_clip

LENGTH = 8
TRACKER = ["baseline", "copy_mask", "--quiet"]


def middle_line(index: int, object_id: int, start_time: float = 0) -> ScribbleLine:
    """A line down the middle of the bar of a frame."""
    rows, columns = np.nonzero(bar_mask(index))
    height, width = bar_mask(index).shape
    x, top, bottom = columns.mean() / width, (rows.min() + 2) / height, (rows.max() - 2) / height
    return ScribbleLine(np.array([[x, top], [x, bottom]]), object_id, start_time)


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "bar.mp4", numbered_frames(LENGTH))


def write_lines(path: Path, lines: dict[int, ScribbleLine], length: int = LENGTH) -> Path:
    frames = tuple((lines[index],) if index in lines else () for index in range(length))
    write_scribbles(path, VideoScribbles("bar", frames))
    return path


def overlap(found, truth):
    return (found & truth).sum() / (found | truth).sum()


def test_every_frame_with_lines_is_a_round(clip, tmp_path):
    lines = {2: middle_line(2, 2), 6: middle_line(6, 2, start_time=5)}
    file, out = write_lines(tmp_path / "bar.json", lines), tmp_path / "out"
    arguments = ["--scribbles", str(file), "--output", str(out)]
    assert main([*TRACKER, str(clip), *arguments]) == 0
    masks = [read_label_map(path) for path in sorted((out / "masks").iterdir())]
    assert len(masks) == LENGTH
    assert overlap(masks[2] == 2, bar_mask(2)) > 0.7
    assert (masks[6] == 2)[bar_mask(6)].mean() > 0.7
    assert (masks[0] == masks[2]).all()
    assert (masks[7] == masks[6]).all()
    config = json.loads((out / "config.json").read_text())
    assert config["objects"] == {"2": [2], "6": [2]}
    assert (out / "overlay.mp4").exists()


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ({0: middle_line(0, 0)}, "no line on an object"),
        ({}, "no line on an object"),
        ({LENGTH: middle_line(0, 1)}, "line on frame 8, the video has 8 frames"),
    ],
)
def test_scribbles_that_do_not_fit_are_one_sentence(lines, told, clip, tmp_path, capsys):
    file = write_lines(tmp_path / "bar.json", lines, LENGTH + 1)
    out = tmp_path / "out"
    code = main([*TRACKER, str(clip), "--scribbles", str(file), "--output", str(out)])
    assert code == 2
    assert told in capsys.readouterr().err
    assert not out.exists()


@pytest.mark.parametrize("text", ["{}", "[]", '{"scribbles": 3}', '{"scribbles": []}', ""])
def test_a_file_without_scribbles_is_one_sentence(text, clip, tmp_path, capsys):
    file, out = tmp_path / "bar.json", tmp_path / "out"
    file.write_text(text)
    assert main([*TRACKER, str(clip), "--scribbles", str(file), "--output", str(out)]) == 2
    said, error = capsys.readouterr()
    assert said == ""
    assert error.startswith(f"error: {file}")
    assert error.count("\n") == 1
    assert not out.exists()


def test_scribbles_and_masks_exclude_each_other(clip, tmp_path, capsys):
    file = write_lines(tmp_path / "bar.json", {0: middle_line(0, 1)})
    arguments = ["--scribbles", str(file), "--box", "1,1,5,5"]
    assert main([*TRACKER, str(clip), *arguments]) == 2
    assert "not by both" in capsys.readouterr().err


def test_hosts_ask_for_scribbles(clip, capsys):
    assert main(["interactive", "atnet", str(clip)]) == 2
    assert "--scribbles FILE" in capsys.readouterr().err


def test_trackers_of_clips_take_none(clip, tmp_path, capsys):
    file = write_lines(tmp_path / "bar.json", {0: middle_line(0, 1)})
    assert main(["propose_reduce", "ytvis19_r50", str(clip), "--scribbles", str(file)]) == 2
    assert "ytvis19_r50 cannot take scribbles" in capsys.readouterr().err
