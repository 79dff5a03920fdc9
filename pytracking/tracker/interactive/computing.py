"""What the hosts share: frames as tensors, and features that are computed once."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from ltr.models.interactive.released import load_released
from ltr.models.layers.fused import pack, prepare
from ltr.models.layers.memory_format import to_channels_last
from ltr.models.layers.side_by_side import map_side_by_side
from pytracking.tracker.base import Runtime
from pytracking.utils.loading import find_network

Network = TypeVar("Network", bound=nn.Module)
Tensors = tuple[torch.Tensor, ...]


def load_host_network(
    net: str, kind: type[Network], build: Callable[[], Network], device: torch.device
) -> Network:
    """Load a network for inference; there is no way to get random weights.

    Args:
        net: A path, or a file name that is searched in the folders of ``network_path``.
        kind: Class of the network.
        build: Makes the network that upstream's files belong to.
        device: Device of the network.

    Raises:
        CheckpointError: The file is nowhere, damaged, or of another network.
    """
    path = find_network(net)
    return load_released(path, kind, build).requires_grad_(False).eval().to(device)


def prepare_network(
    network: Network,
    fold: Callable[[Network], object],
    fuse: Callable[[Network], None],
    runtime: Runtime,
) -> None:
    """Make a network ready for inference, in place and once: hosts may share it.

    Args:
        network: In eval mode.
        fold: Folds its batch norms.
        fuse: Fuses its convolutions with what follows them, where the runtime packs them.
        runtime: Device and precision.
    """

    def change() -> None:
        fold(network)
        if runtime.packs:
            fuse(network)
        to_channels_last(network)
        if runtime.packs:
            pack(network)

    prepare(network, runtime.packs, change)


def image_batch(frame: np.ndarray, device: torch.device) -> torch.Tensor:
    """A frame uint8 (H, W, 3) as float32 (1, 3, H, W), 0..255."""
    pixels = torch.tensor(np.ascontiguousarray(frame), device=device)
    return pixels.permute(2, 0, 1)[None].float()


def in_parts(count: int, most: int) -> Iterator[slice]:
    """Cut ``count`` objects into groups of at most ``most``."""
    return (slice(start, min(start + most, count)) for start in range(0, count, most))


class SumCache:
    """Keeps sums that grow by a term every round, up to a number of bytes.

    Terms are added in the order of the rounds, so a sum is the same bits whether it was kept.

    Args:
        max_bytes: Limit of what is kept.
    """

    def __init__(self, max_bytes: int = 0) -> None:
        self.max_bytes = max_bytes
        self._used = 0
        self._kept: dict[Hashable, tuple[int, torch.Tensor]] = {}

    def mean(self, key: Hashable, terms: Sequence[Callable[[], torch.Tensor]]) -> torch.Tensor:
        """The mean of all terms; those of earlier rounds are not computed again.

        Args:
            key: Tells sums apart.
            terms: One a round; those of earlier calls with this key come first.
        """
        count, total = self._kept.get(key, (0, None))
        for term in terms[count:]:
            found = term()
            total = found if total is None else total + found
        assert total is not None  # there is a term
        needed = 0 if key in self._kept else total.nbytes
        if self._used + needed <= self.max_bytes:
            self._used += needed
            self._kept[key] = len(terms), total
        return total / len(terms)


class FrameCache:
    """Keeps what was computed of frames, up to a number of bytes; the rest is computed again.

    Rounds sweep over the video, so the frames that came first are kept and nothing is replaced.

    Args:
        max_bytes: Limit of what is kept.
    """

    def __init__(self, max_bytes: int = 0) -> None:
        self.max_bytes = max_bytes
        self._video: str | None = None
        self._used = 0
        self._kept: dict[int, Tensors] = {}

    def begin(self, video_id: str | None) -> None:
        """Drop everything unless this is the same video as before."""
        if video_id is None or video_id != self._video:
            self.clear()
        self._video = video_id

    def clear(self) -> None:
        """Drop everything."""
        self._kept.clear()
        self._video, self._used = None, 0

    def get(self, frame: int, compute: Callable[[int], Tensors]) -> Tensors:
        """What belongs to a frame, computed if it is not kept."""
        if frame in self._kept:
            return self._kept[frame]
        found = compute(frame)
        self._keep(frame, found)
        return found

    def get_ahead(self, frames: Iterable[int], compute: Callable[[int], Tensors]) -> None:
        """Compute and keep frames that are needed next, side by side on the cores of a CPU.

        Nothing happens before one frame has told the size of all, or where they have no room.
        """
        missing = [frame for frame in frames if frame not in self._kept]
        size = self._used // max(1, len(self._kept))
        if len(missing) > 1 and 0 < len(missing) * size <= self.max_bytes - self._used:
            for frame, found in zip(missing, map_side_by_side(compute, missing), strict=True):
                self._keep(frame, found)

    def _keep(self, frame: int, found: Tensors) -> None:
        size = sum(tensor.nbytes for tensor in found)
        if self._used + size <= self.max_bytes:
            self._kept[frame] = found
            self._used += size
