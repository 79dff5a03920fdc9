"""Clips with a sentence: geometry, colours, frames and tracking images."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from ltr.admin.errors import ConfigError
from ltr.data.randomness import Generators
from ltr.data.referring.augmentation import ClipAugmentation, distort_colours
from ltr.data.referring.clip import (
    Clip,
    check,
    crop,
    cut_out,
    fit_size,
    mirror,
    nearest_places,
    relative_boxes,
    resize,
)
from ltr.data.referring.frames import choose_frames, tracking_neighbour
from ltr.data.referring.pseudo_clips import (
    change_colours,
    motion_kernel,
    pseudo_clip,
    zoom_into_quadrilateral,
)
from ltr.data.referring.sentences import clean_sentence, swap_sides

SIDES = st.integers(20, 2000)


def drawn_clip(size: tuple[int, int] = (40, 60)) -> Clip:
    """Two frames with an object, a third one without."""
    images = np.random.default_rng(0).integers(0, 256, (3, *size, 3), dtype=np.uint8)
    masks = np.zeros((3, *size), bool)
    masks[0, 5:15, 10:30] = True
    masks[1, 20:21, 7:8] = True
    return Clip.of_masks(images, masks, "the left square")


def test_boxes_hold_the_first_and_last_pixel():
    clip = drawn_clip()
    assert clip.boxes.tolist() == [[10, 5, 29, 14], [7, 20, 7, 20], [0, 0, 0, 0]]
    assert clip.valid.tolist() == [True, True, False]


def test_mirroring_twice_gives_the_same_pixels_and_words():
    clip = drawn_clip()
    once = mirror(clip)
    assert once.sentence == "the right square"
    assert once.boxes[0].tolist() == [31, 5, 50, 14]
    assert (once.masks[0].nonzero()[1].min(), once.masks[0].nonzero()[1].max()) == (30, 49)
    twice = mirror(once)
    assert twice.sentence == clip.sentence
    assert np.array_equal(twice.images, clip.images)
    assert np.array_equal(twice.masks, clip.masks)


@given(SIDES, SIDES, st.integers(16, 600), st.integers(32, 800))
def test_fitting_keeps_the_shape_and_the_limits(height, width, short, longest):
    found = fit_size((height, width), short, longest)
    ratio = max(height, width) / min(height, width)
    assert max(found) <= max(longest, short) + ratio / 2  # the shorter side is rounded
    assert abs(max(found) - min(found) * ratio) <= 1
    assert (found[0] <= found[1]) == (height <= width) or found[0] == found[1]


def test_resized_masks_take_the_nearest_pixel_rounded_down():
    clip = resize(drawn_clip(), (20, 30))
    assert np.array_equal(clip.masks[0], drawn_clip().masks[0][::2, ::2])
    assert clip.boxes[0].tolist() == [5, 2.5, 14.5, 7]
    assert clip.images.shape == (3, 20, 30, 3)


def test_crop_cuts_boxes_and_check_drops_those_without_extent():
    clip = check(crop(drawn_clip(), 10, 20, 8, 40))
    assert clip.boxes.tolist() == [[0, 0, 9, 4], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert clip.valid.tolist() == [True, False, False]
    assert clip.masks[0].sum() == 5 * 10


def test_relative_boxes_are_centres_and_extents():
    boxes = relative_boxes(drawn_clip((50, 100)))
    assert boxes[0] == pytest.approx([0.195, 0.19, 0.19, 0.18])
    assert boxes.dtype == np.float32


def test_cut_out_is_black_outside():
    clip = drawn_clip()
    image = cut_out(clip.images[0], clip.masks[0])
    assert np.array_equal(image[clip.masks[0]], clip.images[0][clip.masks[0]])
    assert not image[~clip.masks[0]].any()


@given(st.integers(1, 40), st.data(), st.sampled_from([1, 3, 5, 8]), st.integers(0, 1000))
def test_chosen_frames_hold_the_centre_and_neighbours(length, data, count, seed):
    centre = data.draw(st.integers(0, length - 1))
    frames = choose_frames(length, centre, count, random.Random(seed))
    assert len(frames) == count
    assert frames == sorted(frames)
    assert set(frames) <= set(range(length))
    assert centre in frames
    if count > 1:
        assert any(abs(frame - centre) <= 3 for frame in frames if frame != centre) or length == 1


def test_no_clip_has_two_frames():
    with pytest.raises(ConfigError, match="at least three"):
        choose_frames(9, 4, 2, random.Random(0))


@given(st.integers(2, 50), st.data())
def test_tracking_neighbours_are_beside_their_frame(length, data):
    frame = data.draw(st.integers(0, length - 1))
    other = tracking_neighbour(frame, length)
    assert 0 <= other < length
    assert abs(other - frame) == 1
    assert tracking_neighbour(0, 1) == -1


def test_augmentation_limits_sizes_and_is_a_function_of_its_seed():
    augment = ClipAugmentation(
        short_sides=(32, 48), max_size=64, cropped_short_sides=(32,), cropped_max_size=50,
        short_sides_before_crop=(40,), crop_range=(20, 36),
    )  # fmt: skip
    shapes = set()
    for seed in range(12):
        first, again = (augment(drawn_clip(), Generators.seeded(seed)) for _ in range(2))
        assert np.array_equal(first.images, again.images)
        assert first.images.shape[:3] == first.masks.shape
        assert max(first.size) <= 64
        inside = first.boxes[:, 2:] <= np.float32(first.size[::-1])
        assert inside.all()
        shapes.add(first.size)
    assert len(shapes) > 3


def test_colours_change_with_the_frame_but_not_the_geometry():
    grey = np.full((8, 8, 3), 100, np.uint8)
    results = {distort_colours(grey, Generators.seeded(seed)).tobytes() for seed in range(20)}
    assert len(results) > 10
    for seed in range(20):
        image = distort_colours(grey, Generators.seeded(seed))
        assert (image == image[0, 0]).all()


def test_pseudo_clips_move_the_mask_with_the_object():
    size = (60, 80)
    mask = np.zeros((1, *size), bool)
    mask[0, 20:40, 30:55] = True
    image = np.where(mask[..., None], 255, 0).astype(np.uint8).repeat(3, axis=-1)
    overlaps = []
    for seed in range(30):
        clip = pseudo_clip(Clip.of_masks(list(image), mask, "a"), 4, Generators.seeded(seed))
        assert clip.masks.shape == (4, *size)
        is_copy = [not np.array_equal(own, mask[0]) for own in clip.masks]
        assert sum(is_copy) == 3
        for picture, own in zip(clip.images[is_copy], clip.masks[is_copy], strict=True):
            bright = picture.max(axis=-1) > 128
            overlaps.append((bright & own).sum() / (bright | own).sum())
    # Images and masks are resampled by other rules, twice, and motion blurs one image in four.
    assert min(overlaps) > 0.75
    assert np.median(overlaps) > 0.9


def test_copies_change_brightness_or_hue_or_both():
    """Half of them both; value changes by brightness alone, up to 40; hue by 3 of 180."""
    image = np.full((2, 2, 3), (100, 150, 120), np.uint8)
    counts = {"brightness": 0, "hue": 0, "both or nothing": 0}
    for seed in range(400):
        found = change_colours(image, Generators.seeded(seed))[0, 0].astype(int)
        offsets = found - (100, 150, 120)
        assert np.abs(offsets).max() <= 45
        if offsets[0] == offsets[1] == offsets[2] != 0:
            counts["brightness"] += 1
        elif offsets[1] == 0 and offsets.any():  # the largest channel is the value
            counts["hue"] += 1
        else:
            counts["both or nothing"] += 1
    assert 60 < counts["brightness"] < 160
    assert 60 < counts["hue"] < 130
    assert counts["both or nothing"] > 150


def test_perspective_only_zooms_in():
    """The corners move inwards, so a bright frame stays bright everywhere and sizes only grow."""
    image = np.full((40, 60, 3), 200, np.uint8)
    mask = np.zeros((40, 60), np.uint8)
    mask[15:25, 20:40] = 1
    for seed in range(30):
        random = Generators.seeded(seed)
        zoomed, moved = zoom_into_quadrilateral(image, mask, random)
        assert zoomed[1:-1, 1:-1].min() > 190
        assert moved.sum() >= 0.95 * mask.sum()


def test_motion_kernels_are_ramps():
    kernel = motion_kernel(9, 0.0, 0.0)
    assert kernel.sum() == pytest.approx(1.0)
    assert (kernel[:, 4] > 0).sum() == 8  # from nothing to all
    assert (np.diff(kernel[:, 4]) > 0).all()
    assert kernel.sum(axis=0)[4] == pytest.approx(1.0)
    turned = motion_kernel(9, 0.5, 90.0)
    assert turned.sum(axis=1)[4] == pytest.approx(1.0)


def test_nearest_places_round_as_pytorch_does():
    """In three of these sizes some rows differ from the exact quotient."""
    for side, new_side, rows in (
        (720, 448, [308]),
        (240, 324, [81, 162]),
        (240, 380, [95, 171, 190, 323, 342, 361]),
        (480, 288, []),
    ):
        found = nearest_places(side, new_side)
        places = torch.arange(side, dtype=torch.float32)[None, None, :, None]
        wanted = F.interpolate(places, size=(new_side, 1)).flatten().numpy()
        assert np.array_equal(found, wanted)
        assert np.flatnonzero(found != np.arange(new_side) * side // new_side).tolist() == rows


def test_sentences():
    assert clean_sentence(" A\tDog ") == "a dog"
    assert swap_sides(swap_sides("leftmost, right")) == "leftmost, right"
