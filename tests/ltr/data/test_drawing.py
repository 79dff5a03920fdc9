import numpy as np

from ltr.data.drawing import blend, texture


def test_textures_are_smooth_and_repeatable():
    first, second = (texture(np.random.default_rng(3), 120, 180, 30) for _ in range(2))
    assert first.shape == (120, 180, 3)
    assert np.array_equal(first, second)
    steps = np.abs(np.diff(first.astype(int), axis=1))
    assert steps.max() < 20 < np.ptp(first)


def test_blending_mixes_by_opacity():
    below, above = np.full((2, 2, 3), 10, np.uint8), np.full((2, 2, 3), 110, np.uint8)
    opacity = np.float32([[0, 1], [0.5, 0.25]])
    mixed = blend(below, above, opacity)
    assert mixed.dtype == np.uint8
    assert mixed[..., 0].tolist() == [[10, 110], [60, 35]]
