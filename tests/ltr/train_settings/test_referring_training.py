"""Training with sentences: recipes, the actor, and a run that ends in a usable network."""

from __future__ import annotations

import importlib
import json
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from ltr import run_training
from ltr.actors.referring import ReferringActor, mean_overlap
from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.config import override
from ltr.admin.environment import train_environment
from ltr.admin.errors import ConfigError
from ltr.data.randomness import SampleKey
from ltr.data.referring.augmentation import ClipAugmentation
from ltr.data.referring.samples import ClipOptions, ReferringSamples, collate_clips
from ltr.dataset.referring.videos import ReferringVideos
from ltr.models.referring.batches import ReferringTarget
from ltr.models.referring.criterion import Criterion
from ltr.models.referring.referformer import Predictions, referformer
from ltr.models.referring.snapshot import load_referformer
from ltr.models.referring.text_encoder import tokenise
from ltr.train_settings.referring import drawn_images, drawn_small, refytvos_r50
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.trainers.optimizer import make_optimizer
from pytracking import run_tracker
from tests.referring_trees import TEXTS, write_refytvos
from tests.small_referring import SIZES, TEXT, small_network, small_tokenizer

EXPERIMENTS = sorted(
    path.stem
    for path in Path(refytvos_r50.__file__).parent.glob("*.py")
    if path.stem not in ("__init__", "recipe", "assembly")
)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_recipe_resolves(name):
    recipe = importlib.import_module(f"ltr.train_settings.referring.{name}").RECIPE
    assert recipe.description
    assert max(recipe.milestones) < recipe.max_epochs
    assert override(recipe, ["tracking=false", "short_sides=64,96"]).short_sides == (64, 96)


def test_published_schedules():
    """Spec 5.1: epochs, drops, frames, text and start of each stage."""
    recipes = {
        name: importlib.import_module(f"ltr.train_settings.referring.{name}").RECIPE
        for name in ("refytvos_r50", "refcoco_r50", "joint_r50", "a2d_video_swin_t")
    }
    rows = {
        name: (
            r.max_epochs,
            r.milestones,
            r.num_frames,
            r.freeze_text_encoder,
            r.pretrained is None,
        )
        for name, r in recipes.items()
    }
    assert rows == {
        "refytvos_r50": (6, (3, 5), 5, True, False),
        "refcoco_r50": (12, (8, 10), 1, False, True),
        "joint_r50": (12, (8, 10), 5, True, True),
        "a2d_video_swin_t": (6, (3, 5), 5, True, False),
    }
    recipe = recipes["refytvos_r50"]
    assert (recipe.weight_decay, recipe.max_gradient_norm, recipe.optimizer) == (5e-4, 0.1, "adamw")
    assert recipe.learning_rates["backbone"] == 5e-5
    assert recipe.learning_rates["transformer"] == 1e-4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("num_frames=2", "num_frames is 1, or at least 3"),
        ("train_sets=", "at least one data set"),
        ("tracking_dropout=2", "a share"),
    ],
)
def test_wrong_rows(row, message):
    with pytest.raises(ConfigError, match=message):
        override(refytvos_r50.RECIPE, [row])


def test_all_parameters_but_the_frozen_ones_are_trained(tmp_path):
    recipe = override(drawn_images.RECIPE, ["freeze_text_encoder=true"])
    network = ReferringAssembly(recipe, train_environment(create=False)).network()
    optimizer = make_optimizer(network, recipe.learning_rates, recipe.optimizer)
    trained = {id(p) for group in optimizer.param_groups for p in group["params"]}
    for name, parameter in network.named_parameters():
        assert (id(parameter) in trained) == (not name.startswith("text_encoder.")), name


def test_overlap_takes_the_slot_of_the_best_mean_score():
    masks = torch.full((1, 2, 2, 4, 4), -1.0)
    masks[0, :, 1, :2] = 1.0
    logits = torch.tensor([[[[2.0], [1.0]], [[-2.0], [1.0]]]])
    truth = torch.zeros(2, 16, 16, dtype=torch.bool)
    truth[:, :4] = True
    target = ReferringTarget(torch.zeros(2), torch.zeros(2, 4), truth, torch.ones(2))
    found = mean_overlap(Predictions(logits, masks[..., 0], masks, masks), [target])
    assert float(found) == pytest.approx(0.5)


def test_the_actor_learns_one_batch(tmp_path):
    """The losses of a repeated batch fall, and every part of the network gets gradients."""
    torch.manual_seed(0)
    videos = ReferringVideos("x", write_refytvos(tmp_path, videos=["a"]))
    augment = ClipAugmentation(
        short_sides=(40,), crop_probability=0.0, photometric_distortion=False
    )
    samples = ReferringSamples([videos], ClipOptions(num_frames=3, augment=augment))
    batch = collate_clips([samples[SampleKey(0, 1, index)] for index in (0, 2)])
    network = referformer(**{**SIZES, "backbone_from_scratch": True, "dropout": 0.0})
    tokenizer = small_tokenizer(tmp_path / "tokenizer", TEXTS)
    actor = ReferringActor(network, Criterion(), partial(tokenise, tokenizer))
    actor.train()
    loss, stats = actor(batch)
    loss.backward()
    silent = [n for n, p in network.named_parameters() if p.requires_grad and p.grad is None]
    assert all("pooler" not in name for name in silent)
    assert len(silent) < 8, silent
    assert {"Loss/total", "Loss/dice", "Stats/iou"} <= set(stats)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3)
    for _ in range(12):
        optimizer.zero_grad()
        loss, _ = actor(batch)
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.75 * float(stats["Loss/total"].detach())


def test_a_run_from_images_to_tracking(tmp_path, monkeypatch):
    """Two stages as in the paper, then the segmenter runs the trained network."""
    root = write_refytvos(tmp_path / "data", "train", ["a"])
    write_refytvos(root, "valid", ["a"])
    tokenizer = tmp_path / "tokenizer"
    small_tokenizer(tokenizer, TEXTS)
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "work"))
    monkeypatch.setenv("PYTRACKING_REFYTVOS_DIR", str(root))
    rows = [f"train_sets=RefYouTubeVOS:{root}", f"tokenizer_dir={tokenizer}", "max_epochs=1"]
    rows += ["milestones=", "batch_size=2", "samples_per_epoch=4", "backbone_width=8"]
    words = [word for row in rows for word in ("--set", row)]
    for name in ("drawn_images", "drawn_small"):
        assert run_training.main(["referring", name, "--device", "cpu", "--quiet", *words]) == 0
    folder = tmp_path / "work/checkpoints/ltr/referring"
    first, second = (load_referformer(folder / n) for n in ("drawn_images", "drawn_small"))
    assert not torch.equal(first.query_embed.weight, second.query_embed.weight)
    words = ["referring", "refytvos_r50", "--dataset_name", "refytvos_valid", "--quiet"]
    words += ["--net", str(folder / "drawn_small"), "--results", str(tmp_path / "out")]
    words += ["--set", f"tokenizer_dir={tokenizer}", "--set", "short_side=64"]
    assert run_tracker.main(words) == 0
    results = tmp_path / "out/referring/refytvos_r50/refytvos_valid"
    assert len([*results.glob("a/[0-3]/*.png")]) == 12
    log = [json.loads(line) for line in (folder / "drawn_small/log.jsonl").read_text().splitlines()]
    assert np.isfinite([float(v) for v in _numbers(log)]).all()


def _numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [n for item in value.values() for n in _numbers(item)]
    if isinstance(value, list):
        return [n for item in value for n in _numbers(item)]
    return [value] if isinstance(value, int | float) else []


def test_fine_tuning_keeps_all_but_the_classifiers(tmp_path, monkeypatch):
    network = small_network(5, backbone_from_scratch=True)
    save_checkpoint(tmp_path / "pre.pth.tar", network_fields(network))
    changes = {key: value for key, value in SIZES.items() if key != "text_config"}
    changes = {key: value for key, value in changes.items() if key != "num_levels"}
    recipe = replace(
        drawn_small.RECIPE, **changes, num_queries=5, num_levels=4, text_config=TEXT,
        pretrained=str(tmp_path / "pre.pth.tar"),
    )  # fmt: skip
    assembly = ReferringAssembly(recipe, train_environment(create=False))
    started = assembly.network()
    before = {key: value.clone() for key, value in started.state_dict().items()}
    assembly.initialise(started)
    after, wanted = started.state_dict(), network.state_dict()
    for key, value in after.items():
        source = before if key.startswith("class_embed.") else wanted
        assert torch.equal(value, source[key]), key
