"""What is collected of every sequence while masks are propagated: run lengths and class scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F

from ltr.data.rle import Rle, decode, encode

_FRAMES_AT_ONCE = 16


class SequenceStore:
    """The sequences of one clip.

    Args:
        num_sequences: How many there are.
        num_frames: Number of frames of the video.
        num_classes: With the background.
    """

    def __init__(self, num_sequences: int, num_frames: int, num_classes: int) -> None:
        self.masks: list[list[Rle | None]] = [[None] * num_frames for _ in range(num_sequences)]
        self._sums = np.zeros((num_sequences, num_classes), np.float32)
        self._counts = np.zeros((num_sequences, 1), np.float32)

    def add(self, first: int, position: int, masks: np.ndarray, probabilities: np.ndarray) -> None:
        """Take one frame of neighbouring sequences.

        Args:
            first: The first of them.
            position: Index of the frame.
            masks: bool (M, H, W).
            probabilities: Classes of the masks' boxes, (M, classes); ignored for empty masks.
        """
        for row, (mask, classes) in enumerate(zip(masks, probabilities, strict=True), first):
            if mask.any():
                self.masks[row][position] = encode(mask)
                self._sums[row] += classes
                self._counts[row] += 1

    def scores(self) -> np.ndarray:
        """Mean class probabilities, float32 (sequences, classes).

        A sequence without any pixel is background.
        """
        means = self._sums / np.maximum(self._counts, 1)
        means[:, 0] += self._counts[:, 0] == 0
        return means


def mask_boxes(masks: torch.Tensor) -> torch.Tensor:
    """Boxes of masks, one pixel larger on every side, inside the image.

    Args:
        masks: bool (M, H, W).

    Returns:
        float32 (M, 4), half-open; the whole image for an empty mask.
    """
    x1, x2 = _extent(masks.any(dim=1))
    y1, y2 = _extent(masks.any(dim=2))
    return torch.stack([x1, y1, x2, y2], dim=1).float()


def _extent(line: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """First place and place after the last of True in bool (M, n), grown by one."""
    length = line.shape[1]
    first = line.int().argmax(dim=1)
    last = length - line.flip(1).int().argmax(dim=1)
    return (first - 1).clamp(min=0), (last + 1).clamp(max=length)


def enlarge(
    masks: Sequence[Rle | None], size: Sequence[int], shape: Sequence[int]
) -> tuple[Rle | None, ...]:
    """Bring a sequence from the padded input to the frames' own size.

    Args:
        masks: Mask per frame, or None for an empty one.
        size: Height and width of the input without padding.
        shape: Height and width of the frames.
    """
    result: list[Rle | None] = [None] * len(masks)
    shown = [(position, mask) for position, mask in enumerate(masks) if mask is not None]
    for start in range(0, len(shown), _FRAMES_AT_ONCE):
        positions, chosen = zip(*shown[start : start + _FRAMES_AT_ONCE], strict=True)
        stack = np.stack([decode(mask) for mask in chosen])
        cut = torch.from_numpy(stack[:, : size[0], : size[1]])
        if tuple(size) != tuple(shape):
            cut = F.interpolate(cut[:, None].float(), tuple(shape), mode="bilinear")[:, 0] > 0.5
        for position, mask in zip(positions, cut.numpy(), strict=True):
            result[position] = encode(mask) if mask.any() else None
    return tuple(result)
