"""How much each memory frame counts, and which one makes room for the next."""

from __future__ import annotations

import numpy as np


class SampleWeights:
    """Temporal weights of a memory with a fixed number of slots.

    Slot 0 holds the first frame. It and the other annotated frames are never replaced while their
    weight has a floor; a floor of 0 protects none of them.

    Args:
        capacity: Number of slots, at least 2.
        learning_rate: Weight of a new frame.
        first_frame_floor: Smallest weight of all annotated frames together; 0 for none.
    """

    def __init__(self, capacity: int, learning_rate: float, first_frame_floor: float) -> None:
        self._weights = np.zeros(capacity, dtype=np.float32)
        self._weights[0] = 1.0
        self._learning_rate = learning_rate
        self._floor = first_frame_floor
        self._last_slot: int | None = None
        self._annotated = [0]
        self.stored = 1

    @property
    def values(self) -> np.ndarray:
        """Weights of the stored frames, float32, sum 1."""
        return self._weights[: self.stored]

    def leaving(self, count: int) -> list[int]:
        """Slots that will be replaced while ``count`` more frames come, if none is annotated."""
        free = len(self._weights) - self.stored
        if count <= free:
            return []
        kept = self._annotated if self._floor else []
        others = np.setdiff1d(np.arange(self.stored), kept)
        return others[self._weights[others].argsort()][: count - free].tolist()

    def insert(self, is_annotated: bool = False) -> int:
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
        if is_annotated:
            self._annotated.append(slot)
        self._raise_annotated()
        self._last_slot = slot
        self.stored = max(self.stored, slot + 1)
        return slot

    def _raise_annotated(self) -> None:
        """Lift annotated frames to their equal shares of the floor."""
        if not self._floor:
            return
        weights = self._weights
        share = self._floor / len(self._annotated)
        low = [slot for slot in self._annotated if weights[slot] < share]
        if low:
            weights /= np.float32(share * len(low)) + np.delete(weights, low).sum()
            weights[low] = share

    def _free_slot(self) -> int:
        """An unused slot, else the one that counts least; of annotated ones not the first."""
        if self.stored < len(self._weights):
            return self.stored
        if not self._floor:
            slot = int(self._weights.argmin())
        else:
            if len(self._annotated) == len(self._weights):
                del self._annotated[1]
            others = np.setdiff1d(np.arange(self.stored), self._annotated)
            slot = int(others[self._weights[others].argmin()])
        self._annotated = [other for other in self._annotated if other != slot]
        return slot
