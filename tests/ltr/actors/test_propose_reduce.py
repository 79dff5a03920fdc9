import torch

from ltr.actors.propose_reduce import ProposeReduceActor, stack_frames
from ltr.models.propose_reduce.targets import Sampling
from tests.small_propose_reduce import drawn_batch, small_network


def test_a_few_steps_on_one_batch_lower_every_loss(tmp_path):
    torch.manual_seed(0)
    network, batch = small_network().train(), drawn_batch(tmp_path)
    actor = ProposeReduceActor(network, Sampling(box_batch_size=32))
    optimizer = torch.optim.AdamW(network.parameters(), 5e-4)
    history = []
    for _ in range(25):
        optimizer.zero_grad()
        loss, stats = actor(batch)
        loss.backward()
        optimizer.step()
        history.append({name: float(value.detach()) for name, value in stats.items()})
    first, last = history[0], history[-1]
    parts = [v for k, v in first.items() if k.startswith("Loss/") and k != "Loss/total"]
    assert first["Loss/total"] == torch.tensor(parts).sum().item()
    for name in ("Loss/rpn_cls", "Loss/cls", "Loss/mask", "Loss/prop"):
        assert last[name] < 0.6 * first[name]
    assert last["Loss/total"] < 0.4 * first["Loss/total"]
    assert last["Stats/acc"] > first["Stats/acc"]


def test_the_attention_of_a_new_propagation_learns(tmp_path):
    """Keys that start alike; without its own loss the attention stays where it was."""
    carried = {}
    for key_weight in (0.0, 1.0):
        torch.manual_seed(0)
        network, batch = small_network().train(), drawn_batch(tmp_path / str(key_weight))
        network.prop_head.align_keys()
        actor = ProposeReduceActor(network, Sampling(box_batch_size=32), key_weight=key_weight)
        optimizer = torch.optim.AdamW(network.prop_head.parameters(), 1e-3)
        for _ in range(15):
            optimizer.zero_grad()
            loss, stats = actor(batch)
            loss.backward()
            optimizer.step()
        carried[key_weight] = float(
            ProposeReduceActor(network, key_weight=1.0)(batch)[1]["Loss/keys"]
        )
        assert ("Loss/keys" in stats) == bool(key_weight)
    assert carried[1.0] < 0.8 * carried[0.0]


def test_groups_are_normalised_on_their_own(tmp_path):
    """The losses of a batch in groups are the means of those of its parts."""
    network, batch = small_network().eval(), drawn_batch(tmp_path)
    sampling = Sampling(rpn_batch_size=10**6, box_batch_size=10**6)
    _, grouped = ProposeReduceActor(network, sampling, pairs_per_group=1)(batch)
    actor = ProposeReduceActor(network, sampling)
    parts = [actor({"pairs": [pair]})[1] for pair in batch["pairs"]]
    _, whole = actor(batch)
    assert len(parts) > 1
    for name in ("Loss/rpn_cls", "Loss/mask", "Loss/prop"):
        wanted = torch.stack([part[name] for part in parts]).mean()
        torch.testing.assert_close(grouped[name], wanted, rtol=2e-3, atol=1e-4)
    assert any(not torch.allclose(grouped[name], whole[name], rtol=1e-4) for name in grouped)


def test_all_parameters_learn_but_the_frozen_ones(tmp_path):
    network, batch = small_network().train(), drawn_batch(tmp_path)
    ProposeReduceActor(network)(batch)[0].backward()
    assert [name for name, p in network.named_parameters() if p.grad is None] == []


def test_a_pair_without_common_objects_still_trains_the_detector(tmp_path):
    network, batch = small_network().train(), drawn_batch(tmp_path)
    for pair in batch["pairs"]:
        pair["links"] = torch.zeros(0, 2, dtype=torch.int64)
    loss, stats = ProposeReduceActor(network, key_weight=1.0)(batch)
    loss.backward()
    assert stats["Loss/prop"] == 0
    assert network.prop_head.pred2.weight.grad is None
    assert network.rpn.head.cls_logits.weight.grad.abs().sum() > 0


def frame(height: int, width: int, objects: int) -> dict[str, torch.Tensor]:
    return {
        "image": torch.full((3, height, width), 255, dtype=torch.uint8),
        "labels": torch.ones(objects, dtype=torch.int64),
        "boxes": torch.tensor([[0.0, 0, 8, 8]]).repeat(objects, 1),
        "masks": torch.ones(objects, height, width, dtype=torch.uint8),
    }


def test_frames_of_different_sizes_are_padded_with_zeros():
    stacked = stack_frames([frame(30, 70, 2), frame(50, 40, 1)])
    assert stacked.images.shape == (2, 3, 64, 96)
    assert list(stacked.sizes) == [(30, 70), (50, 40)]
    assert [len(each.masks) for each in stacked.objects] == [2, 1]
    for image, each, (height, width) in zip(
        stacked.images, stacked.objects, stacked.sizes, strict=True
    ):
        assert (image[:, :height, :width] > 1).all()
        assert image.count_nonzero() == 3 * height * width
        assert each.masks.shape[1:] == (64, 96)
        assert int(each.masks[0].sum()) == height * width
