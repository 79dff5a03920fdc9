"""Still images with one salient object each: MSRA10K, ECSSD and HKU-IS."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ltr.admin.environment import require, train_environment
from ltr.admin.errors import DataError
from ltr.data.image_io import read_image, read_shades
from ltr.data.palette import VOID
from ltr.dataset.image_base import ImageDataset


@dataclass(frozen=True)
class SaliencyLayout:
    """Where images and masks lie below a data set's folder.

    Args:
        variable: Path variable of the data set.
        images: Folder of the images.
        image_suffix: Suffix of the image files.
        masks: Folder of the masks, PNGs of the same names; 255 is the object.
    """

    variable: str
    images: str
    image_suffix: str
    masks: str


LAYOUTS: Mapping[str, SaliencyLayout] = {
    "MSRA10K": SaliencyLayout("msra10k_dir", "Imgs", ".jpg", "Imgs"),
    "ECSSD": SaliencyLayout("ecssd_dir", "images", ".jpg", "ground_truth_mask"),
    "HKU-IS": SaliencyLayout("hkuis_dir", "imgs", ".png", "gt"),
}


class SalientObjects(ImageDataset):
    """One of the saliency data sets.

    Args:
        name: A key of ``LAYOUTS``.
        root: The data set's folder; None takes it from ``ltr/admin/local.py``.
        image_loader: Reads a picture as uint8 (H, W, 3) RGB.

    Raises:
        DataError: There is no pair of image and mask.
    """

    def __init__(
        self,
        name: str,
        root: str | Path | None = None,
        image_loader: Callable[[Path], np.ndarray] = read_image,
    ) -> None:
        layout = LAYOUTS[name]
        folder = Path(root) if root else require(train_environment(), layout.variable)
        self._name = name
        self._images = folder / layout.images
        self._image_suffix = layout.image_suffix
        self._masks = folder / layout.masks
        self._image_loader = image_loader
        masks = {path.stem for path in self._masks.glob("*.png")}
        images = {path.stem for path in self._images.glob(f"*{layout.image_suffix}")}
        self._stems = np.array(sorted(masks & images))
        if not len(self._stems):
            raise DataError(
                f"{folder} holds no {name} images: expected "
                f"{layout.images}/*{layout.image_suffix} and {layout.masks}/*.png"
            )

    def get_name(self) -> str:
        """Name of the data set."""
        return self._name

    def get_num_images(self) -> int:
        """Number of images that have a mask."""
        return len(self._stems)

    def get_image(self, image_id: int) -> np.ndarray:
        """Read an image."""
        return self._image_loader(self._images / f"{self._stems[image_id]}{self._image_suffix}")

    def get_mask(self, image_id: int) -> np.ndarray:
        """Read the object's mask."""
        labels = read_shades(self._masks / f"{self._stems[image_id]}.png")
        return (labels == VOID).astype(np.uint8)
