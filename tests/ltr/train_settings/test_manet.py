"""MANet's first stage: samples, schedule and a run on two tiny sequences."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from ltr import run_training
from ltr.actors.manet import ManetPropagationActor, hardest_mean
from ltr.admin.checkpoint import read_checkpoint
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.dataset.davis import Davis
from ltr.dataset.interactive.damage import damage_labels
from ltr.dataset.interactive.triplets import TripletSamples
from ltr.models.interactive.manet import IMAGE_FORMAT, manet, prepare_new_layers
from ltr.train_settings.interactive import manet_stage1
from ltr.trainers.schedule import Poly
from tests.video_trees import write_davis


@pytest.fixture
def davis(tmp_path, monkeypatch):
    """Two sequences of six frames with two squares."""
    video = {f"{t:05d}": {1: (3 + 4 * t, 4 + 2 * t), 2: (40 - 3 * t, 24)} for t in range(6)}
    write_davis(tmp_path / "davis", {"bear": video, "dog": video}, "train")
    monkeypatch.setenv("LTR_DAVIS_DIR", str(tmp_path / "davis"))
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "work"))
    return tmp_path / "davis"


def test_triplets_hold_three_frames_and_a_damaged_label(davis):
    samples: RandomSamples = TripletSamples(Davis(davis), 12, 48, IMAGE_FORMAT)
    changed = 0
    for position in range(12):
        sample = samples[SampleKey(0, 1, position)]
        assert sample["images"].shape == (3, 3, 48, 48)
        assert sample["num_ids"] == 3
        assert len(sample["reference_labels"].unique()) >= 2
        assert set(sample["previous_labels"].unique().tolist()) <= {0, 1, 2}
        draw = samples.choose(SampleKey(0, 1, position), 0, Generators.seeded(position))
        assert draw.sequence == position % 2
        assert draw.reference not in (draw.previous, draw.previous + 1)
        changed += not torch.equal(sample["previous_labels"], sample["labels"])
    assert changed > 6


def test_damage_moves_an_object_a_little():
    labels = np.zeros((60, 80), np.uint8)
    labels[20:40, 30:55] = 3
    for seed in range(10):
        damaged = damage_labels(labels, Generators.seeded(seed))
        common, either = (damaged == 3) & (labels == 3), (damaged == 3) | (labels == 3)
        assert 0.7 < common.sum() / either.sum() <= 1
        assert set(np.unique(damaged)) == {0, 3}


def test_only_the_hardest_pixels_count():
    logits = torch.zeros(1, 2, 1, 10)
    logits[0, 1, 0, 3] = 5.0  # the only wrong pixel
    labels = torch.zeros(1, 1, 10, dtype=torch.int64)
    worst = torch.nn.functional.cross_entropy(logits, labels, reduction="none").max()
    assert hardest_mean(logits, labels, 0.15) == pytest.approx(float(worst))
    labels[0, 0, 3] = 255
    assert hardest_mean(logits, labels, 0.1) == pytest.approx(float(np.log(2)))


def test_the_rates_are_those_of_the_released_program():
    recipe = manet_stage1.RECIPE
    assert (recipe.optimizer, recipe.nesterov, recipe.weight_decay) == ("sgd", True, 4e-5)
    assert set(recipe.learning_rates.values()) == {7e-4}
    assert recipe.max_epochs * recipe.samples_per_epoch // recipe.batch_size == 101_000
    factors = Poly((True, False, False), recipe.poly_steps, recipe.poly_power)
    assert factors(0) == [1.0, 1.0, 1.0]
    assert factors(50_500) == pytest.approx([(1 - 50_500 / 101_001) ** 0.9, 1.0, 1.0])


def test_a_batch_is_learned(davis):
    torch.manual_seed(0)
    samples = TripletSamples(Davis(davis), 2, 48, IMAGE_FORMAT)
    parts = [samples[SampleKey(0, 1, position)] for position in range(2)]
    names = ("images", "reference_labels", "previous_labels", "labels")
    batch = {name: torch.stack([part[name] for part in parts]) for name in names}
    batch |= {"num_ids": [part["num_ids"] for part in parts], "step": 0}
    network = manet(4, 8, 8)
    prepare_new_layers(network)
    assert network.bn1.momentum == 0.0003
    actor = ManetPropagationActor(network)
    actor.train()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    losses = []
    for _ in range(12):
        optimizer.zero_grad()
        loss, _ = actor(batch)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.8 * losses[0]


def test_a_run_writes_a_network_and_resumes(davis, tmp_path, capsys):
    rows = ["width=4", "planes=8", "embedding_dim=8", "crop_size=32", "samples_per_epoch=4"]
    rows += ["max_epochs=1", "num_workers=0", "poly_steps=4"]
    words = ["interactive", "manet_stage1", "--device", "cpu", "--quiet"]
    words += [word for row in rows for word in ("--set", row)]
    assert run_training.main(words) == 2
    assert "start without: --set backbone_weights=none" in capsys.readouterr().err
    words += ["--set", "backbone_weights=none"]
    assert run_training.main(words) == 0
    assert run_training.main([*words, "--set", "max_epochs=2"]) == 0
    folder = tmp_path / "work/checkpoints/ltr/interactive/manet_stage1"
    checkpoint = read_checkpoint(folder / "MANet_ep0002.pth.tar")
    rates = [group["lr"] for group in checkpoint.fields["optimizer"]["param_groups"]]
    assert rates == pytest.approx([7e-4 * (1 - 3 / 5) ** 0.9, *[7e-4] * 5])
