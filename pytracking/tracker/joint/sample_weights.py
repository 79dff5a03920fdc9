"""How much each memory frame counts, and which one makes room for the next."""

from __future__ import annotations

import numpy as np


class SampleWeights:
    """Temporal weights of a memory with a fixed number of slots.

    Slot 0 holds the first frame; it is never replaced while its weight has a floor.

    Args:
        capacity: Number of slots, at least 2.
        learning_rate: Weight of a new frame.
        first_frame_floor: Smallest weight of slot 0; 0 for none.
    """

    def __init__(self, capacity: int, learning_rate: float, first_frame_floor: float) -> None:
        self._weights = np.zeros(capacity, dtype=np.float32)
        self._weights[0] = 1.0
        self._learning_rate = learning_rate
        self._floor = first_frame_floor
        self._last_slot: int | None = None
        self.stored = 1

    @property
    def values(self) -> np.ndarray:
        """Weights of the stored frames, float32, sum 1."""
        return self._weights[: self.stored]

    def insert(self) -> int:
        """Make room for a new frame, update all weights, and return its slot."""
        slot = self._free_slot()
        weights, kept = self._weights, np.float32(1.0 - self._learning_rate)
        if self._learning_rate == 1.0:
            weights[:] = 0.0
            weights[0] = 1.0
        elif self._last_slot is None:
            weights /= kept
            weights[slot] = self._learning_rate
        else:
            weights[slot] = weights[self._last_slot] / kept
        weights /= weights.sum()
        if self._floor and weights[0] < self._floor:
            weights /= np.float32(self._floor) + weights[1:].sum()
            weights[0] = self._floor
        self._last_slot = slot
        self.stored = max(self.stored, slot + 1)
        return slot

    def _free_slot(self) -> int:
        if self.stored < len(self._weights):
            return self.stored
        first = 1 if self._floor else 0
        return first + int(self._weights[first:].argmin())
