"""Exported label propagation gives what PyTorch gives."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import read_label_map, write_image, write_label_map
from pytracking import export_tracker, run_exported
from pytracking.evaluation.tracker import create_tracker
from pytracking.export.runner.graphs import open_graphs
from pytracking.export.runner.load import load_exported
from pytracking.export.runner.manifest import MANIFEST, read_manifest
from pytracking.tracker.base import FrameInfo
from tests.pytracking.export.clips import worst_difference
from tests.small_joint import small_clip

ROOT = Path(__file__).resolve().parents[3]
CHANGES = ("cxt_size=3", "radius=3", "input_size=-1")
WORDS = [word for change in CHANGES for word in ("--set", change)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """A tracker in both formats, with room for three objects of two start frames."""
    parent = tmp_path_factory.mktemp("exported")
    room = ["--frame-size", "110x70", "--objects", "3", "--starts", "2"]
    for form in ("onnx", "torch-export"):
        words = ["dense_ulearn", "demo", str(parent / form), "--format", form, *room, *WORDS]
        assert export_tracker.main([*words, "--quiet"]) == 0
    return parent


def late_clip():
    """Seven frames; object 1 starts in the first, object 5 in the third."""
    frames, labels = small_clip(7)
    late = np.where(labels == 5, labels, 0).astype(np.uint8)
    return frames, {0: FrameInfo((1,), labels), 2: FrameInfo((5,), late)}


@pytest.mark.parametrize("form", ["onnx", "torch-export"])
def test_both_formats_give_the_probabilities_of_pytorch(folders, form):
    """The context of 3 frames is full after 3 of 7; one object starts late."""
    frames, prompts = late_clip()
    exported = load_exported(folders / form, threads=1, trusted=True)
    tracker = create_tracker("dense_ulearn", "demo", CHANGES)
    assert worst_difference(tracker, exported, frames, prompts) < 1e-4
    assert worst_difference(tracker, exported, frames[::-1], prompts) < 1e-4


def test_nothing_depends_on_what_empty_slots_hold(folders):
    frame = open_graphs(read_manifest(folders / "onnx"), 1)["frame"]
    rng = np.random.default_rng(0)
    memory = frame.zeros(*frame.file.inputs)
    filled = {k: rng.random(v.shape, dtype=np.float32) for k, v in memory.items() if v.ndim > 2}
    filled["image"] = rng.integers(0, 255, memory["image"].shape).astype(np.uint8)
    counts = np.array([[0, 2, 0], [0, 0, 0]], np.float32)
    owners = np.array([[1, 1, 0, 0], [0, 0, 0, 0]], np.float32)
    results = []
    for rubbish in (0, 1e3, np.nan):
        own = {key: value.copy() for key, value in filled.items()}
        for name in ("features", "labels"):
            own[name][[0, 2]] = rubbish
        for name in ("start_features", "start_labels"):
            own[name][1] = rubbish
        found = frame.run(own, counts=counts, owners=owners, slot=np.array([2]))
        results.append((found["probabilities"], own["labels"][2]))
    for result in results[1:]:
        for first, other in zip(results[0], result, strict=True):
            np.testing.assert_array_equal(first, other)
    assert results[0][0][:2].any()
    assert not results[0][0][2:].any()


def test_what_the_graphs_have_no_room_for_is_said_in_a_sentence(folders):
    frames, labels = small_clip(1)
    exported = load_exported(folders / "onnx", threads=1)
    with pytest.raises(RuntimeError, match="no video has begun"):
        exported.track(frames[0])
    with pytest.raises(DataError, match=r"frames of 110x70, got 100x70.*--frame-size"):
        exported.initialize(frames[0][:, :100], FrameInfo((1,), labels[:, :100]))
    labels[:2] = np.arange(1, 111)
    with pytest.raises(DataError, match=r"at most 3 objects.*--objects"):
        exported.initialize(frames[0], FrameInfo((1, 2, 3, 4), labels))
    exported.initialize(frames[0], FrameInfo((1,), labels))
    exported.track(frames[0], FrameInfo((2,), labels))
    with pytest.raises(DataError, match=r"start in 2 frames only.*--starts"):
        exported.track(frames[0], FrameInfo((3,), labels))


def test_damaged_folders_are_refused(folders, tmp_path):
    with pytest.raises(DataError, match="is not an exported tracker: it has no export"):
        load_exported(tmp_path)
    shutil.copytree(folders / "onnx", tmp_path / "copy")
    graph = tmp_path / "copy" / "frame.onnx"
    graph.write_bytes(graph.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"frame\.onnx is not the file that was exported"):
        load_exported(tmp_path / "copy")
    graph.unlink()
    with pytest.raises(DataError, match=r"lacks frame\.onnx"):
        load_exported(tmp_path / "copy")
    text = (tmp_path / "copy" / MANIFEST).read_text()
    (tmp_path / "copy" / MANIFEST).write_text(text.replace('"version": 1', '"version": 9'))
    with pytest.raises(DataError, match="has version 9, expected 1"):
        load_exported(tmp_path / "copy")
    endless = {"shape": [float("inf")], "type": "float32"}
    content = json.loads(text)
    shutil.copy(folders / "onnx" / "frame.onnx", graph)
    content["graphs"]["frame"]["inputs"] = {"image": endless}
    (tmp_path / "copy" / MANIFEST).write_text(json.dumps(content))
    with pytest.raises(DataError, match="is damaged"):
        load_exported(tmp_path / "copy")
    (tmp_path / "copy" / MANIFEST).write_text("{}")
    with pytest.raises(DataError, match="is damaged"):
        load_exported(tmp_path / "copy")


def test_a_video_is_tracked_where_pytorch_cannot_be_imported(folders, tmp_path):
    frames, labels = small_clip(3)
    (tmp_path / "clip").mkdir()
    for index, image in enumerate(frames):
        write_image(tmp_path / "clip" / f"{index:05d}.png", image)
    write_label_map(tmp_path / "first.png", labels)
    script = "import sys; sys.modules['torch'] = None\nfrom pytracking.run_exported import main\n"
    words = ["clip", "--mask", "first.png", "--output", "out", "--threads", "1"]
    command = [sys.executable, "-c", script + "sys.exit(main(sys.argv[1:]))"]
    run = subprocess.run(
        [*command, str(folders / "onnx"), *words],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert "3 frames, fps=" in run.stdout
    exported = load_exported(folders / "onnx", threads=1)
    exported.initialize(frames[0], FrameInfo((1, 5), labels))
    for index in (1, 2):
        expected = exported.track(frames[index]).segmentation
        found = read_label_map(tmp_path / "out" / "masks" / f"{index:05d}.png")
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["dense_ulearn", "demo", "out", "--frame-size", "4x4"], "expected WIDTHxHEIGHT"),
        (["dense_ulearn", "demo", "out", "--objects", "0"], "--objects 0: expected 1 to 254"),
        (["baseline", "copy_mask", "out"], "baseline cannot be exported"),
        (["dense_ulearn", "demo", "taken"], "holds results already (export.json)"),
    ],
)
def test_bad_arguments_are_told_in_a_sentence(words, sentence, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / MANIFEST).write_text("{}")
    assert export_tracker.main(words) == 2
    assert sentence in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_programs_of_pytorch_are_loaded_only_where_they_are_trusted(folders, tmp_path, capsys):
    with pytest.raises(ConfigError, match="--trust"):
        load_exported(folders / "torch-export")
    write_label_map(tmp_path / "first.png", np.ones((70, 110), np.uint8))
    words = [str(folders / "torch-export"), "no.mp4", "--mask", str(tmp_path / "first.png")]
    assert run_exported.main([*words, "--output", str(tmp_path / "out")]) == 2
    assert "can do anything when they are loaded" in capsys.readouterr().err
