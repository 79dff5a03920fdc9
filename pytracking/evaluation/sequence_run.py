"""One tracker, one sequence: the loop over the frames, and the results it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import read_image
from ltr.dataset.vos_index import measure_objects
from pytracking.evaluation.data import Sequence
from pytracking.evaluation.results import ResultFolder
from pytracking.evaluation.session import VideoSession
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker
from pytracking.utils.background import read_ahead
from pytracking.utils.video_reader import checked_frames

if TYPE_CHECKING:
    from pytracking.tracker.interactive.base import InteractiveVOS

_FRAMES_AHEAD = 4


class TrackedFrame(NamedTuple):
    """A frame and what a tracker made of it.

    Args:
        image: uint8 (H, W, 3) RGB.
        output: Masks and boxes.
        seconds: What the tracker took.
    """

    image: np.ndarray
    output: FrameOutput
    seconds: float


FrameObserver = Callable[[Sequence, TrackedFrame], None]


def track_sequence(
    tracker: OnlineTracker, frames: Iterable[np.ndarray], infos: Callable[[int], FrameInfo]
) -> Iterator[TrackedFrame]:
    """Track through a video; this loop knows nothing of files.

    Args:
        tracker: Follows this video only, until the end.
        frames: uint8 (H, W, 3) RGB, all of one size.
        infos: The objects that start in a frame, by its position; some must start in the first.

    Yields:
        Every frame with its result.

    Raises:
        DataError: A prompt does not fit its frame.
    """
    session = VideoSession(tracker)
    for position, image in enumerate(frames):
        info = infos(position)
        started = perf_counter()
        output = session.step(image, info if info.object_ids else None)
        yield TrackedFrame(image, output, perf_counter() - started)


def run_sequence(
    tracker: OnlineTracker,
    sequence: Sequence,
    folder: ResultFolder,
    observe: FrameObserver | None = None,
) -> float:
    """Track through a sequence and write its results, whole or not at all.

    Frames are read ahead and masks written by threads, beside the tracker's work.

    Args:
        tracker: Ready to run.
        sequence: Frames and start masks.
        folder: Where the results go.
        observe: Called after every frame.

    Returns:
        Seconds that the tracker took, without reading and writing.

    Raises:
        DataError: A frame or mask is missing, damaged or of another size.
        OutputError: The results cannot be written.
    """
    if tracker.kind not in _LOOPS:
        raise ConfigError(f"trackers of the kind {tracker.kind!r} cannot run on {sequence.dataset}")
    seconds = 0.0
    with folder.write_sequence(sequence.name) as writer:
        for path, frame in zip(
            sequence.frames, _LOOPS[tracker.kind](tracker, sequence), strict=True
        ):
            writer.add(path.stem, frame.output, frame.seconds)
            seconds += frame.seconds
            if observe is not None:
                observe(sequence, frame)
    return seconds


def _run_online(tracker: OnlineTracker, sequence: Sequence) -> Iterator[TrackedFrame]:
    paths = sequence.frames
    images = read_ahead(read_image, paths, _FRAMES_AHEAD)
    frames, (width, height) = checked_frames(images, lambda position: str(paths[position]))
    if (height, width) != sequence.shape:
        raise DataError(
            f"{paths[0]} is {width}x{height}, its masks in {sequence.starts[0].mask.parent} are "
            f"{sequence.shape[1]}x{sequence.shape[0]}"
        )
    return track_sequence(tracker, frames, sequence.frame_info)


def _run_interactive(host: InteractiveVOS, sequence: Sequence) -> Iterator[TrackedFrame]:
    """The robot plays all rounds; the last masks stay."""
    from pytracking.evaluation.interactive.playing import play_worst_frames
    from pytracking.evaluation.interactive.videos import interactive_video

    masks, seconds = play_worst_frames(host, interactive_video(sequence))
    for path, labels in zip(sequence.frames, masks, strict=True):
        boxes = {key: tuple(map(float, box)) for key, (_, box) in measure_objects(labels).items()}
        yield TrackedFrame(read_image(path), FrameOutput(labels, boxes), seconds / len(masks))


_LOOPS = {"online": _run_online, "interactive": _run_interactive}
