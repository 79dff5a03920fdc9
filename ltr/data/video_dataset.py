"""What the sampler and the evaluation library ask of a data set of videos."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np

from ltr.admin.errors import DataError

Frames = tuple[list[np.ndarray], dict[str, list[np.ndarray]], dict[str, Any]]


class EmptySplitError(DataError):
    """The data set is there, but none of the split's videos."""


class VideoDataset(ABC):
    """Numbered sequences of frames; in single-object mode one object of a video is a sequence."""

    @abstractmethod
    def get_name(self) -> str:
        """Name, version and split, for instance ``YouTubeVOS/2019/jjtrain``."""

    @abstractmethod
    def get_num_sequences(self) -> int:
        """Number of sequences."""

    @abstractmethod
    def get_sequence_info(self, sequence_id: int) -> dict[str, Any]:
        """Describe a sequence without reading its pictures.

        Returns:
            At least ``visible`` and ``valid``, int64 (frames, objects), 0 or 1.
        """

    @abstractmethod
    def get_frames(
        self, sequence_id: int, frame_ids: Sequence[int], info: dict[str, Any] | None = None
    ) -> Frames:
        """Read frames.

        Args:
            sequence_id: 0 <= sequence_id < ``get_num_sequences()``.
            frame_ids: Positions in the sequence; repetitions are allowed.
            info: What ``get_sequence_info`` returned, to save the look-up.

        Returns:
            The images, uint8 (H, W, 3) RGB; per-frame lists by name (``mask``, ``bbox``, ...); what
            belongs to the whole sequence.
        """

    def is_video_sequence(self) -> bool:
        """False for data sets of single images, whose frames all show the same image."""
        return True
