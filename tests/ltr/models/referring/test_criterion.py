from __future__ import annotations

import pytest
import torch

from ltr.data.referring.batches import ReferringTarget
from ltr.models.referring.criterion import Criterion, generalised_iou
from ltr.models.referring.outputs import Predictions

FRAMES, SLOTS, SIZE = 3, 4, (8, 12)


def drawn(seed=0, classes=1, clips=2):
    generator = torch.Generator().manual_seed(seed)
    shape = (clips, FRAMES, SLOTS)
    return Predictions(
        torch.randn(*shape, classes, generator=generator),
        torch.rand(*shape, 4, generator=generator),
        torch.randn(*shape, *SIZE, generator=generator) * 3,
        torch.zeros(*shape, 2),
    )


def target(valid=(1, 1, 0), label=0):
    masks = torch.zeros(FRAMES, 30, 46)
    masks[:2, 4:20, 8:30] = 1
    boxes = torch.tensor([[0.4, 0.4, 0.5, 0.5]] * 2 + [[0.0] * 4])
    return ReferringTarget(torch.full((FRAMES,), label), boxes, masks, torch.tensor(valid))


def perfect(predictions, targets, query):
    """What the query should say, at full certainty."""
    logits, boxes, masks, _ = (value.clone() for value in predictions[:4])
    for index, wanted in enumerate(targets):
        grid = torch.nn.functional.pad(wanted.masks, (0, 2, 0, 2))[:, 2::4, 2::4]
        masks[index, :, query] = torch.where(grid > 0, 30.0, -30.0)
        boxes[index, :, query] = wanted.boxes
        logits[index] = -30.0
        logits[index, wanted.valid > 0, query, wanted.labels[0]] = 30.0
    return predictions._replace(logits=logits, boxes=boxes, masks=masks)


@pytest.mark.parametrize("query", range(SLOTS))
def test_what_is_right_costs_nothing(query):
    targets, criterion = [target(), target()], Criterion()
    found = perfect(drawn(), targets, query)
    assert criterion.match(found, targets) == [query, query]
    losses = criterion(found, targets)
    # The empty box of an absent frame has an empty hull, which costs 1, as upstream: 2 of 4 frames.
    assert losses.pop("loss_giou") == pytest.approx(0.5, abs=1e-3)
    assert all(value < 1e-4 for value in losses.values()), losses
    assert criterion.total(criterion(drawn(), targets)) > 1


def test_slots_are_matched_for_each_layer_and_clip():
    targets, criterion = [target(), target()], Criterion()
    last = perfect(drawn(), targets, 1)
    earlier = perfect(drawn(1), targets, 3)
    losses = criterion(last._replace(auxiliary=(earlier, drawn(2))), targets)
    assert list(losses)[5:10] == [f"{name}_0" for name in list(losses)[:5]]
    assert losses["loss_mask_0"] < 1e-4 < losses["loss_mask_1"]
    assert len(losses) == 15
    weights = {"ce": 2, "bbox": 5, "giou": 2, "mask": 2, "dice": 5}
    wanted = sum(weights[name.split("_")[1]] * value for name, value in losses.items())
    assert torch.allclose(criterion.total(losses), wanted)


def test_absent_frames_count_for_boxes_and_masks_but_not_for_classes():
    criterion, predictions = Criterion(), drawn(clips=1)
    for name, is_used in (("logits", False), ("boxes", True), ("masks", True)):
        values = getattr(predictions, name).clone().requires_grad_()
        losses = criterion(predictions._replace(**{name: values}), [target()])
        (gradient,) = torch.autograd.grad(criterion.total(losses), values)
        query = criterion.match(predictions, [target()])[0]
        present, absent = gradient[0, 0, query], gradient[0, 2, query]
        assert absent.abs().sum() > 0
        if not is_used:  # pulled up where the object is, down where it is not
            assert present.max() < 0 < absent.min()


def test_masks_are_compared_in_the_padding_of_their_group():
    """A small and a large clip in one batch have the losses that each has alone."""
    small = target()._replace(masks=torch.ones(FRAMES, 14, 20))
    predictions, targets = drawn(), [small, target()]  # 32x32 pixels of 32x48 are the small one's
    predictions.masks[0, ..., 8:] = 40.0  # what lies beyond must not count
    alone = [
        Criterion()(Predictions(*(x[i : i + 1] for x in predictions[:3]), predictions.centers[:1])
                    ._replace(masks=predictions.masks[i : i + 1, ..., : (8, 12)[i]]), [wanted])
        for i, wanted in enumerate(targets)
    ]  # fmt: skip
    together = Criterion(clips_per_group=1)(predictions, targets)
    for name, value in together.items():
        assert torch.allclose(value, (alone[0][name] + alone[1][name]) / 2), name
    whole = Criterion()(predictions, targets)
    assert whole["loss_mask"] != pytest.approx(float(together["loss_mask"]), rel=0.01)
    for pairs in (2, 5):
        pair = Criterion(clips_per_group=pairs)(predictions, targets)
        assert all(torch.equal(pair[name], value) for name, value in whole.items())


def test_labels_matter_with_several_classes_only():
    one, many = drawn(classes=1), drawn(classes=5)
    pair = [[target(label=label)] * 2 for label in (1, 4)]
    single = [Criterion(1)(one, targets)["loss_ce"] for targets in pair]
    several = [Criterion(5)(many, targets)["loss_ce"] for targets in pair]
    assert single[0] == single[1]
    assert several[0] != several[1]


def test_without_any_object_the_losses_are_finite():
    nothing = target(valid=(0, 0, 0))._replace(boxes=torch.zeros(FRAMES, 4))
    nothing = nothing._replace(masks=torch.zeros(FRAMES, 30, 46))
    losses = Criterion()(drawn(clips=1), [nothing])
    assert all(value.isfinite() for value in losses.values())


def test_generalised_overlap():
    one = torch.tensor([0.5, 0.5, 0.4, 0.4])
    assert generalised_iou(one, one) == pytest.approx(1.0, abs=1e-4)
    apart = torch.tensor([[0.2, 0.5, 0.2, 0.2], [0.7, 0.5, 0.2, 0.2]])
    # Hull 0.7 x 0.2, covered 0.08: nothing in common, and 3/7 of the hull in between.
    assert generalised_iou(apart[0], apart[1]) == pytest.approx(-3 / 7, abs=1e-4)
