from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytracking.utils.overlay import bright_palette, draw_result, inner_border, overlay
from tests.shared_material import golden


def test_overlay_equals_the_reference():
    folder = golden("framework")
    entry = json.loads((folder / "manifest.json").read_text())["cases"]["palette"]
    arrays = np.load(folder / "palette.npz")
    drawn = overlay(arrays["image"], arrays["labels"], alpha=entry["alpha"])
    np.testing.assert_array_equal(drawn[::4, ::4], arrays["overlay"])


@given(st.integers(1, 255), st.sampled_from([0.0, 0.25, 0.5, 1.0]))
def test_only_objects_are_tinted(label, alpha):
    image = np.random.default_rng(label).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    labels = np.zeros((7, 9), np.uint8)
    labels[2:5, 3:6] = label
    colours = bright_palette()
    drawn = overlay(image, labels, alpha, colours)
    np.testing.assert_array_equal(drawn[labels == 0], image[labels == 0])
    expected = image[labels > 0].astype(float) * alpha + colours[label] * (1 - alpha)
    assert np.abs(drawn[labels > 0] - expected).max() < 1


def test_the_picture_itself_stays():
    image = np.zeros((4, 4, 3), np.uint8)
    overlay(image, np.ones((4, 4), np.uint8))
    assert not image.any()


def test_border_lies_inside_and_between_touching_objects():
    labels = np.zeros((9, 12), np.uint8)
    labels[2:7, 2:6], labels[2:7, 6:10] = 1, 2
    border = inner_border(labels, 1)
    assert not border[labels == 0].any()
    assert border[4].tolist() == [False] * 2 + [True, False, False, True] * 2 + [False] * 2


def test_border_leaves_the_frame_edge_open():
    assert not inner_border(np.ones((5, 5), np.uint8), 1).any()


def test_sizes_must_agree():
    with pytest.raises(ValueError, match=r"labels \(3, 4\) do not fit the image \(4, 3\)"):
        overlay(np.zeros((4, 3, 3), np.uint8), np.zeros((3, 4), np.uint8))


def test_colours_are_bright_and_differ():
    colours = bright_palette()[1:].astype(int)
    luminance = colours @ [0.299, 0.587, 0.114]
    assert luminance.min() > 80
    first = colours[:20]
    apart = np.abs(first[:, None] - first[None]).sum(axis=2) + 1000 * np.eye(20)
    assert apart.min() >= 40


def test_outline_is_full_colour_on_every_size():
    for height, width in ((2, 3), (120, 160), (720, 1280)):
        labels = np.zeros((height, width), np.uint8)
        labels[: height // 2] = 3
        drawn = draw_result(np.full((height, width, 3), 90, np.uint8), labels)
        np.testing.assert_array_equal(drawn[height // 2 - 1, 0], bright_palette()[3])
