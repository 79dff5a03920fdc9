"""The original's own commands for referring segmentation."""

from __future__ import annotations

import importlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from ltr.data.image_io import read_image, read_label_map
from ltr.models.referring.snapshot import load_referformer
from pytracking.evaluation.outputs.query_drawing import draw_query, query_colours
from tests.referring_trees import (
    STEMS,
    TEXTS,
    write_refcoco,
    write_refytvos,
)
from tests.small_referring import SIZES, TEXT, small_network, write_small_files

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "referring"


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    return write_small_files(tmp_path_factory.mktemp("networks"), [*TEXTS, "0 1 2 3"])


@pytest.fixture
def program(monkeypatch):
    """Import one of the original's programs as if it were started from its folder."""
    known = set(sys.modules)
    monkeypatch.syspath_prepend(str(SCRIPTS))
    yield importlib.import_module
    for name in set(sys.modules) - known:
        if not name.startswith(("ltr", "pytracking")):
            del sys.modules[name]


def in_folder(monkeypatch, folder: Path) -> None:
    """Start from a folder that has the data where the original expects them."""
    monkeypatch.chdir(folder)
    monkeypatch.setattr(os, "environ", os.environ.copy())  # the programs set path variables


def test_key_frame_inference_of_the_original(tmp_path, files, program, monkeypatch, capsys):
    write_refytvos(tmp_path / "data/ref-youtube-vos", "valid", ["a"])
    in_folder(monkeypatch, tmp_path)
    words = ["--with_box_refine", "--binary", "--freeze_text_encoder", "--output_dir=OUT"]
    words += [f"--resume={files}/small.pth.tar", "--backbone", "resnet50", "--device", "cpu"]
    words += ["--tokenizer_dir", f"{files}/tokenizer", "--set", "short_side=64"]
    main = program("inference_frame_key").main
    assert main([*words, "--key_frames", "keys.json"]) == 0
    masks = sorted((tmp_path / "OUT/Annotations/a").glob("[0-3]/*.png"))
    assert len(masks) == 12
    assert set(json.loads((tmp_path / "keys.json").read_text())["a"]) == set("0123")
    (tmp_path / "keys.json").write_text(json.dumps({"a": dict.fromkeys("0123", 2)}))
    shutil.move(tmp_path / "OUT/Annotations", tmp_path / "Annotations")
    shutil.rmtree(tmp_path / "OUT")
    assert main([*words, "--key_frames", "keys.json"]) == 0
    for expression in range(4):  # the key frame is the mask that lay in Annotations
        name = f"Annotations/a/{expression}/{STEMS[2]}.png"
        found, given = (read_label_map(tmp_path / root / name) for root in ("OUT", "."))
        assert np.array_equal(found, given)
    capsys.readouterr()
    assert main([*words, "--two_stage"]) == 2
    assert "--two_stage is not offered" in capsys.readouterr().err
    assert main([*words, "--key_framez", "x"]) == 2
    assert "did you mean '--key_frames'" in capsys.readouterr().err


def test_the_original_draws_boxes_points_and_masks(tmp_path, files, program, monkeypatch):
    """Of a plain run, every pixel by the stored numbers."""
    root = write_refytvos(tmp_path / "data/ref-youtube-vos", "valid", ["a"])
    in_folder(monkeypatch, tmp_path)
    words = ["--with_box_refine", "--binary", "--freeze_text_encoder", "--output_dir=OUT"]
    words += [f"--resume={files}/small.pth.tar", "--device", "cpu", "--visualize"]
    words += ["--tokenizer_dir", f"{files}/tokenizer", "--set", "short_side=64"]
    assert program("inference_ytvos").main(words) == 0
    pictures = sorted((tmp_path / "OUT/valid_images").rglob("*.png"))
    assert [path.relative_to(tmp_path / "OUT/valid_images").as_posix() for path in pictures] == [
        f"a/{number}/{stem}.png" for number in range(4) for stem in STEMS
    ]
    runs = tmp_path / "OUT/runs/referring/referformer_r50/refytvos_valid"
    queries = json.loads((runs / "a/queries.json").read_text())
    assert {len(found[kind]) for found in queries.values() for kind in found} == {3}
    found = queries["1"]
    assert 0 < min(min(box) for box in found["boxes"]) < max(max(b) for b in found["boxes"]) < 1
    frame = read_image(root / f"valid/JPEGImages/a/{STEMS[1]}.jpg")
    mask = read_label_map(tmp_path / f"OUT/valid/a/1/{STEMS[1]}.png") > 0
    wanted = draw_query(frame, mask, found["boxes"][1], found["points"][1], query_colours()[1])
    assert np.array_equal(read_image(pictures[4]), wanted)
    assert not np.array_equal(wanted, frame)


def test_training_of_the_original(tmp_path, files, program, monkeypatch):
    write_refytvos(tmp_path / "data/ref-youtube-vos", "train", ["a"])
    in_folder(monkeypatch, tmp_path)
    rows = {**SIZES, "text_config": ",".join(f"{k}={v}" for k, v in TEXT.items()), "num_frames": 3}
    rows |= {"short_sides": "64", "max_size": 96, "random_crop": False, "batch_size": 4}
    words = ["--with_box_refine", "--binary", "--freeze_text_encoder", "--output_dir=OUT"]
    words += [f"--pretrained_weights={files}/small.pth.tar", "--device", "cpu", "--epochs", "1"]
    words += ["--lr_drop", "1", "--num_workers", "0", "--tokenizer_dir", f"{files}/tokenizer"]
    words += [word for row, value in rows.items() for word in ("--set", f"{row}={value}")]
    assert program("main").main(words) == 0
    folder = tmp_path / "OUT/checkpoints/ltr/referring/refytvos_r50"
    recipe = json.loads((folder / "settings.json").read_text())["recipe"]
    assert recipe["milestones"] == [1]
    assert recipe["freeze_text_encoder"]
    trained, start = load_referformer(folder), small_network(3)
    assert torch.equal(*(n.text_encoder.pooler.dense.weight for n in (trained, start)))
    assert not torch.equal(trained.query_embed.weight, start.query_embed.weight)


def test_the_original_launcher_wants_its_two_words():
    run = subprocess.run(
        ["bash", str(SCRIPTS / "dist_train_test_ytvos.sh"), "OUT"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 2
    assert run.stderr == "error: expected OUT and PRETRAINED, then further arguments\n"


@pytest.mark.parametrize(
    ("script", "own", "programs", "wanted"),
    [
        ("dist_pretrain.sh", ["OUT"], ["main.py"],
         {"dataset_file": "all", "epochs": 12, "lr_drop": [8, 10], "batch_size": 2,
          "num_frames": 1, "binary": True, "freeze_text_encoder": False}),
        ("dist_train_test_refcoco.sh", ["--resume", "FILE"], ["main.py"],
         {"dataset_file": "all", "eval": True, "batch_size": 16, "resume": "FILE"}),
        ("dist_train_test_ytvos_scratch.sh", ["OUT"], ["main.py", "inference_ytvos.py"],
         {"dataset_file": "ytvos", "epochs": 10, "lr_drop": [6, 8], "no_tracking": True,
          "pretrained_weights": "", "freeze_text_encoder": True}),
        ("dist_joint_train_ytvos.sh", ["OUT"], ["main.py", "inference_ytvos.py"],
         {"dataset_file": "joint", "epochs": 12, "lr_drop": [8, 10], "binary": True}),
        ("dist_train_a2d.sh", ["OUT", "FILE"], ["main.py"],
         {"dataset_file": "a2d", "batch_size": 2, "epochs": 6, "lr_drop": [3, 5],
          "pretrained_weights": "FILE", "binary": False}),
        ("dist_test_davis.sh", ["OUT", "FILE"], ["inference_davis.py", "eval_davis.py"], {}),
        ("dist_train_test_ytvos.sh", ["OUT", "FILE"], ["main.py", "inference_frame_key.py"],
         {"dataset_file": "ytvos", "epochs": 6, "lr_drop": [3, 5], "no_tracking": False}),
    ],
)  # fmt: skip
def test_launchers_give_the_original_words(script, own, programs, wanted, program):
    run = subprocess.run(
        ["bash", str(SCRIPTS / script), *own, "--backbone", "resnet101"],
        env={**os.environ, "GPUS": "0", "PYTHON": "echo"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [line.split() for line in run.stdout.splitlines()]
    assert [Path(words[0]).name for words in lines] == programs
    if programs[0] == "main.py":
        parsed = vars(program("main").make_parser().parse_args(lines[0][1:]))
        assert parsed["backbone"] == "resnet101"
        assert {name: parsed[name] for name in wanted} == wanted
    several = subprocess.run(
        ["bash", str(SCRIPTS / script), *own],
        env={**os.environ, "GPUS": "4", "PORT": "2", "PYTHON": "echo"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    is_distributed = "--nproc_per_node 4 --master_port 2" in several.stdout
    assert is_distributed == (script not in ("dist_test_davis.sh", "dist_train_test_refcoco.sh"))
    usual = subprocess.run(
        ["bash", str(SCRIPTS / script), *own],
        env={**{k: v for k, v in os.environ.items() if k != "GPUS"}, "PYTHON": "echo"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    count = 3 if script == "dist_train_test_ytvos.sh" else 8  # TF²'s machines had three
    assert (f"--nproc_per_node {count} " in usual.stdout) == is_distributed


def test_a_network_is_scored_on_pictures_by_the_original_words(
    tmp_path, files, program, monkeypatch, capsys
):
    for name in ("refcoco", "refcoco+", "refcocog"):
        write_refcoco(tmp_path / "data/coco", name, "val")
    in_folder(monkeypatch, tmp_path)
    words = [
        "--dataset_file",
        "all",
        "--eval",
        f"--resume={files}/small.pth.tar",
        "--device",
        "cpu",
    ]
    words += ["--tokenizer_dir", f"{files}/tokenizer", "--set", "short_side=64"]
    assert program("main").main([*words, "--output_dir=OUT"]) == 0
    assert capsys.readouterr().out.count("REC=") == 3


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        (["all", "--binary"], set()),
        (["all"], {"num_classes=91"}),
        (["refcoco+", "--binary"], {"train_sets=RefCOCO+/train", "validation_sets=RefCOCO+/val"}),
        (
            ["refcocog"],
            {"train_sets=RefCOCOg/train", "validation_sets=RefCOCOg/val", "num_classes=91"},
        ),
        (["ytvos"], {"num_classes=65"}),
        (["davis", "--binary"], {"train_sets=RefDAVIS/train"}),
        (["joint"], set()),
        (["a2d"], set()),
    ],
)
def test_what_a_data_set_of_the_original_stands_for(words, rows, program):
    """One of RefCOCO's three is also the only one that is evaluated after an epoch."""
    main = program("main")
    arguments = main.make_parser().parse_args(["--dataset_file", *words])
    assert set(main._data_rows(arguments.dataset_file, arguments.binary)) == rows


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ([], {"pretrained=none", "backbone_weights=resnet50-0676ba61.pth"}),
        (["--backbone", "swin_t_p4w7"], {"pretrained=none", "backbone_weights=none"}),
        (["--backbone_pretrained", "B"], {"pretrained=none"}),
        (["--pretrained_weights", "N"], set()),
    ],
)
def test_where_training_starts_without_a_network(words, rows, program):
    main = program("main")
    assert set(main._start(main.make_parser().parse_args(words))) == rows
