"""Damaged and hostile run lengths; the library behind them crashes, hangs or writes elsewhere."""

from __future__ import annotations

import pytest

from ltr.admin.errors import DataError
from ltr.data.rle import as_rle, count_pixels

SIZE = [24, 32]


@pytest.mark.parametrize(
    ("segmentation", "sentence"),
    [
        ({"size": SIZE, "counts": "n69?000000000100000000000R8"}, "the runs cover"),
        ({"size": SIZE, "counts": [768, 1]}, "the runs cover 769 pixels, the frame has 768"),
        ({"size": SIZE, "counts": [1000, -232]}, "expected run lengths >= 0"),
        ({"size": SIZE, "counts": [767, "1"]}, "expected run lengths >= 0"),
        ({"size": SIZE, "counts": ""}, "expected run lengths as text"),
        ({"size": SIZE, "counts": "\ud800"}, "damaged"),
        ({"size": 24, "counts": [768]}, "the mask is 24"),
        ({"size": None, "counts": [768]}, "the mask is None"),
        ([[1, 1, 5, 1, 5, 10**9]], "leaves every frame"),
        ([[1, 1, 5, 1, 5, float("nan")]], "leaves every frame"),
        ([3], "expected \\[x, y"),
        ("text", "expected run lengths or polygons"),
    ],
)
def test_what_covers_no_frame_is_refused(segmentation, sentence):
    with pytest.raises(DataError, match=sentence):
        as_rle(segmentation, *SIZE)


@pytest.mark.parametrize(
    "size", [(0, 4), (-2, 4), (1 << 20, 1 << 20), ("24", 32), (2.0, 3), (None, 1)]
)
def test_frames_of_no_size_are_refused(size):
    with pytest.raises(DataError):
        as_rle({"size": list(size), "counts": [1]}, *size)


def test_runs_that_fill_the_frame_pass():
    rle = as_rle({"size": [2, 3], "counts": [0, 6]}, 2, 3)
    assert count_pixels(rle) == 6
    assert as_rle({"size": (2, 3), "counts": rle["counts"]}, 2, 3) == rle
