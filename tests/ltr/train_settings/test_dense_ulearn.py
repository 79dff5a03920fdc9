"""The recipes, and a run from raw frames to a tracker."""

from __future__ import annotations

import importlib
import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ltr import run_training
from ltr.actors.label_propagation import VideoOfSet, propagation_score
from ltr.admin.checkpoint import read_checkpoint
from ltr.admin.environment import train_environment
from ltr.admin.loading import load_network_of
from ltr.data.epochs import is_due
from ltr.dataset.davis import Davis
from ltr.models.dense_ulearn.dense_ulearn_net import DenseULearnNet, Embeddings
from ltr.train_settings.dense_ulearn.assembly import DenseULearnAssembly
from ltr.train_settings.dense_ulearn.recipe import DenseULearnRecipe
from pytracking.tracker.base import FrameInfo, Runtime
from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
from pytracking.tracker.dense_ulearn.parameters import DenseULearnParameters
from tests.small_joint import small_clip
from tests.small_training import write_videos
from tests.video_trees import write_davis

CPU = torch.device("cpu")

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


def test_the_best_checkpoint_is_chosen_by_propagated_labels(tmp_path, monkeypatch):
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "work"))
    video = {f"{t:05d}": {1: (3 + 4 * t, 4), 2: (40 - 3 * t, 24)} for t in range(5)}
    monkeypatch.setenv("LTR_DAVIS_DIR", str(write_davis(tmp_path / "davis", {"bear": video})))
    videos = write_videos(tmp_path) / "JPEGImages"
    rows = (
        "scored_split=val", "validation_interval=3", "validation_offset=1", "max_epochs=5",
        "validation_samples=1", f"validation_videos={videos}", "keep_checkpoints=1",
    )  # fmt: skip
    assert train("folder", f"train_videos={videos}", *rows) == 0
    folder = tmp_path / "work/checkpoints/ltr/dense_ulearn/folder"
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    scores = {
        line["epoch"]: line["means"]["score"] for line in lines if "score" in line.get("means", {})
    }
    assert set(scores) == {1, 4}
    assert {line["epoch"] for line in lines if "val" in line.get("means", {})} == {1, 4}
    assert set(scores[4]) == {"J&F/key", "J&F/res4"}
    best = read_checkpoint(folder / "checkpoint_best.pth.tar")
    assert best.epoch == max(scores, key=lambda epoch: max(scores[epoch].values()))
    last = read_checkpoint(folder / "DenseULearnNet_ep0005.pth.tar")
    assert last.fields["position"]["best"] == max(max(s.values()) for s in scores.values())
    network = load_network_of(DenseULearnNet, folder / "checkpoint_best.pth.tar").eval()
    found = propagation_score(
        network.embed, [VideoOfSet(Davis(tmp_path / "davis", split="val"), 0)], ("key", "res4"), CPU
    )
    assert found == pytest.approx(
        {name.removeprefix("J&F/"): value for name, value in scores[best.epoch].items()}, abs=1e-6
    )


class SameColours:
    """Features that are the colours themselves."""

    def __call__(self, images: torch.Tensor) -> Embeddings:
        small = torch.nn.functional.avg_pool2d(images, 2)
        return Embeddings(small, small, small)


def test_a_score_is_the_mean_over_objects_without_the_last_frame():
    labels = np.zeros((40, 40), np.uint8)
    labels[4:14, 4:14], labels[24:36, 20:34] = 1, 3
    image = np.zeros((40, 40, 3), np.uint8)
    image[labels == 1], image[labels == 3] = (255, 0, 0), (0, 0, 255)
    gone = labels.copy()
    gone[labels == 3] = 0
    still = [(image, labels)] * 4
    assert propagation_score(SameColours(), [still], ("res4",), CPU)["res4"] > 0.99
    # the truth of one object disappears in the middle frame of three that count
    moved = [still[0], still[1], (image, gone), still[3], (image, gone * 0)]
    assert propagation_score(SameColours(), [moved], ("res4",), CPU)["res4"] == pytest.approx(
        (1 + 2 / 3) / 2, abs=0.01
    )


@pytest.mark.parametrize(
    ("name", "interval"), [("ytvos", 10), ("oxuva", 10), ("track", 2), ("kinetics", 2)]
)
def test_published_recipes_choose_by_davis(name, interval):
    table = recipe(name)
    assert (table.validation_interval, table.scored_split, table.num_scored) == (interval, "val", 5)
    assert table.validation_videos == ("DAVIS/2017/val",)
    released = {"ytvos": 60, "oxuva": 430, "track": 88, "kinetics": 26}[name]  # counted from 0
    assert is_due(released + 1, table.validation_interval, table.validation_offset)


def test_validation_clips_are_in_random_order_whatever_the_training_clips(tmp_path, monkeypatch):
    """Upstream reads DAVIS from a list of frames, for Kinetics too."""
    video = {f"{t:05d}": {1: (3 + 4 * t, 4)} for t in range(5)}
    monkeypatch.setenv("LTR_DAVIS_DIR", str(write_davis(tmp_path / "davis", {"bear": video})))
    names = {"train_videos": (str(write_videos(tmp_path) / "JPEGImages"),)}
    names["validation_videos"] = (str(tmp_path / "davis/JPEGImages/480p"),)
    assembly = DenseULearnAssembly(replace(recipe("kinetics"), **names), train_environment())
    training, validation = assembly.datasets()
    assert training.keep_order
    assert validation is not None
    assert not validation.keep_order
    assert (training.frame_gap, validation.frame_gap, len(validation)) == (10, 2, 30)


def test_the_small_recipe_runs_as_it_is(tmp_path, monkeypatch):
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "work"))
    videos = write_videos(tmp_path) / "JPEGImages"
    words = ("--set", f"train_videos={videos}", "--max-steps", "1")
    assert run_training.main(["dense_ulearn", "mini", "--device", "cpu", *words]) == 0
    (checkpoint,) = (tmp_path / "work/checkpoints/ltr/dense_ulearn/mini").glob("*.pth.tar")
    tracker = DenseULearnTracker.create(DenseULearnParameters(str(checkpoint)), Runtime())
    assert tracker.network.fast_net["backbone"].channels["layer4"] == 64
