"""Pairs of frames with all their instances: a query to be segmented, and its guidance."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
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


class MixedPairs(InstancePairs):
    """Several data sets in turn, each in its own order.

    Args:
        parts: Data sets of the same classes, and how many of ``sum of weights`` neighbouring query
            frames each gives.
    """

    def __init__(self, parts: Sequence[tuple[InstancePairs, int]]) -> None:
        self._parts = [part for part, _ in parts]
        super().__init__("+".join(part.name for part in self._parts), self._parts[0].classes)
        self._turns = np.repeat(np.arange(len(parts)), [weight for _, weight in parts]).tolist()
        rounds = max(-(-len(part) // weight) for part, weight in parts)
        self._length = rounds * len(self._turns)
        rng = np.random.default_rng(0)
        self._orders = [rng.permutation(len(part)) for part in self._parts]

    def __len__(self) -> int:
        return self._length

    def read(self, index: int, random: Generators) -> tuple[AnnotatedFrame, AnnotatedFrame]:
        """See ``InstancePairs``."""
        part, place = self._find(index)
        return part.read(place, random)

    def is_wide(self, index: int) -> bool:
        """See ``InstancePairs``."""
        part, place = self._find(index)
        return part.is_wide(place)

    def source(self, index: int) -> str:
        """Data set and frame."""
        part, place = self._find(index)
        return part.source(place)

    def _find(self, index: int) -> tuple[InstancePairs, int]:
        """A data set and the number of a query frame in it."""
        rounds, turn = divmod(index, len(self._turns))
        number = self._turns[turn]
        weight, first = self._turns.count(number), self._turns.index(number)
        order = self._orders[number]
        return self._parts[number], int(order[(rounds * weight + turn - first) % len(order)])
