"""The memory of JOINT: at most ``sample_memory_size`` labelled frames an object.

Slot 0 holds the object's first frame, the other slots hold later frames; ``SampleWeights`` says
which slot a new frame takes. Whatever depends on one stored frame alone (features, keys, label
encodings) is computed once and kept. The transformer's self-attention, in which every stored frame
attends to all of them, is kept as running sums: replacing one of n frames costs n tiles instead of
n * n, and no tokens-by-tokens matrix is ever whole (a tile is one frame against one frame on a CPU,
against a few on a GPU).

Objects whose crops coincide share their later frames (``SharedFrames``). Their first frames differ,
so whatever involves a first frame belongs to the object (``ObjectMemory``).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F

from ltr.models.joint.transformer import CosineAttention
from pytracking.tracker.joint.attention import RunningAttention, affinity
from pytracking.tracker.joint.features import CropFeatures, LabelEncoding
from pytracking.tracker.joint.sample_weights import SampleWeights

_GPU_TILE_FRAMES = 4


def _tiles(count: int, skipped: int, device: torch.device) -> Iterator[slice]:
    """Slices of the stored frames without ``skipped``, small enough for one tile each."""
    step = 1 if device.type == "cpu" else _GPU_TILE_FRAMES
    for first, last in ((0, min(skipped, count)), (skipped + 1, count)):
        for start in range(first, last, step):
            yield slice(start, min(start + step, last))


class SharedFrames:
    """Later frames and their attention to each other.

    Args:
        capacity: Number of frames.
        like: Any crop's features, for shapes and device.
        owners: Number of objects that use these frames.
    """

    _BUFFERS = ("induction", "tokens", "keys", "numerator", "denominator")

    def __init__(self, capacity: int, like: CropFeatures, owners: int) -> None:
        self.capacity = capacity
        self.owners = owners
        self.count = 0
        self.induction = like.induction.new_empty(capacity, *like.induction.shape)
        self.tokens = like.tokens.new_empty(capacity, *like.tokens.shape)
        self.keys = like.keys.new_empty(capacity, *like.keys.shape)
        self.numerator = torch.empty_like(self.tokens)
        self.denominator = like.denominator.new_empty(capacity, *like.denominator.shape)

    def split(self, like: CropFeatures, owners: int) -> SharedFrames:
        """A copy for ``owners`` of the objects, whose crops no longer coincide with the others'."""
        twin = SharedFrames(self.capacity, like, owners)
        twin.count = self.count
        self.owners -= owners
        for name in self._BUFFERS:
            getattr(twin, name)[: self.count] = getattr(self, name)[: self.count]
        return twin

    def tiles(self, skipped: int | None = None) -> Iterator[slice]:
        """Slices of the stored frames, one tile each, without the frame ``skipped``."""
        return _tiles(self.count, self.count if skipped is None else skipped, self.tokens.device)

    def rows(self, tile: slice) -> RunningAttention:
        """The sums of the frames of one tile."""
        return RunningAttention(
            self.numerator[tile].flatten(0, 1), self.denominator[tile].flatten()
        )

    def put(self, index: int, crop: CropFeatures) -> None:
        """Store a frame, in a new place or instead of the frame at ``index``."""
        if index < self.count:
            for tile in self.tiles(index):
                weights = affinity(self.keys[tile].flatten(0, 1), self.keys[index])
                self.rows(tile).add(weights, self.tokens[index], sign=-1)
        self.induction[index] = crop.induction
        self.tokens[index] = crop.tokens
        self.keys[index] = crop.keys
        self.numerator[index] = crop.numerator
        self.denominator[index] = crop.denominator
        own = RunningAttention(self.numerator[index], self.denominator[index])
        for tile in self.tiles(index):
            weights = affinity(self.keys[tile].flatten(0, 1), crop.keys)
            self.rows(tile).add(weights, crop.tokens)
            own.add(weights.t(), self.tokens[tile].flatten(0, 1))
        self.count = max(self.count, index + 1)


class ObjectMemory:
    """Memory of one object.

    Args:
        first: Features of the object's first frame.
        encoding: Encoding of its first mask.
        frames: Later frames, possibly shared with other objects.
        weights: Temporal weights; they also choose the slots.
    """

    def __init__(
        self,
        first: CropFeatures,
        encoding: LabelEncoding,
        frames: SharedFrames,
        weights: SampleWeights,
    ) -> None:
        self.first = first
        self.frames = frames
        self.weights = weights
        self._first_sums = RunningAttention(first.numerator.clone(), first.denominator.clone())
        self._numerator = torch.empty_like(frames.numerator)
        self._denominator = torch.empty_like(frames.denominator)
        self._encodings: list[LabelEncoding] = [encoding]
        self._keys: list[torch.Tensor] = []
        self._values: list[torch.Tensor] = []

    @property
    def labels(self) -> torch.Tensor:
        """e_tm of all stored frames, (frames, 16, h, w)."""
        return torch.stack([encoding.induction for encoding in self._encodings])

    @property
    def sample_weights(self) -> torch.Tensor:
        """Spatial times temporal weights of all stored frames, (frames, 16, h, w)."""
        spatial = torch.stack([encoding.weights for encoding in self._encodings])
        temporal = torch.from_numpy(self.weights.values).to(spatial, non_blocking=True)
        return spatial * temporal.view(-1, 1, 1, 1)

    def forget(self, index: int) -> None:
        """Take the later frame ``index`` out of the first frame's sums, before it is replaced."""
        if index < self.frames.count:
            weights = affinity(self.first.keys, self.frames.keys[index])
            self._first_sums.add(weights, self.frames.tokens[index], sign=-1)

    def learn(self, index: int, encoding: LabelEncoding) -> None:
        """Take in the later frame ``index``, after it was stored in ``frames``."""
        weights = affinity(self.first.keys, self.frames.keys[index])
        self._first_sums.add(weights, self.frames.tokens[index])
        torch.mm(weights.t(), self.first.tokens, out=self._numerator[index])
        self._denominator[index] = weights.sum(dim=0)
        slot = index + 1
        self._encodings[slot : slot + 1] = [encoding]

    def encode(self, attention: CosineAttention) -> None:
        """Make the stored frames readable: keys of the encoded memory, and their label encodings.

        Args:
            attention: The cross-attention, whose projection makes the keys.
        """
        frames = self.frames
        attended = [(self.first.tokens, self._first_sums.numerator, self._first_sums.denominator)]
        for index in range(frames.count):
            numerator = frames.numerator[index] + self._numerator[index]
            denominator = frames.denominator[index] + self._denominator[index]
            attended.append((frames.tokens[index], numerator, denominator))
        self._keys = [
            _normalised_keys(torch.addcdiv(tokens, numerator, denominator[:, None]), attention)
            for tokens, numerator, denominator in attended
        ]
        self._values = [encoding.values for encoding in self._encodings]

    def read(self, queries: torch.Tensor) -> torch.Tensor:
        """Read label encodings (cross-attention).

        Args:
            queries: Unit vectors of the current frame, (h * w, K).

        Returns:
            E_tr as tokens, (h * w, 16).
        """
        total = torch.zeros_like(self._values[0])
        step = 1 if queries.device.type == "cpu" else _GPU_TILE_FRAMES
        for start in range(0, len(self._keys), step):
            keys = torch.cat(self._keys[start : start + step])
            values = torch.cat(self._values[start : start + step])
            total.addmm_(affinity(queries, keys), values)
        return total[:, :-1] / total[:, -1:]


def _normalised_keys(tokens: torch.Tensor, attention: CosineAttention) -> torch.Tensor:
    """Keys of instance-normalised tokens, with the normalisation folded into the projection."""
    variance, mean = torch.var_mean(tokens, dim=0, correction=0)
    weight = attention.WK.weight * torch.rsqrt(variance + 1e-5)
    return F.normalize(F.linear(tokens, weight, attention.WK.bias - weight @ mean), dim=-1)


def store(
    memories: Sequence[ObjectMemory],
    crops: Sequence[CropFeatures],
    encodings: Sequence[LabelEncoding],
) -> None:
    """Store a frame in the memories of several objects, computing once what they share.

    Args:
        memories: The objects' memories.
        crops: Features of each object's crop; the same instance where crops coincide.
        encodings: Encoding of each object's mask.
    """
    groups: dict[tuple[int, int, int], list[int]] = {}
    slots = [memory.weights.insert() for memory in memories]
    for number, (memory, crop, slot) in enumerate(zip(memories, crops, slots, strict=True)):
        groups.setdefault((id(memory.frames), id(crop), slot), []).append(number)
    for (_, _, slot), numbers in groups.items():
        members = [memories[number] for number in numbers]
        crop, frames = crops[numbers[0]], members[0].frames
        if frames.owners > len(members):
            frames = frames.split(crop, len(members))
        for member in members:
            member.frames = frames
            member.forget(slot - 1)
        frames.put(slot - 1, crop)
        for member, number in zip(members, numbers, strict=True):
            member.learn(slot - 1, encodings[number])
