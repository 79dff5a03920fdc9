"""Sequences, their starts, and data sets by name."""

from __future__ import annotations

import json
import logging

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from ltr.dataset.davis import Davis
from ltr.dataset.folder import FolderVideos
from ltr.dataset.youtubevos import YouTubeVOS
from pytracking.evaluation.datasets import get_dataset, list_datasets
from pytracking.evaluation.datasets.sequence import build_sequence
from tests.conformance import framework_datasets
from tests.conformance.report import Report
from tests.shared_material import data, golden
from tests.video_trees import label_map, write_davis, write_folder_videos, write_youtubevos


def test_reference_cases():
    folder, report = golden("framework"), Report()
    manifest = json.loads((folder / "manifest.json").read_text())
    framework_datasets.run(manifest, folder, report)
    framework_datasets.jjvalid(folder, report)
    assert report.failed == 0
    assert report.passed > 80


def test_object_absent_from_the_first_davis_frame_starts_where_it_appears(tmp_path):
    frames = {"00000": {3: (0, 0)}, "00001": {3: (2, 0)}, "00002": {3: (4, 0), 8: (30, 20)}}
    sequence = build_sequence(Davis(write_davis(tmp_path, {"bear": frames}), split="val"), "bear")
    assert sequence.object_ids == (3, 8)
    assert {i: start.object_ids for i, start in sequence.starts.items()} == {0: (3,), 2: (8,)}
    info = sequence.frame_info(2)
    assert info.boxes == {8: (30.0, 20.0, 7.0, 7.0)}
    np.testing.assert_array_equal(info.mask, label_map(frames["00002"]))
    assert sequence.frame_info(1).object_ids == ()
    assert sequence.start_of(8) == 2


def test_frames_before_the_first_start_are_cut_and_late_starts_shift(tmp_path):
    every = [f"{i:05d}" for i in range(12)]
    videos = {"v": {"00000": None, "00005": {2: (0, 0)}, "00010": {2: (9, 9), 7: (20, 20)}}}
    root = write_youtubevos(
        tmp_path, videos, {"v": {2: "00005", 7: "00010"}}, every_frame={"v": every}
    )
    sequence = build_sequence(YouTubeVOS(root, split="valid", all_frames=True), "v")
    assert [frame.stem for frame in sequence.frames] == every[5:]
    assert {i: start.object_ids for i, start in sequence.starts.items()} == {0: (2,), 5: (7,)}
    assert [i for i, mask in enumerate(sequence.masks) if mask] == [0, 5]
    assert sequence.boxes[7][:, 0].tolist() == [-1, -1, -1, -1, -1, 20, -1]
    assert sequence.scored_frames == ("00000", "00005", "00010")


def test_object_whose_listed_first_frame_does_not_show_it_starts_later(tmp_path, caplog):
    videos = {"v": {"00000": {1: (0, 0)}, "00005": {1: (0, 0), 2: (20, 20)}}}
    starts = {"v": {1: "00000", 2: "00000", 5: "00000"}}
    dataset = YouTubeVOS(write_youtubevos(tmp_path, videos, starts), split="valid")
    with caplog.at_level(logging.WARNING):
        sequence = build_sequence(dataset, "v")
    assert {i: start.object_ids for i, start in sequence.starts.items()} == {0: (1,), 1: (2,)}
    assert sequence.object_ids == (1, 2)
    assert "no annotation shows the object 5" in caplog.text


def test_video_without_any_object_is_refused(tmp_path):
    dataset = FolderVideos(write_folder_videos(tmp_path, {"a": {"0": {}, "1": None}}))
    with pytest.raises(DataError, match="no mask in which an object starts"):
        build_sequence(dataset, "a")


def test_listed_first_frame_must_exist(tmp_path):
    root = write_youtubevos(tmp_path, {"v": {"00000": {1: (0, 0)}}}, {"v": {1: "00035"}})
    with pytest.raises(DataError, match="lacks the frame 00035"):
        build_sequence(YouTubeVOS(root, split="valid"), "v")


def test_every_frame_folder_must_hold_the_sparse_frames(tmp_path):
    root = write_youtubevos(
        tmp_path,
        {"v": {"00000": {1: (0, 0)}, "00005": None}},
        {"v": {1: "00000"}},
        every_frame={"v": ["00000", "00001"]},
    )
    with pytest.raises(DataError, match="lacks the frame 00005"):
        build_sequence(YouTubeVOS(root, split="valid", all_frames=True), "v")


def test_a_gap_between_all_frames_is_a_warning(tmp_path, caplog):
    """The sparse frames are dense by themselves; of all frames 00003 is not there."""
    shown = ["00000", "00001", "00002", "00004", "00005"]
    root = write_youtubevos(
        tmp_path,
        {"v": {"00000": {1: (0, 0)}, "00005": None}},
        {"v": {1: "00000"}},
        every_frame={"v": shown},
    )
    sequence = build_sequence(YouTubeVOS(root, split="valid", all_frames=True), "v")
    assert [frame.stem for frame in sequence.frames] == shown
    assert "v: a frame seems to be missing between 00002.jpg and 00004.jpg" in caplog.text


def test_a_frame_that_seems_to_be_missing_is_told(tmp_path, caplog):
    frames = {"00000": {1: (0, 0)}, "00001": None, "00003": None, "00004": None}
    dataset = FolderVideos(write_folder_videos(tmp_path, {"a": frames}))
    assert len(build_sequence(dataset, "a").frames) == 4
    assert "a frame seems to be missing between 00001.jpg and 00003.jpg" in caplog.text


def test_every_fifth_frame_is_no_gap(tmp_path, caplog):
    frames = {"00005": {1: (0, 0)}, "00010": None, "00015": None}
    build_sequence(FolderVideos(write_folder_videos(tmp_path, {"a": frames})), "a")
    assert not caplog.text


def test_a_folder_that_holds_something_else_names_its_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(tmp_path))
    with pytest.raises(DataError) as caught:
        get_dataset("dv2017_val")
    for part in (
        f"davis_dir = {tmp_path}, from PYTRACKING_DAVIS_DIR, does not hold dv2017_val",
        f"{tmp_path / 'ImageSets' / '2017' / 'val.txt'} cannot be read",
        "expected DAVIS 2017: JPEGImages/480p/<seq>",
    ):
        assert part in str(caught.value)
    with pytest.raises(DataError, match="absent is not a folder"):
        get_dataset(f"folder:{tmp_path / 'absent'}")


def test_names_find_the_data_sets_of_the_path_variables(tmp_path, monkeypatch):
    root = write_davis(tmp_path / "davis", {"bear": {"00000": {1: (0, 0), 4: (20, 20)}}})
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(root))
    assert get_dataset("DV2017_Val")["bear"].object_ids == (1, 4)
    assert get_dataset("dv2016_val")["bear"].object_ids == (1,)
    with pytest.raises(ConfigError, match="youtubevos_dir is not set"):
        get_dataset("yt2019_valid_all")


def test_small_data_sets_are_read_as_documented(monkeypatch):
    monkeypatch.setenv("PYTRACKING_YOUTUBEVOS_DIR", str(data("ytvos-mini")))
    duck = get_dataset("yt2019_valid_all")["d1833fd6d5"]
    assert len(duck.frames) == 60
    assert {i: start.object_ids for i, start in duck.starts.items()} == {0: (1,), 20: (2,)}
    assert len(get_dataset("yt2018_valid_all")["d1833fd6d5"].frames) == 35
    assert get_dataset("yt2019_valid").hint
    assert not get_dataset("yt2019_valid_all").hint
    assert get_dataset("yt2019_train").names == sorted(get_dataset("yt2019_train").names)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("dv2017val", "did you mean 'dv2017_val'"),
        ("otb", "choose from a2d_test, dv2016_val"),
        ("folder:/nowhere", "/nowhere is not a folder"),
    ],
)
def test_unknown_names_tell_the_known_ones(name, message):
    with pytest.raises((ConfigError, DataError), match=message):
        get_dataset(name)


def test_all_names_of_the_table_are_known():
    wanted = {"dv2016_val", "dv2017_train", "dv2017_val", "dv2017_test_dev", "dv2017_unsup_val"}
    wanted |= {"yt2018_valid", "yt2018_valid_all", "yt2019_train", "yt2019_valid"}
    wanted |= {"yt2019_valid_all", "yt2018_jjval", "yt2019_jjval", "yt2019_jjval_all"}
    assert wanted <= set(list_datasets())


def test_sequences_are_chosen_by_name_or_position(tmp_path):
    video = {"0": {1: (0, 0)}}
    root = write_folder_videos(tmp_path / "my set", {"7": video, "b": video})
    dataset = get_dataset(f"folder:{root}")
    assert dataset.name == "folder_my_set"
    assert dataset.resolve("7") == "7"
    assert dataset.resolve("1") == dataset.resolve(1) == "b"
    assert dataset.select("b").names == ["b"]
    for key in ("c", 2):
        with pytest.raises(ConfigError):
            dataset[key]
