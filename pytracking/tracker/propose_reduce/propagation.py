"""All key frames carried through the clip together, in both directions at once."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import torch

from ltr.models.layers.aggregation import aggregate
from ltr.models.layers.side_by_side import even_slices, map_side_by_side
from ltr.models.propose_reduce.propagation import Memory
from ltr.models.propose_reduce.seq_mask_rcnn import SeqMaskRCNN
from pytracking.tracker.propose_reduce.feature_cache import FeatureCache, FrameFeatures
from pytracking.tracker.propose_reduce.key_frames import KeyFrame

Result = TypeVar("Result")

_LOG = logging.getLogger(__name__)
_MIB = 1 << 20
_MIN_OBJECTS = 2  # of a thread, below which threads share every operation
_MIN_POSITIONS = 256  # of a batch on a CPU: more leave the cache, fewer read kernels too often
_POSITION = 16  # places of the finest map


class Propagated(NamedTuple):
    """The objects of one key frame in one frame.

    Args:
        key: Place of the key frame among all.
        position: Index of the frame.
        probabilities: (M, H, W), of the padded input.
        frame: Features of the frame.
    """

    key: int
    position: int
    probabilities: torch.Tensor
    frame: FrameFeatures


@dataclass
class _Run:
    """One key frame in one direction; its memory lies in room that is taken once.

    Args:
        key: Place of the key frame among all.
        origin: Position of the key frame.
        start: Memory of the key frame, one entry.
        capacity: Number of entries in the end.
    """

    key: int
    origin: int
    start: Memory
    capacity: int
    entries: int = 1
    _room: Memory = field(init=False)

    def __post_init__(self) -> None:
        self._room = Memory(*(_room(part, self.capacity) for part in self.start))
        for room, part in zip(self._room, self.start, strict=True):
            room[:, :, :1] = part

    @property
    def memory(self) -> Memory:
        """What is remembered so far."""
        return Memory(*(part[:, :, : self.entries] for part in self._room))

    def remember(self, memory: Memory) -> None:
        """Append one entry."""
        for room, part in zip(self._room, memory, strict=True):
            room[:, :, self.entries : self.entries + 1] = part
        self.entries += 1

    @property
    def num_objects(self) -> int:
        """Objects of the key frame."""
        return self.start.keys.shape[0]


class _Task(NamedTuple):
    run: _Run
    position: int


_Part = list[tuple[int, slice]]  # groups of objects, and which of each


class Propagation:
    """Carries the masks of key frames through a clip.

    Step ``s`` segments frame ``s`` for all key frames before it, and frame ``length - 1 - s`` for
    all behind it. A key frame itself is segmented with the memory of its own masks.

    Args:
        network: Network in eval mode.
        cache: Features of the clip.
        keys: Key frames with at least one mask.
        num_frames: Number of frames of the video.
        memory_step: A frame enters the memory every so many frames.
        max_memory: MiB of mask memory; where it would need more, the step grows.
        max_objects_per_batch: Number of objects that are decoded together.
        is_side_by_side: Whether batches are computed at the same time, see ``map_side_by_side``.

    Attributes:
        deviation: How the step grew; empty where it did not.
    """

    def __init__(
        self,
        network: SeqMaskRCNN,
        cache: FeatureCache,
        keys: Sequence[KeyFrame],
        num_frames: int,
        memory_step: int,
        max_memory: int,
        max_objects_per_batch: int,
        is_side_by_side: bool = False,
    ) -> None:
        self._head = network.prop_head
        self._cache = cache
        self._num_frames = num_frames
        self._object_batch = max_objects_per_batch
        self._is_side_by_side = is_side_by_side
        self.deviation = ""
        starts = self._start(keys)
        self._memory_step = self._fitting_step(keys, starts, memory_step, max_memory)
        self._forward: list[_Run] = []
        self._backward: list[_Run] = []
        for place, (key, start) in enumerate(zip(keys, starts, strict=True)):
            distances = self._distances(key)
            for runs, distance in zip((self._forward, self._backward), distances, strict=True):
                entries = _entries(distance, self._memory_step)
                runs.append(_Run(place, key.position, start, entries))

    def _start(self, keys: Sequence[KeyFrame]) -> list[Memory]:
        """The memories of key frames."""
        scenes = [self._cache.get([key.position])[key.position].scene for key in keys]
        return self._memorise(scenes, [key.masks for key in keys])

    def _distances(self, key: KeyFrame) -> tuple[int, int]:
        """To the last frame and to the first."""
        return self._num_frames - 1 - key.position, key.position

    def _fitting_step(
        self, keys: Sequence[KeyFrame], starts: Sequence[Memory], step: int, max_memory: int
    ) -> int:
        """The smallest step from ``step`` on with which the memory of all key frames fits."""
        sizes = [sum(part.nbytes for part in start) for start in starts]
        distances = [self._distances(key) for key in keys]
        for fitting in range(step, max(step, self._num_frames) + 1):
            needed = sum(
                size * sum(_entries(distance, fitting) for distance in both)
                for size, both in zip(sizes, distances, strict=True)
            )
            if needed <= max_memory * _MIB:
                break
        if fitting > step:
            self.deviation = (
                f"mem_step was {fitting} instead of {step}, to stay below max_memory = "
                f"{max_memory} MiB"
            )
            _LOG.warning("%s", self.deviation)
        return fitting

    def steps(self) -> Iterator[list[Propagated]]:
        """Go through the clip; each step yields what was segmented in it."""
        last = self._num_frames - 1
        for step in range(self._num_frames):
            tasks = [_Task(run, step) for run in self._forward if run.origin <= step]
            tasks += [_Task(run, last - step) for run in self._backward if run.origin > last - step]
            tasks.sort(key=lambda task: task.position)
            frames = self._cache.get({step, last - step}, step)
            yield self._segment(tasks, frames) if tasks else []

    def _segment(
        self, tasks: Sequence[_Task], frames: dict[int, FrameFeatures]
    ) -> list[Propagated]:
        alone = self._decode(tasks, frames)
        results = [
            Propagated(
                task.run.key,
                task.position,
                aggregate(tensors).softmax(dim=0)[1:],
                frames[task.position],
            )
            for task, tensors in zip(tasks, alone, strict=True)
        ]
        due = [place for place, task in enumerate(tasks) if self._is_remembered(task)]
        chosen = [results[place] for place in due]
        entries = self._memorise(
            [result.frame.scene for result in chosen], [result.probabilities for result in chosen]
        )
        for place, entry in zip(due, entries, strict=True):
            tasks[place].run.remember(entry)
        return results

    def _decode(
        self, tasks: Sequence[_Task], frames: dict[int, FrameFeatures]
    ) -> list[torch.Tensor]:
        """Probabilities of every task's objects, each object alone."""
        counts = [task.run.num_objects for task in tasks]

        def decode(part: _Part) -> torch.Tensor:
            reads, queries, sizes = [], [], []
            for place, rows in part:
                query = frames[tasks[place].position].query
                memory = Memory(*(tensors[rows] for tensors in tasks[place].run.memory))
                reads.append(self._head.read(memory, query.key))
                queries.append(query)
                sizes.append(rows.stop - rows.start)
            return self._head.decode(torch.cat(reads), queries, sizes)

        positions = next(iter(frames.values())).query.key[0, 0].numel()
        odds = self._map_parts(decode, counts, positions)
        return list(torch.cat(odds).sigmoid().split(counts))

    def _memorise(
        self, scenes: Sequence[Sequence[torch.Tensor]], masks: Sequence[torch.Tensor]
    ) -> list[Memory]:
        """Encode the objects of several tasks in their frames."""
        counts = [len(tensors) for tensors in masks]

        def memorise(part: _Part) -> Memory:
            sizes = [rows.stop - rows.start for _, rows in part]
            chosen = torch.cat([masks[place][rows] for place, rows in part])
            return self._head.memorise_together([scenes[place] for place, _ in part], sizes, chosen)

        if not scenes:
            return []
        positions = scenes[0][0][0, 0].numel() // _POSITION
        entries = self._map_parts(memorise, counts, positions)
        keys, values = (torch.cat(tensors).split(counts) for tensors in zip(*entries, strict=True))
        return [Memory(*tensors) for tensors in zip(keys, values, strict=True)]

    def _map_parts(
        self, function: Callable[[_Part], Result], counts: Sequence[int], positions: int
    ) -> list[Result]:
        """Apply a function to parts of the objects of several groups, in order.

        Args:
            function: Computes a batch of objects.
            counts: Objects of every group.
            positions: Of an object, on the grid of stride 16.
        """
        if not self._is_side_by_side:
            return [function(part) for part in _parts(counts, self._object_batch, 1)]
        most = min(self._object_batch, -(-_MIN_POSITIONS // positions))
        pieces = min(torch.get_num_threads(), sum(counts) // _MIN_OBJECTS)
        return map_side_by_side(function, _parts(counts, most, max(1, pieces)), pieces > 1)

    def _is_remembered(self, task: _Task) -> bool:
        distance = abs(task.position - task.run.origin)
        is_read_again = 0 < task.position < self._num_frames - 1
        return distance > 0 and distance % self._memory_step == 0 and is_read_again


def _entries(distance: int, step: int) -> int:
    """Entries of a direction with that of the key frame; its last frame is never read again."""
    return 1 + max(distance - 1, 0) // step


def _room(part: torch.Tensor, capacity: int) -> torch.Tensor:
    """Empty room like (objects, C, 1, h, w) for more entries."""
    objects, channels, _, height, width = part.shape
    return part.new_empty(objects, channels, capacity, height, width)


def _parts(counts: Sequence[int], most: int, multiple: int) -> list[_Part]:
    """Divide the rows of several groups into even parts of at most ``most``, in order.

    >>> _parts([2, 3], 4, 1)
    [[(0, slice(0, 2, None)), (1, slice(0, 1, None))], [(1, slice(1, 3, None))]]
    """
    starts = list(itertools.accumulate(counts, initial=0))
    parts = []
    for part in even_slices(starts[-1], most, multiple) if starts[-1] else ():
        cuts = [
            slice(max(part.start - start, 0), min(part.stop - start, count))
            for start, count in zip(starts, counts, strict=False)
        ]
        parts.append([(group, rows) for group, rows in enumerate(cuts) if rows.start < rows.stop])
    return parts
