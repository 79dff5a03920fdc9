from __future__ import annotations

import logging

import numpy as np
import pytest

from ltr.admin.errors import DataError
from pytracking.utils.box_mask import inside_frame, mask_from_box


def scene() -> tuple[np.ndarray, np.ndarray]:
    """A bright disc on dark noise, and where it is."""
    generator = np.random.default_rng(0)
    image = generator.integers(20, 60, (120, 160, 3), dtype=np.uint8)
    y, x = np.mgrid[:120, :160]
    disc = (x - 90) ** 2 + (y - 60) ** 2 < 25**2
    image[disc] = generator.integers(180, 220, (disc.sum(), 3), dtype=np.uint8)
    return image, disc


def test_object_is_cut_out(caplog):
    image, disc = scene()
    with caplog.at_level(logging.INFO):
        mask = mask_from_box(image, (60, 30, 60, 60))
    assert (mask & disc).sum() / (mask | disc).sum() > 0.97
    assert "cut out by GrabCut" in caplog.text


def test_same_box_gives_the_same_mask():
    image, _ = scene()
    first = mask_from_box(image, (60, 30, 60, 60))
    np.testing.assert_array_equal(first, mask_from_box(image, (60, 30, 60, 60)))


@pytest.mark.parametrize("box", [(0, 0, 160, 120), (20, 20, 40, 30)])
def test_ellipse_where_there_is_nothing_to_cut_out(box, caplog):
    flat = np.full((120, 160, 3), 90, np.uint8)
    mask = mask_from_box(flat, box)
    assert mask.sum() == pytest.approx(np.pi / 4 * box[2] * box[3], rel=0.02)
    assert "using an ellipse instead" in caplog.text


def test_box_is_cut_at_the_frame():
    image, _ = scene()
    assert inside_frame((-10, 100, 30, 50), (160, 120)) == (0, 100, 20, 120)
    assert mask_from_box(image, (-10, 100, 30, 50))[100:, :20].any()


@pytest.mark.parametrize(
    "box", [(200, 10, 20, 20), (10, 10, 0, 5), (10, 10, -5, 5), (-9, -9, 9, 9)]
)
def test_box_outside_the_frame_is_refused(box):
    image, _ = scene()
    with pytest.raises(DataError, match="no area inside the 160x120 frame"):
        mask_from_box(image, box)


def test_single_pixel_box():
    image, _ = scene()
    assert mask_from_box(image, (5, 5, 1, 1)).sum() == 1


@pytest.mark.parametrize("side", [float("nan"), float("inf")])
def test_box_must_be_finite(side):
    with pytest.raises(DataError, match="is not made of numbers"):
        inside_frame((0, side, 5, 5), (160, 120))
