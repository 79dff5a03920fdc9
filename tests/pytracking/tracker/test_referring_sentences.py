"""Several sentences about one clip share the backbone, and give what each gives alone."""

from __future__ import annotations

import numpy as np
import torch

from ltr.models.referring.referformer import ReferFormer
from pytracking.tracker.base import Runtime
from pytracking.tracker.referring.parameters import ReferringParameters
from pytracking.tracker.referring.referring import ReferringTracker
from pytracking.tracker.whole_video import TextPrompt
from tests.small_referring import small_network, small_sentences


def read_text(texts):
    """Word pieces by the first letter."""
    sentences = small_sentences(2)
    row = ord(texts[0][0]) % 2
    return type(sentences)(sentences.ids[row, None, :4], sentences.attention[row, None, :4])


def segmenter(network: ReferFormer) -> ReferringTracker:
    params = ReferringParameters(net="", short_side=64, window=3, chunk_frames=2)
    return ReferringTracker(params, network, read_text, Runtime())


def test_the_backbone_runs_once_a_window_and_the_tracks_stay_the_same():
    frames = list(np.random.default_rng(0).integers(0, 255, (5, 64, 96, 3), dtype=np.uint8))
    network, seen = small_network(), []
    network.body.register_forward_hook(lambda *args: seen.append(args[1][0].shape[0]))
    alone = [segmenter(network).segment(frames, TextPrompt((text,))) for text in ("a", "b")]
    seen.clear()
    both = segmenter(network).segment(frames, TextPrompt(("a", "b")))
    # Five frames for both sentences; tracking then looks at each of four frames and its image.
    assert sum(seen) == 5 + 2 * 4 * 2
    for found, (wanted,) in zip(both, alone, strict=True):
        assert torch.allclose(torch.tensor(found.frame_scores), torch.tensor(wanted.frame_scores))
        assert torch.allclose(found.mask_logits, wanted.mask_logits, rtol=1e-4, atol=1e-3)
        assert found.key_frame == wanted.key_frame
