"""How often every system waits for a GPU: mostly for results, and rounds and windows only once."""

from __future__ import annotations

import pytest
import torch

from ltr.data.referring.batches import SentenceBatch
from ltr.models.dense_ulearn import matching
from pytracking.tracker.base import FrameInfo, OnlineTracker, Runtime
from pytracking.tracker.referring.parameters import ReferringParameters
from pytracking.tracker.referring.referring import ReferringTracker
from pytracking.tracker.whole_video import TextPrompt
from tests import small_dense_ulearn, small_joint
from tests.small_hosts import FRAMES, HOSTS, OBJECTS, clip, first_lines
from tests.small_referring import small_network, small_sentences
from tests.small_segmenter import small_clip, small_segmenter
from tests.synchronisation import counted_synchronisations

IDS = 1 + OBJECTS


@pytest.mark.parametrize(
    ("tracker", "reads"),
    [
        # JOINT reads positions and sizes, which decide where the next crop lies, and the labels.
        (small_joint.small_tracker(), 2),
        (small_dense_ulearn.small_tracker(), 1),
    ],
    ids=["joint", "dense_ulearn"],
)
def test_a_frame_reads_its_result_and_nothing_else(
    tracker: OnlineTracker, reads: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(matching, "can_screen", lambda x: False)  # as on a GPU
    frames, labels = small_joint.small_clip(7)
    tracker.initialize(frames[0], FrameInfo((1, 5), labels))
    for frame in frames[1:]:
        with counted_synchronisations() as found:
            tracker.track(frame)
        assert dict(found) == {"cpu": reads}


@pytest.mark.parametrize(
    ("name", "counts"),
    [
        ("atnet", {"cpu": 1}),
        ("manet", {"cpu": 1, "boolean index": IDS}),  # which pixels the lines of an id mark
        ("ipn", {"cpu": 2}),  # the masks that lines are compared with, and the result
        # JOINT's three of a start and two of a frame, and the result.
        ("adapter", {"cpu": 3 + 2 * (FRAMES - 1) + 1}),
    ],
)
def test_a_round_of_a_host_reads_its_result_once(name, counts):
    host = HOSTS[name]()
    host.start(clip(), OBJECTS)
    for _ in range(2):
        with counted_synchronisations() as found:
            host.interact(0, first_lines())
        assert dict(found) == counts


def test_proposals_depend_on_values_and_a_propagated_step_waits_twice():
    frames, tracker = small_clip(8), small_segmenter()
    cache, levels, keys = tracker.open_cache(frames), 5, tracker.params.key_num
    with torch.inference_mode():
        with counted_synchronisations() as found:
            objects = tracker.find_key_frames(cache, len(frames), frames[0].shape[:2])
        assert len(objects) == keys
        # Suppression stops at a number of boxes that is known to the GPU alone: of every level,
        # then of every class that was found.
        assert levels * keys < found.pop("nms") <= (levels + tracker.network.num_classes) * keys
        # Boxes by level (twice), corners, overlaps; which boxes are sure, and their classes.
        assert dict(found) == {"tolist": 4 * keys, "nonzero": keys, "cpu": keys}
        with counted_synchronisations() as found:
            tracker.collect(cache, objects, len(frames))
    # Boxes by level; masks, and the classes of up to 64 boxes together.
    assert dict(found) == {"tolist": len(frames), "cpu": len(frames) + 1}


@pytest.mark.parametrize("texts", [("a",), ("a", "b")])
@pytest.mark.parametrize("tracking", [False, True])
def test_a_window_of_a_sentence_is_read_once_and_so_is_a_tracked_frame(tracking, texts):
    sentences = dict(zip("ab", small_sentences(2).ids.tolist(), strict=True))

    def read_text(texts):
        ids = torch.tensor([sentences[texts[0]]])
        return SentenceBatch(ids, torch.ones_like(ids))

    params = ReferringParameters(net="", short_side=64, window=3, tracking=tracking)
    tracker = ReferringTracker(params, small_network(), read_text, Runtime())
    frames = list(small_clip(6))
    with counted_synchronisations() as found:
        tracker.segment(frames, TextPrompt(texts))
    windows, tracked = 2, len(frames) - 1 if tracking else 0
    # The text encoder asks whether a sentence is padded.
    assert dict(found) == {"cpu": len(texts) * (windows + tracked), "item": len(texts)}


def test_everything_that_waits_is_counted():
    values, here = torch.arange(5.0), torch.device("cpu")
    for mode in (torch.no_grad, torch.inference_mode):
        with counted_synchronisations() as found, mode():
            values[values > 2]
            values.nonzero()
            values.unique()
            values[0].item()
            bool(values[0] > 3)
            read = values.cpu()
            read.tolist()  # was read
            read.to(here).sum().tolist()
            int(torch.tensor(3.0))  # never left the processor
            values.repeat_interleave(values.int())
        assert dict(found) == {
            "boolean index": 1, "nonzero": 1, "unique": 1, "item": 2, "cpu": 1, "tolist": 1,
            "repeat_interleave": 1,
        }  # fmt: skip
