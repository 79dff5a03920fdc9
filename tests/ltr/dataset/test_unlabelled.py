"""Videos without labels in the official layouts, and upstream's file lists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import write_image
from ltr.dataset.unlabelled import open_unlabelled, read_filelist

FRAMES = ("0.jpg", "2.jpg", "10.jpg")


def write_frames(folder: Path, names=FRAMES) -> Path:
    for name in names:
        write_image(folder / name, np.zeros((8, 8, 3), np.uint8))
    return folder


@pytest.mark.parametrize(
    ("name", "variable", "folders"),
    [
        ("YouTubeVOS", "YOUTUBEVOS", ["train/JPEGImages/b", "train/JPEGImages/a"]),
        ("YouTubeVOS", "YOUTUBEVOS", ["2019/train/JPEGImages/b", "2019/train/JPEGImages/a"]),
        ("OxUvA", "OXUVA", ["images/dev/b", "images/dev/a"]),
        ("TrackingNet", "TRACKINGNET", ["train/jpegs/b", "train/jpegs/a"]),
        ("TrackingNet", "TRACKINGNET", ["TRAIN_0/frames/a", "TRAIN_1/frames/b"]),
        ("Kinetics", "KINETICS", ["video_jpeg/train/a", "video_jpeg/train/b"]),
        ("Kinetics", "KINETICS", ["video_jpeg/train/abseiling/a", "video_jpeg/train/zumba/b"]),
        ("DAVIS", "DAVIS", ["JPEGImages/480p/b", "JPEGImages/480p/a"]),
    ],
)
def test_official_layouts(name, variable, folders, tmp_path, monkeypatch):
    for folder in folders:
        write_frames(tmp_path / folder)
    monkeypatch.setenv(f"LTR_{variable}_DIR", str(tmp_path))
    videos = open_unlabelled(name)
    assert [videos.video_name(index) for index in range(len(videos))] == ["a", "b"]
    assert [path.name for path in videos.frames(0)] == list(FRAMES)


def test_a_split_leaves_the_other_videos_out(tmp_path, monkeypatch):
    for name in ("a", "b", "c"):
        write_frames(tmp_path / "JPEGImages" / "480p" / name)
    (tmp_path / "ImageSets" / "2017").mkdir(parents=True)
    (tmp_path / "ImageSets" / "2017" / "train.txt").write_text("c\na\n")
    monkeypatch.setenv("LTR_DAVIS_DIR", str(tmp_path))
    videos = open_unlabelled("DAVIS/2017/train")
    assert [videos.video_name(index) for index in range(len(videos))] == ["c", "a"]
    assert [path.name for path in videos.frames(0)] == list(FRAMES)
    with pytest.raises(ConfigError, match="has a list of its own"):
        open_unlabelled("DAVIS/2017/train", "list.txt")
    with pytest.raises(DataError, match=r"test\.txt cannot be read"):
        open_unlabelled("DAVIS/2017/test")


def test_any_tree_of_pictures(tmp_path):
    write_frames(tmp_path / "video2")
    write_frames(tmp_path / "deep" / "down" / "video10")
    (tmp_path / "notes.txt").write_text("no picture")
    for name in (f"folder:{tmp_path}", str(tmp_path)):
        videos = open_unlabelled(name)
        assert {videos.video_name(index) for index in range(2)} == {"video2", "video10"}
    assert len(open_unlabelled(f"folder:{tmp_path / 'video2'}")) == 1


def test_wrong_places_are_sentences(tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match="did you mean 'OxUvA'"):
        open_unlabelled("OxUva")
    with pytest.raises(ConfigError, match="oxuva_dir is not set"):
        open_unlabelled("OxUvA")
    monkeypatch.setenv("LTR_OXUVA_DIR", str(tmp_path))
    with pytest.raises(DataError, match="lacks images/dev"):
        open_unlabelled("OxUvA")
    with pytest.raises(ConfigError, match="is not a folder"):
        open_unlabelled(f"folder:{tmp_path / 'nowhere'}")
    with pytest.raises(DataError, match="holds no folder of pictures"):
        open_unlabelled(f"folder:{tmp_path}")
    (tmp_path / "clip.mp4").write_bytes(b"")
    with pytest.raises(DataError, match="extract the frames of videos first"):
        open_unlabelled(f"folder:{tmp_path}")


def test_lists_of_frames(tmp_path):
    root = tmp_path / "somewhere"
    for video in ("one", "two"):
        write_frames(root / video)
    lines = [f"/ytvos/train/JPEGImages/{video}/{name} mask" for video in ("two", "one")
             for name in FRAMES]  # fmt: skip
    (tmp_path / "list.txt").write_text("\n".join(lines) + "\n\n")
    videos = open_unlabelled(f"folder:{root}", str(tmp_path / "list.txt"))
    assert [videos.video_name(index) for index in range(len(videos))] == ["two", "one"]
    assert videos.frames(1) == [root / "one" / name for name in FRAMES]


def test_lists_of_folders(tmp_path):
    write_frames(tmp_path / "video")
    (tmp_path / "list.txt").write_text("kinetics400/video_jpeg/train/video\n")
    assert read_filelist(tmp_path / "list.txt", tmp_path) == [tmp_path / "video"]


def test_wrong_lists_are_sentences(tmp_path):
    path = tmp_path / "list.txt"
    with pytest.raises(DataError, match="cannot be read"):
        read_filelist(path, tmp_path)
    path.write_text("\n")
    with pytest.raises(DataError, match="is empty"):
        read_filelist(path, tmp_path)
    path.write_text("a/b/c.jpg\n")
    with pytest.raises(DataError, match=r"a/b/c\.jpg is not in"):
        read_filelist(path, tmp_path)
