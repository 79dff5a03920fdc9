"""Keeps sessions of transformers as small as their models allow."""

from __future__ import annotations

from typing import Any


def forget_old_frames(session: Any, frame: int, kept_frames: int) -> None:
    """Keep what the model can still look at: the prompted frames' results and the last ones.

    Args:
        session: A session of transformers whose frames are given one by one.
        frame: Index of the last frame.
        kept_frames: Number of last frames whose results are kept.
    """
    _keep_from(session.processed_frames, frame)
    for own in session.output_dict_per_obj.values():
        _keep_from(own["non_cond_frame_outputs"], frame - kept_frames)
    for tracked in session.frames_tracked_per_obj.values():
        _keep_from(tracked, frame - kept_frames)


def _keep_from(frames: dict[int, Any], first: int) -> None:
    for index in [index for index in frames if index < first]:
        del frames[index]
