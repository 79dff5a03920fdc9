import math

import numpy as np
import pytest

from benchmarks.synthetic_sentences import standard_error


def test_single_sentences_have_the_binomial_error():
    hits = np.array([1.0] * 75 + [0.0] * 25)
    error = standard_error(hits, np.arange(100))
    assert error == pytest.approx(math.sqrt(0.75 * 0.25 / 99))


def test_sentences_of_a_clip_that_agree_count_once():
    hits = np.array([1.0] * 75 + [0.0] * 25)
    alone = standard_error(hits, np.arange(100))
    assert standard_error(np.repeat(hits, 3), np.repeat(np.arange(100), 3)) == pytest.approx(alone)


def test_clips_of_other_lengths_against_drawing_them_again():
    rng = np.random.default_rng(0)
    lengths = rng.integers(1, 7, 200)
    clips = np.repeat(np.arange(200), lengths)
    easy = np.repeat(rng.random(200), lengths)
    hits = (rng.random(len(clips)) < easy).astype(float)
    sums, counts = np.bincount(clips, hits), np.bincount(clips)
    draws = rng.integers(0, 200, (20000, 200))
    means = sums[draws].sum(1) / counts[draws].sum(1)
    assert standard_error(hits, clips) == pytest.approx(means.std(), rel=0.03)


def test_one_clip_has_no_error():
    assert math.isnan(standard_error(np.ones(3), np.zeros(3)))
