"""The cached index of annotated videos, and the data sets that stand on it."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import measure_objects
from ltr.data.image_io import write_label_map
from ltr.dataset.davis import Davis
from ltr.dataset.folder import FolderVideos
from ltr.dataset.vos_index import VosIndex, VosLayout
from ltr.dataset.youtubevos import YouTubeVOS, read_jjvalid_names
from tests.video_trees import SHAPE, write_davis, write_folder_videos, write_youtubevos

MOVING = {"00000": {1: (4, 5)}, "00001": {1: (6, 5), 9: (30, 20)}, "00002": {9: (32, 20)}}


def layout_of(root: Path) -> VosLayout:
    return VosLayout(root / "JPEGImages", root / "Annotations")


@given(arrays.arrays(np.uint8, (6, 7), elements=st.sampled_from([0, 1, 2, 254, 255])))
def test_measured_sizes_and_boxes_are_those_of_a_pixel_by_pixel_search(labels):
    wanted = {}
    for label in (1, 2, 254):
        rows, columns = np.nonzero(labels == label)
        if len(rows):
            x, y = columns.min(), rows.min()
            wanted[label] = (len(rows), (x, y, columns.max() - x, rows.max() - y))
    assert measure_objects(labels) == wanted


def test_index_measures_what_was_drawn(tmp_path):
    write_folder_videos(tmp_path, {"a": MOVING})
    record = VosIndex(layout_of(tmp_path), ["a"])["a"]
    assert record.shape == SHAPE
    assert record.object_ids.tolist() == [1, 9]
    assert record.sizes.tolist() == [[64, 0], [64, 64], [0, 64]]
    assert record.boxes[:, 0].tolist() == [[4, 5, 7, 7], [6, 5, 7, 7], [-1, -1, -1, -1]]


def test_second_run_reads_the_cache_and_not_the_annotations(tmp_path):
    write_folder_videos(tmp_path, {"a": MOVING})
    first = VosIndex(layout_of(tmp_path), ["a"])["a"]
    mask = tmp_path / "Annotations/a/00001.png"
    before = mask.stat()
    mask.write_bytes(b"x" * before.st_size)
    os.utime(mask, ns=(before.st_atime_ns, before.st_mtime_ns))
    second = VosIndex(layout_of(tmp_path), ["a"])["a"]
    for name in ("frames", "is_annotated", "object_ids", "sizes", "boxes"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))
    assert (first.shape, first.fingerprint) == (second.shape, second.fingerprint)


def test_changed_video_alone_is_measured_again(tmp_path):
    write_folder_videos(tmp_path, {"a": MOVING, "b": MOVING})
    VosIndex(layout_of(tmp_path), ["a", "b"])
    for name in "ab":  # as long and as old as before: only a look at the pixels would notice
        mask = tmp_path / f"Annotations/{name}/00000.png"
        before = mask.stat()
        mask.write_bytes(b"x" * before.st_size)
        os.utime(mask, ns=(before.st_atime_ns, before.st_mtime_ns))
    (tmp_path / "Annotations/b/00002.png").unlink()
    index = VosIndex(layout_of(tmp_path), ["a", "b"])
    assert index["a"].sizes[0, 0] == 64
    with pytest.raises(DataError, match=r"b/00000\.png"):
        index["b"]


def test_a_mask_changed_in_place_is_measured_again(tmp_path):
    write_folder_videos(tmp_path, {"a": MOVING})
    VosIndex(layout_of(tmp_path), ["a"])
    mask = tmp_path / "Annotations/a/00000.png"
    mask.write_bytes(b"x" * mask.stat().st_size)  # names and sizes stay
    with pytest.raises(DataError, match=r"a/00000\.png"):
        VosIndex(layout_of(tmp_path), ["a"])["a"]


@pytest.mark.parametrize("attack", ["bomb", "path"])
def test_a_hostile_cache_is_not_believed(tmp_path, cache_folder, attack):
    write_folder_videos(tmp_path, {"a": MOVING})
    VosIndex(layout_of(tmp_path), ["a"])
    (cache,) = cache_folder.rglob("*.npz")
    with np.load(cache) as stored:
        arrays = dict(stored)
    arrays["sizes"] = arrays["sizes"] + 1  # would be seen below
    if attack == "path":
        arrays["frames"] = np.array([f"../{name}" for name in arrays["frames"]])
    write = np.savez_compressed if attack == "bomb" else np.savez
    write(cache, **arrays)
    record = VosIndex(layout_of(tmp_path), ["a"])["a"]
    assert record.sizes[0, 0] == 64
    assert not any("/" in name for name in record.frames)


def test_a_data_set_is_cached_in_the_users_folder_alone(tmp_path, cache_folder):
    root = write_folder_videos(tmp_path / "data", {"a": MOVING})
    before = sorted(root.rglob("*"))
    VosIndex(layout_of(root), ["a"])
    assert sorted(root.rglob("*")) == before
    (cache,) = cache_folder.rglob("*.npz")
    assert cache.stat().st_size > 0


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x03\x04 cut off"])
def test_damaged_cache_is_replaced(tmp_path, cache_folder, content):
    write_folder_videos(tmp_path, {"a": MOVING})
    VosIndex(layout_of(tmp_path), ["a"])
    (cache,) = cache_folder.rglob("*.npz")
    cache.write_bytes(content)
    assert VosIndex(layout_of(tmp_path), ["a"])["a"].sizes[0, 0] == 64
    assert cache.stat().st_size > len(content)


def test_cache_that_cannot_be_written_is_one_warning(tmp_path, monkeypatch, caplog):
    root = write_folder_videos(tmp_path / "data", {"a": MOVING})
    root.chmod(0o555)
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        assert VosIndex(layout_of(root), ["a"])["a"].sizes[0, 0] == 64
    assert len(caplog.records) == 1
    root.chmod(0o755)


def test_damaged_video_fails_alone_in_evaluation_and_early_in_training(tmp_path):
    root = write_folder_videos(tmp_path, {"a": MOVING, "b": MOVING})
    (root / "Annotations/b/00001.png").write_bytes(b"")
    dataset = FolderVideos(root)
    assert dataset.index["a"].name == "a"
    with pytest.raises(DataError, match=r"00001\.png is an empty file"):
        dataset.index["b"]
    with pytest.raises(DataError, match=r"00001\.png is an empty file"):
        dataset.get_num_sequences()


def test_annotation_without_its_frame_names_the_lost_frame(tmp_path):
    root = write_folder_videos(tmp_path, {"a": MOVING})
    (root / "JPEGImages/a/00001.jpg").unlink()
    with pytest.raises(DataError, match=r"frame of .*a/00001\.png is missing"):
        FolderVideos(root).index["a"]


def test_lost_frame_of_a_gapless_data_set_is_a_warning(tmp_path, caplog):
    frames = {"00000": {1: (0, 0)}, "00001": None, "00002": None, "00003": None}
    root = write_davis(tmp_path, {"bear": frames})
    (root / "JPEGImages/480p/bear/00002.jpg").unlink()
    frames = Davis(root, split="val").tracking_frames("bear")
    assert [frame.stem for frame in frames] == ["00000", "00001", "00003"]
    assert "bear: a frame seems to be missing between 00001.jpg and 00003.jpg" in caplog.text


def test_masks_of_two_sizes_are_refused(tmp_path):
    root = write_folder_videos(tmp_path, {"a": MOVING})
    Image.fromarray(np.ones((20, 30), np.uint8)).save(root / "Annotations/a/00002.png")
    with pytest.raises(DataError, match=r"00002\.png is 30x20, the masks before it 60x40"):
        FolderVideos(root).index["a"]


@pytest.mark.parametrize("name", ["../a", "..", "a/b"])
def test_video_name_cannot_leave_the_folder(tmp_path, name):
    write_folder_videos(tmp_path, {"a": MOVING})
    with pytest.raises(DataError, match="not a valid name"):
        VosIndex(layout_of(tmp_path), [name])[name]


def test_davis_2016_has_one_object_whatever_the_labels(tmp_path):
    root = write_davis(tmp_path, {"bear": {"00000": {7: (0, 0), 255: (20, 20)}}})
    record = Davis(root, version="2016", split="val").index["bear"]
    assert record.object_ids.tolist() == [1]
    assert record.sizes.tolist() == [[128]]
    assert Davis(root, version="2017", split="val").index["bear"].object_ids.tolist() == [7]


@pytest.mark.parametrize("content", [None, "\n"])
def test_missing_or_empty_davis_list_is_named(tmp_path, content):
    root = write_davis(tmp_path, {"bear": MOVING})
    file = root / "ImageSets/2017/val.txt"
    file.unlink() if content is None else file.write_text(content)
    with pytest.raises(DataError, match=r"2017/val\.txt"):
        Davis(root, split="val")


def test_single_object_mode_gives_binary_masks_and_boxes_with_the_last_pixel(tmp_path):
    dataset = Davis(write_davis(tmp_path, {"bear": MOVING}), split="val", multiobj=False)
    assert dataset.samples == [("bear", (1,)), ("bear", (9,))]
    info = dataset.get_sequence_info(1)
    assert info["visible"].tolist() == [[0], [1], [1]]
    images, per_frame, meta = dataset.get_frames(1, [2, 0], info)
    assert [image.shape for image in images] == [(*SHAPE, 3)] * 2
    assert per_frame["bbox"][0].tolist() == [32, 20, 8, 8]
    assert per_frame["bbox"][1].tolist() == [0, 0, 1, 1]
    assert [float(mask.sum()) for mask in per_frame["mask"]] == [64, 0]
    assert meta["object_ids"] == (9,)


def test_wrong_starts_are_moved_and_odd_shapes_dropped(tmp_path):
    video = {"00000": {4: (0, 0)}, "00005": {4: (0, 0)}}
    names = ("5937b08d69", "other", "square")
    starts = {name: {4: "00000"} for name in names}
    root = write_youtubevos(tmp_path, dict.fromkeys(names, video), starts, part="2019/train")
    for stem in video:
        write_label_map(
            root / f"2019/train/Annotations/square/{stem}.png", np.eye(9, dtype=np.uint8)
        )
    assert YouTubeVOS(root).first_frame("5937b08d69", 4) == "00000"
    cleaned = YouTubeVOS(root, cleanup=["starts", "aspects"])
    assert cleaned.first_frame("5937b08d69", 4) == "00005"
    assert cleaned.first_frame("other", 4) == "00000"
    assert cleaned.videos == ("5937b08d69", "other")


def test_jj_splits_part_the_training_videos(tmp_path):
    names = read_jjvalid_names()
    assert len(names) == len(set(names)) == 300
    video = {"00000": {1: (0, 0)}}
    root = write_youtubevos(
        tmp_path,
        {names[7]: video, "zz": video},
        {names[7]: {1: "00000"}, "zz": {1: "00000"}},
        part="2019/train",
    )
    assert YouTubeVOS(root, split="jjvalid").videos == (names[7],)
    assert YouTubeVOS(root, split="jjtrain").videos == ("zz",)


@pytest.mark.parametrize(
    "text", ["", "[]", '{"videos": {"a": {"objects": {"x": {"frames": ["0"]}}}}}',
             '{"videos": {"a": {"objects": {"1": {"frames": []}}}}}',
             '{"videos": {"a": {"objects": {"255": {"frames": ["0"]}}}}}']
)  # fmt: skip
def test_damaged_meta_file_is_named(tmp_path, text):
    root = write_youtubevos(tmp_path, {}, {})
    (root / "2019/valid/meta.json").write_text(text)
    with pytest.raises(DataError, match=r"meta\.json is (damaged|not a JSON)"):
        YouTubeVOS(root, split="valid")


@pytest.mark.parametrize("options", [{"split": "vald"}, {"cleanup": ["start"]}])
def test_unknown_youtubevos_choices_name_near_ones(tmp_path, options):
    with pytest.raises(DataError, match=r"did you mean '(valid|starts)'"):
        YouTubeVOS(tmp_path, **options)
