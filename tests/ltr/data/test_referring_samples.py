"""Training samples with sentences: what is read, paired, padded and replaced."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from ltr.admin.errors import DataError
from ltr.data.image_format import IMAGENET_RGB
from ltr.data.image_io import write_label_map
from ltr.data.randomness import SampleKey
from ltr.data.referring.augmentation import ClipAugmentation
from ltr.data.referring.clip import Clip
from ltr.data.referring.samples import ClipOptions, ReferringSamples, collate_clips
from ltr.dataset.referring.a2d import A2DSentences
from ltr.dataset.referring.images import ReferringImages
from ltr.dataset.referring.videos import ReferringVideos
from tests.referring_trees import STEMS, TEXTS, write_a2d, write_refcoco, write_refytvos
from tests.video_trees import SHAPE, label_map

PLAIN = ClipAugmentation(
    short_sides=(SHAPE[0],),
    crop_probability=0.0,
    photometric_distortion=False,
    horizontal_flip=False,
)
BLACK = IMAGENET_RGB.normalise(torch.zeros(1, 3, 1, 1))[0, :, 0, 0]


def options(**changes: object) -> ClipOptions:
    return ClipOptions(**{"num_frames": 3, "augment": PLAIN, "augment_image": PLAIN, **changes})


@pytest.fixture
def videos(tmp_path) -> ReferringVideos:
    return ReferringVideos("RefYouTubeVOS/train", write_refytvos(tmp_path))


def test_every_pair_is_seen_once_in_a_whole_epoch(videos):
    samples = ReferringSamples([videos], options())
    assert len(samples) == 8
    texts = [samples[SampleKey(0, 1, index)]["sentence"] for index in range(8)]
    assert texts == list(TEXTS) * 2
    assert len(ReferringSamples([videos], options(num_frames=1))) == 24


def test_tracking_images_show_the_object_of_the_neighbour(videos):
    """Of three frames the neighbours are 1, 0 and 1."""
    sample = ReferringSamples([videos], options())[SampleKey(0, 1, 0)]
    assert sample["clip"].shape == sample["previous"].shape == (3, 3, *SHAPE)
    clips = {place: label_map({1: (4 + 3 * place, 6)}) > 0 for place in range(3)}
    shown = (sample["previous"] - BLACK[:, None, None]).abs().amax(dim=1) > 1e-3
    frames = [int(mask.nonzero()[0, 1]) for mask in sample["target"].masks]
    places = [(frame - 4) // 3 for frame in frames]
    for place, visible in zip(places, shown, strict=True):
        neighbour = {0: 1, 1: 0, 2: 1}[place]
        assert not (visible.numpy() & ~clips[neighbour]).any()
        assert (visible.numpy() & clips[neighbour]).mean() > 0.9 * clips[neighbour].mean()


def test_targets_are_relative_and_valid(videos):
    target = ReferringSamples([videos], options())[SampleKey(0, 1, 2)]["target"]
    height, width = SHAPE
    wanted = [(44 + 51) / 2 / width, (24 + 31) / 2 / height, 7 / width, 7 / height]
    assert target.boxes[0].tolist() == pytest.approx(wanted)
    assert target.valid.all()
    assert target.labels.tolist() == [0, 0, 0]


def test_samples_are_functions_of_their_keys(videos):
    samples = ReferringSamples([videos], ClipOptions(num_frames=3), samples_per_epoch=5)
    assert len(samples) == 5
    first, again = (samples[SampleKey(0, 1, 0)] for _ in range(2))
    assert torch.equal(first["clip"], again["clip"])
    assert torch.equal(first["previous"], again["previous"])
    assert len({samples[SampleKey(0, 1, index)]["source"] for index in range(5)}) > 2


def test_paired_augmentation_gives_both_clips_one_geometry(videos):
    augment = ClipAugmentation(
        short_sides=(24, 40), crop_probability=0.0, photometric_distortion=False
    )
    samples = ReferringSamples([videos], options(augment=augment, paired_augmentation=True))
    for index in range(8):
        sample = samples[SampleKey(1, 1, index)]
        assert sample["clip"].shape == sample["previous"].shape
    apart = ReferringSamples([videos], options(augment=augment))
    keys = [SampleKey(1, 1, index) for index in range(8)]
    assert any(apart[key]["clip"].shape != apart[key]["previous"].shape for key in keys)


def test_dropped_tracking_shows_the_frames_themselves(videos):
    samples = ReferringSamples([videos], options(tracking_dropout=1.0))
    sample = samples[SampleKey(0, 1, 0)]
    assert torch.equal(sample["clip"], sample["previous"])
    without = ReferringSamples([videos], options(use_tracking=False))
    assert without[SampleKey(0, 1, 0)]["previous"] is None


def test_a_sample_without_its_object_is_replaced(tmp_path):
    root = write_refytvos(tmp_path)
    for stem in STEMS:
        write_label_map(root / "train/Annotations/a" / f"{stem}.png", label_map({2: (44, 24)}))
    samples = ReferringSamples([ReferringVideos("x", root)], options())
    for index in range(8):
        assert samples[SampleKey(0, 1, index)]["target"].valid.any()
    for video in ("a", "b"):
        for stem in STEMS:
            path = root / "train/Annotations" / video / f"{stem}.png"
            write_label_map(path, np.zeros(SHAPE, np.uint8))
    with pytest.raises(DataError, match="do not show their object"):
        samples[SampleKey(0, 1, 0)]


def test_images_become_clips_in_joint_training(tmp_path):
    write_refcoco(tmp_path)
    images = ReferringImages("RefCOCO/train", tmp_path, "refcoco")
    clip = ReferringSamples([images], options())[SampleKey(0, 1, 0)]
    assert clip["clip"].shape == (3, 3, *SHAPE)
    assert clip["sentence"] == "the left square"
    single = ReferringSamples([images], options(num_frames=1, use_tracking=False))
    assert single[SampleKey(0, 1, 0)]["clip"].shape == (1, 3, *SHAPE)


def test_boxes_of_images_are_the_annotations(tmp_path):
    """Cut at the border; crowd regions and boxes without extent are drawn again."""
    write_refcoco(tmp_path)
    file = tmp_path / "refcoco/instances_refcoco_train.json"
    content = json.loads(file.read_text())
    content["annotations"][0]["bbox"] = [9.5, -2.0, 12.25, 20.0]
    content["annotations"][1]["iscrowd"] = 1
    file.write_text(json.dumps(content))
    images = ReferringImages("RefCOCO/train", tmp_path, "refcoco")
    assert images.box(0).tolist() == [9.5, 0.0, 21.75, 18.0]
    assert images.box(1).tolist() == [0.0] * 4
    samples = ReferringSamples([images], options(num_frames=1, use_tracking=False))
    for position in (0, 1):
        sample = samples[SampleKey(0, 1, position)]
        assert sample["sentence"] == "the left square"
        height, width = SHAPE
        wanted = [15.625 / width, 9 / height, 12.25 / width, 18 / height]
        assert sample["target"].boxes[0].tolist() == pytest.approx(wanted)


def test_boxes_of_pseudo_clips_are_never_zero(tmp_path):
    write_refcoco(tmp_path)
    images = ReferringImages("RefCOCO/train", tmp_path, "refcoco")
    masks = np.zeros((3, 8, 8), bool)
    masks[::2, 2:6, 2:6] = True
    hidden = Clip.of_masks(np.zeros((3, 8, 8, 3), np.uint8), masks, "x")
    samples = ReferringSamples([images], options(augment=lambda clip, random: hidden))
    target = samples[SampleKey(0, 1, 0)]["target"]
    assert target.valid.tolist() == [True, False, True]
    assert target.boxes[1].tolist() == pytest.approx([1e-6] * 4)


def test_a2d_has_a_target_in_one_frame(tmp_path):
    write_a2d(tmp_path)
    sentences = A2DSentences("A2D/train", tmp_path)
    plain = ReferringSamples([sentences], options(use_tracking=False))[SampleKey(0, 1, 1)]
    assert plain["clip"].shape[0] == 3
    assert len(plain["target"].masks) == 1
    assert plain["target"].masks[0].nonzero()[0].tolist() == [8, 30]
    middle = plain["clip"][plain["target_frame"]] * 0.226 + 0.449
    assert float(middle.mean()) * 255 / 20 == pytest.approx(6, abs=0.3)
    tracked = ReferringSamples([sentences], options())[SampleKey(0, 1, 1)]
    assert tracked["clip"].shape[0] == tracked["previous"].shape[0] == 1
    shown = (tracked["previous"][0] - BLACK[:, None, None]).abs().amax(dim=0) > 1e-3
    assert shown.nonzero()[0].tolist() == [8, 10]  # the actor in the other annotated frame


def test_a_lonely_frame_is_its_own_displaced_neighbour(tmp_path):
    write_a2d(tmp_path)
    file = tmp_path / "a2d_sentences_single_frame_train_annotations.json"
    file.write_text(json.dumps([["a square", "vid", 7, 4]]))
    samples = ReferringSamples([A2DSentences("A2D/train", tmp_path)], options())
    corners = set()
    for seed in range(4):
        sample = samples[SampleKey(seed, 1, 0)]
        shown = (sample["previous"][0] - BLACK[:, None, None]).abs().amax(dim=0) > 1e-3
        corners.add(tuple(shown.nonzero()[0].tolist()))
        assert 40 < shown.sum() < 100  # the square has 64 pixels
    assert len(corners) > 1


def test_batches_are_padded_to_multiples_of_32(videos):
    augment = ClipAugmentation(
        short_sides=(40, 70), crop_probability=0.0, photometric_distortion=False
    )
    samples = ReferringSamples([videos], options(augment=augment))
    batch = collate_clips([samples[SampleKey(0, 1, index)] for index in range(6)])
    height, width = batch["clips"].frames.shape[-2:]
    assert (height % 32, width % 32) == (0, 0)
    assert len(set(batch["clips"].sizes)) == 2
    for frames, (rows, columns) in zip(*batch["clips"], strict=True):
        assert not frames[..., rows:, :].any()
        assert not frames[..., columns:].any()
    assert batch["target_frames"] is None
    assert len(batch["sentences"]) == len(batch["targets"]) == len(batch["source"]) == 6
