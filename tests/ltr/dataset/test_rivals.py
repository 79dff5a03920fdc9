"""Clips of objects with much in common, whose sentences share the backbone's features."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ltr.data.randomness import SampleKey
from ltr.data.referring.batches import SentenceBatch, pad_clips
from ltr.dataset.referring.rivals import RivalSamples, WordSamples, draw_rivals
from ltr.dataset.synthetic_shapes import as_stored, render_clip
from tests.small_referring import small_network, small_sentences


@pytest.fixture(scope="module")
def samples() -> list[dict]:
    data = RivalSamples(8, 6, 2)
    return [data[SampleKey(1, 1, place)] for place in range(2)]


def test_most_clips_show_objects_of_one_colour_or_shape() -> None:
    clips = [draw_rivals(seed)[0].objects for seed in range(24)]
    colours = [len({item.colour for item in objects}) for objects in clips]
    shapes = [len({item.shape for item in objects}) for objects in clips]
    assert colours.count(1) >= 3
    assert shapes.count(1) >= 3
    both = [pair for pair in zip(colours, shapes, strict=True) if pair == (2, 2)]
    assert len(both) >= 3  # each shares its colour with one and its shape with another


def test_every_object_has_a_sentence_and_is_in_every_wanted_frame(samples) -> None:
    for sample in samples:
        assert len(sample["sentence"]) == len(set(sample["sentence"])) == 3
        assert sample["clip"].shape == (6, 3, 64, 96)
        assert 0 <= sample["frames"].min() < sample["frames"].max() < 6
        masks = torch.stack([target.masks for target in sample["target"]])
        assert masks.shape == (3, 2, 64, 96)
        assert masks.flatten(2).any(-1).all()
        assert masks.sum(0).max() == 1  # no pixel shows two objects
        assert all(target.valid.all() for target in sample["target"])


def test_a_sample_is_a_function_of_its_key(samples) -> None:
    again = RivalSamples(8, 6, 2)[SampleKey(1, 1, 0)]
    assert again["clip"].equal(samples[0]["clip"])
    assert again["sentence"] == samples[0]["sentence"]
    assert not samples[1]["clip"].equal(samples[0]["clip"])


def test_shared_clips_give_what_each_pair_gives_alone(samples) -> None:
    """An image backbone sees the same frames either way."""
    network = small_network().eval()
    batch = RivalSamples.collate(samples)
    sentences = small_sentences(6)
    with torch.inference_mode():
        found = network(batch["clips"], sentences)
    assert found.masks.shape[:2] == (6, 2)
    assert [len(target.boxes) for target in batch["targets"]] == [2] * 6
    for pair in (0, 4):
        sample = samples[pair // 3]
        frames = sample["clip"][sample["frames"]]
        one = SentenceBatch(*(part[pair : pair + 1] for part in sentences))
        with torch.inference_mode():
            alone = network(pad_clips([frames]), one)
        for one, other in ((alone.masks, found.masks), (alone.logits, found.logits)):
            assert (one[0] - other[pair]).abs().max() < 1e-5 * one.abs().max()


def test_words_fit_every_object_that_has_what_they_name() -> None:
    """Of all words of one clip, exactly those that are true of an object fit it."""
    sample = WordSamples(8, 6, 2, 30)[SampleKey(1, 1, 0)]
    clip, _ = draw_rivals(int(sample["source"].split()[-1]))
    assert sample["fits"].any(1).all()
    assert 0 < sample["fits"].float().mean() < 1
    for text, fits in zip(sample["sentence"], sample["fits"].tolist(), strict=True):
        words = text.removeprefix("the ").replace("moving ", "").replace("standing ", "").split()
        for looks, fit in zip(clip.objects, fits, strict=True):
            true = {looks.colour, looks.shape, looks.motion, "object"}
            assert fit == (set(words) <= true)


def test_stored_images_lose_a_little_of_their_detail() -> None:
    clip = render_clip(4, 2, (64, 96), 3, 3)
    stored = as_stored(clip)
    changes = np.abs(np.stack(stored.images).astype(int) - np.stack(clip.images))
    assert 0.5 < changes.mean() < 8
    assert stored.labels is clip.labels
    assert stored.objects == clip.objects
