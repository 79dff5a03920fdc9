"""The memory of JOINT: at most ``sample_memory_size`` labelled frames per object.

Slot 0 holds the object's first frame, the other slots hold other frames; ``SampleWeights`` says
which slot a new frame takes. Whatever depends on one stored frame alone (features, keys, label
encodings) is computed once and kept. The transformer's self-attention, in which every stored frame
attends to all of them, is kept as running sums: replacing one of n frames costs n tiles of one
frame against one frame instead of n * n, and no tokens-by-tokens matrix is ever whole. On CPUs,
what a new frame takes from frames that leave soon is kept, to be taken away again then. Objects
whose crops coincide hold the same features, and a tile that several objects need is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

import torch

from ltr.models.joint.transformer import CosineAttention
from pytracking.tracker.joint.attention import Attended, RunningAttention, normalised_keys
from pytracking.tracker.joint.features import CropFeatures, EncodedCrop, LabelEncoding
from pytracking.tracker.joint.sample_weights import SampleWeights

_GPU_FRAMES_PER_TILE = 4
_KEPT_REPLACEMENTS = 12


class ObjectMemory:
    """Memory of one object.

    Args:
        crop: The object's first frame.
        encoding: Encoding of its first mask.
        weights: Temporal weights; they also choose the slots.

    ``kept`` has parts of the sums that will be taken away, by attending and attended frame.
    """

    def __init__(self, crop: EncodedCrop, encoding: LabelEncoding, weights: SampleWeights) -> None:
        self.weights = weights
        self.crops = [crop.features]
        self.encodings = [encoding]
        self.attention = [crop.attention.clone()]
        self.kept: dict[tuple[CropFeatures, CropFeatures], RunningAttention] = {}
        self._attended: list[Attended] = []

    @property
    def labels(self) -> torch.Tensor:
        """e_tm of all stored frames, (frames, h, w, 16)."""
        return torch.stack([encoding.induction.permute(1, 2, 0) for encoding in self.encodings])

    @property
    def sample_weights(self) -> torch.Tensor:
        """Spatial times temporal weights of all stored frames, (frames, h, w, 16)."""
        spatial = torch.stack([encoding.weights.permute(1, 2, 0) for encoding in self.encodings])
        temporal = torch.from_numpy(self.weights.values).to(spatial, non_blocking=True)
        return spatial * temporal.view(-1, 1, 1, 1)

    def encode(self, cross_attention: CosineAttention) -> None:
        """Make the stored frames readable: keys of the encoded memory, and their label encodings.

        Args:
            cross_attention: Cross-attention whose projection yields the keys.
        """
        keys = [
            normalised_keys(sums.added_to(crop.tokens), cross_attention)
            for crop, sums in zip(self.crops, self.attention, strict=True)
        ]
        values = [encoding.values for encoding in self.encodings]
        frames = 1 if keys[0].device.type == "cpu" else _GPU_FRAMES_PER_TILE
        self._attended = [
            Attended(torch.cat(keys[i : i + frames]), torch.cat(values[i : i + frames]))
            for i in range(0, len(keys), frames)
        ]

    def read(self, queries: torch.Tensor) -> torch.Tensor:
        """Read label encodings (cross-attention).

        Args:
            queries: Unit vectors of the current frame, (h * w, K).

        Returns:
            E_tr, (16, h * w).
        """
        reads = (part.read(part.weights(queries)) for part in self._attended)
        total = reduce(torch.add, reads)
        return (total[:, :-1] / total[:, -1:]).t()


@dataclass
class _Tile:
    """One stored frame against another, and the sums that need it.

    Args:
        queries: The attending frame.
        keys: The attended frame.
        rows: Sums of the attending frame, each with the sign of its change.
        columns: Sums of the attended frame, which attends back with the same affinities.
        keepers: Memories that keep what the attended frame takes from the attending one.
    """

    queries: CropFeatures
    keys: CropFeatures
    rows: list[tuple[RunningAttention, int]] = field(default_factory=list)
    columns: list[RunningAttention] = field(default_factory=list)
    keepers: list[ObjectMemory] = field(default_factory=list)

    def compute(self, attended: Attended) -> None:
        """Change all sums; ``attended`` holds the keys and tokens of the attended frame."""
        weights = attended.weights(self.queries.keys)
        if self.rows:
            forth = RunningAttention.of(weights, attended)
            for sums, sign in self.rows:
                sums.add(forth, sign)
        if self.columns:
            back = RunningAttention.back(weights, self.queries.tokens)
            for sums in self.columns:
                sums.add(back, 1)
            for memory in self.keepers:
                memory.kept[self.keys, self.queries] = back


def store(
    memories: Sequence[ObjectMemory],
    crops: Sequence[EncodedCrop],
    encodings: Sequence[LabelEncoding],
    is_annotated: bool = False,
) -> None:
    """Store a frame in the memories of several objects, computing once what they share.

    Args:
        memories: The objects' memories.
        crops: Each object's crop; the same instance where crops coincide.
        encodings: Encoding of each object's mask.
        is_annotated: The masks are a user's, and the frame is to stay.
    """
    tiles: dict[tuple[CropFeatures, CropFeatures], _Tile] = {}

    def tile(queries: CropFeatures, keys: CropFeatures) -> _Tile:
        return tiles.setdefault((queries, keys), _Tile(queries, keys))

    for memory, crop, encoding in zip(memories, crops, encodings, strict=True):
        slot, replaced = _replace(memory, crop, encoding, is_annotated)
        is_cpu = crop.features.tokens.device.type == "cpu"
        leaving = memory.weights.leaving(_KEPT_REPLACEMENTS if is_cpu else 0)
        for index, (other, sums) in enumerate(zip(memory.crops, memory.attention, strict=True)):
            if index == slot:
                continue
            for old in replaced:
                if (other, old) in memory.kept:
                    sums.add(memory.kept.pop((other, old)), -1)
                else:
                    tile(other, old).rows.append((sums, -1))
            new = tile(other, crop.features)
            new.rows.append((sums, 1))
            new.columns.append(memory.attention[slot])
            if index in leaving:
                new.keepers.append(memory)
    attended: dict[CropFeatures, Attended] = {}
    for shared in tiles.values():
        keys = shared.keys
        if keys not in attended:
            attended[keys] = Attended(keys.keys, keys.tokens)
        shared.compute(attended[keys])


def _replace(
    memory: ObjectMemory, crop: EncodedCrop, encoding: LabelEncoding, is_annotated: bool
) -> tuple[int, list[CropFeatures]]:
    """Put a frame into a memory; returns its slot, and the frame that left it, if any."""
    slot = memory.weights.insert(is_annotated)
    replaced = memory.crops[slot : slot + 1]
    memory.crops[slot : slot + 1] = [crop.features]
    memory.encodings[slot : slot + 1] = [encoding]
    memory.attention[slot : slot + 1] = [crop.attention.clone()]
    gone = [pair for pair in memory.kept if pair[0] in replaced]
    for pair in gone:
        del memory.kept[pair]
    return slot, replaced
