"""Result files: their form, whole or not at all, never mixed."""

from __future__ import annotations

import json
import os

import numpy as np
import pytest
from PIL import Image

from ltr.admin.errors import ConfigError, OutputError
from ltr.data.image_io import read_label_map
from pytracking.evaluation.datasets.sequence import SequenceList
from pytracking.evaluation.outputs.folder import CONFIG_FILE, ResultFolder, result_folder
from pytracking.tracker.base import FrameOutput

LABELS = np.array([[0, 3], [3, 9]], np.uint8)
CONFIG = {"system": "s", "parameters": {"net": "a", "depth": 3}, "runtime": {"device": "cpu"}}


def write(folder: ResultFolder, name: str = "bear") -> None:
    with folder.write_sequence(name) as writer:
        writer.add("00005", FrameOutput(LABELS, {3: (1.9, -1.9, 2.0, 0.5)}), 0.5)
        writer.add("00006", FrameOutput(LABELS, {3: (7, 8, 9, 10), 9: (1, 2, 3, 4)}), 0.5)


def break_off(folder: ResultFolder) -> None:
    with folder.write_sequence("bear") as writer:
        writer.add("00000", FrameOutput(LABELS, {}), 0.1)
        raise RuntimeError


def test_files_have_upstreams_form(tmp_path):
    folder = result_folder(tmp_path, "joint", "joint_davis_003", SequenceList("dv2017_val", {}))
    write(folder)
    base = tmp_path / "joint/joint_davis_003/dv2017_val"
    assert sorted(path.name for path in base.iterdir()) == [
        "bear", "bear_3.txt", "bear_3_time.txt", "bear_9.txt", "bear_9_time.txt",
    ]  # fmt: skip
    assert (base / "bear_3.txt").read_text() == "1\t-1\t2\t0\n7\t8\t9\t10\n"
    assert (base / "bear_9.txt").read_text() == "1\t2\t3\t4\n"
    assert (base / "bear_3_time.txt").read_text() == "0.500000\n0.250000\n"
    assert (base / "bear_9_time.txt").read_text() == "0.250000\n"
    np.testing.assert_array_equal(read_label_map(base / "bear/00006.png"), LABELS)
    assert folder.finished() == ["bear"]


def test_binary_results_are_grey_pictures_of_0_and_255(tmp_path):
    folder = result_folder(tmp_path, "joint", "x", SequenceList("dv2016_val", {}, is_binary=True))
    write(folder)
    with Image.open(folder.mask_path("bear", "00005")) as picture:
        assert picture.mode == "L"
        np.testing.assert_array_equal(np.array(picture), np.where(LABELS > 0, 255, 0))
    np.testing.assert_array_equal(folder.read_mask("bear", "00005"), LABELS > 0)


def test_error_leaves_nothing_and_keeps_the_older_result(tmp_path):
    folder = ResultFolder(tmp_path)
    write(folder)
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    with pytest.raises(RuntimeError):
        break_off(folder)
    assert {path.name: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_new_result_replaces_the_old_one_completely(tmp_path):
    folder = ResultFolder(tmp_path)
    write(folder)
    with folder.write_sequence("bear") as writer:
        writer.add("00000", FrameOutput(LABELS, {3: (0, 0, 1, 1)}), 0.1)
    assert [path.name for path in (tmp_path / "bear").iterdir()] == ["00000.png"]


def test_failed_writing_names_the_sequence(tmp_path):
    (tmp_path / "file").touch()
    with (
        pytest.raises(OutputError, match="bear cannot be written: File exists"),
        ResultFolder(tmp_path / "file").write_sequence("bear"),
    ):
        pass


def test_a_run_begins_by_sweeping_what_killed_ones_left(tmp_path):
    (tmp_path / ".bear.otherhost.1.partial" / "bear").mkdir(parents=True)
    os.utime(tmp_path / ".bear.otherhost.1.partial", (0, 0))
    ResultFolder(tmp_path).prepare(CONFIG)
    assert [path.name for path in tmp_path.iterdir()] == [CONFIG_FILE]


def test_a_file_in_the_place_of_the_results_is_told(tmp_path):
    (tmp_path / "file").touch()
    folder = ResultFolder(tmp_path / "file" / "results")
    folder.check(CONFIG, ["bear"], overwrite=False)
    with pytest.raises(OutputError, match="file/results cannot be written: Not a directory"):
        folder.prepare(CONFIG)


def changed(**parameters: object) -> dict:
    return CONFIG | {"parameters": CONFIG["parameters"] | parameters}


def test_results_of_another_configuration_are_not_mixed(tmp_path):
    folder = ResultFolder(tmp_path)
    folder.prepare(CONFIG)
    folder.check(changed(depth=4), ["bear"], overwrite=False)  # nothing finished yet
    write(folder)
    folder.check(CONFIG, ["bear"], overwrite=False)
    with pytest.raises(ConfigError, match=r"parameters\.depth is 3 there and 4 now.*--runid"):
        folder.check(changed(depth=4), ["bear"], overwrite=False)
    with pytest.raises(ConfigError, match="--overwrite"):
        folder.check(changed(depth=4), ["dog"], overwrite=True)
    folder.check(changed(depth=4), ["bear", "dog"], overwrite=True)


def test_path_of_the_network_and_device_may_change(tmp_path):
    folder = ResultFolder(tmp_path)
    folder.prepare(CONFIG)
    write(folder)
    config = changed(net="elsewhere") | {"runtime": {"device": "cuda", "compile": True}}
    folder.check(config, ["bear"], overwrite=False)


def test_overwriting_another_configuration_begins_by_removing_it(tmp_path):
    folder = ResultFolder(tmp_path)
    folder.prepare(CONFIG)
    write(folder)
    folder.prepare(CONFIG)
    assert folder.finished() == ["bear"]
    folder.prepare(changed(depth=4))
    assert folder.finished() == []
    assert json.loads((tmp_path / CONFIG_FILE).read_text())["parameters"]["depth"] == 4
