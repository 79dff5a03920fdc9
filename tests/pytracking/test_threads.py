"""Two trackers, scorers and readers in two threads of one process give the bits of one thread."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest

from ltr.admin.files import atomic_write
from ltr.data.image_io import read_image, write_image
from pytracking import segment_video
from pytracking.analysis.protocols import davis
from pytracking.evaluation.running.jobs import load_once
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import Runtime
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.joint.joint import JointTracker
from pytracking.utils.video_reader import read_video
from tests import small_dense_ulearn, small_hosts, small_joint
from tests.pytracking.analysis.mask_folders import copy_first, moving_squares
from tests.pytracking.clips import bar_mask, numbered_frames, write_clip

Result = TypeVar("Result")


def _in_two_threads(work: Callable[[int], Result]) -> list[Result]:
    """``work(0)`` and ``work(1)``, begun at the same time."""
    barrier = threading.Barrier(2)

    def start(number: int) -> Result:
        barrier.wait(30)
        return work(number)

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(start, range(2)))


def _joint() -> Callable[[], JointTracker]:
    network = small_joint.small_network()
    return lambda: JointTracker(small_joint.small_parameters(), network, Runtime())


def _dense_ulearn() -> Callable[[], DenseULearnTracker]:
    tracker = small_dense_ulearn.small_tracker()
    return lambda: DenseULearnTracker(tracker.params, tracker.network, Runtime())


@pytest.mark.parametrize("prepare", [_joint, _dense_ulearn])
def test_trackers_with_one_network(prepare):
    make = prepare()

    def masks(number: int) -> bytes:
        frames = numbered_frames(6)[:: 1 - 2 * number]
        first = bar_mask(number * 5).astype(np.uint8)
        return b"".join(
            output.segmentation.tobytes() for _, _, output in segment_video(make(), frames, first)
        )

    wanted = [masks(0), masks(1)]
    assert wanted[0] != wanted[1]
    assert _in_two_threads(masks) == wanted


@pytest.mark.parametrize(
    "make", [small_hosts.small_atnet, small_hosts.small_manet, small_hosts.small_adapter]
)
def test_interactive_hosts(make):
    frames = small_hosts.clip()

    def masks(number: int) -> bytes:
        host = make()
        host.start(frames, 2)
        lines = [small_hosts.stroke(1, (0.1, 0.2), (0.4 + 0.3 * number, 0.5))]
        return np.asarray(host.interact(2 * number, lines).masks).tobytes()

    wanted = [masks(0), masks(1)]
    assert _in_two_threads(masks) == wanted


def test_scorers():
    def scores(number: int) -> bytes:
        maps = moving_squares(25, objects=2 + number)
        return b"".join(
            part.tobytes()
            for item in davis.score_clip(maps, copy_first(maps), "dog").objects
            for part in (item.j, item.f)
        )

    wanted = [scores(0), scores(1)]
    assert _in_two_threads(scores) == wanted


def test_readers_of_pictures_and_videos(tmp_path):
    frames = numbered_frames(8)
    for number in range(2):
        write_clip(tmp_path / f"{number}.mp4", frames[number:])
        write_image(tmp_path / f"{number}.jpg", frames[number])

    def pixels(number: int) -> bytes:
        with read_video(tmp_path / f"{number}.mp4") as video:
            decoded = b"".join(frame.tobytes() for frame in video)
        return decoded + read_image(tmp_path / f"{number}.jpg").tobytes()

    wanted = [pixels(0), pixels(1)]
    assert _in_two_threads(pixels) == wanted


def test_jobs_in_two_threads_have_a_tracker_each():
    spec, runtime = TrackerSpec("baseline", "copy_mask"), Runtime()

    def load(_: int) -> object:
        tracker = load_once(spec, runtime)
        assert load_once(spec, runtime) is tracker
        return tracker

    first, second = _in_two_threads(load)
    assert first is not second


def test_files_are_written_without_touching_the_umask(tmp_path, monkeypatch):
    """Asking for the umask sets it to 0 for a moment: other threads' files become everyone's."""

    def refuse(mask: int) -> int:
        raise AssertionError(f"the umask of all threads was set to {mask}")

    monkeypatch.setattr(os, "umask", refuse)
    with atomic_write(tmp_path / ("n" * 240)) as stream:
        stream.write(b"content")
    assert [path.read_bytes() for path in Path(tmp_path).iterdir()] == [b"content"]
