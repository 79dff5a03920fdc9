"""Training data of the quality network."""

from __future__ import annotations

import random

import cv2
import numpy as np
import pytest
import torch

from ltr.admin.errors import CheckpointError, DataError
from ltr.admin.progress import FrameProgress
from ltr.data.image_io import read_label_map
from pytracking.recommendation.config import AssessSettings
from pytracking.recommendation.quality_assessment import _step, build_network
from pytracking.recommendation.quality_masks import (
    QualityMasks,
    _change_light,
    list_samples,
    probability_file,
)
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


def test_the_target_is_the_score_of_what_the_network_sees(samples):
    masks = QualityMasks(samples, SHAPE, seed=3)
    assert len(masks) == 12
    for image, probabilities, quality, counts in map(masks.__getitem__, range(12)):
        assert image.shape == (3, *SHAPE)
        assert 0 <= image.min() <= image.max() <= 1
        assert probabilities.shape == SHAPE
        assert 0 <= quality < 1
        assert counts
    closer = [masks[index][2] for index in range(6, 12)]
    assert np.mean(closer) > np.mean([masks[index][2] for index in range(6)]) + 0.1


def test_augmentation_keeps_label_and_mask_together(samples):
    for sample in samples[:6]:
        cv2.imwrite(str(sample.probabilities), 255 * read_label_map(sample.mask))
    masks = QualityMasks(samples[:6], (80, 120), seed=5)
    assert min(masks[index][2] for index in range(6)) > 0.8


def test_an_epoch_and_a_seed_decide_the_augmentation(samples):
    first, again = QualityMasks(samples, SHAPE, 1), QualityMasks(samples, SHAPE, 1)
    assert torch.equal(first[4][0], again[4][0])
    again.epoch = 1
    assert not torch.equal(first[4][0], again[4][0])
    assert not torch.equal(first[4][0], QualityMasks(samples, SHAPE, 2)[4][0])


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


def test_gradients_collect_decay_and_are_never_zeroed(tmp_path):
    """Three steps of a weight by hand: clamp and decay both act on the stored gradient."""
    settings = AssessSettings(lr=0.1, momentum=0.9, weight_decay=0.5)
    network = _Scale()
    optimizer = torch.optim.SGD(network.parameters(), settings.lr, settings.momentum)
    stored, buffer, weight = 0.0, None, 2.0
    progress = FrameProgress("", 3, quiet=True)
    for quality in (1.0, 2.5, 0.5):
        batch = [torch.ones(1, 3, 1, 1), torch.ones(1, 1, 1), torch.tensor([quality])]
        _step(network, optimizer, [*batch, torch.tensor([True])], settings, progress)
        stored = min(max(stored + 2 * (weight - quality), -1.0), 1.0) + 0.5 * weight
        buffer = stored if buffer is None else 0.9 * buffer + stored
        weight -= 0.1 * buffer
        assert float(network.weight.detach()) == pytest.approx(weight)
    empty = [*batch, torch.tensor([False])]
    assert _step(network, optimizer, empty, settings, progress) is None
    assert float(network.weight.detach()) == pytest.approx(weight)


class _Scale(torch.nn.Module):
    """Says the same of every mask: its only weight."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.tensor(2.0))

    def forward(self, images: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        return self.weight.expand(len(images), 1)


def test_the_quality_network_starts_from_imagenet(tmp_path, monkeypatch):
    small = {"width": 8, "depths": (1, 1, 1, 1), "side": 32}
    plain = build_network(AssessSettings(**small, backbone_weights=None))
    own = ("conv1_", "mean", "std")
    state = {k: v + 1 for k, v in plain.Encoder.state_dict().items() if not k.startswith(own)}
    names = {f"res{n}.": f"layer{n - 1}." for n in range(2, 6)}
    renamed = {names.get(k[:5], k[:5]) + k[5:]: v for k, v in state.items()}
    torch.save({**renamed, "fc.weight": torch.zeros(1), "fc.bias": torch.zeros(1)},
               tmp_path / "resnet50.pth")  # fmt: skip
    settings = AssessSettings(**small, backbone_weights=str(tmp_path / "resnet50.pth"))
    found = build_network(settings).Encoder.state_dict()
    assert all(torch.equal(found[key], value) for key, value in state.items())
    monkeypatch.setenv("LTR_PRETRAINED_NETWORKS", str(tmp_path))
    with pytest.raises(CheckpointError, match=r"with assess_net.backbone_weights=none"):
        build_network(AssessSettings())
