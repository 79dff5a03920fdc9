"""The definitions of J and F written down once more, without any care for speed."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import strategies as st
from scipy.ndimage import distance_transform_edt


def plain_jaccard(first: np.ndarray, second: np.ndarray) -> float:
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0


def plain_boundary(mask: np.ndarray) -> np.ndarray:
    repeated = np.pad(mask, ((0, 1), (0, 1)), mode="edge")
    return (mask != repeated[:-1, 1:]) | (mask != repeated[1:, :-1]) | (mask != repeated[1:, 1:])


def plain_boundary_f(first: np.ndarray, second: np.ndarray, tolerance: float = 0.008) -> float:
    radius = math.ceil(tolerance * math.hypot(*first.shape)) if tolerance < 1 else tolerance
    outlines = plain_boundary(first), plain_boundary(second)
    if not outlines[0].any() or not outlines[1].any():
        return float(outlines[0].any() == outlines[1].any())
    near = [distance_transform_edt(~outline) <= radius for outline in outlines]
    precision, recall = near[1][outlines[0]].mean(), near[0][outlines[1]].mean()
    total = precision + recall
    return float(2 * precision * recall / total) if total else 0.0


@st.composite
def label_map_pairs(draw: st.DrawFn, most_labels: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Two label maps of one size: rectangles that may touch every border, or noise."""
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 150))
    maps = [_draw_map(draw, height, width, most_labels) for _ in range(2)]
    if draw(st.booleans()):
        shift = draw(st.integers(-3, 3)), draw(st.integers(-3, 3))
        maps[1] = np.roll(maps[0], shift, axis=(0, 1))
    return maps[0], maps[1]


def _draw_map(draw: st.DrawFn, height: int, width: int, most_labels: int) -> np.ndarray:
    if draw(st.integers(0, 4)) == 0:
        generator = np.random.default_rng(draw(st.integers(0, 2**32)))
        return generator.integers(0, most_labels + 1, (height, width)).astype(np.uint8)
    labels = np.zeros((height, width), np.uint8)
    for label in range(1, most_labels + 1):
        top, left = draw(st.integers(0, height)), draw(st.integers(0, width))
        bottom, right = draw(st.integers(top, height)), draw(st.integers(left, width))
        labels[top:bottom, left:right] = label
    return labels
