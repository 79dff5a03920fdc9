"""A synthetic clip with textured objects that move and change size, for timing without data."""

from __future__ import annotations

import cv2
import numpy as np

from ltr.data.drawing import texture


def draw_clip(
    count: int, objects: int, size: tuple[int, int] = (480, 854), seed: int = 0
) -> tuple[list[np.ndarray], np.ndarray]:
    """Draw frames and the first label map.

    Args:
        count: Number of frames.
        objects: Number of objects, ids 1, 2, ...
        size: (H, W).
        seed: Of textures and motion.

    Returns:
        uint8 frames (H, W, 3) and a uint8 label map (H, W) of the first frame.
    """
    rng = np.random.default_rng(seed)
    height, width = size
    background = texture(rng, height + 100, width + 100)
    textures = [texture(rng, height, width) for _ in range(objects)]
    phases = rng.uniform(0, 2 * np.pi, (objects, 3))
    frames, label_maps = [], []
    for time in range(count):
        drift = time * 100 // max(count, 1)
        frame = background[drift : drift + height, drift : drift + width].copy()
        labels = np.zeros(size, np.uint8)
        for index in range(objects):
            mask = _ellipse(size, index, objects, time, phases[index])
            frame[mask] = textures[index][mask]
            labels[mask] = index + 1
        noise = rng.integers(-6, 7, frame.shape)
        frames.append(np.clip(frame + noise, 0, 255).astype(np.uint8))
        label_maps.append(labels)
    return frames, label_maps[0]


def _ellipse(
    size: tuple[int, int], index: int, objects: int, time: int, phase: np.ndarray
) -> np.ndarray:
    """An ellipse on a slow closed path; high enough for search windows larger than the image."""
    height, width = size
    x = width * (index + 1) / (objects + 1) + 40 * np.sin(time / 15 + phase[0])
    y = height / 2 + 50 * np.sin(time / 20 + phase[1])
    scale = 1 + 0.15 * np.sin(time / 25 + phase[2])
    axes = (int(0.32 * width / (objects + 1) * scale), int(0.22 * height * scale))
    mask = np.zeros(size, np.uint8)
    cv2.ellipse(mask, (int(x), int(y)), axes, 0, 0, 360, 1, -1)
    return mask.astype(bool)
