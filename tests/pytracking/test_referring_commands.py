"""Referring segmentation on the command line: every data set."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.data.image_io import read_label_map
from pytracking import run_evaluation, run_tracker, run_video
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.tracker import list_names, load_parameters
from pytracking.tracker.base import Runtime
from pytracking.tracker.referring.loading import load_referring_network
from pytracking.tracker.referring.prompts import TargetPrompt
from pytracking.tracker.referring.referring import ReferringTracker
from tests.referring_trees import (
    STEMS,
    TEXTS,
    write_a2d,
    write_jhmdb,
    write_list,
    write_mp4,
    write_refcoco,
    write_refdavis,
    write_refytvos,
)
from tests.small_referring import small_network, write_small_files
from tests.video_trees import SHAPE


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> Path:
    return write_small_files(tmp_path_factory.mktemp("networks"), [*TEXTS, "0 1 2 3"])


@pytest.fixture
def common(files) -> list[str]:
    words = ["--net", str(files / "small.pth.tar"), "--set", f"tokenizer_dir={files}/tokenizer"]
    return [*words, "--set", "short_side=64", "--quiet"]


def track(dataset: str, out: Path, common: list[str], *words: str) -> int:
    own = ["referring", "refytvos_r50", "--dataset_name", dataset, "--results", str(out)]
    return run_tracker.main([*own, *common, *words])


def test_ref_youtube_vos(tmp_path, common, monkeypatch, capsys):
    root = write_refytvos(tmp_path / "data", "valid")
    monkeypatch.setenv("PYTRACKING_REFYTVOS_DIR", str(root))
    archive = tmp_path / "out.zip"
    assert track("refytvos_valid", tmp_path, common, "--submission", str(archive)) == 0
    folder = tmp_path / "referring/refytvos_r50/refytvos_valid"
    masks = sorted(path.relative_to(folder).as_posix() for path in folder.glob("*/*/*.png"))
    assert masks == sorted(f"{v}/{e}/{s}.png" for v in "ab" for e in range(4) for s in STEMS)
    values = np.unique([np.asarray(Image.open(folder / name)) for name in masks])
    assert set(values.tolist()) == {0, 255}
    keys = json.loads((folder / "key_frames.json").read_text())
    assert {tuple(entry) for entry in keys.values()} == {("0", "1", "2", "3")}
    with zipfile.ZipFile(archive) as pack:
        assert sorted(pack.namelist()) == [f"Annotations/{name}" for name in masks]
    capsys.readouterr()
    words = ["--check_submission", str(archive), "--dataset_name", "refytvos_valid"]
    assert run_evaluation.main(words) == 0
    assert "is complete (24 masks in 8 folders)" in capsys.readouterr().out
    objects = {video: {str(e): 1 + e // 2 for e in range(4)} for video in "ab"}
    (root / "truth/expression_objects.json").write_text(json.dumps({"videos": objects}))
    words = ["referring", "refytvos_r50", "--dataset_name", "refytvos_valid", "--quiet"]
    words += ["--results", str(tmp_path), "--ground_truth", str(root / "truth")]
    assert run_evaluation.main(words) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("J&F=")


def test_given_key_frames_are_used(tmp_path, common, monkeypatch):
    monkeypatch.setenv("PYTRACKING_REFYTVOS_DIR", str(write_refytvos(tmp_path, "valid", ["a"])))
    wanted = {"a": {"0": 2, "3": 1}}
    (tmp_path / "keys.json").write_text(json.dumps(wanted))
    change = ["--set", f"key_frames={tmp_path}/keys.json", "--set", "key_criterion=middle"]
    assert track("refytvos_valid", tmp_path, common, *change) == 0
    file = tmp_path / "referring/refytvos_r50/refytvos_valid/key_frames.json"
    assert json.loads(file.read_text()) == {"a": {"0": 2, "1": 1, "2": 1, "3": 1}}


def test_masks_of_an_earlier_pass_are_used(tmp_path, common, monkeypatch):
    monkeypatch.setenv("PYTRACKING_REFYTVOS_DIR", str(write_refytvos(tmp_path, "valid", ["a"])))
    assert track("refytvos_valid", tmp_path / "one", common, "--set", "tracking=false") == 0
    first = tmp_path / "one/referring/refytvos_r50/refytvos_valid"
    change = ["--set", f"first_masks={first}", "--set", "key_criterion=middle"]
    assert track("refytvos_valid", tmp_path / "two", common, *change) == 0
    second = tmp_path / "two/referring/refytvos_r50/refytvos_valid"
    for expression in range(4):
        names = [f"a/{expression}/{stem}.png" for stem in STEMS]
        assert (first / names[1]).read_bytes() == (second / names[1]).read_bytes()
    (first / "a/0" / f"{STEMS[0]}.png").unlink()
    assert track("refytvos_valid", tmp_path / "three", common, *change) == 1


def test_ref_davis(tmp_path, common, monkeypatch, capsys):
    write_refdavis(tmp_path / "refdavis", tmp_path / "davis")
    monkeypatch.setenv("PYTRACKING_REFDAVIS_DIR", str(tmp_path / "refdavis"))
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(tmp_path / "davis"))
    archive = tmp_path / "out.zip"
    words = ["--submission", str(archive), "--set", "tracking=false"]
    assert track("refdavis_val", tmp_path, common, *words) == 0
    folder = tmp_path / "referring/refytvos_r50/refdavis_val/dog"
    assert len([*folder.glob("anno_[0-3]/*.png")]) == 4 * len(STEMS)
    assert set(np.unique(read_label_map(folder / "anno_0" / f"{STEMS[0]}.png"))) <= {0, 1, 2}
    words = ["--dataset_name", "refdavis_val", "--quiet"]
    own = ["referring", "refytvos_r50", "--results", str(tmp_path)]
    capsys.readouterr()
    assert run_evaluation.main([*own, *words]) == 0
    ours = capsys.readouterr().out.splitlines()[-1]
    with zipfile.ZipFile(archive) as pack:
        pack.extractall(tmp_path / "upstream")
    assert (tmp_path / "upstream/anno_3/dog" / f"{STEMS[2]}.png").is_file()
    assert run_evaluation.main(["--results", str(tmp_path / "upstream"), *words]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == ours
    assert ours.startswith("J&F=")


def test_ref_davis_wants_four_sentences_an_object(tmp_path, common, monkeypatch, capsys):
    expressions = {str(n): {"exp": "a", "obj_id": "1"} for n in range(3)}
    write_list(tmp_path, "valid", {"dog": {"expressions": expressions, "frames": list(STEMS)}})
    monkeypatch.setenv("PYTRACKING_REFDAVIS_DIR", str(tmp_path))
    assert track("refdavis_val", tmp_path, common) == 2
    assert "dog has 3 sentences: expected 4 for each object" in capsys.readouterr().err


@pytest.mark.parametrize("tracking", ["true", "false"])
@pytest.mark.parametrize(("dataset", "count"), [("a2d_test", 2), ("jhmdb", 1)])
def test_single_frames(dataset, count, tracking, tmp_path, common, monkeypatch, capsys):
    write_a2d(tmp_path / "a2d", "test") if dataset == "a2d_test" else write_jhmdb(
        tmp_path / "jhmdb"
    )
    monkeypatch.setenv("PYTRACKING_A2D_DIR", str(tmp_path / "a2d"))
    monkeypatch.setenv("PYTRACKING_JHMDB_DIR", str(tmp_path / "jhmdb"))
    assert track(dataset, tmp_path, common, "--set", f"tracking={tracking}") == 0
    file = tmp_path / "referring/refytvos_r50" / dataset / "results.json"
    entries = json.loads(file.read_text())
    assert len(entries) == count * small_network(3).query_embed.num_embeddings
    assert entries[0]["segmentation"]["size"] == list(SHAPE)
    own = ["referring", "refytvos_r50", "--results", str(tmp_path), "--dataset_name", dataset]
    capsys.readouterr()
    assert run_evaluation.main(own) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("mAP=")


@pytest.mark.parametrize("family", ["refcoco", "refcoco+", "refcocog"])
def test_pictures(family, tmp_path, common, monkeypatch, capsys):
    """Boxes and masks of all queries; the best of each sentence is scored."""
    write_refcoco(tmp_path / "coco", family, "val")
    monkeypatch.setenv("PYTRACKING_COCO_DIR", str(tmp_path / "coco"))
    dataset = f"{family}_val"
    sequence = get_dataset(dataset)[0]
    assert sequence.prompt == TargetPrompt(("The LEFT  square",), 0)  # not cleaned, as upstream
    assert len(sequence.around_target(5).frames) == 1
    plain = ("--set", "tracking=false")
    assert track(dataset, tmp_path, common, *plain) == 0
    file = tmp_path / "referring/refytvos_r50" / dataset / "results.json"
    entries = json.loads(file.read_text())
    queries = small_network(3).query_embed.num_embeddings
    assert [entry["image_id"] for entry in entries] == [0] * queries + [1] * queries
    own = ["referring", "refytvos_r50", "--results", str(tmp_path), "--dataset_name", dataset]
    capsys.readouterr()
    assert run_evaluation.main(own) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("REC=")
    best = max(range(queries), key=lambda place: entries[place]["score"])
    for entry, box in ((entries[best], [10.0, 8.0, 18.0, 16.0]), (entries[best - 1], [0, 0, 1, 1])):
        entry["bbox"] = box
    for entry in entries[queries:]:
        entry["bbox"] = [14.0, 8.0, 22.0, 16.0]  # half of the object, so an IoU of 1/3
    file.write_text(json.dumps(entries))
    assert run_evaluation.main([*own, "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    text = json.dumps(shown)
    assert '"bbox P@0.5": 0.5' in text
    assert '"bbox mean_iou": 0.66' in text


def test_single_frames_are_read_as_upstream(tmp_path, monkeypatch):
    """Captions in lower case with single spaces, windows, the first place of the target."""
    write_jhmdb(tmp_path / "jhmdb")
    write_a2d(tmp_path / "a2d", "test")
    a2d_list = tmp_path / "a2d/a2d_sentences_single_frame_test_annotations.json"
    rows = json.loads(a2d_list.read_text())
    a2d_list.write_text(json.dumps([["  The RED  square\tmoves ", *row[1:]] for row in rows]))
    monkeypatch.setenv("PYTRACKING_A2D_DIR", str(tmp_path / "a2d"))
    monkeypatch.setenv("PYTRACKING_JHMDB_DIR", str(tmp_path / "jhmdb"))
    sequence = get_dataset("a2d_test")[0]  # the third of nine frames
    assert sequence.prompt == TargetPrompt(("the red square moves",), 2)
    assert sequence.positions == (0, 1, 2, 3, 4)
    wider = sequence.around_target(6)
    assert (wider.positions, wider.target) == ((0, 0, 1, 2, 3, 4), 3)
    assert len(wider.open_frames()) == len(wider.frames) == 6
    first = get_dataset("jhmdb")[0]  # the first of four frames
    assert (first.positions, first.target) == ((0, 0, 0, 1, 2), 0)
    assert [frame.stem for frame in first.frames] == ["00001"] * 3 + ["00002", "00003"]


@pytest.mark.parametrize("window", [5, 6])
def test_the_window_of_single_frames_is_a_parameter(window, tmp_path, common, monkeypatch):
    write_a2d(tmp_path / "a2d", "test")
    monkeypatch.setenv("PYTRACKING_A2D_DIR", str(tmp_path / "a2d"))
    seen = []
    plain = ReferringTracker._find_in_target

    def watched(self, frames, sentence, target):
        seen.append((len(frames), target))
        return plain(self, frames, sentence, target)

    monkeypatch.setattr(ReferringTracker, "_find_in_target", watched)
    assert track("a2d_test", tmp_path, common, "--set", f"target_window={window}") == 0
    assert seen == [(window, window // 2)] * 2


def test_a_video_and_a_sentence(tmp_path, common, capsys):
    write_mp4(tmp_path / "clip.mp4", 4)
    words = ["referring", "refytvos_r50", str(tmp_path / "clip.mp4"), *common]
    words += ["--output", str(tmp_path / "out"), "--no_overlay"]
    assert run_video.main([*words, "--text", "the left square", "--text", "a square"]) == 0
    assert len([*(tmp_path / "out/masks").glob("*.png")]) == 4
    assert run_video.main([*words, "--overwrite"]) == 2
    assert "--text" in capsys.readouterr().err


def test_missing_parts_are_named(tmp_path, files, monkeypatch, capsys):
    monkeypatch.setenv("PYTRACKING_REFYTVOS_DIR", str(write_refytvos(tmp_path, "valid", ["a"])))
    net = ["--net", str(files / "small.pth.tar")]
    assert track("refytvos_valid", tmp_path, [*net, "--set", f"tokenizer_dir={tmp_path}/no"]) == 2
    assert "vocab.json" in capsys.readouterr().err
    words = ["--set", f"tokenizer_dir={files}/tokenizer"]
    assert track("refytvos_valid", tmp_path, words) == 2
    assert "ytvos_r50.pth" in capsys.readouterr().err
    change = ["--set", f"key_frames={tmp_path}/none.json"]
    assert track("refytvos_valid", tmp_path, [*net, *words, *change]) == 2
    assert "none.json" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("trained", "tracking", "told"),
    [
        ({}, True, False),
        ({"tracking": True}, True, False),
        ({"tracking": False}, False, False),
        ({"tracking": False}, True, True),
    ],
)
def test_a_plain_network_that_gets_tracking_images_is_told(
    trained, tracking, told, tmp_path, caplog
):
    record = {**network_fields(small_network(3)), "settings": {"recipe": trained}}
    save_checkpoint(tmp_path / "small.pth.tar", record)
    load_referring_network(str(tmp_path / "small.pth.tar"), Runtime(torch.device("cpu")), tracking)
    warnings = [entry.getMessage() for entry in caplog.records if entry.levelname == "WARNING"]
    assert len(warnings) == told
    for message in warnings:
        assert "small.pth.tar was trained without tracking images" in message
        assert message.endswith("run 'referring referformer_r18', which gives its published scores")


def test_the_released_family_is_plain_and_the_other_one_tracks():
    for name in set(list_names("referring")) - {"demo"}:  # a small plain network of our own
        params = load_parameters("referring", name)
        is_plain = name.startswith(("referformer_", "refcoco_"))
        assert params.tracking == (not is_plain), name
        released = "ytvos_" if name.startswith("referformer_") else name
        if name.startswith("referformer_a2d_"):
            released = "a2d_video_swin_"
        if name.startswith("refcoco_"):
            assert "_pretrain" in params.net, name
            continue
        assert params.net.startswith(released), name


def test_more_sentences_than_labels_are_refused_before_work(tmp_path, common, capsys):
    clip = tmp_path / "a.mp4"
    write_mp4(clip, 2)
    words = [word for number in range(260) for word in ("--text", f"square {number}")]
    out = tmp_path / "out"
    command = ["referring", "refytvos_r50", str(clip), "--output", str(out), *common, *words]
    assert run_video.main(command) == 2
    told = capsys.readouterr().err
    assert told == "error: 260 sentences are given, a label map holds at most 254 objects\n"
    assert not out.exists()
