"""IPN's training: samples, rounds, and a run on two tiny sequences."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch

from ltr import run_training
from ltr.actors.ipn import IpnActor, worst_frame
from ltr.admin.checkpoint import read_checkpoint
from ltr.data.interactive.rounds import blend_weights
from ltr.data.randomness import SampleKey
from ltr.dataset.davis import Davis
from ltr.dataset.interactive.object_clips import ObjectClips, change_light, choose_frames
from ltr.models.interactive.ipn import (
    InteractionNet,
    PropagationNet,
    RoundOfClip,
    interaction_network,
    interaction_propagation_network,
    propagation_network,
)
from ltr.models.interactive.released import load_released
from ltr.train_settings.interactive import ipn
from tests.video_trees import write_davis


@pytest.fixture
def davis(tmp_path, monkeypatch):
    """Two sequences of nine frames with two squares."""
    video = {f"{t:05d}": {1: (3 + 4 * t, 4 + 2 * t), 2: (48 - 4 * t, 24)} for t in range(9)}
    write_davis(tmp_path / "davis", {"bear": video, "dog": video}, "train")
    monkeypatch.setenv("LTR_DAVIS_DIR", str(tmp_path / "davis"))
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "work"))
    return tmp_path / "davis"


def test_a_clip_shows_one_object_in_eight_frames(davis):
    samples = ObjectClips(Davis(davis), 44, 36)
    assert len(samples) == 4
    for position in range(4):
        sample = samples[SampleKey(2019, 1, position)]
        assert sample["images"].shape == (8, 3, 36, 36)
        assert 0 <= float(sample["images"].min()) < float(sample["images"].max()) <= 1
        assert set(sample["truth"].unique().tolist()) == {0.0, 1.0}
        assert sample["source"].endswith(f"object {1 + position % 2}")


def test_frames_lie_farther_apart_in_later_epochs():
    drawn = {epoch: set() for epoch in (0, 100)}
    for epoch, found in drawn.items():
        for seed in range(60):
            frames = choose_frames(100, epoch, random.Random(seed))
            assert len(frames) == 8
            assert 0 <= frames[0] < frames[-1] < 100
            found.add(frames[-1] - frames[0])
    assert drawn[0] == {8 * 5 - 1}  # a skip of 4 is the smallest and the largest one
    assert drawn[100] == {8 * (skip + 1) - 1 for skip in (4, 5, 6, 7, 8)}
    assert (
        choose_frames(17, 0, random.Random(0))[-1] - choose_frames(17, 0, random.Random(0))[0] == 15
    )


def test_light_wraps_around_as_in_the_original():
    images = np.array([0, 100, 255], np.uint8).reshape(1, 1, 1, 3)
    found = {tuple(change_light(images, random.Random(seed)).ravel()) for seed in range(40)}
    assert any(dark > 250 for dark, _, _ in found)  # below 0
    assert any(light < 15 for _, _, light in found)  # above 255
    assert all(90 < middle < 110 for _, middle, _ in found)


def test_the_worst_frame_is_corrected_next():
    truth = np.zeros((3, 20, 20), np.uint8)
    truth[:, 5:15, 5:15] = 1
    prediction = truth.copy()
    prediction[1, 5:15, 10:15] = 0
    prediction[2, 5:7] = 0
    assert worst_frame(truth, prediction) == 1


def test_a_clip_is_corrected_in_one_to_three_rounds():
    actor = IpnActor(interaction_propagation_network(2, 4))
    assert [actor.rounds(epoch) for epoch in (1, 5, 6, 7, 8, 500)] == [1, 1, 2, 2, 3, 3]
    actor.train()
    assert not actor.network.training
    random.seed(3)
    truth = torch.zeros(1, 8, 40, 40)
    truth[:, :, 8:24, 8:24] = 1
    batch = {"images": torch.rand(1, 8, 3, 40, 40), "truth": truth, "memory": {}}
    frames = []
    for _ in range(3):
        loss, stats = actor(batch)
        assert loss.requires_grad
        assert 0 <= float(stats["Stats/iou"]) <= 1
        frames.append(batch["memory"]["annotated"][0][-1])
    assert not batch["memory"]["clips"][0].probabilities.requires_grad
    assert batch["memory"]["clips"][0].probabilities.min() >= 0  # no frame is left at -1
    assert len(frames) == 3


def test_a_later_round_is_blended_as_in_the_host():
    """It changes nothing at the frame annotated before, little beside it, all on the other side."""
    network = interaction_propagation_network(2, 4).eval()
    images, truth = torch.rand(6, 3, 40, 40), torch.zeros(6, 40, 40)
    truth[:, 8:24, 8:24] = 1
    start = torch.full_like(truth, -1.0)
    marks = torch.zeros(2, 40, 40)
    first, last, weights = blend_weights(0, [], 6)
    before = network(RoundOfClip(images, truth, start, *marks, 0, (first, last), weights, None))
    first, last, weights = blend_weights(4, [0], 6)
    assert weights == [0.0, 0.25, 0.5, 0.75, 1.0, 1.0]
    earlier = before.probabilities.detach()
    clip = RoundOfClip(images, truth, earlier, *marks, 4, (first, last), weights, before.reference)
    after = network(clip).probabilities
    whole = network(clip._replace(weights=[1.0] * 6)).probabilities
    assert torch.equal(after[0], earlier[0])
    assert torch.equal(after[4:], whole[4:])
    for index in (1, 2, 3):
        expected = (1 - weights[index]) * earlier[index] + weights[index] * whole[index]
        assert torch.allclose(after[index], expected, atol=1e-6)
    assert not torch.allclose(after[1], whole[1], atol=1e-4)


def test_the_recipe_is_that_of_the_released_program():
    recipe = ipn.RECIPE
    assert (recipe.optimizer, recipe.weight_decay, recipe.gamma) == ("adam", 5e-4, 0.1)
    assert set(recipe.learning_rates.values()) == {1e-5}
    assert (recipe.max_epochs, recipe.milestones, recipe.batch_size) == (500, (300, 400), 1)
    assert (recipe.short_side, recipe.crop_size, recipe.max_gradient_value) == (480, 400, 1.0)
    assert (recipe.backbone_weights, recipe.seed) == ("resnet50", 2019)


def test_a_run_trains_both_networks_and_hosts_read_it(davis, tmp_path, capsys):
    rows = ["width=2", "mdim=4", "short_side=40", "crop_size=32", "num_workers=0", "max_epochs=1"]
    words = ["interactive", "ipn", "--device", "cpu", "--quiet"]
    words += [word for row in rows for word in ("--set", row)]
    assert run_training.main(words) == 2
    assert "--set backbone_weights=none" in capsys.readouterr().err
    assert run_training.main([*words, "--set", "backbone_weights=none"]) == 0
    folder = tmp_path / "work/checkpoints/ltr/interactive/ipn"
    state = read_checkpoint(folder / "IPN_ep0001.pth.tar").net
    first = load_released(folder, InteractionNet, interaction_network)
    second = load_released(folder, PropagationNet, propagation_network)
    for prefix, network in (("interaction", first), ("propagation", second)):
        for key, value in network.state_dict().items():
            assert torch.equal(value, state[f"{prefix}.{key}"])
