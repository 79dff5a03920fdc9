"""Cells that show what a sentence names."""

from __future__ import annotations

import pytest
import torch

from ltr.actors import words
from ltr.actors.words import WordActor, fitting_cells, word_maps
from ltr.data.randomness import SampleKey
from ltr.data.referring.batches import SentenceBatch
from ltr.dataset.referring.rivals import WordSamples
from tests.small_referring import small_network, small_sentences


def test_cells_count_what_they_show_of_fitting_objects() -> None:
    labels = torch.zeros(1, 1, 8, 16, dtype=torch.uint8)
    labels[..., :4, :8] = 1
    labels[..., 4:6, :8] = 2
    fits = torch.tensor([[[True, False], [True, True], [False, True]]])
    wanted, shown = fitting_cells(labels, fits, 8)
    assert wanted.shape == shown.shape == (3, 1, 2)
    assert shown[:, 0].tolist() == [[0.75, 0.0]] * 3
    assert wanted[:, 0, 0].tolist() == pytest.approx([2 / 3, 1.0, 1 / 3])
    assert wanted[:, 0, 1].tolist() == [0.0, 0.0, 0.0]


def test_the_maps_are_the_products_of_pixels_and_words() -> None:
    """A sentence about nothing known still gives a map for each of three strides."""
    samples = WordSamples(8, 6, 2, 3)
    clips = WordSamples.collate([samples[SampleKey(1, 1, 0)]])["clips"]
    maps = word_maps(small_network(), clips, small_sentences(3))
    assert [tuple(found.shape) for found in maps] == [(6, 8, 12), (6, 4, 6), (6, 2, 3)]
    assert not maps[0][0].allclose(maps[0][2])  # another sentence
    assert not maps[0][0].allclose(maps[0][1])  # another frame


def test_right_maps_have_a_small_loss_and_wrong_ones_a_large_one(monkeypatch) -> None:
    samples = WordSamples(8, 6, 2, 5)
    batch = WordSamples.collate([samples[SampleKey(1, 1, place)] for place in range(2)])
    wanted = [fitting_cells(batch["labels"], batch["fits"], stride)[0] for stride in (8, 16, 32)]

    def tokenise(texts: list[str]) -> SentenceBatch:
        return SentenceBatch(torch.zeros(len(texts), 3), torch.ones(len(texts), 3))

    losses = []
    for sign in (1, -1):
        maps = [sign * 20 * (share - 0.5) for share in wanted]
        monkeypatch.setattr(words, "word_maps", lambda *_, maps=maps: maps)
        total, stats = WordActor(small_network(), tokenise)(batch)
        losses.append(float(total))
        right = [float(stats[f"Stats/right_{stride}"]) for stride in (8, 16, 32)]
        assert right == pytest.approx([50 + 50 * sign] * 3)
    assert losses[0] < 1
    assert losses[1] > 10
