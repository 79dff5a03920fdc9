"""Training data of the quality network."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest
import torch
from lightning.fabric import Fabric

from ltr.actors.recommendation import QualityActor
from ltr.admin.environment import train_environment
from ltr.admin.errors import CheckpointError, DataError
from ltr.data.image_io import read_label_map
from ltr.data.randomness import Generators, SampleKey
from ltr.dataset.interactive.quality_masks import (
    QualityMasks,
    _change_light,
    list_samples,
    probability_file,
)
from ltr.models.interactive.assess import AssessNet
from ltr.train_settings.interactive.recommendation_assembly import QualityAssembly
from ltr.train_settings.interactive.recommendation_recipe import QualityRecipe
from ltr.trainers.accumulating_sgd import AccumulatingSGD
from ltr.trainers.step import TrainStep
from tests.plain_host import scribbled_videos
from tests.video_trees import SHAPE


@pytest.fixture
def samples(tmp_path):
    (video,) = scribbled_videos(tmp_path / "set", frames=6).values()
    truth = video.read_truth()
    for interaction in (1, 2):
        for frame in range(6):
            file = probability_file(tmp_path / "masks", interaction, video.name, 1, frame)
            file.parent.mkdir(parents=True, exist_ok=True)
            shifted = np.roll(truth[frame], 4 // interaction, axis=1)
            cv2.imwrite(str(file), 255 * shifted)
    return list_samples(tmp_path / "masks", [video], 2)


def read(masks: QualityMasks, index: int, seed: int = 3) -> dict:
    return masks.read(index, Generators.seeded(seed + index))


def test_the_target_is_the_score_of_what_the_network_sees(samples):
    masks = QualityMasks(samples, SHAPE)
    assert len(masks) == 12
    found = [read(masks, index) for index in range(12)]
    for sample in found:
        assert sample["images"].shape == (3, *SHAPE)
        assert 0 <= sample["images"].min() <= sample["images"].max() <= 1
        assert sample["probabilities"].shape == SHAPE
        assert 0 <= sample["quality"] < 1
        assert sample["counts"]
    quality = [float(sample["quality"]) for sample in found]
    assert np.mean(quality[6:]) > np.mean(quality[:6]) + 0.1


def test_augmentation_keeps_label_and_mask_together(samples):
    for sample in samples[:6]:
        cv2.imwrite(str(sample.probabilities), 255 * read_label_map(sample.mask))
    masks = QualityMasks(samples[:6], (80, 120))
    assert min(read(masks, index, 5)["quality"] for index in range(6)) > 0.8


def test_epoch_seed_and_position_decide_the_sample(samples):
    masks = QualityMasks(samples, SHAPE)
    first = masks[SampleKey(1, 1, 4)]["images"]
    assert torch.equal(first, masks[SampleKey(1, 1, 4)]["images"])
    for key in (SampleKey(1, 2, 4), SampleKey(2, 1, 4), SampleKey(1, 1, 5)):
        assert not torch.equal(first, masks[key]["images"])


def test_an_epoch_shows_every_mask_once(samples):
    masks = QualityMasks(samples, SHAPE)
    for epoch in (1, 2):
        sources = {masks[SampleKey(0, epoch, place)]["source"] for place in range(12)}
        assert len(sources) == 12


def test_masks_of_several_episodes_with_another_threshold(samples, tmp_path):
    (video,) = scribbled_videos(tmp_path / "set", frames=6).values()
    for sample in samples[:6]:
        file = probability_file(tmp_path / "masks", 1, video.name, 1, samples.index(sample), 2)
        file.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(file), 150 * read_label_map(sample.mask))
    found = list_samples(tmp_path / "masks", [video], 1, episodes=2)
    assert len(found) == 12
    assert "scribble-2" in str(found[6].probabilities)
    scores = [read(QualityMasks(found[6:], SHAPE, threshold=x), 0)["quality"] for x in (0.8, 0.5)]
    assert scores[0] == 0
    assert scores[1] > 0.6


def test_a_missing_round_is_named(samples, tmp_path):
    (video,) = scribbled_videos(tmp_path / "set", frames=6).values()
    with pytest.raises(DataError, match="interaction-3"):
        list_samples(tmp_path / "masks", [video], 3)


def test_light_is_multiplied_about_black():
    """White may become darker by 5/255 and 3 %, black may only be lifted by 5/255 and 3 %."""
    image = torch.zeros(3, 2, 4)
    image[..., 2:] = 1.0
    darkest, brightest = 1.0, 0.0
    for seed in range(60):
        found = _change_light(image, random.Random(seed))
        assert 0 <= found.min() <= found.max() <= 1
        assert len(found[..., 2:].unique()) == len(found[..., :2].unique()) == 1
        darkest = min(darkest, float(found[..., 2:].min()))
        brightest = max(brightest, float(found[..., :2].max()))
    assert (1 - 5 / 255) * 0.97 <= darkest < 0.97
    assert 0.015 < brightest <= 5 / 255 * 1.03  # about grey, black would reach 0.034


def test_gradients_collect_decay_and_are_never_zeroed():
    """Three steps of a weight by hand: clamp and decay both act on the stored gradient."""
    network = _Scale()
    optimizer = AccumulatingSGD(network.parameters(), 0.1, momentum=0.9, weight_decay=0.5)
    stored, buffer, weight = 0.0, None, 2.0
    actor = QualityActor(network)
    for quality in (1.0, 2.5, 0.5):
        batch = {
            "images": torch.ones(1, 3, 1, 1),
            "probabilities": torch.ones(1, 1, 1),
            "quality": torch.tensor([quality]),
            "counts": torch.tensor([True]),
        }
        loss, _ = actor(batch)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        stored = min(max(stored + 2 * (weight - quality), -1.0), 1.0) + 0.5 * weight
        buffer = stored if buffer is None else 0.9 * buffer + stored
        weight -= 0.1 * buffer
        assert float(network.weight.detach()) == pytest.approx(weight)
    again = AccumulatingSGD(network.parameters(), 0.1, momentum=0.9, weight_decay=0.5)
    again.load_state_dict(optimizer.state_dict())
    assert again.state[network.weight]["stored_gradient"] == pytest.approx(stored)
    assert actor({**batch, "counts": torch.tensor([False])})[0] == 0


def test_a_batch_without_any_region_takes_no_step():
    """Neither its weights nor what the optimiser has stored change, decay and momentum included."""
    fabric, actor = Fabric(accelerator="cpu", devices=1), QualityActor(_Scale())
    optimizer = AccumulatingSGD(actor.network.parameters(), 0.1, momentum=0.9, weight_decay=0.5)
    actor.network, wrapped = fabric.setup(actor.network, optimizer)
    train_step, sizes = TrainStep(fabric, actor, wrapped), np.array([[2]])
    batch = {
        "images": torch.ones(2, 3, 1, 1),
        "probabilities": torch.ones(2, 1, 1),
        "quality": torch.tensor([1.0, 0.5]),
        "counts": torch.tensor([True, False]),
    }
    weight = next(actor.network.parameters())
    state = optimizer.state[weight]
    history = []
    for counts in ([True, False], [False, False], [False, True]):
        train_step.train([{**batch, "counts": torch.tensor(counts)}], sizes, False)
        history.append((float(weight.detach()), float(state["stored_gradient"])))
    assert history[0] == history[1] != history[2]
    assert history[0][0] < 2


class _Scale(torch.nn.Module):
    """Says the same of every mask: its only weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, images: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        return self.weight.expand(len(images), 1)


def build_network(**changes: object) -> AssessNet:
    assembly = QualityAssembly(QualityRecipe(max_epochs=1, **changes), train_environment())
    network = assembly.network()
    assembly.initialise(network)
    return network


def test_the_quality_network_starts_from_imagenet(tmp_path, monkeypatch):
    small = {"width": 8, "depths": (1, 1, 1, 1), "side": 32}
    plain = build_network(**small, backbone_weights=None)
    own = ("conv1_", "mean", "std")
    state = {k: v + 1 for k, v in plain.Encoder.state_dict().items() if not k.startswith(own)}
    names = {f"res{n}.": f"layer{n - 1}." for n in range(2, 6)}
    renamed = {names.get(k[:5], k[:5]) + k[5:]: v for k, v in state.items()}
    torch.save({**renamed, "fc.weight": torch.zeros(1), "fc.bias": torch.zeros(1)},
               tmp_path / "resnet50.pth")  # fmt: skip
    weights = str(tmp_path / "resnet50.pth")
    found = build_network(**small, backbone_weights=weights).Encoder.state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())
    monkeypatch.setenv("LTR_PRETRAINED_NETWORKS", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"backbone_weights=none"):
        build_network()
