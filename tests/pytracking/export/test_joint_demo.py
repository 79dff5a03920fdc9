"""The exported JOINT of the package on the whole demo clip: 40 frames, three objects."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from pytracking import export_tracker
from pytracking.evaluation.tracker import create_tracker
from pytracking.export.runner.load import load_exported
from pytracking.tracker.base import FrameInfo, FrameOutput
from pytracking.utils.demo_clip import demo_clip
from tests.pytracking.export.clips import run, worst_difference_from


class Followed(NamedTuple):
    """The clip, and what PyTorch makes of it."""

    frames: list[np.ndarray]
    prompts: dict[int, FrameInfo]
    outputs: list[FrameOutput]


@pytest.fixture(scope="module")
def followed() -> Followed:
    clip = list(demo_clip())
    frames = [frame.image for frame in clip]
    prompts = {0: FrameInfo((1, 2, 3), clip[0].labels)}
    return Followed(frames, prompts, run(create_tracker("joint", "joint_demo"), frames, prompts))


@pytest.mark.parametrize("form", ["onnx", "torch-export"])
def test_no_probability_of_the_demo_clip_differs_by_a_ten_thousandth(
    form: str, followed: Followed, tmp_path: Path
) -> None:
    words = ["joint", "joint_demo", str(tmp_path / "out"), "--format", form, "--quiet"]
    assert export_tracker.main(words) == 0
    exported = load_exported(tmp_path / "out", threads=1, trusted=True)
    worst = worst_difference_from(followed.outputs, exported, followed.frames, followed.prompts)
    assert worst < 1e-4
