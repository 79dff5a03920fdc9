"""Drawn instances: where the picture changes, and what is written."""

from __future__ import annotations

import numpy as np
import pytest

from ltr.data.rle import encode
from pytracking.evaluation.outputs.instance_drawing import describe, draw_instances
from pytracking.tracker.whole_video import InstanceTrack

_NAMES = {1: "giant_panda"}


def _track(shape: tuple[int, int], rows: slice, columns: slice, category: int) -> InstanceTrack:
    mask = np.zeros(shape, bool)
    mask[rows, columns] = True
    return InstanceTrack((None, encode(mask)), 0.874, category)


def test_an_absent_instance_leaves_the_picture_as_it_is():
    image = np.full((60, 160, 3), 90, np.uint8)
    track = _track((60, 160), slice(30, 50), slice(20, 60), 1)
    np.testing.assert_array_equal(draw_instances(image, [track], 0, _NAMES), image)


def test_an_instance_is_tinted_boxed_and_named():
    image = np.full((60, 160, 3), 90, np.uint8)
    track = _track((60, 160), slice(30, 50), slice(20, 60), 1)
    picture = draw_instances(image, [track], 1, _NAMES)
    changed = (picture != image).any(axis=2)
    assert changed[30:50, 20:60].all()
    assert not changed[52:].any()
    assert not changed[:, 152:].any()
    text = picture[10:30, 20:150]
    assert (text == 255).any()
    assert (image == 90).all()


@pytest.mark.parametrize("shape", [(8, 12), (60, 40)])
def test_names_do_not_fit_into_small_pictures(shape):
    image = np.zeros((*shape, 3), np.uint8)
    track = _track(shape, slice(0, shape[0]), slice(0, shape[1]), 1)
    assert draw_instances(image, [track], 1, _NAMES).shape == image.shape


def test_words():
    assert describe(_track((4, 4), slice(2), slice(2), 1), _NAMES) == "giant_panda:0.87"
    assert describe(_track((4, 4), slice(2), slice(2), 7), _NAMES) == "7:0.87"
    assert describe(InstanceTrack((None,), 0.5), _NAMES) == "0.50"
