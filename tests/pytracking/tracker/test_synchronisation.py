"""Inside a tracked frame nothing waits for a GPU but the reading of the result."""

from __future__ import annotations

import pytest
import torch

from pytracking.tracker.base import FrameInfo, OnlineTracker
from tests import small_dense_ulearn, small_joint
from tests.synchronisation import counted_synchronisations


@pytest.mark.parametrize(
    ("tracker", "reads"),
    [
        # JOINT reads positions and sizes, which decide where the next crop lies, and the labels.
        (small_joint.small_tracker(), 2),
        (small_dense_ulearn.small_tracker(), 1),
    ],
    ids=["joint", "dense_ulearn"],
)
def test_a_frame_reads_its_result_and_nothing_else(tracker: OnlineTracker, reads: int):
    frames, labels = small_joint.small_clip(7)
    tracker.initialize(frames[0], FrameInfo((1, 5), labels))
    for frame in frames[1:]:
        with counted_synchronisations() as found:
            tracker.track(frame)
        assert dict(found) == {"cpu": reads, "numpy": reads}


def test_everything_that_waits_is_counted():
    values = torch.arange(5.0)
    with counted_synchronisations() as found:
        values[values > 2]
        values.nonzero()
        values.unique()
        values[0].item()
        bool(values[0] > 3)
        values.cpu().tolist()
    assert dict(found) == {
        "boolean index": 1, "nonzero": 1, "unique": 1, "item": 2, "cpu": 1, "tolist": 1,
    }  # fmt: skip
