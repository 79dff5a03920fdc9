from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.data.randomness import Generators, SampleKey
from ltr.data.transforms import (
    AffineRoll,
    Compose,
    Frame,
    RandomAffine,
    RandomFlip,
    RandomGrey,
    SwapRedBlue,
    ToTensor,
)

SIZE = (61, 41)
IMAGE = np.random.default_rng(0).integers(0, 256, (41, 61, 3), dtype=np.uint8)
ANGLES = st.floats(-30, 30)


def frame_with_rectangle(x: int, y: int, width: int, height: int) -> Frame:
    mask = np.zeros((41, 61), np.float32)
    mask[y : y + height, x : x + width] = 1
    return Frame(IMAGE, mask, np.float32([x, y, width, height]))


def test_flip_moves_image_mask_and_box_together() -> None:
    frame = frame_with_rectangle(10, 5, 8, 12)
    step = RandomFlip()
    flipped = step(frame, True)
    assert (flipped.image[:, ::-1] == frame.image).all()
    assert np.flatnonzero(flipped.mask.any(0)).tolist() == list(range(43, 51))
    assert flipped.box.tolist() == [60 - 18, 5, 8, 12]
    assert step(flipped, True).box.tolist() == frame.box.tolist()


def test_grey_has_equal_channels_and_the_weights_of_what_arrives() -> None:
    red = np.full((2, 2, 3), (255, 0, 0), np.uint8)
    assert RandomGrey().image(red, True)[0, 0].tolist() == [76, 76, 76]
    swapped = SwapRedBlue().image(red, None)
    assert RandomGrey().image(swapped, True)[0, 0].tolist() == [29, 29, 29]


@given(degrees=ANGLES, x=st.floats(-0.3, 0.3), y=st.floats(-0.3, 0.3), scale=st.floats(0.5, 2))
def test_affine_points_follow_the_matrix_and_keep_the_centre(
    degrees: float, x: float, y: float, scale: float
) -> None:
    step, roll = RandomAffine(), AffineRoll(False, degrees, (x, y), (scale, scale))
    centre = np.float64([[SIZE[0] / 2, SIZE[1] / 2]])
    moved = step.points(centre, SIZE, roll)
    shift = (x * (SIZE[1] - SIZE[0]) / 2, y * (SIZE[0] - SIZE[1]) / 2)
    turn = cv2.getRotationMatrix2D((0, 0), degrees, 1.0)[:, :2]
    assert moved - centre == pytest.approx(scale * (turn @ shift)[None], abs=1e-6)


def test_affine_rotates_counter_clockwise() -> None:
    step = RandomAffine()
    moved = step.points(np.float64([[40, 20]]), (40, 40), AffineRoll(False, 90, (0, 0), (1, 1)))
    assert moved == pytest.approx(np.float64([[20, 0]]))


def test_affine_borders_and_padding() -> None:
    white = np.full((20, 20, 3), 255, np.uint8)
    shrink = AffineRoll(False, 0.0, (0.0, 0.0), (0.5, 0.5))
    assert RandomAffine().image(white, shrink)[0, 0].tolist() == [0, 0, 0]
    assert RandomAffine(border="replicate").image(white, shrink)[0, 0].tolist() == [255] * 3
    same = AffineRoll(False, 0.0, (0.0, 0.0), (1.0, 1.0))
    padded = RandomAffine(pad=3).image(white, same)
    assert padded.shape == (26, 26, 3)
    assert (padded[3:23, 3:23] == 255).all()


@given(degrees=ANGLES)
def test_box_encloses_the_mapped_mask(degrees: float) -> None:
    frame = frame_with_rectangle(20, 15, 12, 9)
    moved = RandomAffine()(frame, AffineRoll(False, degrees, (0.1, 0.0), (1.1, 0.9)))
    rows, columns = np.nonzero(moved.mask)
    x, y, width, height = moved.box
    assert x - 1 <= columns.min()
    assert columns.max() <= x + width + 1
    assert y - 1 <= rows.min()
    assert rows.max() <= y + height + 1


def test_to_tensor_is_the_stated_formula() -> None:
    mean, std = (10.0, 20.0, 30.0), (1.0, 2.0, 4.0)
    got = ToTensor(0.2, scale=2.0, mean=mean, std=std).image(IMAGE, 1.15)
    bright = np.clip(IMAGE.astype(np.float64) * 1.15, 0, 255)
    want = ((bright / 2.0 - mean) / std).transpose(2, 0, 1)
    assert got.dtype == torch.float32
    assert got.numpy() == pytest.approx(want, abs=1e-4)


def test_jointly_shares_one_roll_and_separately_does_not() -> None:
    compose = Compose(RandomAffine(max_rotation=20))
    frames = [frame_with_rectangle(20, 15, 12, 9)] * 3
    first, second, third = compose.jointly(frames, Generators.seeded(0))
    assert (first.image == second.image).all()
    assert (second.image == third.image).all()
    first, second, _ = compose.separately(frames, Generators.seeded(0))
    assert (first.image != second.image).any()


def test_probabilities_are_kept() -> None:
    random = Generators.seeded(3)
    assert np.mean([RandomGrey(0.05).roll(random) for _ in range(4000)]) == pytest.approx(
        0.05, abs=0.012
    )
    assert not any(RandomFlip(0.0).roll(random) for _ in range(100))


def test_samples_differ_by_every_part_of_their_key() -> None:
    keys = [SampleKey(*key) for key in ((0, 1, 2), (0, 1, 3), (0, 2, 2), (1, 1, 2))]
    draws = {Generators.of_sample(key).python.random() for key in keys}
    assert len(draws) == 4
    first, again = (Generators.of_sample(keys[0]) for _ in range(2))
    assert first.numpy.uniform() == again.numpy.uniform()
    assert torch.equal(torch.rand(3, generator=first.torch), torch.rand(3, generator=again.torch))
