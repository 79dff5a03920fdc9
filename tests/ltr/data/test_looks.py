"""Cells of synthetic clips are described by what is drawn in them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from ltr.actors.looks import LookActor
from ltr.data.randomness import Generators, SampleKey
from ltr.dataset.referring.looks import GROUND, PROPERTIES, LookSamples, cell_looks
from ltr.dataset.synthetic_shapes import render_clip


def test_cells_name_the_object_that_covers_most_of_them() -> None:
    clip = render_clip(5, 3, (64, 96), 2, 2)
    looks = cell_looks(clip, 8)
    assert looks.shape == (3, 3, 8, 12)
    for frame, row, column in ((0, 0, 0), (1, 3, 5), (2, 7, 11), (0, 4, 4)):
        cell = clip.labels[frame][8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
        number = max(range(3), key=lambda n: (cell == n).sum())
        found = looks[frame, :, row, column].tolist()
        if number == 0:
            assert found == [GROUND] * 3
        else:
            item = clip.objects[number - 1]
            wanted = (item.shape, item.colour, item.motion)
            names = [PROPERTIES[key][place] for key, place in zip(PROPERTIES, found, strict=True)]
            assert tuple(names) == wanted
    assert (looks != GROUND).any()


def test_samples_are_functions_of_their_keys_and_show_distinct_images() -> None:
    samples = LookSamples(4, 3, (64, 96), 8)
    first, again, other = (samples[SampleKey(1, 1, place)] for place in (0, 0, 1))
    assert first["clip"].equal(again["clip"])
    assert first["images"].equal(again["images"])
    assert not first["clip"].equal(other["clip"])
    assert first["clip"].shape == first["images"].shape == (3, 3, 64, 96)
    moved, changed = (first[name].diff(dim=0).abs().mean() for name in ("clip", "images"))
    assert changed > moved  # images of different clips


class Known(nn.Module):
    """Says what it is told to."""

    def __init__(self, answers: list[torch.Tensor]) -> None:
        super().__init__()
        self.answers = answers

    def forward(self, clips: torch.Tensor) -> torch.Tensor:
        return self.answers.pop(0)


def logits_of(looks: torch.Tensor, sharpness: float) -> torch.Tensor:
    """Outputs that are right everywhere."""
    counts = [len(values) for values in PROPERTIES.values()]
    parts = [torch.where(looks[:, :1] == GROUND, -1.0, 1.0)]
    for index, count in enumerate(counts):
        chosen = looks[:, index].clamp(min=0)
        parts.append(nn.functional.one_hot(chosen, count).permute(0, 3, 1, 2).float())
    return sharpness * torch.cat(parts, dim=1)


def test_right_answers_have_no_loss_and_motion_counts_in_clips_only() -> None:
    samples = LookSamples(4, 3, (64, 96), 8)
    batch = samples[SampleKey(1, 1, 0)]
    batch = {key: value[None] for key, value in batch.items() if torch.is_tensor(value)}
    weights = {"shape": 2.0, "colour": 1.0, "motion": 1.0}
    right = [logits_of(batch[name][0], 50.0) for name in ("clip_looks", "image_looks")]
    total, stats = LookActor(Known(list(right)), weights)(batch)
    assert total == pytest.approx(0.0, abs=1e-6)
    assert [float(stats[f"Stats/{name}"]) for name in PROPERTIES] == [100.0] * 3
    still = right[1].clone()
    still[:, -5:] = 0.0  # what moves in images is not asked
    total, stats = LookActor(Known([right[0], still]), weights)(batch)
    assert total == pytest.approx(0.0, abs=1e-6)
    assert float(stats["Stats/motion"]) == 100.0


def test_a_sample_names_its_seed() -> None:
    samples = LookSamples(4, 3, (64, 96), 8)
    draw = samples.choose(SampleKey(1, 1, 0), 0, Generators.seeded(3))
    assert samples.source(draw) == f"synthetic clip {draw}"
