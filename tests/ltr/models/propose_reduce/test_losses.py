import math

import pytest
import torch
import torch.nn.functional as F

from ltr.models.propose_reduce.losses import (
    attention_loss,
    box_losses,
    mask_loss,
    propagation_entropy,
    propagation_losses,
    proposal_losses,
)
from ltr.models.propose_reduce.targets import AnchorTargets


def test_proposal_losses_count_one_anchor_of_each_kind_at_least():
    """One positive and two negatives, and the second image counts a positive too: four."""
    logits = [torch.randn(2, 6), torch.randn(2, 3)]
    deltas = [torch.randn(2, 6, 4), torch.randn(2, 3, 4)]
    wanted = torch.randn(2, 4)
    wanted[1] = 0
    targets = [
        AnchorTargets(torch.tensor([5, 6]), torch.tensor([1.0, 0.0]), wanted),
        AnchorTargets(torch.tensor([8]), torch.tensor([0.0]), torch.zeros(1, 4)),
    ]
    entropies, distances = proposal_losses(logits, deltas, targets)
    first = F.softplus(-logits[0][0, 5]) / 4
    second = (F.softplus(logits[1][0, 0]) + F.softplus(logits[1][1, 2])) / 4
    torch.testing.assert_close(entropies, torch.stack([first, second]))
    distance = (deltas[0][0, 5] - wanted[0]).abs()
    bent = torch.where(distance < 1 / 9, 4.5 * distance**2, distance - 1 / 18).sum() / 4
    torch.testing.assert_close(distances, torch.stack([bent, torch.tensor(0.0)]))


def test_box_losses_use_the_deltas_of_the_true_class():
    logits, deltas = torch.randn(3, 4), torch.zeros(3, 16)
    labels, targets = torch.tensor([2, 0, 3]), torch.tensor([[0.0] * 4, [2.0, 0, 0, 0]])
    deltas[0, 8:12] = 0.5
    deltas[0, 12:] = deltas[1][12:] = 9.0
    entropy, distance = box_losses(logits, deltas, labels, targets)
    wanted = -logits.log_softmax(dim=1)[torch.arange(3), labels].mean()
    torch.testing.assert_close(entropy, wanted)
    assert distance == pytest.approx((4 * 0.5 * 0.25 + 1.5) / 3)


def test_the_mask_loss_sees_the_true_class_only():
    logits = torch.full((2, 3, 4, 4), 50.0)
    logits[0, 1], logits[1, 2] = 0.0, 0.0
    targets = torch.randint(0, 2, (2, 4, 4)).float()
    assert mask_loss(logits, torch.tensor([1, 2]), targets) == pytest.approx(math.log(2))


def test_a_batch_without_objects_has_a_mask_loss_of_zero_with_a_gradient():
    logits = torch.randn(0, 3, 4, 4, requires_grad=True)
    mask_loss(logits, torch.zeros(0, dtype=torch.int64), torch.zeros(0, 4, 4)).backward()
    assert logits.grad.shape == (0, 3, 4, 4)


def test_the_propagation_loss_does_not_depend_on_the_size_of_an_object():
    truth = torch.zeros(2, 40, 40)
    truth[0, :2, :2] = 1
    truth[1, :20, :20] = 1
    losses = propagation_losses(truth * 0.6, truth)
    torch.testing.assert_close(losses, torch.full((2,), 0.4))
    assert propagation_losses(truth, truth).max() < 1e-6
    assert propagation_losses(1 - truth, truth).tolist() == [1.0, 1.0]


def test_the_entropy_of_propagated_masks_weighs_object_and_background_the_same():
    truth = torch.zeros(2, 40, 40)
    truth[0, :2, :2] = 1
    truth[1, :20, :20] = 1
    assert propagation_entropy(truth * 0.5 + 0.25, truth) == pytest.approx(-math.log(0.75))
    inside_wrong = torch.full((2, 40, 40), 0.01)
    assert propagation_entropy(inside_wrong, truth) == pytest.approx(
        -(math.log(0.01) + math.log(0.99)) / 2, rel=1e-5
    )


def test_the_entropy_is_finite_where_masks_are_certainly_wrong_and_zero_without_objects():
    wrong = torch.ones(1, 4, 4, requires_grad=True)
    loss = propagation_entropy(wrong, torch.zeros(1, 4, 4, dtype=torch.uint8))
    assert loss.item() == pytest.approx(-math.log(1e-4) / 2, rel=1e-3)
    empty = torch.zeros(0, 4, 4, requires_grad=True)
    propagation_entropy(empty, torch.zeros(0, 4, 4)).backward()
    assert empty.grad is not None


def test_the_attention_learns_what_it_should_have_carried():
    """A mask of half the picture; keys cost only where they are longer than needed."""
    truth = torch.zeros(1, 32, 64, dtype=torch.uint8)
    truth[..., :32] = 1
    right = truth[:, ::16, ::16].float()
    short, long = torch.tensor([30.0]), torch.tensor([60.0])
    assert attention_loss(right, short, truth) == pytest.approx(0, abs=1e-3)
    assert attention_loss(right, long, truth) == pytest.approx(1, abs=1e-3)
    unsure = torch.full((1, 2, 4), 0.5)
    assert attention_loss(unsure, short, truth) == pytest.approx(math.log(2), abs=1e-4)
    nothing = torch.zeros(0, requires_grad=True)
    attention_loss(torch.zeros(0, 1, 1), nothing, torch.zeros(0, 4, 4)).backward()
    assert nothing.grad is not None
