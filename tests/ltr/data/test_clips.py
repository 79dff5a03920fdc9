"""Frames of a clip, and clips as samples."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ltr.admin.errors import DataError
from ltr.data.clips import ClipSampler, choose_frames
from ltr.data.image_format import IMAGENET_RGB
from ltr.data.image_io import write_image
from ltr.data.randomness import SampleKey
from ltr.data.two_views import TwoViews
from ltr.dataset.unlabelled import open_unlabelled


@given(st.integers(5, 200), st.integers(2, 5), st.integers(1, 12), st.integers(0, 99))
def test_frames_are_evenly_spaced_and_shuffled(length, count, gap, seed):
    frames = choose_frames(length, count, gap, random.Random(seed))
    steps = set(np.diff(sorted(frames)).tolist())
    assert steps == {min(length, gap * count) // count}
    assert 0 <= min(frames) <= max(frames) < length


def test_every_frame_can_be_the_first_one():
    firsts = {choose_frames(6, 3, 2, random.Random(seed))[0] for seed in range(99)}
    assert firsts == set(range(6))


@given(st.integers(1, 200), st.integers(0, 99))
def test_kept_order_ascends_and_repeats_where_frames_are_missing(length, seed):
    frames = choose_frames(length, 5, 10, random.Random(seed), keep_order=True)
    assert len(frames) == 5
    assert frames == sorted(frames)
    assert 0 <= frames[0] <= frames[-1] < length


def test_a_short_video_is_refused():
    with pytest.raises(DataError, match="has 4 frames, a clip needs 5"):
        choose_frames(4, 5, 1, random.Random(0))


@pytest.fixture
def sampler(tmp_path):
    for number, length in enumerate((6, 2, 6)):
        for time in range(length):
            image = np.full((70, 90, 3), 20 * number + time, np.uint8)
            write_image(tmp_path / f"video{number}" / f"{time}.png", image)
    videos = open_unlabelled(f"folder:{tmp_path}")
    return ClipSampler([videos], 2, TwoViews((64, 64), (64, 72)), video_len=3, frame_gap=2)


def test_a_sample_is_two_normalised_views(sampler):
    sample = sampler[SampleKey(0, 1, 0)]
    assert sample["main"].shape == sample["reg"].shape == (3, 3, 64, 64)
    assert sample["theta"].shape == (3, 2, 3)
    assert sample["source"].endswith("video0")
    grey = torch.arange(6).float().view(6, 1, 1, 1).expand(6, 3, 1, 1)
    known = IMAGENET_RGB.normalise(grey)[:, :, 0, 0]
    for frame in sample["main"].mean(dim=(2, 3)):
        assert (known - frame).abs().sum(dim=1).min() < 1e-5


def test_the_videos_take_turns_over_epochs_and_bad_ones_are_replaced(sampler):
    samples = [sampler[SampleKey(0, epoch, index)] for epoch in (1, 2, 3) for index in (0, 1)]
    names = [sample["source"][-6:] for sample in samples]
    assert [names[0], names[2], names[3], names[5]] == ["video0", "video2", "video0", "video2"]
    assert names[1] != "video1"
    assert "video1: the video has 2 frames" in samples[1]["failures"]


def test_equal_keys_give_equal_samples(sampler):
    first, second = sampler[SampleKey(3, 2, 1)], sampler[SampleKey(3, 2, 1)]
    assert torch.equal(first["main"], second["main"])
    assert torch.equal(first["reg"], second["reg"])
