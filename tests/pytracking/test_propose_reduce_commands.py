"""ProposeReduce from the command line: data sets, scores, submissions, videos."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from ltr.data.image_io import read_image, read_label_map, write_image
from ltr.data.rle import as_rle
from ltr.dataset.youtubevis_file import VisWriter
from pytracking.evaluation.datasets import get_dataset
from pytracking.run_evaluation import main as run_evaluation
from pytracking.run_tracker import main as run_tracker
from pytracking.run_video import main as run_video
from pytracking.utils.video_reader import read_video
from tests.pytracking.clips import write_clip
from tests.small_segmenter import SMALL, small_clip, write_vivid_network
from tests.video_trees import write_davis

_SYSTEM = ["propose_reduce", "ytvis19_r50"]
_SHAPE = (48, 80)


@pytest.fixture(scope="module")
def network(tmp_path_factory) -> Path:
    return write_vivid_network(tmp_path_factory.mktemp("network") / "vivid.pth.tar")


def _options(network: Path) -> list[str]:
    scale = ",".join(map(str, SMALL["img_scale"]))
    settings = [f"img_scale={scale}", f"key_num={SMALL['key_num']}", "max_per_img=2"]
    changes = [word for setting in settings for word in ("--set", setting)]
    return [*changes, "--net", str(network), "--device", "cpu", "--quiet"]


@pytest.fixture
def videos(tmp_path, monkeypatch) -> Path:
    """Two videos in YouTube-VIS's layout with 40 categories; the second id comes first."""
    root = tmp_path / "ytvis"
    writer = VisWriter([f"class{number}" for number in range(40)], "test")
    for name, length in (("dog", 4), ("cat", 3)):
        clip = small_clip(length, _SHAPE)
        files = [f"{name}/{index:05d}.jpg" for index in range(length)]
        for file, image in zip(files, clip, strict=True):
            write_image(root / "valid" / "JPEGImages" / file, image)
        labels = np.zeros((length, *_SHAPE), np.uint8)
        labels[:, 10:30, 20:50] = 1
        writer.add(files, list(labels), {1: "class7"})
    writer.write(root / "valid.json")
    monkeypatch.setenv("PYTRACKING_YTVIS2019_DIR", str(root))
    monkeypatch.setenv("PYTRACKING_RESULTS_PATH", str(tmp_path / "results"))
    return root


def _without_annotations(root: Path) -> Path:
    """Hide the ground truth as the released files do; returns a copy that has it."""
    file, copy = root / "valid.json", root / "truth.json"
    record = json.loads(file.read_text())
    copy.write_text(json.dumps(record))
    file.write_text(json.dumps(record | {"annotations": None}))
    return copy


def test_from_videos_to_scores_and_a_submission(videos, network, tmp_path, capsys):
    truth, archive = _without_annotations(videos), tmp_path / "out.zip"
    on_set = ["--dataset_name", "ytvis2019_valid"]
    arguments = [*_SYSTEM, *on_set, *_options(network)]
    assert run_tracker([*arguments, "--submission", str(archive), "--vis"]) == 0
    folder = tmp_path / "results/propose_reduce/ytvis19_r50/ytvis2019_valid"
    entries = json.loads((folder / "results.json").read_text())
    assert [entry["video_id"] for entry in entries] == sorted(e["video_id"] for e in entries)
    assert {entry["video_id"] for entry in entries} == {1, 2}
    for entry in entries:
        assert set(entry) == {"video_id", "category_id", "score", "segmentations"}
        assert len(entry["segmentations"]) == {1: 4, 2: 3}[entry["video_id"]]
        assert all(as_rle(mask, *_SHAPE) for mask in entry["segmentations"])
        assert entry["score"] >= 0.05
    with zipfile.ZipFile(archive) as pack:
        assert pack.namelist() == ["results.json"]
        assert json.loads(pack.read("results.json")) == entries
    assert read_image(f"{folder}_vis/dog/00003.png").shape == (*_SHAPE, 3)
    assert run_evaluation(["--check_submission", str(archive), *on_set]) == 0
    assert f"({len(entries)} instances)" in capsys.readouterr().out
    assert run_evaluation([*_SYSTEM, *on_set]) == 2
    assert "no public ground truth" in capsys.readouterr().err
    assert run_evaluation([*_SYSTEM, *on_set, "--ground_truth", str(truth)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("AP=")


def test_finished_videos_are_skipped_and_a_damaged_one_fails_alone(
    videos, network, tmp_path, capsys
):
    arguments = [*_SYSTEM, "--dataset_name", "ytvis2019_valid", *_options(network)]
    frame = videos / "valid/JPEGImages/dog/00002.jpg"
    content = frame.read_bytes()
    frame.write_bytes(content[: len(content) // 2])
    assert run_tracker(arguments) == 1
    assert "failed: dog" in capsys.readouterr().err
    results = tmp_path / "results/propose_reduce/ytvis19_r50/ytvis2019_valid/results.json"
    assert {entry["video_id"] for entry in json.loads(results.read_text())} == {2}
    frame.write_bytes(content)
    assert run_tracker(arguments) == 0
    assert "1 sequences already done" in capsys.readouterr().out
    assert {entry["video_id"] for entry in json.loads(results.read_text())} == {1, 2}


def test_a_limit_that_changes_results_is_told_and_stored(videos, network, tmp_path, capsys):
    """One video is long enough for 1 MiB of mask memory; a later run keeps what was noted."""
    folder = videos / "valid/JPEGImages"
    record = json.loads((videos / "valid.json").read_text())
    long = next(entry for entry in record["videos"] if "dog" in entry["file_names"][0])
    long["file_names"] = [long["file_names"][index % 4] for index in range(36)]
    record["annotations"] = None
    (videos / "valid.json").write_text(json.dumps(record))
    assert (folder / "dog").is_dir()
    words = [*_SYSTEM, "--dataset_name", "ytvis2019_valid", *_options(network)]
    words += ["--set", "img_scale=160,96", "--set", "key_num=4", "--max-memory", "1"]
    assert run_tracker([*words, "--sequence", "dog"]) == 0
    told = "mem_step was 2 instead of 1, to stay below max_memory = 1 MiB"
    assert f"dog differs from the configuration: {told}\n" in capsys.readouterr().out
    file = tmp_path / "results/propose_reduce/ytvis19_r50/ytvis2019_valid/config.json"
    assert json.loads(file.read_text())["deviations"] == {"dog": told}
    assert run_tracker(words) == 0  # cat is short; dog is kept
    assert "differs" not in capsys.readouterr().out
    assert json.loads(file.read_text())["deviations"] == {"dog": told}
    assert run_tracker([*words, "--max-memory", "2000", "--overwrite"]) == 0
    assert "deviations" not in json.loads(file.read_text())


def test_trackers_of_the_wrong_kind_are_told(videos, capsys):
    assert run_tracker(["baseline", "copy_mask", "--dataset_name", "ytvis2019_valid"]) == 2
    assert "ytvis2019_valid gives no masks in which objects start" in capsys.readouterr().err


def test_a_network_of_other_classes_is_told(videos, network, capsys):
    file = videos / "valid.json"
    record = json.loads(file.read_text())
    few = record["categories"][:3]
    file.write_text(json.dumps(record | {"categories": few, "annotations": []}))
    arguments = [*_SYSTEM, "--dataset_name", "ytvis2019_valid", *_options(network)]
    assert run_tracker(arguments) == 1
    assert "other classes than the 3 of the data set" in capsys.readouterr().err


def test_davis_wants_label_maps(network, tmp_path, monkeypatch, capsys):
    squares = {f"{index:05d}": {1: (5, 5), 2: (30, 20)} for index in range(3)}
    root = write_davis(tmp_path / "davis", {"goat": squares})
    (root / "Annotations").rename(root / "Annotations_unsupervised")
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(root))
    monkeypatch.setenv("PYTRACKING_RESULTS_PATH", str(tmp_path / "results"))
    archive = tmp_path / "davis.zip"
    words = ["propose_reduce", "davis_r101"]
    on_set = ["--dataset_name", "dv2017_unsup_val"]
    options = [*_options(network), "--submission", str(archive)]
    assert run_tracker([*words, *on_set, *options]) == 0
    folder = tmp_path / "results/propose_reduce/davis_r101/dv2017_unsup_val/goat"
    labels = [read_label_map(path) for path in sorted(folder.iterdir())]
    assert [label.shape for label in labels] == [(40, 60)] * 3
    assert 0 < max(label.max() for label in labels) <= 20
    with zipfile.ZipFile(archive) as pack:
        assert sorted(pack.namelist()) == [f"goat/{index:05d}.png" for index in range(3)]
    assert run_evaluation([*words, *on_set]) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("J&F=")


def test_the_file_of_the_authors_is_run_by_its_name(network, tmp_path, monkeypatch, capsys):
    """As ``valid_davis.json``: no annotations are needed; the scores are those of DAVIS."""
    video = {f"{t:05d}": {1: (3 + 4 * t, 4 + 2 * t), 2: (40 - 3 * t, 24)} for t in range(3)}
    davis = write_davis(tmp_path / "davis", {"goat": video, "dog": video})
    shutil.copytree(davis / "Annotations", davis / "Annotations_unsupervised")
    frames = [f"{t:05d}.jpg" for t in range(3)]
    videos = [
        {"id": 4 - i, "width": 60, "height": 40, "file_names": [f"{name}/{f}" for f in frames]}
        for i, name in enumerate(("goat", "dog"))
    ]
    record = {"videos": videos, "categories": [{"id": 1, "name": "object"}]}
    (tmp_path / "valid_davis.json").write_text(json.dumps(record))
    words = ["propose_reduce", "davis_r101", *_options(network)]
    words += ["--results", str(tmp_path / "results")]
    name = f"videos:{tmp_path}/valid_davis.json"
    assert run_tracker([*words, "--dataset-name", name]) == 2
    assert "JPEGImages" in capsys.readouterr().err
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(davis))
    monkeypatch.setenv("LTR_DAVIS_DIR", str(davis))
    assert [video.name for video in get_dataset(name)] == ["goat", "dog"]
    assert run_tracker([*words, "--dataset-name", name]) == 0
    folder = tmp_path / "results/propose_reduce/davis_r101/videos_valid_davis"
    assert {path.name for path in (folder / "goat").iterdir()} == {f"{t:05d}.png" for t in range(3)}
    own = ["--results", str(folder), "--dataset-name", "dv2017_unsup_val"]
    assert run_evaluation(own) == 0
    assert run_evaluation([*words[:2], "--dataset-name", name]) == 2
    assert "dv2017_unsup_val" in capsys.readouterr().err


def test_a_video_leaves_masks_instances_and_drawings(network, tmp_path, capsys):
    clip = write_clip(tmp_path / "moving.mp4", list(small_clip(4, _SHAPE)))
    out = tmp_path / "out"
    arguments = [*_SYSTEM, str(clip), *_options(network), "--output", str(out)]
    assert run_video(arguments) == 0
    assert "4 frames at " in capsys.readouterr().out
    instances = json.loads((out / "instances.json").read_text())
    shown = [entry for entry in instances if entry["score"] >= 0.2]
    assert shown
    assert {type(entry["category"]) for entry in instances} == {str}
    masks = [read_label_map(path) for path in sorted((out / "masks").iterdir())]
    assert [mask.shape for mask in masks] == [_SHAPE] * 4
    assert max(mask.max() for mask in masks) <= len(shown)
    drawn = list(read_video(out / "overlay.mp4"))
    assert len(drawn) == 4
    assert np.abs(drawn[0].astype(int) - small_clip(1, _SHAPE)[0]).mean() > 5
    assert run_video(arguments) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_a_folder_of_clips_and_frame_folders_in_one_command(network, tmp_path, capsys):
    clips, out = tmp_path / "clips", tmp_path / "out"
    clips.mkdir()
    write_clip(clips / "moving.mp4", list(small_clip(3, _SHAPE)))
    for index, image in enumerate(small_clip(2, _SHAPE)):
        write_image(clips / "frames" / f"{5 * index:05d}.jpg", image)
    (clips / "moving").mkdir()
    (clips / "broken.mp4").write_bytes(b"no video")
    arguments = [*_SYSTEM, str(clips), *_options(network), "--output", str(out)]
    assert run_video(arguments) == 2
    assert "several videos called moving" in capsys.readouterr().err
    (clips / "moving").rmdir()
    assert run_video(arguments) == 1
    assert "failed: broken.mp4" in capsys.readouterr().err
    assert sorted(path.name for path in out.iterdir()) == ["frames", "moving", "moving.mp4"]
    assert len(list(read_video(out / "moving.mp4"))) == 3
    pictures = sorted(path.name for path in (out / "frames").glob("*.jpg"))
    assert pictures == ["00000.jpg", "00005.jpg"]
    assert (out / "frames" / "masks" / "00005.png").exists()


def test_prompts_are_not_for_this_tracker(network, tmp_path, capsys):
    clip = write_clip(tmp_path / "moving.mp4", list(small_clip(2, _SHAPE)))
    arguments = [*_SYSTEM, str(clip), *_options(network)]
    assert run_video([*arguments, "--text", "the dog"]) == 2
    assert "takes no sentences" in capsys.readouterr().err
    assert run_video([*arguments, "--optional_box", "1", "1", "5", "5"]) == 2
    assert "finds its objects itself" in capsys.readouterr().err


def test_videos_of_a_data_set_are_known_by_their_folders(videos):
    dataset = get_dataset("ytvis2019_valid")
    assert dataset.names == ["dog", "cat"]
    assert dataset["cat"].number == 2
    assert dataset["cat"].shape == _SHAPE
