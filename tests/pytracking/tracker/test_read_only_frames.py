"""Frames and masks of decoders often cannot be written, and nothing warns of it."""

from __future__ import annotations

import warnings

import pytest
import torch

from pytracking.tracker.base import FrameInfo
from tests import small_dense_ulearn, small_joint


@pytest.fixture
def all_warnings_are_errors():
    before = torch.is_warn_always_enabled()
    torch.set_warn_always(True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        yield
    torch.set_warn_always(before)


@pytest.mark.parametrize("make", [small_joint.small_tracker, small_dense_ulearn.small_tracker])
def test_frames_and_masks_may_be_read_only(make, all_warnings_are_errors):
    frames, labels = small_joint.small_clip(2)
    for array in (*frames, labels):
        array.setflags(write=False)
    tracker = make()
    tracker.initialize(frames[0], FrameInfo((1,), labels))
    output = tracker.track(frames[1], FrameInfo((5,), labels))
    assert list(output.boxes) == [1, 5]
