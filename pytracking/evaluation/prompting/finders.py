"""Objects that a network finds in the whole video, by a sentence or all of them, as prompts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.data.rle import decode
from pytracking.evaluation.prompt_types import Prompt
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import Runtime
from pytracking.tracker.whole_video import Advance, InstanceTrack, TextPrompt, ignore_progress
from pytracking.utils.lazy_frames import LazyFrames

_MIN_SCORE = 0.2
_MAX_OBJECTS = 20


class KeyFrame(NamedTuple):
    """Where a found object is seen best.

    Args:
        frame: Index of the frame.
        prompt: Its mask in that frame, not yet with an object id.
        score: Confidence in the object, the higher the surer.
    """

    frame: int
    prompt: Prompt
    score: float


def parse_finder(finder: str, takes_text: bool) -> TrackerSpec:
    """The network that a name ``SYSTEM:NAME`` stands for.

    Raises:
        ConfigError: There is none, or it does not take (or needs) sentences.
    """
    system, separator, name = finder.partition(":")
    if not separator or not name:
        raise ConfigError(f"expected SYSTEM:NAME, for instance referring:demo, got {finder!r}")
    spec = TrackerSpec(system, name)
    if spec.kind != "whole_video" or spec.takes_text != takes_text:
        wanted = "sentences" if takes_text else "a video alone"
        raise ConfigError(f"{finder} finds no objects by {wanted}")
    spec.load_parameters()
    return spec


def find_objects(
    finder: TrackerSpec,
    runtime: Runtime,
    frames: LazyFrames,
    texts: Sequence[str] = (),
    min_score: float = _MIN_SCORE,
    advance: Advance = ignore_progress,
) -> list[KeyFrame]:
    """Search a video.

    The key frame of an object is where the network is surest of it or, for networks that do not
    say, where it is largest.

    Args:
        finder: From ``parse_finder``.
        runtime: Device and precision.
        frames: All frames.
        texts: A sentence for every wanted object; empty for all objects.
        min_score: Objects below it are left out, where all are wanted.
        advance: See ``WholeVideoTracker.segment``.

    Returns:
        One key frame per sentence, or those of the surest objects.

    Raises:
        DataError: Nothing is found.
    """
    tracks = finder.create(runtime).segment(frames, TextPrompt(tuple(texts)), advance)
    if not texts:
        tracks = [track for track in tracks if track.score >= min_score][:_MAX_OBJECTS]
    found = [_key_frame(track) for track in tracks]
    for text, key in zip(texts, found, strict=False):
        if key is None:
            raise DataError(f"nothing in the video is found for {text!r}")
    known = [key for key in found if key is not None]
    if not known:
        raise DataError(f"{finder.system} {finder.name} finds no object in the video")
    return known


def _key_frame(track: InstanceTrack) -> KeyFrame | None:
    masks = {i: decode(mask) for i, mask in enumerate(track.masks) if mask is not None}
    areas = {i: int(np.count_nonzero(mask)) for i, mask in masks.items()}
    seen = [frame for frame, area in areas.items() if area]
    if not seen:
        return None
    scores = track.frame_scores
    frame = max(seen, key=lambda i: (scores[i], areas[i]) if scores else (areas[i],))
    return KeyFrame(frame, Prompt(mask=masks[frame]), track.score)
