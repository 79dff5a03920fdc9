"""The segmenter around a network whose answers are known, and around a small real one."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from torch import nn

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_format import IMAGENET_RGB
from ltr.data.referring.batches import ClipBatch, SentenceBatch
from ltr.data.rle import decode
from ltr.models.referring.outputs import Predictions
from ltr.models.referring.text_encoder import tokenise
from pytracking.tracker.base import Runtime
from pytracking.tracker.referring.parameters import ReferringParameters
from pytracking.tracker.referring.prompts import TargetPrompt, VideoPrompt
from pytracking.tracker.referring.referring import ReferringTracker
from pytracking.tracker.whole_video import TextPrompt
from tests.small_referring import SENTENCES, small_network, small_tokenizer

SIZE = (32, 48)
PARAMS = ReferringParameters(net="", short_side=64, window=4)


class RedFinder(nn.Module):
    """Slot 1 is what is red in the frame; with tracking images, near what is red in these.

    It is surer of a frame the more red there is, and calls are noted.
    """

    chunk_frames = 8
    is_prepared = False

    def __init__(self) -> None:
        super().__init__()
        self.text_encoder = nn.Module()
        self.text_encoder.config = type(
            "Config", (), {"vocab_size": 300, "max_position_embeddings": 20, "pad_token_id": 1}
        )
        self.calls: list[tuple[int, int | None]] = []
        self.encoded = 0

    def extract_features(self, clips: ClipBatch) -> ClipBatch:
        return clips

    def encode_sentences(self, sentences: SentenceBatch) -> SentenceBatch:
        self.encoded += 1
        return sentences

    def forward(
        self, clips, sentences, previous=None, target_frames=None, best_only=False
    ) -> Predictions:
        red = self.red(clips.frames)
        seen = None
        if previous is not None:
            seen = int(self.red(previous.frames).sum())
            reach = nn.functional.max_pool2d(self.red(previous.frames).float(), 33, 1, 16) > 0
            red = red & reach
        self.calls.append((clips.frames.shape[1], seen))
        if target_frames is not None:
            red = red[:, target_frames]
        masks = torch.where(red[:, :, 2::4, 2::4], 6.0, -6.0)
        share = masks.gt(0).float().mean(dim=(2, 3))
        logits = torch.stack([-4.0 + 0 * share, 8 * share], dim=-1)[..., None]
        both = torch.stack([-masks, masks], dim=2)
        found = (logits, torch.zeros(*logits.shape[:3], 4), both, both[..., 0, :2])
        return Predictions(*(value[:, :, 1:] if best_only else value for value in found))

    @staticmethod
    def red(frames: torch.Tensor) -> torch.Tensor:
        mean, std = torch.tensor(IMAGENET_RGB.mean), torch.tensor(IMAGENET_RGB.std)
        pixels = frames * std.view(3, 1, 1) + mean.view(3, 1, 1)
        return (pixels[:, :, 0] > 0.5) & (pixels[:, :, 1] < 0.5)


def read_text(texts: list[str]) -> SentenceBatch:
    ids = torch.tensor([[0, *map(len, texts[0].split()), 2]])
    return SentenceBatch(ids, torch.ones_like(ids))


def clip(count: int = 6, gone: tuple[int, ...] = ()) -> list[np.ndarray]:
    """A red square that grows and moves right; a second one far away, from frame 4 on."""
    frames = []
    for number in range(count):
        image = np.full((*SIZE, 3), 200, np.uint8)
        if number not in gone:
            image[4 : 12 + 2 * number, 2 + 2 * number : 14 + 2 * number] = (220, 20, 20)
        if number >= 4:
            image[2:10, 40:48] = (220, 20, 20)
        frames.append(image)
    return frames


def segmenter(**changes: object) -> tuple[ReferringTracker, RedFinder]:
    network = RedFinder()
    params = replace(PARAMS, **changes)
    return ReferringTracker(params, network, read_text, Runtime()), network


def test_without_tracking_every_window_is_looked_at_once():
    tracker, network = segmenter(tracking=False)
    (track,) = tracker.segment(clip(), TextPrompt(("red",)))
    assert network.calls == [(4, None), (2, None)]
    assert track.key_frame is None
    mask = decode(track.masks[5])
    assert mask[:, 40:].any()  # the far square is red too


def test_tracking_starts_from_the_surest_frame_and_goes_outward():
    frames, counts = clip(), []
    tracker, network = segmenter(window=36)
    (track,) = tracker.segment(frames, TextPrompt(("red",)), counts.append)
    assert track.key_frame == 5
    assert [length for length, _ in network.calls] == [6, 1, 1, 1, 1, 1]
    first, *steps = [seen for _, seen in network.calls]
    assert first > 0  # the frames themselves, nothing blackened
    assert steps == sorted(steps, reverse=True)
    assert sum(counts) == len(frames)


def test_tracking_forgets_what_is_far_from_the_last_mask():
    tracker, _ = segmenter(key_criterion="first")
    (track,) = tracker.segment(clip(), TextPrompt(("red",)))
    assert track.key_frame == 0
    for number in range(6):
        mask = decode(track.masks[number])
        wanted = np.zeros(SIZE, bool)
        wanted[4 : 12 + 2 * number, 2 + 2 * number : 14 + 2 * number] = True
        overlap = (mask & wanted).sum() / (mask | wanted).sum()
        assert overlap > 0.6, number
        assert not mask[:, 40:].any()


def test_a_clip_whose_masks_would_be_too_large_is_refused_at_once():
    tracker, network = segmenter(tracking=False, max_memory=1)
    max_size = (1 << 20) // (16 * 24 * 4)
    prompt = TextPrompt(("red", "red"))
    (image,) = clip(1)
    with pytest.raises(DataError, match="342 frames and 2 sentences take 1 MiB"):
        tracker.segment([image] * (max_size // 2 + 1), prompt)
    assert not network.calls
    tracks = tracker.segment([image] * (max_size // 2), prompt)
    kept = sum(track.mask_logits.nbytes for track in tracks)
    assert (1 << 20) - 2 * 16 * 24 * 4 < kept <= 1 << 20


@pytest.mark.parametrize(("on_empty", "found"), [("black", False), ("keep", True)])
def test_an_empty_mask_stops_tracking_or_does_not(on_empty, found):
    tracker, _ = segmenter(key_criterion="first", on_empty=on_empty)
    (track,) = tracker.segment(clip(4, gone=(1,)), TextPrompt(("red",)))
    assert track.masks[1] is None
    assert [mask is not None for mask in track.masks] == [True, False, found, found]


def test_given_key_frames_win_and_are_checked():
    keys = {"bear": {"1": 3}}
    tracker = ReferringTracker(PARAMS, RedFinder(), read_text, Runtime(), key_frames=keys)
    prompt = VideoPrompt(("red", "red"), "bear", ("0", "1"), ())
    tracks = tracker.segment(clip(), prompt)
    assert [track.key_frame for track in tracks] == [5, 3]
    with pytest.raises(DataError, match="the key frame of bear, sentence 1, is 3"):
        tracker.segment(clip(3), prompt)


def test_a_network_of_its_own_for_the_first_pass():
    first, second = RedFinder(), RedFinder()
    tracker = ReferringTracker(PARAMS, second, read_text, Runtime(), first)
    tracker.segment(clip(), TextPrompt(("red",)))
    assert [seen for _, seen in first.calls] == [None, None]
    assert len(second.calls) == 5


@pytest.mark.parametrize("tracking", [False, True])
def test_every_sentence_is_encoded_once(tracking):
    tracker, network = segmenter(tracking=tracking, rounds=2)
    tracker.segment(clip(), TextPrompt(("red", "the red square")))
    assert network.encoded == 2


def test_rounds_choose_the_key_frame_again():
    tracker, network = segmenter(rounds=2, window=36)
    tracker.segment(clip(), TextPrompt(("red",)))
    assert len(network.calls) == 1 + 2 * 5


@pytest.mark.parametrize(("tracking", "calls"), [(False, 1), (True, 2)])
def test_all_slots_of_a_target_frame(tracking, calls):
    tracker, network = segmenter(tracking=tracking)
    (track,) = tracker.segment(clip(5), TargetPrompt(("red",), 3))
    assert track.candidates.masks.shape == (2, *SIZE)
    assert track.candidates.scores.argmax() == 1
    assert (track.candidates.masks[0] == ~track.candidates.masks[1]).float().mean() > 0.99
    assert len(network.calls) == calls
    assert [place for place, mask in enumerate(track.masks) if mask is not None] == [3]


def test_sentences_are_checked():
    tracker, _ = segmenter()
    for text, message in (
        (" ", "a sentence is empty"),
        ("a " * 30, "has 32 word pieces, the network reads 18"),
        ("x" * 400, "belongs to another network"),
    ):
        with pytest.raises(DataError, match=message):
            tracker.segment(clip(2), TextPrompt((text,)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"window": 0}, "window must be >= 1"),
        ({"short_side": 8}, "short_side must be"),
        ({"threshold": 1.0}, "threshold must be > 0 and < 1"),
    ],
)
def test_wrong_parameters(changes, message):
    with pytest.raises(ConfigError, match=message):
        replace(PARAMS, **changes)


def test_the_real_network_runs_and_repeats_itself(tmp_path):
    reader = partial(tokenise, small_tokenizer(tmp_path))
    tracker = ReferringTracker(PARAMS, small_network(), reader, Runtime())
    prompt = TextPrompt(SENTENCES[:2])
    first, again = (tracker.segment(clip(3), prompt) for _ in range(2))
    assert len(first) == 2
    assert first[0].mask_logits.shape == (3, 16, 24)
    for one, other in zip(first, again, strict=True):
        assert torch.equal(one.mask_logits, other.mask_logits)
    assert not torch.equal(first[0].mask_logits, first[1].mask_logits)
    assert not torch.equal(first[0].mask_logits[0], first[0].mask_logits[2])
