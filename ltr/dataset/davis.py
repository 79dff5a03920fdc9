"""DAVIS 2016 and 2017, 480p."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ltr.admin.environment import require, train_environment
from ltr.data.image_io import read_image
from ltr.data.text_files import read_names
from ltr.dataset.vos_base import VosDataset
from ltr.dataset.vos_index import VosLayout

_RESOLUTION = "480p"


class Davis(VosDataset):
    """DAVIS: ``JPEGImages/480p/<seq>``, ``Annotations/480p/<seq>``, ``ImageSets/<version>``.

    Args:
        root: The data set's folder; None takes it from ``ltr/admin/local.py``.
        version: ``"2017"`` (several objects), or ``"2016"``: all labels are one object.
        split: Name of a list in ``ImageSets/<version>``: ``train``, ``val``, ``test-dev``, ...
        multiobj: Whether a sequence is a video, or one object of a video.
        annotations: ``"Annotations"``, or ``"Annotations_unsupervised"`` for that task.
        image_loader: Reads a picture as uint8 (H, W, 3) RGB.

    Raises:
        DataError: The list does not exist or is empty.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        version: str = "2017",
        split: str = "train",
        multiobj: bool = True,
        annotations: str = "Annotations",
        image_loader: Callable[[Path], np.ndarray] = read_image,
    ) -> None:
        self.root = folder = Path(root) if root else _default_root(version, split)
        layout = VosLayout(
            folder / "JPEGImages" / _RESOLUTION,
            folder / annotations / _RESOLUTION,
            is_binary=version == "2016",
        )
        super().__init__(
            f"DAVIS/{version}/{split}",
            layout,
            read_names(folder / "ImageSets" / version / f"{split}.txt", "the list of sequences"),
            multiobj=multiobj,
            has_every_frame=True,
            image_loader=image_loader,
        )


def _default_root(version: str, split: str) -> Path:
    if version == "2016":
        variable = "davis16_dir"
    else:
        variable = "davis_testdev_dir" if split == "test-dev" else "davis_dir"
    return require(train_environment(), variable)
