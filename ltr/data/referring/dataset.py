"""What training asks of a data set with sentences."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import numpy as np


class ReferringDataset(ABC):
    """Numbered pairs of a video and a sentence that names one of its objects.

    Args:
        name: Name and split, for instance ``RefYouTubeVOS/train``.
    """

    is_video: bool = True
    """Whether there is more than one frame; else clips are made of moved copies of the image."""

    def __init__(self, name: str) -> None:
        self.name = name

    @abstractmethod
    def __len__(self) -> int:
        """Number of pairs."""

    @abstractmethod
    def describe(self, index: int) -> str:
        """Name a pair, for messages."""

    @abstractmethod
    def sentence(self, index: int) -> str:
        """The sentence of a pair, as written in the data set."""

    @abstractmethod
    def num_frames(self, index: int) -> int:
        """Number of annotated frames."""

    @abstractmethod
    def read(
        self, index: int, positions: Sequence[int]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """Read annotated frames, by their positions in order of time; repetitions are allowed.

        Returns:
            Images, uint8 (H, W, 3) RGB, and the object's masks, bool (H, W).

        Raises:
            DataError: A frame is missing or damaged.
        """

    def box(self, index: int) -> np.ndarray | None:
        """The object's annotated box in a still image: float32 (4,), x0, y0, x1, y1 in pixels.

        None where boxes are measured from the masks.
        """
        return None

    def label(self, index: int) -> int:
        """Number of the object's category; only networks with several classes use it."""
        return 0

    def centres(self, index: int, step: int) -> Sequence[int]:
        """The positions around which clips are made: every ``step``-th one."""
        return range(0, self.num_frames(index), step)

    def neighbour(self, index: int, position: int) -> int | None:
        """The frame that tells where the object was; None where the pairing rule decides."""
        return None


class SparseReferringDataset(ReferringDataset):
    """Videos of which only some frames are annotated, each with sentences of its own."""

    @abstractmethod
    def surroundings(self, index: int, position: int) -> tuple[int, int]:
        """Number of frames of the video, and which of them, from 0, an annotated one is."""

    @abstractmethod
    def read_frames(self, index: int, numbers: Sequence[int]) -> list[np.ndarray]:
        """Read any frames of the video, by their numbers from 0."""
