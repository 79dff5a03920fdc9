"""Features of boxes and pasted masks, against slow forms."""

from __future__ import annotations

import numpy as np
import torch

from ltr.models.propose_reduce.roi import align_boxes, box_levels, paste_masks


def _legacy_value(level: np.ndarray, y: float, x: float) -> np.ndarray:
    """Bilinear, clamped at 0, zero outside of [-1, side]."""
    height, width = level.shape[1:]
    if not (-1 <= y <= height and -1 <= x <= width):
        return np.zeros(len(level))
    y, x = max(y, 0), max(x, 0)
    y0, x0 = min(int(y), height - 1), min(int(x), width - 1)
    y1, x1 = min(y0 + 1, height - 1), min(x0 + 1, width - 1)
    fy, fx = (y - y0 if y1 > y0 else 0), (x - x0 if x1 > x0 else 0)
    top = level[:, y0, x0] * (1 - fx) + level[:, y0, x1] * fx
    return top * (1 - fy) + (level[:, y1, x0] * (1 - fx) + level[:, y1, x1] * fx) * fy


def _legacy_align(level: np.ndarray, box: np.ndarray, stride: int, size: int) -> np.ndarray:
    """Two by two samples a cell, no offset, no smallest size."""
    start, end = box[:2] / stride, box[2:] / stride
    cell = (end - start) / size
    result = np.zeros((len(level), size, size))
    for row in range(size):
        for column in range(size):
            for dy in (0.25, 0.75):
                for dx in (0.25, 0.75):
                    x, y = start + np.array([column + dx, row + dy]) * cell
                    result[:, row, column] += _legacy_value(level, y, x) / 4
    return result


def test_features_are_those_of_the_first_roi_align():
    torch.manual_seed(0)
    pyramid = [torch.randn(2, 3, 64 // s, 96 // s) for s in (4, 8, 16, 32)]
    boxes = torch.tensor([[5.0, 3, 6, 4], [0, 0, 96, 64], [90.5, 60, 96, 64], [10, 20, 50, 33]])
    found = align_boxes(pyramid, [boxes[:1], boxes[1:]], 5)
    levels = box_levels(boxes)
    assert levels.tolist() == [0, 0, 0, 0]
    for place, box in enumerate(boxes.numpy()):
        wanted = _legacy_align(pyramid[0][int(place > 0)].numpy(), box, 4, 5)
        np.testing.assert_allclose(found[place], wanted, atol=1e-5)


def test_large_boxes_come_from_coarse_levels():
    sides = torch.tensor([10.0, 55, 57, 111, 113, 225, 449, 2000])
    boxes = torch.stack([sides * 0, sides * 0, sides, sides], dim=1)
    assert box_levels(boxes).tolist() == [0, 0, 0, 0, 1, 2, 3, 3]
    pyramid = [torch.full((1, 1, 128 // s, 128 // s), float(s)) for s in (4, 8, 16, 32)]
    found = align_boxes(pyramid, [boxes[[0, 4]]], 2)
    assert found.amax(dim=(1, 2, 3)).tolist() == [4, 8]


def test_pasted_masks_fill_their_boxes():
    masks = torch.ones(2, 28, 28)
    boxes = torch.tensor([[2.9, 3.2, 7.4, 9.9], [8.0, 0, 30, 5]])
    canvas = paste_masks(masks, boxes, (12, 20))
    inside = torch.zeros(2, 12, 20)
    inside[0, 3:9, 2:7] = 1  # the inclusive box (2.9, 3.2, 6.4, 8.9) cut to whole pixels
    inside[1, 0:5, 8:20] = 1
    torch.testing.assert_close(canvas, inside)
    soft = paste_masks(masks * 0.3, boxes, (12, 20), threshold=None)
    torch.testing.assert_close(soft, inside * 0.3)
