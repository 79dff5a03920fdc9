from __future__ import annotations

import io
import os

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as arrays
from PIL import Image

from ltr.admin.errors import DataError
from ltr.data.encoded_files import ContentError
from ltr.data.image_io import (
    decode_label_map,
    encode_label_map,
    read_image,
    read_label_map,
    write_image,
    write_label_map,
)
from ltr.data.palette import pascal_palette, result_palette

LABELS = np.array([[0, 1, 1], [5, 21, 0]], np.uint8)


def save(path, pixels: np.ndarray, mode: str | None = None) -> None:
    picture = Image.fromarray(pixels)
    (picture.convert(mode) if mode else picture).save(path)


@given(arrays.arrays(np.uint8, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9)))
@settings(max_examples=30, deadline=None)
def test_a_label_map_comes_back(labels):
    encoded = encode_label_map(labels)
    is_white_alone = set(np.unique(labels)) <= {0, 255}  # one object, see test_mask_rule
    expected = labels // 255 if is_white_alone else labels
    np.testing.assert_array_equal(decode_label_map(encoded), expected)
    with Image.open(io.BytesIO(encoded)) as picture:
        assert picture.mode == "P"
        assert picture.getpalette() == result_palette().ravel().tolist()


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_grey_pictures_of_any_depth_hold_ids(tmp_path, dtype):
    save(tmp_path / "mask.png", LABELS.astype(dtype))
    np.testing.assert_array_equal(read_label_map(tmp_path / "mask.png"), LABELS)


def test_one_bit_pictures_hold_one_object(tmp_path):
    save(tmp_path / "mask.png", LABELS > 0)
    np.testing.assert_array_equal(read_label_map(tmp_path / "mask.png"), LABELS > 0)


@pytest.mark.parametrize("palette", [result_palette(), pascal_palette()])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_colours_of_the_mask_palettes_are_ids(tmp_path, palette, mode):
    save(tmp_path / "mask.png", palette[LABELS], mode)
    np.testing.assert_array_equal(read_label_map(tmp_path / "mask.png"), LABELS)


def test_other_colours_and_large_values_are_refused(tmp_path):
    save(tmp_path / "mask.png", np.full((2, 2, 3), (12, 200, 7), np.uint8))
    with pytest.raises(DataError, match=r"colours \(#0cc807\) that are not in the mask palette"):
        read_label_map(tmp_path / "mask.png")
    save(tmp_path / "mask.png", np.full((2, 2), 600, np.uint16))
    with pytest.raises(DataError, match="holds values up to 600"):
        read_label_map(tmp_path / "mask.png")


def test_a_jpeg_is_no_mask(tmp_path):
    """Its compression would turn two ids into many."""
    path = tmp_path / "mask.png"
    path.write_bytes(cv2.imencode(".jpg", np.repeat(LABELS, 20, axis=0) * 10)[1].tobytes())
    with pytest.raises(DataError, match=r"mask\.png is a JPEG, .* expected a PNG"):
        read_label_map(path)


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9])
@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_truncated_picture_is_noticed(tmp_path, suffix, share):
    path = tmp_path / f"picture{suffix}"
    write_image(path, np.random.default_rng(0).integers(0, 256, (40, 50, 3), np.uint8))
    whole = path.read_bytes()
    assert read_image(path).shape == (40, 50, 3)
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=str(path)):
        read_image(path)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_a_truncated_mask_is_noticed(tmp_path, share):
    labels = np.random.default_rng(0).integers(0, 256, (40, 50), np.uint8)
    write_label_map(tmp_path / "mask.png", labels)
    whole = (tmp_path / "mask.png").read_bytes()
    (tmp_path / "mask.png").write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(DataError, match=r"damaged|cannot be decoded"):
        read_label_map(tmp_path / "mask.png")


def test_a_declared_size_can_only_be_an_attack(tmp_path):
    Image.new("1", (40_000, 40_000)).save(tmp_path / "bomb.png")
    for read in (read_image, read_label_map):
        with pytest.raises(DataError, match="too many pixels"):
            read(tmp_path / "bomb.png")


def test_a_chunk_that_pillow_stumbles_over_is_a_sentence(tmp_path):
    end = b"\x00\x00\x00\x00IEND"
    encoded = encode_label_map(LABELS)
    damaged = encoded[: encoded.index(end)] + b"\x00\x00\x00\x00iCCP\xa5\x89\x19>"
    with pytest.raises(ContentError, match=r"^cannot be decoded as a mask"):
        decode_label_map(damaged)
    (tmp_path / "mask.png").write_bytes(damaged)
    with pytest.raises(DataError, match=r"mask\.png cannot be decoded as a mask"):
        read_label_map(tmp_path / "mask.png")


@pytest.mark.parametrize("name", ["a\0b.png", "\ud800.png"])
def test_impossible_names_are_a_sentence_that_can_be_printed(tmp_path, name):
    for read in (read_image, read_label_map):
        with pytest.raises(DataError, match="cannot be a file's name") as caught:
            read(tmp_path / name)
        str(caught.value).encode()


def test_missing_files_and_texts_are_told_apart(tmp_path):
    with pytest.raises(DataError, match=r"absent\.png does not exist"):
        read_image(tmp_path / "absent.png")
    with pytest.raises(DataError, match="Is a directory"):
        read_label_map(tmp_path)
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(DataError, match="is damaged or not a picture file"):
        read_image(tmp_path / "text.png")


@pytest.mark.parametrize("orientation", [None, 1, 3, 6, 8])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_jpegs_have_the_pixels_of_opencv(tmp_path, mode, orientation):
    """Libjpeg-turbo alone is faster; stored turns and four colours are left to OpenCV."""
    pixels = np.random.default_rng(0).integers(0, 256, (37, 50, 3), np.uint8)
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    path = tmp_path / "picture.jpg"
    Image.fromarray(pixels).convert(mode).save(path, exif=exif, quality=90)
    found = read_image(path)
    np.testing.assert_array_equal(found, cv2.imread(str(path))[..., ::-1])
    assert found.shape == ((50, 37, 3) if orientation in (6, 8) else (37, 50, 3))


def test_a_jpeg_of_many_scans_is_refused(tmp_path):
    """Each has a few bytes and makes the decoder visit 16 million pixels."""
    path = tmp_path / "picture.jpg"
    Image.new("L", (4096, 4096)).save(path, progressive=True)
    content = path.read_bytes()
    start = content.rindex(b"\xff\xda")
    path.write_bytes(content[:start] + content[start:-2] * 200 + content[-2:])
    with pytest.raises(DataError, match="too many scans for 4096x4096 pixels"):
        read_image(path)


@pytest.mark.parametrize("read", [read_image, read_label_map])
def test_pipes_and_devices_are_refused_at_once(tmp_path, read):
    """A pipe would be waited for, and /dev/zero never ends."""
    os.mkfifo(tmp_path / "00000.png")
    (tmp_path / "00001.png").symlink_to("/dev/zero")
    for name in ("00000.png", "00001.png"):
        with pytest.raises(DataError, match=rf"{name} cannot be read: Not a regular file"):
            read(tmp_path / name)
