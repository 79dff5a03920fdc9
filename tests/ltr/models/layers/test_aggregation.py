"""The channel with the largest score."""

from __future__ import annotations

import torch

from ltr.models.layers.aggregation import largest_channel


def test_the_first_of_equal_channels_wins_as_with_argmax():
    scores = torch.randint(0, 4, (6, 40, 50), generator=torch.Generator().manual_seed(0)).float()
    scores[:, 0] = -torch.inf
    found = largest_channel(scores)
    assert found.dtype == torch.uint8
    assert torch.equal(found.long(), scores.argmax(dim=0))


def test_the_scores_stay_as_they_were():
    scores = torch.tensor([[1.0, 5.0], [2.0, 4.0]])
    assert largest_channel(scores).tolist() == [1, 0]
    assert scores.tolist() == [[1, 5], [2, 4]]
