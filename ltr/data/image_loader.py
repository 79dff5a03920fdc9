"""The names by which users of pytracking know how pictures are read.

jpeg4py is no longer maintained; by its name the pictures are decoded by simplejpeg, which brings
the same library and gives the same pixels. Pictures that are stored turned are turned upright by
every loader.
"""

from __future__ import annotations

import os

import numpy as np

from ltr.data.image_io import read_image, read_image_with_opencv, read_label_map, write_label_map

__all__ = [
    "default_image_loader",
    "imread_indexed",
    "imwrite_indexed",
    "jpeg4py_loader",
    "jpeg4py_loader_w_failsafe",
    "opencv_loader",
]


def jpeg4py_loader(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture, uint8 (H, W, 3) RGB; other formats than JPEG are read too.

    Raises:
        DataError: The file is missing or damaged.
    """
    return read_image(path)


def opencv_loader(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture with OpenCV, uint8 (H, W, 3) RGB.

    Raises:
        DataError: The file is missing or damaged.
    """
    return read_image_with_opencv(path)


default_image_loader = jpeg4py_loader_w_failsafe = jpeg4py_loader
imread_indexed, imwrite_indexed = read_label_map, write_label_map
