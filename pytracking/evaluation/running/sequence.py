"""One tracker, one sequence: the loop over the frames, and the results it leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import read_image
from pytracking.evaluation.datasets.sequence import AnySequence, Sequence, WholeVideoSequence
from pytracking.evaluation.outputs.folder import ResultFolder, SequenceWriter
from pytracking.evaluation.outputs.formats import as_whole_video, find_format
from pytracking.evaluation.stepper import FrameStepper
from pytracking.tracker.base import FrameInfo, FrameOutput, OnlineTracker
from pytracking.tracker.whole_video import Advance, WholeVideoTracker, ignore_progress, label_map
from pytracking.utils.background import read_ahead
from pytracking.utils.frame_source import checked_frames

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


Tracker = OnlineTracker | WholeVideoTracker
FrameObserver = Callable[[AnySequence, TrackedFrame], None]


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
    session = FrameStepper(tracker)
    for position, image in enumerate(frames):
        info = infos(position)
        started = perf_counter()
        output = session.step(image, info if info.object_ids else None)
        yield TrackedFrame(image, output, perf_counter() - started)


def run_sequence(
    tracker: Tracker,
    sequence: AnySequence,
    folder: ResultFolder,
    observe: FrameObserver | None = None,
    count: Advance = ignore_progress,
) -> float:
    """Run a tracker through a sequence and write its results, whole or not at all.

    Args:
        tracker: Ready to run.
        sequence: Frames and prompts.
        folder: Folder of the results.
        observe: Callback for every frame.
        count: Progress callback, called with the number of frames done since the last call.

    Returns:
        Seconds that the tracker took, without writing.

    Raises:
        ConfigError: Trackers of this kind cannot run on such a sequence.
        DataError: A frame or mask is missing, damaged or of another size.
        OutputError: The results cannot be written.
    """
    if tracker.kind not in _LOOPS:
        raise ConfigError(f"trackers of the kind {tracker.kind!r} cannot run on {sequence.dataset}")
    with folder.write_sequence(sequence.name) as writer:
        return _LOOPS[tracker.kind](tracker, sequence, writer, observe, count)


def _run_frames(
    loop: Callable[[Any, Sequence], Iterator[TrackedFrame]],
    tracker: Any,
    sequence: AnySequence,
    writer: SequenceWriter,
    observe: FrameObserver | None,
    count: Advance,
) -> float:
    """Masks are written by a thread, beside the tracker's work."""
    if isinstance(sequence, WholeVideoSequence):
        raise ConfigError(
            f"{sequence.dataset} gives no masks in which objects start, which this tracker needs"
        )
    seconds = 0.0
    for path, frame in zip(sequence.frames, loop(tracker, sequence), strict=True):
        writer.add(path.stem, frame.output, frame.seconds)
        seconds += frame.seconds
        count(1)
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
    """The robot plays all rounds, on all frames; the last masks of the sequence's frames stay."""
    from pytracking.evaluation.interactive.playing import play_worst_frames
    from pytracking.evaluation.interactive.videos import interactive_video

    played, seconds = play_worst_frames(host, interactive_video(sequence))
    masks = played[-len(sequence.frames) :]
    for path, labels in zip(sequence.frames, masks, strict=True):
        yield TrackedFrame(read_image(path), FrameOutput.of_labels(labels), seconds / len(masks))


def _run_whole_video(
    tracker: WholeVideoTracker,
    sequence: AnySequence,
    writer: SequenceWriter,
    observe: FrameObserver | None,
    count: Advance,
) -> float:
    """All frames at once; masks of the sequence are not read, sentences are."""
    video = as_whole_video(sequence).around_target(tracker.target_window)
    if tracker.takes_text and not video.texts:
        raise ConfigError(f"this tracker needs a sentence, and {video.dataset} has none")
    if video.texts and not tracker.takes_text:
        raise ConfigError(f"this tracker takes no sentences, as {video.dataset} gives them")
    frames = video.open_frames()
    started = perf_counter()
    has_usual_length = len(frames) == len(sequence.frames)
    tracks = tracker.segment(frames, video.prompt, count if has_usual_length else ignore_progress)
    seconds = perf_counter() - started
    if not has_usual_length:
        count(len(sequence.frames))
    find_format(video.result_format).write(video, tracks, writer)
    if observe is not None:
        for position, image in enumerate(frames):
            output = FrameOutput(label_map(tracks, position, video.shape), {})
            observe(sequence, TrackedFrame(image, output, seconds / len(frames)))
    return seconds


_LOOPS: Mapping[str, Callable[..., float]] = {
    "online": partial(_run_frames, _run_online),
    "interactive": partial(_run_frames, _run_interactive),
    "whole_video": _run_whole_video,
}
