"""The results of a session, on disk: what forward and backward passes said of every frame.

Label maps and probabilities are compressed, so a frame takes some tens of kilobytes, and all lie in
one temporary file that has no name. It only grows: an earlier state of the results is an earlier
table of places in it, which makes going back cheap.
"""

from __future__ import annotations

import tempfile
import threading
import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from pytracking.tracker.base import FrameOutput
from pytracking.utils.staging import translate_write_errors

Direction = Literal["forward", "backward"]
DIRECTIONS: tuple[Direction, Direction] = ("forward", "backward")

_IN_MEMORY_BYTES = 16 << 20
_LEVEL = 1


class FrameResult(NamedTuple):
    """What one pass says of one frame.

    Args:
        labels: uint8 (H, W), 0 = background.
        object_ids: The objects that were followed.
        probabilities: uint8 (objects, H, W), 255 = certain.
    """

    labels: np.ndarray
    object_ids: tuple[int, ...]
    probabilities: np.ndarray

    @classmethod
    def of(cls, output: FrameOutput) -> FrameResult:
        """Round a tracker's output; one without probabilities is certain of its labels."""
        labels, ids = output.segmentation, tuple(output.boxes)
        if output.probabilities is None:
            certain = labels == np.array(ids, np.uint8)[:, None, None]
            return cls(labels, ids, certain * np.uint8(255))
        soft = (output.probabilities[1:].clamp(0, 1) * 255).round().byte()
        return cls(labels, ids, soft.cpu().numpy())

    def keeping(self, old: FrameResult | None, rewritten: Collection[int]) -> FrameResult:
        """This result, but objects that are not rewritten stay as they were.

        Args:
            old: What an earlier pass in the same direction said, or None.
            rewritten: Objects of this result that replace the old ones.
        """
        if old is None:
            return self
        kept = [key for key in old.object_ids if key not in rewritten]
        if not kept:
            return self
        planes = {key: self.probabilities[i] for i, key in enumerate(self.object_ids)}
        planes |= {key: old.probabilities[old.object_ids.index(key)] for key in kept}
        soft = np.stack(list(planes.values()))
        best = soft.argmax(axis=0)
        is_object = soft.max(axis=0) > 255 - np.minimum(soft.sum(axis=0, dtype=np.int32), 255)
        labels = np.where(is_object, np.array(list(planes), np.uint8)[best], 0).astype(np.uint8)
        return FrameResult(labels, tuple(planes), soft)


class Place(NamedTuple):
    """Where a frame's result lies in the file, and whose it is."""

    offset: int
    size: int
    object_ids: tuple[int, ...]


Table = dict[int, Place]


@dataclass
class Layers:
    """Results by direction and frame.

    Args:
        shape: (H, W) of the frames.
    """

    shape: tuple[int, int]
    tables: dict[Direction, Table] = field(default_factory=lambda: {d: {} for d in DIRECTIONS})

    def __post_init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES)  # noqa: SIM115 (closed below)
        self._end = 0
        self._lock = threading.Lock()  # one thread may show what another computes

    def close(self) -> None:
        """Drop everything."""
        self._file.close()

    def write(self, direction: Direction, frame: int, result: FrameResult) -> None:
        """Keep a result; it replaces that of an earlier pass in this direction.

        Raises:
            OutputError: The folder of temporary files (``TMPDIR``) is full.
        """
        pixels = np.concatenate([result.labels[None], result.probabilities])
        self.write_raw(direction, frame, zlib.compress(pixels.data, _LEVEL), result.object_ids)

    def write_raw(
        self, direction: Direction, frame: int, content: bytes, object_ids: Sequence[int]
    ) -> None:
        """Keep a result in its compressed form."""
        with self._lock, translate_write_errors(Path(tempfile.gettempdir())):
            self._file.seek(self._end)
            self._file.write(content)
            self.tables[direction][frame] = Place(self._end, len(content), tuple(object_ids))
            self._end += len(content)

    def read(self, place: Place | None) -> FrameResult | None:
        """A result, or None where no pass has been; the place comes from a table."""
        if place is None:
            return None
        pixels = np.frombuffer(zlib.decompress(self.read_raw(place)), np.uint8)
        pixels = pixels.reshape(1 + len(place.object_ids), *self.shape)
        return FrameResult(pixels[0], place.object_ids, pixels[1:])

    def read_raw(self, place: Place) -> bytes:
        """A result in its compressed form."""
        with self._lock:
            self._file.seek(place.offset)
            return self._file.read(place.size)

    def copy_tables(self) -> dict[Direction, Table]:
        """The present state, to be given back to ``tables`` later."""
        return {direction: dict(table) for direction, table in self.tables.items()}


def join_results(
    results: Mapping[Direction, FrameResult | None],
    shares: Mapping[int, float],
    shape: tuple[int, int],
) -> np.ndarray:
    """Blend what the passes say of a frame.

    Args:
        results: Result of the frame by direction, None where a pass has none.
        shares: Weight of the forward pass for every object that counts, 0 to 1; the backward pass
            has the rest. Where only one of them followed an object, it alone counts.
        shape: (H, W).

    Returns:
        uint8 (H, W). Where every object comes from the same pass, that pass's own labels.
    """
    known = {d: r for d, r in results.items() if r is not None}
    weights = {key: _weights(key, share, known) for key, share in shares.items()}
    weights = {key: own for key, own in weights.items() if own}
    for direction, result in known.items():
        is_alone = all(own == {direction: 1.0} for own in weights.values())
        if is_alone and set(weights) == set(result.object_ids):
            return result.labels
    labels = np.zeros(shape, np.uint8)
    total = np.zeros(shape, np.float32)
    best = np.zeros(shape, np.float32)
    for key, soft in join_probabilities(results, shares, shape).items():
        labels[soft > best] = key
        best = np.maximum(best, soft)
        total += soft
    labels[1 - total >= best] = 0
    return labels


def join_probabilities(
    results: Mapping[Direction, FrameResult | None],
    shares: Mapping[int, float],
    shape: tuple[int, int],
) -> dict[int, np.ndarray]:
    """The blended probability of every object, float32 (H, W) each; see ``join_results``."""
    known = {d: r for d, r in results.items() if r is not None}
    planes = {}
    for key in sorted(shares):
        soft = np.zeros(shape, np.float32)
        for direction, weight in _weights(key, shares[key], known).items():
            result = known[direction]
            plane = result.probabilities[result.object_ids.index(key)]
            soft += np.float32(weight / 255) * plane
        planes[key] = soft
    return planes


def _weights(
    key: int, share: float, known: Mapping[Direction, FrameResult]
) -> dict[Direction, float]:
    """How much each pass counts for an object; only those that count."""
    wanted: dict[Direction, float] = {"forward": share, "backward": 1 - share}
    there = {d: wanted[d] for d, result in known.items() if key in result.object_ids}
    if len(there) == 1:
        return dict.fromkeys(there, 1.0)
    return {direction: weight for direction, weight in there.items() if weight > 0}
