from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ltr.admin.errors import DataError
from ltr.data.crops import (
    Window,
    crop_image,
    crop_mask,
    target_window,
)
from tests.upstream_functions import move_box_to_square, square_window

IMAGE = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
BOXES = st.tuples(st.floats(-10, 55), st.floats(-10, 35), st.floats(1, 60), st.floats(1, 40)).map(
    np.float32
)


@given(box=BOXES, mode=st.sampled_from(["replicate", "inside", "inside_major"]))
def test_crop_has_the_output_size_and_only_pixels_of_the_image(box: np.ndarray, mode: str) -> None:
    window = target_window((60, 40), box, 3.0, (26, 15), mode)
    assert crop_image(IMAGE, window, (26, 15)).shape == (15, 26, 3)
    labels = crop_mask(np.ones((40, 60), np.uint8), window, (26, 15))
    assert labels.shape == (15, 26)
    assert set(np.unique(labels)) <= {0, 1}


@given(box=BOXES)
def test_inside_windows_stay_inside(box: np.ndarray) -> None:
    window = target_window((60, 40), box, 3.0, (26, 15), "inside")
    assert window.left >= 0
    assert window.left + window.width <= 60
    assert window.top >= 0
    assert window.top + window.height <= 40


@given(box=BOXES)
def test_inside_major_fits_at_least_one_side(box: np.ndarray) -> None:
    window = target_window((60, 40), box, 3.0, (26, 15), "inside_major")
    assert window.width <= 60 or window.height <= 40


def test_window_has_the_search_area_and_the_target_in_its_centre() -> None:
    window = target_window((600, 400), np.float32([300, 200, 20, 20]), 3.0, (60, 60), "inside")
    assert window == Window(280, 180, 60, 60)
    moved = window.move_box(np.float32([300, 200, 20, 20]), (120, 120))
    assert moved.tolist() == [40, 40, 40, 40]


def test_too_small_box_is_an_error() -> None:
    with pytest.raises(DataError, match="too small"):
        target_window((60, 40), np.float32([5, 5, 0, 4]), 5.0, (26, 15), "inside_major")
    with pytest.raises(DataError, match="too small"):
        square_window(np.float32([5, 5, 0, 4]), 5.0)


def test_unscaled_crop_copies_pixels_and_repeats_the_border() -> None:
    inner = crop_image(IMAGE, Window(5, 6, 20, 10), (20, 10))
    assert (inner == IMAGE[6:16, 5:25]).all()
    outer = crop_image(IMAGE, Window(-3, 0, 20, 10), (20, 10))
    assert (outer[:, :4] == IMAGE[:10, :1]).all()
    assert (outer[:, 3:] == IMAGE[:10, :17]).all()


def test_last_column_is_lost_at_the_far_border() -> None:
    """Upstream pads one pixel more than needed; the networks were trained with it."""
    window = Window(50, 0, 10, 10)
    assert (crop_image(IMAGE, window, (10, 10))[:, 9] == IMAGE[:10, 58]).all()
    assert (crop_mask(np.ones((40, 60)), window, (10, 10))[:, 9] == 0).all()


@given(
    height=st.integers(1, 30), width=st.integers(1, 30), rows=st.integers(1, 40),
    columns=st.integers(1, 40),
)  # fmt: skip
def test_mask_is_resized_as_pytorch_does(height: int, width: int, rows: int, columns: int) -> None:
    mask = np.random.default_rng(height * width).random((40, 60)).astype(np.float32)
    window = Window(2, 3, width, height)
    got = crop_mask(mask, window, (columns, rows))
    part = torch.from_numpy(mask[3 : 3 + height, 2 : 2 + width])[None, None]
    want = F.interpolate(part, size=(rows, columns), mode="nearest")[0, 0].numpy()
    assert (got == want).all()


def test_box_in_a_square_keeps_the_targets_centre() -> None:
    box = np.float32([10, 20, 30, 40])
    moved = move_box_to_square(box, box, 0.5, 65)
    assert moved.tolist() == [32 - 7.5, 32 - 10, 15, 20]
