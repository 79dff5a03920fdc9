"""Every format of the page's list, ticked, exported and read back."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

from pytracking.evaluation.outputs.exchange.frames import default_path
from pytracking.evaluation.outputs.exchange.registry import format_names, read_exchange

INEXACT = "green-screen"  # a film for people


def test_every_format_is_exported_by_a_click_and_comes_back(boxed, bench, tmp_path):
    boxed.press("Enter")
    boxed.wait("document.querySelector('#round').textContent === 'Round 1'")
    boxed.click("#export")
    for name in format_names():
        boxed.click(f"#formats input[value={name}]")
    boxed.click("#export-go")
    boxed.wait("document.querySelector('#toast').textContent.includes('overlay.mp4')")
    expected = np.stack([bench.session.result(frame) for frame in range(len(bench.video.frames))])
    assert expected.any(axis=(1, 2)).all()
    folder = tmp_path / "own/disc"
    for name in format_names():
        path = default_path(folder, name)
        if name != INEXACT:
            (video,) = read_exchange(path, name)
            found = np.stack([video.labels(frame) for frame in range(len(video))])
            np.testing.assert_array_equal(found, expected, err_msg=name)
    check_green_screen(default_path(folder, INEXACT), expected)


def check_green_screen(path: Path, expected: np.ndarray) -> None:
    """Green outside; lossy colours blur only the border of an object."""
    with av.open(str(path)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == len(expected)
    for frame, labels in zip(frames, expected, strict=True):
        is_green = np.abs(frame.astype(int) - (0, 177, 64)).max(axis=2) < 40
        assert ((labels == 0) == is_green).mean() > 0.97
