"""The recipes, and a run from raw frames to a tracker."""

from __future__ import annotations

import importlib
import math

import pytest

from ltr import run_training
from ltr.train_settings.dense_ulearn.recipe import DenseULearnRecipe
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters
from tests.small_joint import small_clip
from tests.small_training import write_videos

SMALL = (
    "backbone_width=8", "feature_dim=8", "crop_size=64,64", "smallest_range=64,80", "video_len=3",
    "batch_size=2", "samples_per_epoch=4", "num_workers=0", "max_epochs=2", "milestones=",
)  # fmt: skip


def recipe(name: str) -> DenseULearnRecipe:
    return importlib.import_module(f"ltr.train_settings.dense_ulearn.{name}").RECIPE


@pytest.mark.parametrize(
    ("name", "optimizer", "rate", "gap", "side", "epochs", "last_factor"),
    [
        ("ytvos", "adam", 1e-4, 2, (256, 320), 501, 0.5**5),
        ("oxuva", "adam", 1e-4, 10, (256, 320), 501, 0.5**5),
        ("track", "sgd", 1e-3, 10, (256, 256), 251, 0.9**12),
        ("kinetics", "sgd", 1e-3, 10, (256, 256), 81, 0.5**4),
    ],
)
def test_published_settings(name, optimizer, rate, gap, side, epochs, last_factor):
    table = recipe(name)
    assert (table.optimizer, table.learning_rates) == (optimizer, {"fast_net": rate})
    assert (table.frame_gap, table.smallest_range, table.max_epochs) == (gap, side, epochs)
    assert (table.batch_size, table.video_len, table.weight_decay) == (16, 5, 5e-4)
    assert (table.betas, table.bias_factor, table.ce_ref) == ((0.5, 0.999), 2.0, 0.1)
    assert math.isclose(table.gamma ** len(table.milestones), last_factor)
    assert (table.rnd_crop, table.keep_order) == (name in ("ytvos", "oxuva"), name == "kinetics")


def train(name: str, *assignments: str) -> int:
    words = [word for item in (*SMALL, *assignments) for word in ("--set", item)]
    return run_training.main(["dense_ulearn", name, "--device", "cpu", *words])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("crop_size=100,100", "multiples of 64"),
        ("video_len=1", "video_len must be >= 2"),
        ("filelist=list.txt", "cannot be read"),
        ("train_videos=", "--set train_videos=folder:PATH"),
        ("rnd_zoom_range=0.5,2", "zoom_range"),
    ],
)
def test_wrong_rows_are_sentences(change, message, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "work"))
    videos = write_videos(tmp_path) / "JPEGImages"
    assert train("folder", f"train_videos=folder:{videos}", change) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "work" / "checkpoints").exists()


def test_from_raw_frames_to_masks(tmp_path, monkeypatch):
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "work"))
    videos = write_videos(tmp_path) / "JPEGImages"
    others = ("validation_samples=2", f"validation_videos={videos}")
    assert train("folder", f"train_videos={videos}", *others) == 0
    folder = tmp_path / "work/checkpoints/ltr/dense_ulearn/folder"
    checkpoints = sorted(path.name for path in folder.glob("*.pth.tar"))
    assert checkpoints == [f"DenseULearnNet_ep000{epoch}.pth.tar" for epoch in (1, 2)]
    params = DenseULearnParameters(str(folder / checkpoints[-1]), key="key", cxt_size=2)
    tracker = DenseULearnTracker.create(params, Runtime())
    frames, labels = small_clip(2)
    tracker.initialize(frames[0], FrameInfo((1, 5), labels))
    assert tracker.track(frames[1]).segmentation.shape == labels.shape


def test_the_small_recipe_runs_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "work"))
    videos = write_videos(tmp_path) / "JPEGImages"
    words = ("--set", f"train_videos={videos}", "--max-steps", "1")
    assert run_training.main(["dense_ulearn", "mini", "--device", "cpu", *words]) == 0
    (checkpoint,) = (tmp_path / "work/checkpoints/ltr/dense_ulearn/mini").glob("*.pth.tar")
    tracker = DenseULearnTracker.create(DenseULearnParameters(str(checkpoint)), Runtime())
    assert tracker.network.fast_net["backbone"].channels["layer4"] == 64
