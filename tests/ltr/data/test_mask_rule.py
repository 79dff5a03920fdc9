"""What mask files of every kind mean; the fast reader of the scores must agree."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from ltr.admin.errors import DataError
from ltr.data.image_io import read_mask_file, write_label_map
from ltr.data.mask_rule import mask_of_picture
from ltr.data.palette import pascal_palette
from pytracking.analysis.files.mask_reader import read_mask

SHAPE = np.zeros((40, 60), np.uint8)
SHAPE[10:30, 15:45] = 1
TWO = SHAPE.copy()
TWO[15:25, 20:30] = 2
ROUND = cv2.circle(np.zeros((96, 160), np.uint8), (80, 48), 20, 255, -1)


@pytest.fixture
def read(tmp_path):
    """Write a picture and read it as all commands and as the scores do."""

    def read(picture: Image.Image, **options):
        path = tmp_path / "mask.png"
        picture.save(path, **options)
        mask = read_mask_file(path)
        scored = read_mask(path)
        np.testing.assert_array_equal(scored.labels, mask.labels)
        assert scored[1:] == mask[1:]
        return mask

    return read


def palette_picture(indices: np.ndarray, colours) -> Image.Image:
    picture = Image.fromarray(indices).convert("P")
    picture.putpalette(np.array(colours, np.uint8).tobytes())
    return picture


def coloured(labels: np.ndarray, *colours) -> np.ndarray:
    return np.array([(0, 0, 0), *colours], np.uint8)[labels]


@pytest.mark.parametrize("mode", ["L", "1", "RGB", "RGBA", "P", "LA", "I;16"])
def test_white_on_black_is_object_1_in_every_form(read, mode):
    white = Image.fromarray(SHAPE * 255)
    if mode == "I;16":
        white = Image.fromarray(SHAPE.astype(np.uint16) * 65535)
    mask = read(white if mode == "I;16" else white.convert(mode))
    np.testing.assert_array_equal(mask.labels, SHAPE)
    assert mask.is_black_and_white


@pytest.mark.parametrize("kind", ["antialiased", "blurred", "resized", "jpeg", "rgb", "palette"])
def test_smoothed_edges_are_refused(read, kind):
    smooth = {
        "antialiased": cv2.circle(np.zeros_like(ROUND), (80, 48), 20, 255, -1, cv2.LINE_AA),
        "resized": cv2.resize(ROUND, (213, 128), interpolation=cv2.INTER_CUBIC),
        "jpeg": cv2.imdecode(cv2.imencode(".jpg", ROUND)[1], cv2.IMREAD_GRAYSCALE),
    }.get(kind, cv2.GaussianBlur(ROUND, (7, 7), 2))
    picture = Image.fromarray(smooth.astype(np.uint8))
    if kind == "rgb":
        picture = picture.convert("RGB")
    if kind == "palette":
        picture = picture.convert("RGB").quantize(16)
    with pytest.raises(DataError, match=r"mask\.png .*(smoothed|255).*utils.masks convert"):
        read(picture)


@pytest.mark.parametrize("values", [(1, 2), (3, 77), (38, 75), (1, 254), (127, 200)])
def test_grey_values_are_ids(read, values):
    labels = np.array([0, *values], np.uint8)[TWO]
    np.testing.assert_array_equal(read(Image.fromarray(labels)).labels, labels)


def test_many_numbered_objects_that_overlap_are_ids(read):
    labels = np.zeros((100, 120), np.uint8)
    for number in range(1, 130):
        labels[number % 90 : number % 90 + 9, number * 7 % 110 : number * 7 % 110 + 9] = number
    present = np.unique(labels)
    labels = np.searchsorted(present, labels).astype(np.uint8)
    np.testing.assert_array_equal(read(Image.fromarray(labels)).labels, labels)


def test_255_beside_ids_is_void_and_beside_shades_is_refused(read):
    labels = np.where(TWO == 2, 255, TWO).astype(np.uint8)
    np.testing.assert_array_equal(read(Image.fromarray(labels)).labels, labels)
    shades = np.array([0, 127, 255], np.uint8)[TWO]
    with pytest.raises(DataError, match=r"values 127 and 255: .*100 pixels"):
        read(Image.fromarray(shades))


def test_transparent_pixels_are_background(read):
    for colour in ((255, 255, 255), (0, 0, 0)):  # a white or black shape on nothing
        pixels = np.full((*SHAPE.shape, 4), (*colour, 0), np.uint8)
        pixels[..., 3] = SHAPE * 255
        np.testing.assert_array_equal(read(Image.fromarray(pixels)).labels, SHAPE)
    smooth = np.full((96, 160, 4), 255, np.uint8)
    smooth[..., 3] = cv2.GaussianBlur(ROUND, (5, 5), 1)
    np.testing.assert_array_equal(read(Image.fromarray(smooth)).labels, smooth[..., 3] >= 128)
    palette = palette_picture(TWO, [(9, 9, 9), (255, 255, 255), (0, 0, 0)])
    np.testing.assert_array_equal(read(palette, transparency=0).labels, TWO == 1)
    grey = Image.fromarray(np.where(SHAPE, 0, 200).astype(np.uint8))
    np.testing.assert_array_equal(read(grey, transparency=200).labels, SHAPE)


def test_palettes_of_another_order_are_read_by_colour(read):
    white_first = palette_picture(1 - SHAPE, [(255, 255, 255), (0, 0, 0)])
    np.testing.assert_array_equal(read(white_first).labels, SHAPE)
    order = np.array([2, 0, 1])
    shuffled = palette_picture(np.argsort(order).astype(np.uint8)[TWO], pascal_palette()[order])
    np.testing.assert_array_equal(read(shuffled).labels, TWO)
    editor = Image.fromarray(coloured(TWO, (128, 0, 0), (0, 128, 0))).quantize(8)
    np.testing.assert_array_equal(read(editor).labels, TWO)
    unused_first = palette_picture(TWO + 1, [(0, 0, 0), (0, 0, 0), (255, 255, 255), (128, 0, 0)])
    np.testing.assert_array_equal(read(unused_first).labels > 0, TWO > 0)


def test_a_foreign_palette_that_begins_with_black_holds_ids(read):
    colours = [(0, 0, 0), (236, 95, 103), (249, 145, 87)]
    mask = read(palette_picture(TWO, colours))
    np.testing.assert_array_equal(mask.labels, TWO)
    assert not mask.has_known_palette


def test_dithered_colours_are_no_ids(read):
    """Pillow mixes red of two web colours: two objects of interleaved dots."""
    dithered = Image.fromarray(pascal_palette()[TWO]).convert("P")
    with pytest.raises(DataError, match="mixes the colours of its palette in dots"):
        read(dithered)


def test_colours_without_a_rule_are_named(read):
    with pytest.raises(DataError, match=r"3 colours \(#000000, #00ff00, #ff0000\).*convert"):
        read(Image.fromarray(coloured(TWO, (255, 0, 0), (0, 255, 0))))
    with pytest.raises(DataError, match="3 colours"):
        read(palette_picture(TWO, [(68, 1, 84), (33, 145, 140), (253, 231, 37)]))


def test_void_of_davis_is_no_object(tmp_path, read):
    void = np.where(SHAPE, 255, 0).astype(np.uint8)
    mask = read(palette_picture(void, pascal_palette()))
    np.testing.assert_array_equal(mask.labels, void)
    write_label_map(tmp_path / "own.png", void)
    np.testing.assert_array_equal(read_mask_file(tmp_path / "own.png").labels, SHAPE)


def test_fractions_and_large_ids_are_refused(tmp_path):
    path = tmp_path / "mask.tif"
    for pixels, message in ((SHAPE * 0.5, "fractions"), (SHAPE * 300.0, "values up to 300")):
        Image.fromarray(pixels.astype(np.float32)).save(path)
        with pytest.raises(DataError, match=message):
            read_mask_file(path)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA", "P"])
def test_a_small_file_of_very_many_coloured_pixels_is_refused(mode):
    """134 megapixels of one colour took 8 s; a file of a few hundred bytes holds them."""
    picture = Image.new(mode, (32, 1 << 21))
    if mode == "P":
        picture.putpalette([9, 9, 9, 8, 8, 8])
    with pytest.raises(DataError, match="has 32x2097152 pixels in colours or 16 bits, more than"):
        mask_of_picture(picture)
