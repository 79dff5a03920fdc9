from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from ltr.admin.errors import DataError
from ltr.data import image_loader


@pytest.fixture(scope="module")
def picture() -> Image.Image:
    rows, columns = np.mgrid[:47, :61]
    values = np.stack([rows * 5, columns * 4, (rows * columns) % 256], -1).astype(np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("subsampling", [0, 2])
def test_both_loaders_give_equal_pixels_also_of_turned_pictures(
    tmp_path, picture, orientation, subsampling
):
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = tmp_path / "a.jpg"
    picture.save(file, quality=90, subsampling=subsampling, exif=exif)
    pixels = image_loader.jpeg4py_loader(file)
    np.testing.assert_array_equal(pixels, image_loader.opencv_loader(file))
    is_turned = orientation > 4
    assert pixels.shape == ((61, 47, 3) if is_turned else (47, 61, 3))


def test_other_formats_and_indexed_masks_are_read_by_the_known_names(tmp_path, picture):
    picture.save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        image_loader.default_image_loader(tmp_path / "a.png"), np.asarray(picture)
    )
    labels = np.eye(5, dtype=np.uint8)
    image_loader.imwrite_indexed(tmp_path / "m.png", labels)
    np.testing.assert_array_equal(image_loader.imread_indexed(tmp_path / "m.png"), labels)


@pytest.mark.parametrize("loader", [image_loader.jpeg4py_loader, image_loader.opencv_loader])
def test_a_damaged_picture_is_told(tmp_path, loader):
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8no picture")
    with pytest.raises(DataError, match=r"a\.jpg"):
        loader(tmp_path / "a.jpg")
