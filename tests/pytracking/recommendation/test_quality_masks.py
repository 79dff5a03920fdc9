"""Training data of the quality network."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch

from ltr.admin.errors import DataError
from ltr.data.image_io import read_label_map
from pytracking.recommendation.quality_masks import QualityMasks, list_samples, probability_file
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
