"""Data sets with sentences, read from tiny trees in their layouts."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from ltr.data.referring.frames import centred_window
from ltr.data.video_frames import measure_video, read_video_frames
from ltr.dataset.referring.a2d import A2DSentences
from ltr.dataset.referring.expressions import read_expressions
from ltr.dataset.referring.images import ReferringImages
from ltr.dataset.referring.jhmdb import read_jhmdb_mask, read_jhmdb_samples
from ltr.dataset.referring.registry import open_referring
from ltr.dataset.referring.videos import ReferringVideos, category_names
from tests.referring_trees import (
    STEMS,
    TEXTS,
    write_a2d,
    write_jhmdb,
    write_list,
    write_mp4,
    write_refcoco,
    write_refytvos,
)
from tests.shared_material import data
from tests.video_trees import SHAPE, label_map


def test_videos_give_the_object_of_each_sentence(tmp_path):
    videos = ReferringVideos("x", write_refytvos(tmp_path), "train", category_names("refytvos"))
    assert len(videos) == 2 * len(TEXTS)
    assert (videos.sentence(3), videos.num_frames(3)) == (TEXTS[3], 3)
    assert [videos.label(index) for index in (0, 3)] == [9, 64]  # cat and zebra
    images, masks = videos.read(5, [2, 0])
    assert images[0].shape == (*SHAPE, 3)
    assert np.array_equal(masks[1], label_map({1: (5, 6)}) > 0)
    assert masks[0].argmax() % SHAPE[1] == 11
    assert videos.describe(5) == "x b sentence 1"


def test_categories_are_numbered_as_upstream():
    names = category_names("refytvos")
    assert (len(names), names[0], names[42], names[64]) == (65, "airplane", "person", "zebra")
    davis = category_names("refdavis")
    assert (len(davis), davis[25], davis[77]) == (78, "golf cart", "wheelchair")


def test_the_real_layout_is_read():
    root = data("refytvos-mini")
    assert len(ReferringVideos("x", root, "train", category_names("refytvos"))) == 10
    valid = read_expressions(root, "valid")
    assert sorted(valid) == ["d08ba35419", "d1833fd6d5"]
    assert valid["d1833fd6d5"].expressions["2"].text == "a black swan on the street"


def test_valid_videos_without_the_test_list_are_those_with_frames(tmp_path):
    write_refytvos(tmp_path, "valid")
    entries = json.loads((tmp_path / "meta_expressions/valid/meta_expressions.json").read_text())
    write_list(tmp_path, "valid", entries["videos"] | {"hidden": entries["videos"]["a"]})
    assert sorted(read_expressions(tmp_path, "valid")) == ["a", "b"]


def test_training_needs_object_ids(tmp_path):
    write_refytvos(tmp_path, "valid")
    with pytest.raises(DataError, match="has no obj_id"):
        ReferringVideos("x", tmp_path, "valid")


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"../a": {"expressions": {}, "frames": ["0"]}}, "not a valid name"),
        ({"a": {"expressions": {}, "frames": ["../0"]}}, "not a valid name"),
        ({"a": {"expressions": {"0": {}}, "frames": ["0"]}}, "damaged"),
        ({"a": {"expressions": {}, "frames": []}}, "lists no frames"),
        ({"a": []}, "damaged"),
    ],
)
def test_damaged_lists_are_named(tmp_path, entries, message):
    write_list(tmp_path, "train", entries)
    with pytest.raises(DataError, match=message):
        read_expressions(tmp_path, "train")


def test_a_missing_frame_is_named(tmp_path):
    videos = ReferringVideos("x", write_refytvos(tmp_path), "train")
    (tmp_path / "train/JPEGImages/a" / f"{STEMS[1]}.jpg").unlink()
    with pytest.raises(DataError, match=f"lacks the frame {STEMS[1]}"):
        videos.read(0, [1])


def test_images_repeat_their_only_frame(tmp_path):
    write_refcoco(tmp_path)
    images = ReferringImages("RefCOCO/train", tmp_path, "refcoco")
    assert (len(images), images.sentence(0)) == (2, "The LEFT  square")
    assert images.label(1) == 1  # COCO's id, as upstream's networks of 91 classes have it
    pictures, masks = images.read(1, [0, 0])
    assert len(pictures) == 2
    assert np.array_equal(masks[0], label_map({1: (10, 8)}) > 0)


def test_a2d_reads_packed_videos_and_transposed_masks(tmp_path):
    write_a2d(tmp_path)
    sentences = A2DSentences("A2D/train", tmp_path)
    assert len(sentences) == 2
    assert list(sentences.centres(1, 5)) == [1]
    assert sentences.neighbour(0, 0) == 1
    images, masks = sentences.read(0, [0, 1])
    assert np.array_equal(masks[1], label_map({1: (30, 8)}) > 0)
    assert [round(float(image.mean()) / 20) for image in images] == [2, 6]
    assert sentences.surroundings(1, 1) == (9, 6)


def test_video_files_clamp_and_fail_in_one_sentence(tmp_path):
    write_mp4(tmp_path / "a.mp4", 4)
    images = read_video_frames(tmp_path / "a.mp4", [2, 0, 9])
    assert [round(float(image.mean()) / 20) for image in images] == [2, 0, 3]
    assert measure_video(tmp_path / "a.mp4") == (4, SHAPE)
    (tmp_path / "b.mp4").write_bytes(b"no video")
    for path in (tmp_path / "b.mp4", tmp_path / "c.mp4"):
        with pytest.raises(DataError, match="cannot be read as a video"):
            read_video_frames(path, [0])


def test_windows_repeat_the_ends():
    assert centred_window(0, 5, 9) == [0, 0, 0, 1, 2]
    assert centred_window(8, 4, 9) == [6, 7, 8, 8]


def test_jhmdb_paths_are_found_wherever_the_set_lies(tmp_path):
    write_jhmdb(tmp_path)
    (sample,) = read_jhmdb_samples(tmp_path)
    assert (sample.image_id, sample.length) == ("v_vid_f_1", 4)
    assert sample.frame_path(0).is_file()
    assert np.array_equal(read_jhmdb_mask(sample), label_map({1: (10, 8)}) > 0)
    file = tmp_path / "jhmdb_sentences_samples_metadata.json"
    file.write_text(json.dumps([["v", "a/../../Rename_Images/x.png", "y", 4, "t"]]))
    with pytest.raises(DataError, match="not a path of the data set"):
        read_jhmdb_samples(tmp_path)


def test_names_of_recipes(tmp_path, monkeypatch):
    monkeypatch.setenv("LTR_COCO_DIR", str(tmp_path))
    write_refcoco(tmp_path, "refcocog", "val")
    assert open_referring("RefCOCOg/val").name == "RefCOCOg/val"
    write_refytvos(tmp_path / "clips")
    assert len(open_referring(f"RefYouTubeVOS:{tmp_path}/clips")) == 8
    with pytest.raises(ConfigError, match="did you mean 'RefCOCO'"):
        open_referring("RefCoco/train")
    with pytest.raises(ConfigError, match="refdavis_dir is not set"):
        open_referring("RefDAVIS/train")
