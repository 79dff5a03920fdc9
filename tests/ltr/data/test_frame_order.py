"""Frames in the order of their numbers; strays and system files beside them."""

from __future__ import annotations

import pytest

from ltr.data.frame_files import find_mask, list_frames, list_masks, sort_naturally


@pytest.mark.parametrize(
    "ordered",
    [
        ["0.0.png", "0.033.png", "0.067.png", "0.1.png", "0.133.png"],
        ["-2.jpg", "-1.jpg", "0.jpg", "10.jpg"],
        ["t0.033.png", "t0.1.png", "t1.05.png"],
        ["8.PNG", "9.png", "10.JPG"],
        ["shot1.9.png", "shot1.10.png"],
        ["1e3.png", "12.png", "a2.png", "a10.png"],
        ["9007199254740993.png", "9007199254740994.png"],
    ],
)
def test_numbers_are_sorted_as_numbers(ordered):
    assert sort_naturally(reversed(ordered)) == ordered


@pytest.mark.parametrize(
    ("beside", "frames"),
    [
        (["mask.png"], ["1.jpg", "2.jpg", "3.jpg"]),
        (["1_mask.png", "2_mask.png", "3_mask.png"], ["1.jpg", "2.jpg", "3.jpg"]),
        (["Thumbs.db", "._1.jpg", "notes.txt"], ["1.jpg", "2.jpg", "3.jpg"]),
        ([], ["a.jpg", "b.jpg", "c.png"]),
        ([], ["take1_1.jpg", "take1_2.jpg", "take2_1.jpg"]),
    ],
)
def test_what_lies_beside_the_frames_is_left_out(tmp_path, caplog, beside, frames):
    for name in (*frames, *beside):
        (tmp_path / name).touch()
    assert list_frames(tmp_path) == frames
    strays = [name for name in beside if name.lower().endswith("mask.png")]
    assert all(name in caplog.text for name in strays)


def test_masks_are_found_whatever_the_case_of_their_names(tmp_path):
    for name in ("00000.png", "00001.PNG", "B.PNG"):
        (tmp_path / name).touch()
    assert list_masks(tmp_path) == ("00000", "00001", "B")
    assert find_mask(tmp_path, "00001").name == "00001.PNG"
    assert find_mask(tmp_path, "b").name == "B.PNG"
    assert find_mask(tmp_path, "c").name == "c.png"
