from __future__ import annotations

import pytest
import torch

from ltr.models.loss.segmentation import encoding_similarity, mean_jaccard, stable_bce


def test_bce_equals_the_plain_formula_and_stays_finite() -> None:
    logits, targets = torch.tensor([0.3, -1.2]), torch.tensor([1.0, 0.0])
    p = torch.sigmoid(logits)
    plain = -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()
    assert float(stable_bce(logits, targets)) == pytest.approx(float(plain))
    assert float(stable_bce(torch.tensor([1e4]), torch.tensor([0.0]))) == pytest.approx(1e4)


def test_similarity_of_equal_opposite_and_absent_encodings() -> None:
    encoding = torch.randn(2, 3, 4, 5, 6, generator=torch.Generator().manual_seed(0))
    assert float(encoding_similarity(encoding, 2 * encoding)) == pytest.approx(1.0)
    assert float(encoding_similarity(encoding, -encoding)) == pytest.approx(-1.0)
    assert float(encoding_similarity(encoding, torch.zeros_like(encoding))) == 0.0


def test_similarity_averages_over_frames_and_sequences() -> None:
    first = torch.ones(2, 1, 1, 1, 2)
    second = first.clone()
    second[1] = torch.tensor([1.0, -1.0])
    assert float(encoding_similarity(first, second)) == pytest.approx(0.5)


def test_jaccard_counts_empty_pairs_as_one() -> None:
    logits = torch.tensor([[-1.0, -1.0], [5.0, 5.0], [5.0, -5.0]])
    targets = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert float(mean_jaccard(logits, targets)) == pytest.approx((1 + 0.5 + 0) / 3)
