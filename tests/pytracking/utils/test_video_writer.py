from __future__ import annotations

import os
import resource
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ltr.admin.errors import OutputError
from pytracking.utils.video_reader import read_video
from pytracking.utils.video_writer import VideoWriter
from tests.pytracking.clips import numbered_frames, write_clip
from tests.video_trees import textured_frame


def test_every_browser_can_play_it(tmp_path):
    path = write_clip(tmp_path / "clip.mp4", numbered_frames(5), fps=30000 / 1001)
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        assert stream.average_rate == Fraction(30000, 1001)
    encoded = path.read_bytes()
    assert encoded.index(b"moov") < encoded.index(b"mdat")


def test_colours_come_back(tmp_path):
    colours = [(255, 0, 0), (0, 255, 0), (0, 0, 255), (128, 64, 200), (255, 255, 255)]
    frames = [np.full((64, 64, 3), colour, np.uint8) for colour in colours]
    video = read_video(write_clip(tmp_path / "c.mp4", frames))
    for colour, frame in zip(colours, video, strict=True):
        assert np.abs(frame.astype(int) - colour).max() <= 4


@pytest.mark.parametrize(("height", "width"), [(47, 63), (48, 63), (47, 64), (1, 1)])
def test_odd_sides_grow_by_one_pixel(tmp_path, height, width):
    frames = [np.full((height, width, 3), 200, np.uint8)] * 2
    video = read_video(write_clip(tmp_path / "odd.mp4", frames))
    assert video.size == (width + width % 2, height + height % 2)
    assert next(iter(video)).min() > 190


def test_nothing_is_left_after_an_error(tmp_path):
    frames = [numbered_frames(1)[0], np.zeros(3)]
    with pytest.raises(ValueError, match="not enough values"):
        write_clip(tmp_path / "clip.mp4", frames)
    assert list(tmp_path.iterdir()) == []


def test_without_frames_there_is_no_file(tmp_path):
    with VideoWriter(tmp_path / "clip.mp4"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_sizes_that_the_encoder_refuses_are_told(tmp_path):
    with (
        pytest.raises(OutputError, match="cannot encode frames of 4x20000"),
        VideoWriter(tmp_path / "clip.mp4") as writer,
    ):
        writer.write(np.zeros((20000, 4, 3), np.uint8))
    assert list(tmp_path.iterdir()) == []


def test_missing_package_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(OutputError, match="pip install av"):
        VideoWriter(tmp_path / "clip.mp4")


def write_noise_with_little_space(path: str) -> None:
    """Write more than the process may; runs in a process of its own."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    generator = np.random.default_rng(0)
    try:
        with VideoWriter(path) as writer:
            for _ in range(60):
                writer.write(generator.integers(0, 256, (240, 320, 3), dtype=np.uint8))
    except OSError as error:
        sys.exit(f"{type(error).__mro__[1].__name__}: {error}")


def test_full_disk_leaves_nothing(tmp_path):
    code = (
        "from tests.pytracking.utils.test_video_writer import write_noise_with_little_space as w; "
        f"w({str(tmp_path / 'clip.mp4')!r})"
    )
    root = Path(__file__).resolve().parents[3]
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    not hasattr(os, "sched_setaffinity") or len(os.sched_getaffinity(0)) < 2,
    reason="needs two processors that can be taken away",
)
def test_the_same_frames_give_the_same_bytes_on_every_machine(tmp_path):
    frames = [textured_frame(shift, (240, 320)) for shift in range(0, 60, 4)]
    processors = os.sched_getaffinity(0)
    all_of_them = write_clip(tmp_path / "all.mp4", frames).read_bytes()
    os.sched_setaffinity(0, {min(processors)})
    try:
        one = write_clip(tmp_path / "one.mp4", frames).read_bytes()
    finally:
        os.sched_setaffinity(0, processors)
    assert one == all_of_them
