"""MANet's two stages: samples, schedules and runs on two tiny sequences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ltr import run_training
from ltr.actors.manet import (
    ManetInteractionActor,
    fill_far,
    hardest_mean,
)
from ltr.admin.checkpoint import read_checkpoint
from ltr.data.interactive.scribbles import ScribbleLine, VideoScribbles, write_scribbles
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.dataset.davis import Davis
from ltr.dataset.interactive.corrections import CorrectionSamples
from ltr.dataset.interactive.damage import damage_labels
from ltr.dataset.interactive.triplets import LabelledFrames, TripletSamples, place_crop
from ltr.models.interactive.manet import IMAGE_FORMAT, manet, prepare_new_layers
from ltr.train_settings.interactive import manet_stage1, manet_stage2
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


def test_new_layers_start_as_in_the_released_program():
    """Addendum 4a: Kaiming's rule by the outputs, slow norms; the backbone is left alone."""
    torch.manual_seed(0)
    network = manet(4, 32, 64)
    prepare_new_layers(network)
    assert network.bn1.momentum == 0.0003
    assert network.feature_extracter.get_submodule("backbone.bn1").momentum == 0.1
    spread = float(network.embedding_conv.weight.detach().std())
    assert spread == pytest.approx((2 / 64) ** 0.5, rel=0.05)  # 1 x 1, 64 outputs


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


@pytest.fixture
def scribbled(davis):
    """The same with three scribble files each: a line over every object of frame 2."""
    lines = [
        ScribbleLine(np.array([[0.2, 0.3], [0.3, 0.4]]), 1),
        ScribbleLine(np.array([[0.6, 0.65], [0.62, 0.75]]), 2),
    ]
    for name in ("bear", "dog"):
        for number in (1, 2, 3):
            path = davis / f"Scribbles/{name}/{number:03d}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            frames = ((), (), tuple(lines), (), (), ())
            write_scribbles(path, VideoScribbles(name, frames))
    return davis


def test_rounds_of_corrections_follow_each_other(scribbled):
    samples = CorrectionSamples(Davis(scribbled), 100, 48, IMAGE_FORMAT)
    rounds = [
        samples.choose(SampleKey(0, epoch, position), 0, Generators.seeded(position)).round
        for epoch in (1, 2, 3, 4)
        for position in range(0, 100, 10)
    ]
    assert rounds == [0] * 6 + [1] * 6 + [2] * 6 + [0] * 6 + [1] * 6 + [2] * 6 + [0] * 4
    both = {
        samples.choose(SampleKey(0, 1, position), 0, Generators.seeded(0)).sequence
        for position in (4, 5)
    }
    assert both == {0, 1}  # every video once per pass


def test_a_first_round_has_the_lines_of_a_person(scribbled):
    samples = CorrectionSamples(Davis(scribbled), 100, 48, IMAGE_FORMAT)
    for position in range(8):
        sample = samples[SampleKey(0, 1, position)]
        shown = sample["first_lines"].unique().tolist()
        assert sample["round"] == 0
        assert shown[0] == -1
        assert len(shown) > 1
        assert set(shown) <= {-1, 1, 2}
        assert (sample["lines"] >= 0).sum() > 3
        assert not sample["pairs"].any()


def test_the_crop_of_maps_is_that_of_the_image():
    labels = np.arange(40 * 60, dtype=np.int64).reshape(40, 60) % 251
    image = np.repeat(labels[..., None], 3, axis=2).astype(np.uint8)
    labels = labels.astype(np.uint8)
    frames = LabelledFrames(image[None], labels[None])
    for seed in range(12):
        placement = place_crop(labels, 30, 2, Generators.seeded(seed))
        found, picked = placement.apply(frames)
        assert found.shape == (30, 30, 3)
        assert np.array_equal(picked, placement.pick(labels))
        if placement.size == (40, 60):  # neither scaled nor resampled
            assert np.array_equal(found[..., 0], picked)


def test_far_pixels_are_background():
    lines = torch.full((20, 30), -1)
    lines[5, 8:12] = 2
    filled = fill_far(lines, 3)
    assert (filled[:2] == 0).all()
    assert (filled[2:8, 5:14] == torch.where(lines == 2, 2, -1)[2:8, 5:14]).all()
    assert (filled[:, 14:] == 0).all()


def test_later_rounds_are_corrected_by_the_robot(scribbled):
    torch.manual_seed(0)
    samples = CorrectionSamples(Davis(scribbled), 100, 48, IMAGE_FORMAT)
    actor = ManetInteractionActor(manet(2, 4, 4))
    actor.train()
    assert actor.network.inter_seghead.training
    assert not actor.network.feature_extracter.training
    for epoch, position in ((1, 70), (2, 30)):  # second and third round
        sample = samples[SampleKey(0, epoch, position)]
        assert sample["round"] == {1: 1, 2: 2}[epoch]
        lines, previous = actor._prompt(sample)
        assert lines.shape == previous.shape == (48, 48)
        assert set(lines.unique().tolist()) <= {-1, 0, 1, 2}
        assert set(previous.unique().tolist()) <= {0, 1, 2}


def test_the_second_stage_learns_the_head_alone(scribbled, tmp_path, capsys):
    rows = ["width=2", "planes=4", "embedding_dim=4", "crop_size=32", "num_workers=0"]
    words = ["--device", "cpu", "--quiet", "--set", "backbone_weights=none"]
    words += [word for row in rows for word in ("--set", row)]
    first = ["interactive", "manet_stage1", *words, "--set", "samples_per_epoch=2"]
    assert run_training.main([*first, "--set", "max_epochs=1", "--set", "poly_steps=1"]) == 0
    second = ["interactive", "manet_stage2", *words, "--set", "samples_per_epoch=4"]
    assert run_training.main([*second, "--set", "max_epochs=1"]) == 2
    assert "init_epoch = 100" in capsys.readouterr().err
    assert run_training.main([*second, "--set", "max_epochs=1", "--set", "init_epoch=1"]) == 0
    folder = tmp_path / "work/checkpoints/ltr/interactive"
    before = read_checkpoint(folder / "manet_stage1/MANet_ep0001.pth.tar").net
    after = read_checkpoint(folder / "manet_stage2/MANet_ep0001.pth.tar").net
    changed = {key.split(".")[0] for key in before if not torch.equal(before[key], after[key])}
    assert changed == {"inter_seghead"}


def test_the_recipe_of_the_second_stage():
    recipe = manet_stage2.RECIPE
    assert (recipe.optimizer, recipe.nesterov, recipe.max_gradient_norm) == ("sgd", False, None)
    assert recipe.learning_rates == {"inter_seghead": 7e-4}
    assert recipe.init_epoch * manet_stage1.RECIPE.samples_per_epoch // 2 == 100_000
