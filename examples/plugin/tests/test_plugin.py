"""Run with the plug-in installed, or with its folder in VOS_PLUGINS."""

from pathlib import Path

import numpy as np
import pytest

from ltr.data.image_io import write_image, write_label_map
from ltr.run_training import main as train
from pytracking.convert_masks import main as convert
from pytracking.run_evaluation import main as evaluate
from pytracking.run_tracker import main as track
from pytracking.run_video import main as segment


def draw_squares(root: Path) -> np.ndarray:
    """Two videos of a red and a blue square that move; the label maps, uint8 (T, H, W)."""
    labels = np.zeros((12, 64, 96), np.uint8)
    for index, frame in enumerate(labels):
        frame[10:30, 5 + 6 * index : 25 + 6 * index] = 1
        frame[40:58, 70 - 6 * index : 90 - 6 * index] = 2
    colours = np.array([[90, 160, 90], [220, 30, 40], [30, 60, 210]], np.uint8)
    for video in ("a", "b"):
        for index, frame in enumerate(labels):
            write_image(root / "JPEGImages" / video / f"{index:05d}.png", colours[frame])
            write_label_map(root / "Annotations" / video / f"{index:05d}.png", frame)
    return labels


def test_every_kind_of_part_is_used_by_the_commands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Track, score, segment, export, convert and train with the parts of the plug-in."""
    labels = draw_squares(tmp_path / "squares")
    monkeypatch.setenv("SQUARES_DIR", str(tmp_path / "squares"))
    monkeypatch.setenv("PYTRACKING_RESULTS_PATH", str(tmp_path / "results"))
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "workspace"))

    words = ["nearest_colour", "default", "--dataset-name", "squares", "--quiet"]
    assert track(words) == 0
    assert evaluate(words) == 0
    assert "J&F=100.0" in capsys.readouterr().out

    video = str(tmp_path / "squares" / "JPEGImages" / "a")
    first = str(tmp_path / "squares" / "Annotations" / "a" / "00000.png")
    arguments = [video, "--mask", first, "--quiet", "--no-overlay"]
    out, file = tmp_path / "out", tmp_path / "labels.npz"
    export = ["--output", str(out), "--export", f"numpy:{file}"]
    assert segment(["nearest_colour", "default", *arguments, *export]) == 0
    with np.load(file) as content:
        assert np.array_equal(content["labels"], labels)
    assert convert([str(file), str(tmp_path / "a.xml"), "--from", "numpy", "--to", "cvat"]) == 0
    again = ["--output", str(tmp_path / "again")]
    assert segment(["baseline", "copy_mask_again", *arguments, *again]) == 0

    assert train(["nearest_colour", "squares", "--device", "cpu", "--max-steps", "1"]) == 0
