"""What a frame of the shipped networks costs against objects, resolution and frames before it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import cv2
import numpy as np
from synthetic_clip import draw_clip

from ltr.admin.process_memory import peak_mib
from ltr.admin.progress import process_memory_mb
from pytracking.evaluation.tracker import create_tracker
from pytracking.tracker.base import FrameInfo, OnlineTracker
from pytracking.utils.demo_clip import demo_clip

Row = dict[str, Any]

OBJECTS = (1, 2, 3, 5, 7, 10)
SIZES = {"240p": (240, 427), "480p": (480, 854), "1080p": (1080, 1920), "4K": (2160, 3840)}
MARKS = (10, 100, 1000, 3000, 10_000, 100_000)
SMALLEST = (64, 112)
_CYCLE = 10  # frames of the long clip, which go forward and back again and again


@dataclass(frozen=True)
class System:
    """A shipped configuration.

    Args:
        name: Of its parameters.
        small: What makes its network's input as small as the long clip.
    """

    name: str
    small: str


SYSTEMS = {
    "joint": System("joint_demo", f"image_sample_size={SMALLEST}".replace(" ", "")),
    "dense_ulearn": System("demo", f"input_size={SMALLEST[0]}"),
}


def _start(
    system: str, images: Sequence[np.ndarray], labels: np.ndarray, overrides: Sequence[str] = ()
) -> OnlineTracker:
    tracker: OnlineTracker = create_tracker(system, SYSTEMS[system].name, overrides)
    ids = tuple(number for number in np.unique(labels).tolist() if number)
    tracker.initialize(images[0], FrameInfo(ids, labels))
    return tracker


def measure_frame(
    system: str, objects: int, size: tuple[int, int], warm: int = 3, frames: int = 4
) -> float:
    """CPU seconds of a frame soon after the start."""
    images, labels = draw_clip(1 + warm + frames, objects, size)
    tracker = _start(system, images, labels)
    for image in images[1 : 1 + warm]:
        tracker.track(image)
    started = time.process_time()
    for image in images[1 + warm :]:
        tracker.track(image)
    return (time.process_time() - started) / frames


def against_objects(system: str) -> Iterator[Row]:
    """Rows for one to ten objects at 240p."""
    measure_frame(system, 1, SIZES["240p"])  # the first video of a process takes longer
    for objects in OBJECTS:
        cost = measure_frame(system, objects, SIZES["240p"])
        yield {"objects": objects, "ms": 1e3 * cost, "ms_object": 1e3 * cost / objects}


def against_resolution(system: str) -> Iterator[Row]:
    """Rows for one object at 240p to 4K."""
    for name, size in SIZES.items():
        yield {
            "resolution": name,
            "pixels": size[0] * size[1],
            "ms": 1e3 * measure_frame(system, 1, size),
        }


def against_frames(system: str, longest: int) -> Iterator[Row]:
    """Mean cost of the frames since the last mark, and the peak of memory until then."""
    shrink = partial(cv2.resize, dsize=SMALLEST[::-1])
    clip = list(demo_clip(_CYCLE))
    images = [shrink(frame.image, interpolation=cv2.INTER_AREA) for frame in clip]
    labels = shrink((clip[0].labels == 1).astype(np.uint8), interpolation=cv2.INTER_NEAREST)
    order = [*range(_CYCLE), *range(_CYCLE - 2, 0, -1)]
    tracker = _start(system, images, labels, [SYSTEMS[system].small])
    done = 1
    for mark in (mark for mark in MARKS if mark <= longest):
        started, first = time.process_time(), done
        for done in range(first, mark):
            tracker.track(images[order[done % len(order)]])
        done = mark
        seconds = (time.process_time() - started) / (mark - first)
        yield {
            "frames": mark,
            "ms": 1e3 * seconds,
            "memory_mib": process_memory_mb(),
            "peak_mib": peak_mib(),
        }
