"""The recipes, and a run from synthetic clips to scored results."""

from __future__ import annotations

import importlib
import json
from collections.abc import Sequence

import pytest
import torch

from ltr import run_training
from ltr.admin.checkpoint import read_checkpoint
from ltr.dataset.synthetic_ytvis import write_synthetic_split
from ltr.train_settings.propose_reduce.recipe import ProposeReduceRecipe
from ltr.trainers.schedule import MultiStep, Warmup
from pytracking import run_evaluation, run_tracker
from tests.small_coco import write_coco
from tests.small_propose_reduce import SHAPES

SMALL = (
    "width=16", "backbone_width=8", "img_scale=96,64", "batch_size=2", "samples_per_epoch=4",
    "max_epochs=2", "milestones=", "box_batch_size=16",
)  # fmt: skip

SMALL_NETWORK = ("backbone=resnet18", "from_scratch=true", "num_workers=0")


def recipe(name: str) -> ProposeReduceRecipe:
    return importlib.import_module(f"ltr.train_settings.propose_reduce.{name}").RECIPE


@pytest.mark.parametrize(
    ("name", "backbone", "batch", "rate", "scale", "categories", "train_set"),
    [
        ("ytvis19_r50", "resnet50", 20, 3.333e-5, (640, 360), 40, "YouTubeVIS/2019/train"),
        ("ytvis19_r101", "resnet101", 12, 3.333e-5, (640, 360), 40, "YouTubeVIS/2019/train"),
        ("ytvis19_x101", "resnext101_64x4d", 8, 3.333e-5, (640, 360), 40, "YouTubeVIS/2019/train"),
        ("ytvis21_r50", "resnet50", 20, 3.333e-5, (640, 360), 40, "YouTubeVIS/2021/train"),
        ("ytvis21_x101", "resnext101_64x4d", 8, 3.333e-5, (640, 360), 40, "YouTubeVIS/2021/train"),
        ("davis_r101", "resnet101", 8, 3.333e-4, (854, 480), 1, "DAVIS/2017/train"),
        ("davis_x101", "resnext101_64x4d", 4, 3.333e-4, (854, 480), 1, "DAVIS/2017/train"),
    ],
)
def test_published_settings(name, backbone, batch, rate, scale, categories, train_set):
    table = recipe(name)
    assert (table.backbone, table.batch_size, table.train_set) == (backbone, batch, train_set)
    assert (table.img_scale, len(table.classes)) == (scale, categories)
    assert table.lr_scale == pytest.approx(rate, rel=1e-3)
    assert set(table.learning_rates.values()) == {1.0}
    assert (table.optimizer, table.momentum, table.weight_decay) == ("sgd", 0.9, 1e-4)
    assert (table.max_epochs, table.max_gradient_norm, table.seed) == (4, 35.0, 0)
    assert (table.rpn_batch_size, table.box_batch_size, table.max_objects) == (64, 128, 5)
    assert table.samples_per_epoch is None
    assert table.pairs_per_group == batch // 4  # the authors' four GPUs
    schedule = MultiStep(table.milestones, table.gamma)
    assert [schedule(epoch) for epoch in (1, 2, 3, 4)] == [1, 1, 0.1, 0.1]
    warmup = Warmup(table.warmup_steps, table.warmup_start)
    assert [warmup(step) for step in (0, 5, 10)] == pytest.approx([1 / 3, 2 / 3, 1])
    main_stage = recipe(table.init_checkpoint.removeprefix("ltr/propose_reduce/"))
    assert (main_stage.backbone, main_stage.classes) == (backbone, table.classes)
    assert main_stage.train_set == "pseudo:COCO/2017/train"
    assert main_stage.init_checkpoint is None


@pytest.fixture
def drawn(tmp_path, monkeypatch):
    monkeypatch.setenv("LTR_WORKSPACE_DIR", str(tmp_path / "work"))
    for split, seeds in (("train", range(3)), ("valid", range(50, 52))):
        write_synthetic_split(tmp_path / "drawn", split, seeds, SHAPES, frames=3, size=(64, 96))
    return tmp_path / "drawn"


def train(name: str, *assignments: str, words: Sequence[str] = ()) -> int:
    changes = [word for item in (*SMALL, *assignments) for word in ("--set", item)]
    return run_training.main(["propose_reduce", name, "--device", "cpu", *changes, *words])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("train_set=", "--set train_set=videos:PATH/train"),
        ("train_set=videos:nowhere/train", "neither nowhere/train.json nor"),
        ("categories=disc,star", "the network learns disc, star"),
        ("img_scale=16,16", "the sides of img_scale >= 32"),
        ("box_batch_size=1", "rpn_batch_size and box_batch_size must be >= 2"),
        ("samples_per_epoch=0", "samples_per_epoch must be >= 1"),
        ("init_checkpoint=ltr/propose_reduce/coco_ytvis19_r50", "train that first"),
    ],
)
def test_wrong_rows_are_sentences(change, message, drawn, tmp_path, capsys):
    assert train("synthetic", f"train_set=videos:{drawn}/train", change) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "work" / "checkpoints").exists()


def test_from_drawn_clips_to_scores(drawn, tmp_path, monkeypatch, capsys):
    assert train("synthetic", f"train_set=videos:{drawn}/train") == 0
    folder = tmp_path / "work/checkpoints/ltr/propose_reduce/synthetic"
    checkpoints = sorted(folder.glob("*.pth.tar"))
    assert [path.name for path in checkpoints] == [
        f"SeqMaskRCNN_ep000{epoch}.pth.tar" for epoch in (1, 2)
    ]
    monkeypatch.setenv("PYTRACKING_YTVIS2019_DIR", str(drawn))
    words = ["--dataset_name", "ytvis2019_valid", "--results", str(tmp_path / "out")]
    net = ["--net", str(checkpoints[-1]), "--set", "img_scale=96,64"]
    # Hardly trained, so everything counts.
    loose = ("detection_threshold=0", "min_output_score=0", "max_per_img=2", "key_num=2")
    changes = [word for change in loose for word in ("--set", change)]
    assert run_tracker.main(["propose_reduce", "synthetic", *words, *net, *changes]) == 0
    results = tmp_path / "out/propose_reduce/synthetic/ytvis2019_valid/results.json"
    found = json.loads(results.read_text())
    assert {entry["video_id"] for entry in found} == {1, 2}
    assert {entry["category_id"] for entry in found} <= {1, 2, 3}
    capsys.readouterr()
    assert run_evaluation.main(["propose_reduce", "synthetic", *words]) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1]
    assert last.startswith("AP=")


def test_the_main_stage_makes_pairs_of_still_images(drawn, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("LTR_COCO_DIR", str(write_coco(tmp_path / "coco")))
    start = ("backbone_weights=none", *SMALL_NETWORK)
    assert train("coco_ytvis19_r50", *start, words=["--max-steps", "2"]) == 0
    folder = tmp_path / "work/checkpoints/ltr/propose_reduce/coco_ytvis19_r50"
    state = read_checkpoint(next(folder.glob("*.pth.tar"))).net
    assert len(state["roi_heads.box_predictor.cls_score.bias"]) == 41
    assert "pseudo:COCO/2017/train: 1 frames, 40 classes" in capsys.readouterr().err


def test_a_file_of_the_authors_is_read_by_its_name(drawn, tmp_path):
    """As ``train_davis.json``: frames beside it, one category, whatever its name."""
    record = json.loads((drawn / "train.json").read_text())
    for entry in record["annotations"]:
        entry["category_id"] = 1
    record["categories"] = [{"id": 1, "name": "object"}]
    folder = tmp_path / "davis"
    folder.mkdir()
    (folder / "train_davis.json").write_text(json.dumps(record))
    (folder / "JPEGImages").symlink_to(drawn / "train" / "JPEGImages")
    data = f"train_set=videos:{folder}/train_davis.json"
    assert train("synthetic", data, "categories=davis", words=["--max-steps", "1"]) == 0


def test_half_precision_and_pieces_of_batches(drawn, tmp_path):
    words = ["--precision", "bf16", "--max-steps", "1", "--set", "accumulation_steps=2"]
    assert train("synthetic", f"train_set=videos:{drawn}/train", words=words) == 0
    assert list(tmp_path.glob("work/checkpoints/ltr/propose_reduce/synthetic/*.pth.tar"))


def test_a_stage_starts_from_the_one_before_and_warms_up(drawn, tmp_path):
    data = f"train_set=videos:{drawn}/train"
    assert train("synthetic", data, "max_epochs=1") == 0
    folder = tmp_path / "work/checkpoints/ltr/propose_reduce"
    before = read_checkpoint(next(folder.glob("synthetic/*.pth.tar"))).net
    # The rates of the first step are zero, so it leaves the weights as they were read.
    one_step = ("max_epochs=1", "samples_per_epoch=2", "warmup_start=0")
    start = ("init_checkpoint=ltr/propose_reduce/synthetic", "seed=7")
    assert train("ytvis19_r50", data, "categories=shapes", *SMALL_NETWORK, *one_step, *start) == 0
    after = read_checkpoint(next(folder.glob("ytvis19_r50/*.pth.tar"))).net
    learned = [name for name in before if "running" not in name and "batches" not in name]
    assert all(torch.equal(before[name], after[name]) for name in learned)
