"""Propose-Reduce in the original's command lines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import torch

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.data.image_io import read_label_map
from ltr.dataset.synthetic_shapes import SHAPES
from ltr.dataset.synthetic_ytvis import write_synthetic_split
from ltr.models.propose_reduce.seq_mask_rcnn import seq_mask_rcnn
from tests.video_trees import write_davis

SCRIPTS = Path(__file__).resolve().parents[2] / "scripts" / "propose_reduce"
SMALL = ("--set", "img_scale=96,64", "--set", "detection_threshold=0", "--set", "max_per_img=2")


def network(folder: Path, num_classes: int) -> Path:
    torch.manual_seed(0)
    path = folder / "small.pth.tar"
    small = seq_mask_rcnn(num_classes, "resnet18", 16, 8)
    save_checkpoint(path, network_fields(small))
    return path


def script(name: str, folder: Path, *words: str, **variables: str) -> subprocess.CompletedProcess:
    own = {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1", **variables}
    return subprocess.run(
        ["bash", str(SCRIPTS / name), *words],
        cwd=folder, env={**os.environ, **own}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_every_script_of_the_original_is_there():
    found = {str(path.relative_to(SCRIPTS)) for path in SCRIPTS.rglob("*.sh")}
    backbones = {"YTV2019": ("r50", "r101", "x101"), "YTV2021": ("r50", "x101")}
    for year, names in backbones.items():
        for name in names:
            assert f"{year}/eval_vis_{name}.sh" in found
            assert f"{year}/CateAwareReduce/eval_vis_{name}.sh" in found
            assert f"{year}/run_vis_{name}.sh" in found
    for name in ("r101", "x101"):
        assert {f"DAVIS/eval_vis_{name}.sh", f"DAVIS/run_vis_{name}.sh"} <= found
    assert "demo.sh" in found


def test_a_score_threshold_is_for_youtube_vis(tmp_path):
    """The original's tool for DAVIS takes it, too, and leaves all sequences in the masks."""
    for name, words in (
        ("YTV2021/eval_vis_x101.sh", ["min_output_score=0.3"]),
        ("DAVIS/eval_vis_r101.sh", []),
    ):
        for given in (["--score-thr", "0.3"], ["--score-thr=0.3"]):
            run = script(name, tmp_path, *given, PYTHON="echo", SAVE_DIR="Results")
            assert [w for w in run.stdout.split() if w.startswith("min_output")] == words


def test_flags_of_the_test_tool(tmp_path):
    words = ["--key-num", "3", "--network=mine", "--save-dir", "out", "--gpu", "0,1", "--show"]
    run = script("YTV2019/eval_vis_r50.sh", tmp_path, *words, "--quiet", PYTHON="echo")
    found = run.stdout.splitlines()[0].split()
    assert found[found.index("--results") + 1] == "out/vis_mine-k3-seqs"
    assert found[-4:] == ["--set", "key_num=3", "--vis", "--quiet"]
    run = script("DAVIS/eval_vis_x101.sh", tmp_path, "--key-num", PYTHON="echo")
    assert (run.returncode, run.stderr) == (2, "error: --key-num needs a value\n")


def test_results_lie_where_the_original_puts_them(tmp_path):
    write_synthetic_split(tmp_path / "data", "valid", [1], frames=2, size=(64, 96))
    net = str(network(tmp_path, len(SHAPES) + 1))
    run = script(
        "YTV2019/CateAwareReduce/eval_vis_r50.sh", tmp_path, "--net", net, *SMALL,
        PYTRACKING_YTVIS2019_DIR=str(tmp_path / "data"), SAVE_DIR="Results",
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    file = tmp_path / "Results/vis_r50_Ft_CAReduce-k5-seqs_json/results.json"
    assert isinstance(json.loads(file.read_text()), list)
    assert "reduction = category_aware" in run.stderr + run.stdout


def test_label_maps_of_davis(tmp_path):
    frames = {"00000": {1: (4, 4)}, "00001": {1: (6, 4)}}
    root = write_davis(tmp_path / "davis", {"bear": frames})
    (root / "Annotations").rename(root / "Annotations_unsupervised")
    net = str(network(tmp_path, 2))
    run = script(
        "DAVIS/eval_vis_x101.sh", tmp_path, "--net", net, *SMALL,
        PYTRACKING_DAVIS_DIR=str(root), SAVE_DIR=str(tmp_path / "Results"),
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    folder = tmp_path / "Results/vis_x101_Ft-k8-seqs_PIL/bear"
    assert sorted(path.name for path in folder.glob("*.png")) == ["00000.png", "00001.png"]
    assert read_label_map(folder / "00000.png").shape == (40, 60)


def test_a_missing_network_is_one_sentence(tmp_path):
    write_synthetic_split(tmp_path / "data", "valid", [1], frames=2, size=(64, 96))
    (tmp_path / "demo").mkdir()
    (tmp_path / "data/valid/JPEGImages").rename(tmp_path / "demo/inputs")
    run = script("demo.sh", tmp_path)
    assert run.returncode != 0
    assert "was not found" in run.stderr + run.stdout
    assert "Traceback" not in run.stderr
    assert not (tmp_path / "demo/outputs").exists()
