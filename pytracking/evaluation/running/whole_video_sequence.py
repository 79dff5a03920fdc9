"""One segmenter, one clip: from the frames of a sequence to its result files."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter

from ltr.admin.errors import ConfigError
from pytracking.evaluation.datasets.sequence import AnySequence
from pytracking.evaluation.outputs.folder import SequenceWriter
from pytracking.evaluation.outputs.formats import as_whole_video, find_format
from pytracking.tracker.base import FrameOutput
from pytracking.tracker.clip import (
    Advance,
    ClipSegmenter,
    Frames,
    ignore_progress,
    label_map,
)

ShowFrame = Callable[[Frames, int, FrameOutput, float], None]


def run_clip(
    segmenter: ClipSegmenter,
    sequence: AnySequence,
    writer: SequenceWriter,
    count: Advance,
    show: ShowFrame | None,
) -> float:
    """Segment a sequence and hand its results to a writer.

    Args:
        segmenter: Ready to run.
        sequence: Frames, and sentences if there are any; masks are not read.
        writer: Writer of the sequence's results.
        count: Progress callback, called with the number of frames done since the last call.
        show: Callback for every frame, called at the end.

    Returns:
        Seconds that the segmenter took, with the reading of frames.

    Raises:
        ConfigError: The segmenter wants sentences and there are none, or the other way round.
        DataError: A frame is missing or damaged.
    """
    clip = as_whole_video(sequence).around_target(segmenter.target_window)
    if segmenter.takes_text and not clip.texts:
        raise ConfigError(f"this tracker wants a sentence, and {clip.dataset} has none")
    if clip.texts and not segmenter.takes_text:
        raise ConfigError(f"this tracker takes no sentences, as {clip.dataset} gives them")
    frames = clip.open_frames()
    started = perf_counter()
    has_usual_length = len(frames) == len(sequence.frames)
    tracks = segmenter.segment(frames, clip.prompt, count if has_usual_length else ignore_progress)
    seconds = perf_counter() - started
    if not has_usual_length:
        count(len(sequence.frames))
    find_format(clip.result_format).write(clip, tracks, writer)
    if show is not None:
        for position in range(len(frames)):
            labels = label_map(tracks, position, clip.shape)
            show(frames, position, FrameOutput(labels, {}), seconds / len(frames))
    return seconds
