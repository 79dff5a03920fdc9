"""The rule of pytracking's own evaluator, for comparison with its published numbers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from pytracking.analysis.metrics.scores import Scores
from pytracking.analysis.metrics.starts import score_after_start

_LEVELS = " ▁▂▃▄▅▆▇█"


def score_video(
    ground_truth: Iterable[np.ndarray],
    predictions: Iterable[np.ndarray],
    frames: Iterable[str],
    starts: Mapping[int, str],
    name: str = "video",
) -> Scores:
    """Score the annotated frames after an object's first one, without the last.

    Args:
        ground_truth: Label maps of the annotated frames, uint8 (H, W).
        predictions: Label maps of the same frames.
        frames: Names of the same frames.
        starts: The frame in which each object is given, by id; 0 is not an object.
        name: Name of the video.

    Raises:
        DataError: The sizes differ, or an object starts in a frame that is not annotated.
    """
    starts = {object_id: start for object_id, start in starts.items() if object_id}
    return score_after_start(
        ground_truth, predictions, tuple(frames), starts, name, with_last_frame=False
    )


def text_bar_graph(values: Iterable[float]) -> str:
    """Draw values between 0 and 1 as text; ``u`` is below, ``o`` above, ``░`` no number.

    >>> text_bar_graph([0.0, 0.55, 1.0, 1.2, -0.1, float("nan")])
    ' ▄█ou░'
    """
    return "".join(map(_bar, values))


def _bar(value: float) -> str:
    if np.isnan(value):
        return "░"
    if value < 0:
        return "u"
    return "o" if value > 1 else _LEVELS[round(value * (len(_LEVELS) - 1))]
