"""Frames of a clip in any order, from files and from videos that are decoded once."""

from __future__ import annotations

import numpy as np
import pytest

from ltr.admin.errors import DataError
from ltr.data.image_io import write_image
from pytracking.utils import lazy_frames
from pytracking.utils.lazy_frames import FileFrames, SpooledFrames

_CLIP = np.random.default_rng(0).integers(0, 256, (9, 6, 8, 3), dtype=np.uint8)
_ORDER = (3, 0, 8, 1, 1, 7, 2, -1)


def test_frames_of_a_video_come_back_in_any_order_also_from_disk(monkeypatch):
    monkeypatch.setattr(lazy_frames, "_SPOOL_BYTES", 2 * _CLIP[0].nbytes)
    with SpooledFrames(iter(_CLIP)) as frames:
        assert len(frames) == len(_CLIP)
        assert frames.shape == (6, 8)
        for position in _ORDER:
            np.testing.assert_array_equal(frames[position], _CLIP[position])
        with pytest.raises(IndexError):
            frames[9]


def test_a_damaged_video_is_told():
    def broken():
        yield _CLIP[0]
        raise DataError("frame 1 cannot be decoded")

    with pytest.raises(DataError, match="frame 1"):
        SpooledFrames(broken())


def test_picture_files_are_read_when_asked_for(tmp_path):
    paths = [tmp_path / f"{index}.png" for index in range(len(_CLIP))]
    for path, image in zip(paths, _CLIP, strict=True):
        write_image(path, image)
    frames = FileFrames(paths)
    for position in _ORDER:
        np.testing.assert_array_equal(frames[position], _CLIP[position])
    write_image(paths[5], np.zeros((4, 4, 3), np.uint8))
    with pytest.raises(DataError, match=r"5.png is 4x4, the clip 8x6"):
        frames[5]
