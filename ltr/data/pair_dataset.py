"""Pairs of frames with all their instances: a query to be segmented, and its guidance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from ltr.data.randomness import Generators


@dataclass(frozen=True)
class AnnotatedFrame:
    """A frame and its instances.

    Args:
        image: uint8 (H, W, 3) RGB.
        numbers: int64 (n,), equal for the same object in both frames of a pair.
        labels: int64 (n,), place of the class in the list of classes, from 1 on.
        boxes: float32 (n, 4), x, y, width, height.
        masks: uint8 (n, H, W), 0 or 1.
    """

    image: np.ndarray
    numbers: np.ndarray
    labels: np.ndarray
    boxes: np.ndarray
    masks: np.ndarray


class InstancePairs(ABC):
    """Numbered query frames; each comes with a guidance frame that shows some of its objects.

    Args:
        name: Name of the data set.
        classes: Names of the classes; label 1 is the first.
    """

    def __init__(self, name: str, classes: tuple[str, ...]) -> None:
        self.name = name
        self.classes = classes

    @abstractmethod
    def __len__(self) -> int:
        """Number of query frames."""

    @abstractmethod
    def read(self, index: int, random: Generators) -> tuple[AnnotatedFrame, AnnotatedFrame]:
        """Read a query frame and a random guidance frame for it.

        Raises:
            DataError: A picture is missing or damaged, or the query shows no object.
        """

    def is_wide(self, index: int) -> bool:
        """Whether a query frame is wider than high; data sets that do not know say yes."""
        return True

    @abstractmethod
    def source(self, index: int) -> str:
        """Name a query frame, for messages."""
