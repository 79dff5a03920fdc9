from __future__ import annotations

import numpy as np
import pytest
import torch

from ltr.models.loss.lovasz import lovasz_hinge, lovasz_sigmoid, lovasz_softmax


def jaccard_extension(errors: np.ndarray, targets: np.ndarray) -> float:
    """The Lovasz extension from its definition: a weighted sum over the sorted level sets."""

    def jaccard_loss(wrong: np.ndarray) -> float:
        predicted = np.where(wrong, 1 - targets, targets)
        union = ((predicted + targets) > 0).sum()
        return 1.0 - (predicted * targets).sum() / union if union else 0.0

    order = np.argsort(-errors, kind="stable")
    wrong, total, before = np.zeros(len(errors), bool), 0.0, 0.0
    for index in order:
        wrong[index] = True
        after = jaccard_loss(wrong)
        total += errors[index] * (after - before)
        before = after
    return total


@pytest.mark.parametrize("seed", range(4))
def test_sigmoid_loss_is_the_extension_of_the_jaccard_loss(seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = random.normal(size=(2, 1, 3, 4)).astype(np.float32)
    targets = (random.random((2, 1, 3, 4)) < 0.4).astype(np.float32)
    errors = np.abs(targets - 1 / (1 + np.exp(-logits.astype(np.float64)))).ravel()
    got = lovasz_sigmoid(torch.from_numpy(logits), torch.from_numpy(targets))
    assert float(got) == pytest.approx(jaccard_extension(errors, targets.ravel()), abs=1e-6)


def test_hard_predictions_cost_one_minus_their_jaccard_index() -> None:
    targets = torch.tensor([1.0, 1, 1, 0, 0, 0]).view(1, 1, 2, 3)
    predicted = torch.tensor([1.0, 1, 0, 1, 0, 0]).view(1, 1, 2, 3)
    loss = lovasz_sigmoid(200.0 * (predicted - 0.5), targets)
    assert float(loss) == pytest.approx(1 - 2 / 4)


def test_empty_target_costs_the_largest_error() -> None:
    logits = torch.tensor([-3.0, -1.0, -5.0]).view(1, 1, 1, 3)
    loss = lovasz_sigmoid(logits, torch.zeros(1, 1, 1, 3))
    assert float(loss) == pytest.approx(float(torch.sigmoid(torch.tensor(-1.0))))


def test_hinge_needs_a_margin() -> None:
    targets = torch.tensor([[[1.0, 0.0]]])
    assert float(lovasz_hinge(torch.tensor([[[2.0, -1.5]]]), targets)) == 0.0
    assert float(lovasz_hinge(torch.tensor([[[0.5, -1.5]]]), targets)) == pytest.approx(0.5)


def test_ignored_pixels_do_not_count() -> None:
    probabilities = torch.rand(1, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    labels = torch.zeros(1, 4, 4, dtype=torch.long)
    labels[:, :2], labels[:, 3] = 1, 9
    got = lovasz_softmax(probabilities, labels, ignore=9)
    want = lovasz_softmax(probabilities[:, :, :3], labels[:, :3])
    assert float(got) == pytest.approx(float(want))


def test_gradient_descends() -> None:
    logits = torch.zeros(1, 1, 4, 4, requires_grad=True)
    targets = torch.zeros(1, 1, 4, 4)
    targets[..., :2] = 1
    lovasz_sigmoid(logits, targets).backward()
    assert (logits.grad[targets > 0] < 0).all()
    assert (logits.grad[targets == 0] >= 0).all()
