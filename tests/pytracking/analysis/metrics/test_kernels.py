"""The parts of the frame scores: joint histogram, packed masks, statistics, matching."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation

from ltr.data.mask_metrics import bitmask
from ltr.data.mask_metrics.bitmask import count_bits, dilate, pack_labels
from ltr.data.mask_metrics.boundary import tolerance_radius
from ltr.data.mask_metrics.region import joint_histogram
from pytracking.analysis.metrics.matching import match_proposals
from pytracking.analysis.metrics.statistics import mean_of, summarise
from tests.pytracking.analysis.plain_scores import label_map_pairs


def _unpack(words: np.ndarray, width: int) -> np.ndarray:
    return np.unpackbits(words.view(np.uint8), axis=-1, bitorder="little")[..., :width] > 0


@settings(max_examples=60, deadline=None)
@given(label_map_pairs(most_labels=2), st.integers(0, 12))
def test_dilation_is_that_of_a_disk(maps, radius):
    width = maps[0].shape[1]
    packed = pack_labels(maps, (1, 2))
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    disk = x * x + y * y <= radius * radius
    for found, labels, label in zip(
        _unpack(dilate(packed, radius), width), maps, (1, 2), strict=True
    ):
        assert (found == binary_dilation(labels == label, disk)).all()


@pytest.mark.parametrize("has_numpy_2", [True, False])
def test_bits_are_counted_with_every_numpy(monkeypatch, has_numpy_2):
    if not hasattr(np, "bitwise_count"):
        pytest.skip("NumPy 1")
    monkeypatch.setattr(bitmask, "_HAS_BITWISE_COUNT", has_numpy_2)
    labels = np.random.default_rng(0).integers(0, 3, (33, 70)).astype(np.uint8)
    counts = count_bits(pack_labels([labels, labels], (1, 2)))
    assert counts.tolist() == [(labels == 1).sum(), (labels == 2).sum()]


@pytest.mark.parametrize("most", [1, 3, 20, 255])
@pytest.mark.parametrize("size", [(1, 1), (7, 5), (60, 80)])
def test_joint_histogram_counts_every_pixel_once(most, size):
    generator = np.random.default_rng(most)
    truth, prediction = (generator.integers(0, most + 1, size).astype(np.uint8) for _ in range(2))
    histogram = joint_histogram(truth, prediction)
    assert histogram.sum() == truth.size
    for wanted, found in {(0, 0), (most, most), (int(truth[0, 0]), int(prediction[0, 0]))}:
        if wanted < histogram.shape[0] and found < histogram.shape[1]:
            assert histogram[wanted, found] == ((truth == wanted) & (prediction == found)).sum()


def test_joint_histogram_of_nothing():
    assert joint_histogram(np.zeros((0, 0), np.uint8), np.zeros((0, 0), np.uint8)).tolist() == [[0]]


def test_radius_is_rounded_up():
    assert tolerance_radius((480, 910)) == 9
    assert tolerance_radius((75, 100)) == 1, "0.008 * 125 is 1 exactly"
    assert tolerance_radius((1080, 1920)) == 18


def test_a_value_of_one_half_is_no_success():
    assert summarise(np.array([0.5, 0.5000001])).recall == 0.5


def test_frames_without_score_are_removed_first():
    values = np.array([np.nan, 0.9, 0.8, np.nan, 0.1, np.nan])
    assert summarise(values) == summarise(values[~np.isnan(values)])
    assert np.isnan(summarise(np.full(3, np.nan))).all()


@pytest.mark.parametrize("count", [255, 256, 257, 300, 1025])
def test_decay_of_long_videos(count):
    """Eight bits would overflow here."""
    values = np.linspace(1.0, 0.0, count)
    assert summarise(values).decay == pytest.approx(0.75, abs=0.01)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=60))
def test_statistics_are_bounded(values):
    mean, recall, decay, _ = summarise(np.array(values))
    assert 0 <= mean <= 1 + 1e-12
    assert 0 <= recall <= 1
    assert -1 - 1e-12 <= decay <= 1 + 1e-12


def test_objects_without_frames_do_not_count():
    nothing, one = summarise(np.array([np.nan])), summarise(np.array([0.5, 1.0]))
    assert mean_of([nothing, one]) == one
    assert np.isnan(mean_of([]).mean)


def test_matching_maximises_the_sum():
    quality = np.array([[0.9, 0.8], [0.85, 0.1], [0.0, 0.0]])
    proposals, objects = match_proposals(quality)
    assert (proposals.tolist(), objects.tolist()) == ([0, 1], [1, 0])
