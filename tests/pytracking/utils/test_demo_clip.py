from __future__ import annotations

import numpy as np
import pytest

from pytracking.utils.demo_clip import SIZE, demo_clip


@pytest.fixture(scope="module")
def clip():
    return list(demo_clip(12))


def test_frames_and_truth_have_the_stated_form(clip):
    assert len(clip) == 12
    for image, labels in clip:
        assert (image.dtype, image.shape) == (np.uint8, (SIZE[1], SIZE[0], 3))
        assert (labels.dtype, labels.shape) == (np.uint8, (SIZE[1], SIZE[0]))
        assert set(np.unique(labels)) <= {0, 1, 2, 3}


def test_every_object_is_there_at_both_ends(clip):
    for frame in (clip[0], clip[-1]):
        assert min(np.count_nonzero(frame.labels == label) for label in (1, 2, 3)) > 4000


def test_objects_move_grow_and_hide_each_other(clip):
    areas = np.array([[np.count_nonzero(f.labels == label) for f in clip] for label in (1, 2, 3)])
    cat = areas[1]
    assert cat.max() > 1.5 * cat[0]
    assert areas[2].min() < 0.3 * areas[2].max(), "the cup passes behind the astronaut"
    first, last = ((frame.labels == 2).nonzero()[1].mean() for frame in (clip[0], clip[-1]))
    assert last - first > SIZE[0] / 2


def test_background_moves_too(clip):
    is_sky = (clip[0].labels == 0) & (clip[-1].labels == 0)
    difference = clip[0].image.astype(int) - clip[-1].image
    assert np.abs(difference[is_sky]).mean() > 10


def test_masks_follow_the_pictures(clip):
    """The cat's colours lie where its mask is: warmer than the blue sky around it."""
    image, labels = clip[0]
    warmth = image[..., 0].astype(int) - image[..., 2]
    assert warmth[labels == 2].mean() - warmth[labels == 0].mean() > 60


def test_clip_is_the_same_every_time(clip):
    for first, second in zip(clip, demo_clip(12), strict=True):
        np.testing.assert_array_equal(first.image, second.image)
