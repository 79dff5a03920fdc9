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
from ltr.actors.referring import ReferringActor, overlap_stats
from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.admin.config import override
from ltr.admin.environment import train_environment
from ltr.admin.errors import ConfigError
from ltr.data.randomness import SampleKey
from ltr.data.referring.augmentation import ClipAugmentation
from ltr.data.referring.batches import ReferringTarget
from ltr.data.referring.samples import ClipOptions, ReferringSamples, collate_clips
from ltr.dataset.referring.videos import ReferringVideos
from ltr.models.referring.criterion import Criterion
from ltr.models.referring.referformer import Predictions, referformer
from ltr.models.referring.snapshot import load_referformer
from ltr.models.referring.text_encoder import tokenise
from ltr.train_settings.referring import refytvos_r50, synthetic_images, synthetic_small
from ltr.train_settings.referring.assembly import ReferringAssembly
from ltr.train_settings.referring.recipe import START_FILES, ReferringRecipe
from ltr.trainers.optimizer import make_optimizer
from pytracking import run_tracker
from tests.referring_trees import TEXTS, write_a2d, write_refytvos
from tests.small_referring import SIZES, TEXT, small_network, small_tokenizer
from tests.video_trees import SHAPE

EXPERIMENTS = sorted(
    path.stem
    for path in Path(refytvos_r50.__file__).parent.glob("*.py")
    if path.stem not in ("__init__", "recipe", "assembly")
)


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_every_recipe_resolves(name):
    recipe = importlib.import_module(f"ltr.train_settings.referring.{name}").RECIPE
    assert recipe.description
    assert max(recipe.milestones, default=0) < recipe.max_epochs
    assert override(recipe, ["max_epochs=50"]).max_epochs == 50
    if isinstance(recipe, ReferringRecipe):
        assert override(recipe, ["tracking=false", "short_sides=64,96"]).short_sides == (64, 96)


def recipe_of(name: str) -> ReferringRecipe:
    return importlib.import_module(f"ltr.train_settings.referring.{name}").RECIPE


@pytest.mark.parametrize(
    ("name", "row"),
    [
        # epochs, drops, frames, clips a step, text frozen, tracking, image pre-training
        ("refcoco_r50", (12, (8, 10), 1, 64, False, False, False)),
        ("refcoco_swin_l", (12, (8, 10), 1, 64, False, False, False)),
        ("referformer_r50", (6, (3, 5), 5, 8, True, False, True)),
        ("referformer_video_swin_b", (6, (3, 5), 5, 8, True, False, True)),
        ("referformer_scratch_video_swin_t", (10, (6, 8), 5, 8, True, False, False)),
        ("joint_video_swin_s", (12, (8, 10), 5, 32, True, False, False)),
        ("referformer_a2d_video_swin_b", (6, (3, 5), 5, 16, True, False, True)),
        ("referformer_a2d_scratch_video_swin_t", (12, (8, 10), 6, 8, True, False, False)),
        ("refytvos_r101", (6, (3, 5), 5, 3, True, True, True)),
    ],
)
def test_published_schedules(name, row):
    """Spec 5.1 and addendum 1b."""
    recipe = recipe_of(name)
    assert row == (
        recipe.max_epochs,
        recipe.milestones,
        recipe.num_frames,
        recipe.batch_size,
        recipe.freeze_text_encoder,
        recipe.tracking,
        recipe.pretrained is not None,
    )
    assert (recipe.max_gradient_norm, recipe.optimizer) == (0.1, "adamw")
    assert recipe.weight_decay == (1e-4 if "a2d_scratch" in name else 5e-4)
    assert recipe.dropout == (0.0 if "a2d_scratch" in name else 0.1)
    assert recipe.learning_rates["backbone"] == 5e-5
    assert recipe.learning_rates["transformer"] == 1e-4


def test_every_published_row_has_a_recipe():
    """The tables of ReferFormer's README."""
    backbones = {"r50", "r101", "swin_t", "swin_l", "video_swin_t", "video_swin_s", "video_swin_b"}
    rows = {f"{stage}_{b}" for stage in ("refcoco", "referformer", "refytvos") for b in backbones}
    rows |= {f"joint_{b}" for b in backbones - {"swin_t"}}
    rows |= {f"referformer_a2d_video_swin_{size}" for size in "tsb"}
    rows |= {"referformer_scratch_video_swin_t", "referformer_a2d_scratch_video_swin_t"}
    assert rows <= set(EXPERIMENTS)
    for name in rows:
        recipe, short = recipe_of(name), name.rpartition("r50")[1] or name
        start = START_FILES[recipe.backbone]
        assert recipe.pretrained in (None, start.network), short
        assert recipe.backbone_weights in (None, start.backbone), short
        assert start.title in recipe.description
        assert recipe.gradient_checkpointing == start.is_large


def test_evaluation_after_an_epoch(tmp_path, monkeypatch):
    """Every sentence once, nothing drawn: two epochs see the same pixels."""
    write_a2d(tmp_path, "train")
    write_a2d(tmp_path, "test")
    monkeypatch.setenv("LTR_A2D_DIR", str(tmp_path))
    recipe = override(recipe_of("referformer_a2d_video_swin_t"), ["validation_short_side=40"])
    _, validation = ReferringAssembly(recipe, train_environment(create=False)).datasets()
    assert len(validation) == 2
    first, second = (validation[SampleKey(seed, seed, 0)] for seed in (1, 2))
    assert torch.equal(first["clip"], second["clip"])
    assert first["target_frame"] == 2
    assert first["clip"].shape == (5, 3, *SHAPE)


def test_flags_of_the_losses_and_the_network(tmp_path):
    rows = ["auxiliary_losses=false", "loss_weights=loss_ce=1", "match_costs=dice=0"]
    recipe = override(recipe_of("synthetic_images"), [*rows, "relative_coordinates=false"])
    recipe = replace(recipe, focal_alpha=0.5, **SIZES)
    small_tokenizer(tmp_path, TEXTS)
    recipe = replace(recipe, tokenizer_dir=str(tmp_path))
    assembly = ReferringAssembly(recipe, train_environment(create=False))
    network = assembly.network()
    assert len(network.controller.layers[-1].bias) == 16 * 8 + 8 * 8 + 8 + 17
    actor = assembly.actor(network)
    assert actor.criterion.weights["loss_ce"] == 1.0
    assert actor.criterion.weights["loss_dice"] == 5.0
    assert (actor.criterion.costs.dice, actor.criterion.alpha) == (0.0, 0.5)
    with pytest.raises(ConfigError, match="match_costs: there is no 'dise'"):
        override(recipe, ["match_costs=dise=1"])


def test_dropout_is_that_of_encoder_and_decoder_alone():
    """Addendum 1b: the released programs leave the pixel decoder's and the adapter's at 0.1."""
    recipe = replace(recipe_of("referformer_a2d_scratch_video_swin_t"), **SIZES)
    network = ReferringAssembly(recipe, train_environment(create=False)).network()
    shares = {
        part: {module.p for module in network.get_submodule(part).modules()
               if isinstance(module, torch.nn.Dropout)}
        for part in ("transformer", "pixel_decoder", "resizer")
    }  # fmt: skip
    assert shares == {"transformer": {0.0}, "pixel_decoder": {0.1}, "resizer": {0.1}}


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
    recipe = override(synthetic_images.RECIPE, ["freeze_text_encoder=true"])
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
    target = ReferringTarget(
        torch.zeros(2), torch.tensor([[0.5, 0.5, 0.2, 0.4]] * 2), truth, torch.tensor([1, 0])
    )
    boxes = torch.full((1, 2, 2, 4), 0.5)
    boxes[0, 0, 1] = torch.tensor([0.5, 0.5, 0.2, 0.3])  # overlap 0.75 where the object is
    found = overlap_stats(Predictions(logits, boxes, masks, masks), [target])
    assert float(found["Stats/iou"]) == pytest.approx(0.5)
    assert (float(found["Stats/mask_P@0.5"]), float(found["Stats/box_P@0.5"])) == (0.0, 1.0)


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
    for name in ("synthetic_images", "synthetic_small"):
        assert run_training.main(["referring", name, "--device", "cpu", "--quiet", *words]) == 0
    folder = tmp_path / "work/checkpoints/ltr/referring"
    first, second = (load_referformer(folder / n) for n in ("synthetic_images", "synthetic_small"))
    assert not torch.equal(first.query_embed.weight, second.query_embed.weight)
    words = ["referring", "refytvos_r50", "--dataset_name", "refytvos_valid", "--quiet"]
    words += ["--net", str(folder / "synthetic_small"), "--results", str(tmp_path / "out")]
    words += ["--set", f"tokenizer_dir={tokenizer}", "--set", "short_side=64"]
    assert run_tracker.main(words) == 0
    results = tmp_path / "out/referring/refytvos_r50/refytvos_valid"
    assert len([*results.glob("a/[0-3]/*.png")]) == 12
    log = [
        json.loads(line) for line in (folder / "synthetic_small/log.jsonl").read_text().splitlines()
    ]
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
        synthetic_small.RECIPE, **changes, num_queries=5, num_levels=4, text_config=TEXT,
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
