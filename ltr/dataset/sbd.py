"""Semantic Boundaries Dataset: still images with outlined instances."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from ltr.admin.environment import require, train_environment
from ltr.admin.progress import FrameProgress
from ltr.data.image_io import read_image
from ltr.data.mat_files import read_mat
from ltr.data.palette import VOID
from ltr.data.text_files import read_names
from ltr.dataset.image_base import ImageDataset

_THREADS = 8


class SBD(ImageDataset):
    """SBD: ``<split>.txt``, ``img/*.jpg``, ``inst/*.mat``; one item an instance.

    Args:
        root: The data set's folder; None takes it from ``ltr/admin/local.py``.
        split: ``train``, ``train_noval`` or ``val``.
        image_loader: Reads a picture as uint8 (H, W, 3) RGB.

    Raises:
        DataError: The list or an annotation is missing or damaged.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        split: str = "train",
        image_loader: Callable[[Path], np.ndarray] = read_image,
    ) -> None:
        self._folder = Path(root) if root else require(train_environment(), "sbd_dir")
        self._name = f"SBD/{split}"
        self._image_loader = image_loader
        names = read_names(self._folder / f"{split}.txt", "the list of images")
        items = []
        with (
            FrameProgress("reading instances", len(names), unit="images") as progress,
            ThreadPoolExecutor(_THREADS) as pool,
        ):
            for name, numbers in zip(names, pool.map(self._instances_of, names), strict=True):
                items += [(name, number) for number in numbers]
                progress.advance()
        self._items = np.array(items)

    def _instances_of(self, name: str) -> list[int]:
        return [int(n) for n in np.unique(self._read(name)) if n not in (0, VOID)]

    def _read(self, name: str) -> np.ndarray:
        """The instance numbers of an image, (H, W)."""
        return read_mat(self._folder / "inst" / f"{name}.mat", "GTinst", "Segmentation")

    def get_name(self) -> str:
        """Name and split."""
        return self._name

    def get_num_images(self) -> int:
        """Number of instances."""
        return len(self._items)

    def get_image(self, image_id: int) -> np.ndarray:
        """Read the image of an instance."""
        return self._image_loader(self._folder / "img" / f"{self._items[image_id][0]}.jpg")

    def get_mask(self, image_id: int) -> np.ndarray:
        """Read the mask of an instance."""
        name, number = self._items[image_id]
        return (self._read(name) == int(number)).astype(np.uint8)
