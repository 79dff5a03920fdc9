"""Masks of other programs become label PNGs."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from ltr.data.image_io import read_label_map
from pytracking.utils.masks import main

TWO = np.kron(np.array([[0, 1], [2, 0]], np.uint8), np.ones((20, 20), np.uint8))


def convert(tmp_path, *options: str) -> int:
    return main(["convert", str(tmp_path / "in"), str(tmp_path / "out"), *options])


@pytest.fixture
def save(tmp_path):
    (tmp_path / "in").mkdir()
    return lambda name, pixels: Image.fromarray(pixels).save(tmp_path / "in" / name)


def test_colours_are_numbered_over_all_pictures(tmp_path, save, capsys):
    colours = np.array([(0, 0, 0), (255, 0, 0), (0, 255, 255)], np.uint8)
    save("1.png", colours[TWO])
    save("2.png", colours[TWO * (TWO == 2)])
    assert convert(tmp_path) == 0
    assert "2 masks: #ff0000 = 1, #00ffff = 2" in capsys.readouterr().out
    np.testing.assert_array_equal(read_label_map(tmp_path / "out/1.png"), TWO)
    np.testing.assert_array_equal(read_label_map(tmp_path / "out/2.png"), TWO * (TWO == 2))


def test_127_and_255_become_two_objects(tmp_path, save):
    save("m.png", np.array([0, 127, 255], np.uint8)[TWO])
    assert convert(tmp_path) == 0
    np.testing.assert_array_equal(read_label_map(tmp_path / "out/m.png"), TWO)


def test_smoothed_masks_are_cut(tmp_path, save, capsys):
    smooth = cv2.GaussianBlur((TWO > 0).astype(np.uint8) * 255, (9, 9), 3)
    save("m.jpg", smooth)
    assert convert(tmp_path, "--threshold", "128") == 0
    agreement = read_label_map(tmp_path / "out/m.png") == (smooth >= 128)
    assert agreement.mean() > 0.98
    assert "object 1 is what is at least as light as 128" in capsys.readouterr().out


def test_masks_are_not_replaced(tmp_path, save, capsys):
    save("m.png", TWO)
    assert main(["convert", str(tmp_path / "in"), str(tmp_path / "in")]) == 2
    assert "holds the masks themselves" in capsys.readouterr().err
