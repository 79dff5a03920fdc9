"""The memory of JOINT: at most ``sample_memory_size`` labelled frames per object.

Slot 0 holds the object's first frame, the other slots hold other frames; ``SampleWeights`` says
which slot a new frame takes. Whatever depends on one stored frame alone (features, keys, label
encodings) is computed once and kept. The transformer's self-attention, in which every stored frame
attends to all of them, is kept as running sums: replacing one of n frames costs n tiles of one
frame against one frame instead of n * n, and no tokens-by-tokens matrix is ever whole. Objects
whose crops coincide hold the same features, and a tile that several objects need is computed once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import reduce

import torch
import torch.nn.functional as F

from ltr.models.joint.transformer import CosineAttention
from ltr.models.layers.matmul import linear_fast, matmul_fast
from ltr.models.layers.normalization import EPS
from pytracking.tracker.joint.attention import RunningAttention, affinity
from pytracking.tracker.joint.features import CropFeatures, EncodedCrop, LabelEncoding
from pytracking.tracker.joint.sample_weights import SampleWeights

_GPU_FRAMES_PER_TILE = 4


class ObjectMemory:
    """Memory of one object.

    Args:
        crop: The object's first frame.
        encoding: Encoding of its first mask.
        weights: Temporal weights; they also choose the slots.
    """

    def __init__(self, crop: EncodedCrop, encoding: LabelEncoding, weights: SampleWeights) -> None:
        self.weights = weights
        self.crops = [crop.features]
        self.encodings = [encoding]
        self.attention = [crop.attention.clone()]
        self._keys: torch.Tensor | None = None
        self._values: torch.Tensor | None = None

    @property
    def labels(self) -> torch.Tensor:
        """e_tm of all stored frames, (frames, 16, h, w)."""
        return torch.stack([encoding.induction for encoding in self.encodings])

    @property
    def sample_weights(self) -> torch.Tensor:
        """Spatial times temporal weights of all stored frames, (frames, 16, h, w)."""
        spatial = torch.stack([encoding.weights for encoding in self.encodings])
        temporal = torch.from_numpy(self.weights.values).to(spatial, non_blocking=True)
        return spatial * temporal.view(-1, 1, 1, 1)

    def encode(self, cross_attention: CosineAttention) -> None:
        """Make the stored frames readable: keys of the encoded memory, and their label encodings.

        Args:
            cross_attention: Cross-attention whose projection yields the keys.
        """
        keys = [
            _normalised_keys(crop.tokens + sums.result(), cross_attention)
            for crop, sums in zip(self.crops, self.attention, strict=True)
        ]
        self._keys = torch.cat(keys)
        self._values = torch.cat([encoding.values for encoding in self.encodings], dim=1)

    def read(self, queries: torch.Tensor) -> torch.Tensor:
        """Read label encodings (cross-attention).

        Args:
            queries: Unit vectors of the current frame, (h * w, K).

        Returns:
            E_tr, (16, h * w).
        """
        frames = 1 if queries.device.type == "cpu" else _GPU_FRAMES_PER_TILE
        size = frames * len(queries)
        assert self._keys is not None  # ``encode`` came first
        assert self._values is not None
        parts = zip(self._keys.split(size), self._values.split(size, 1), strict=True)
        reads = (linear_fast(affinity(queries, keys), values) for keys, values in parts)
        total = reduce(torch.add, reads)
        return (total[:, :-1] / total[:, -1:]).t()


def _normalised_keys(tokens: torch.Tensor, attention: CosineAttention) -> torch.Tensor:
    """Keys of instance-normalised tokens, with the normalisation folded into the projection."""
    centred = tokens - tokens.mean(dim=1, keepdim=True)
    variance = centred.square().mean(dim=1)  # in two passes, faster than var_mean
    weight = attention.WK.weight * torch.rsqrt(variance + EPS)
    keys = matmul_fast(weight, centred, attention.WK.bias)
    return F.normalize(keys.t(), dim=1)


@dataclass
class _Tile:
    """One stored frame against another, and the sums that need it.

    Args:
        queries: The attending frame.
        keys: The attended frame.
        rows: Sums of the attending frame, each with the sign of its change.
        columns: Sums of the attended frame, which attends back with the same affinities.
    """

    queries: CropFeatures
    keys: CropFeatures
    rows: list[tuple[RunningAttention, int]] = field(default_factory=list)
    columns: list[tuple[RunningAttention, int]] = field(default_factory=list)

    def compute(self) -> None:
        """Change all sums."""
        weights = affinity(self.queries.keys, self.keys.keys)
        if self.rows:
            forth = RunningAttention.of(weights, self.keys.tokens)
            for sums, sign in self.rows:
                sums.add(forth, sign)
        if self.columns:
            back = RunningAttention.back(weights, self.queries.tokens)
            for sums, sign in self.columns:
                sums.add(back, sign)


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
        slot = memory.weights.insert(is_annotated)
        replaced = memory.crops[slot : slot + 1]
        memory.crops[slot : slot + 1] = [crop.features]
        memory.encodings[slot : slot + 1] = [encoding]
        memory.attention[slot : slot + 1] = [crop.attention.clone()]
        for index, (other, sums) in enumerate(zip(memory.crops, memory.attention, strict=True)):
            if index == slot:
                continue
            for old in replaced:
                tile(other, old).rows.append((sums, -1))
            new = tile(other, crop.features)
            new.rows.append((sums, 1))
            new.columns.append((memory.attention[slot], 1))
    for shared in tiles.values():
        shared.compute()
