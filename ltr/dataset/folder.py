"""Any folder of annotated videos."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.frame_files import list_folders
from ltr.data.image_io import read_image
from ltr.dataset.vos_base import VosDataset
from ltr.dataset.vos_index import VosLayout


class FolderVideos(VosDataset):
    """One's own videos: ``JPEGImages/<seq>/<frame>.jpg`` and ``Annotations/<seq>/<frame>.png``.

    An object starts in the first annotation that shows its id; frames may be any picture files.

    Args:
        root: The folder with ``JPEGImages`` and ``Annotations``.
        multiobj: Whether a sequence is a video, or one object of a video.
        image_loader: Reads a picture as uint8 (H, W, 3) RGB.

    Raises:
        DataError: The folder does not have this layout.
    """

    def __init__(
        self,
        root: str | Path,
        multiobj: bool = True,
        image_loader: Callable[[Path], np.ndarray] = read_image,
    ) -> None:
        root = Path(root).expanduser().resolve()
        if not root.is_dir():
            raise DataError(f"{root} is not a folder: expected one with JPEGImages and Annotations")
        layout = VosLayout(root / "JPEGImages", root / "Annotations")
        for folder in (layout.images, layout.annotations):
            if not folder.is_dir():
                raise DataError(
                    f"{root} lacks the folder {folder.name}: expected JPEGImages/<seq>/<frame>.jpg "
                    "and Annotations/<seq>/<frame>.png"
                )
        videos = list_folders(layout.images)
        if not videos:
            raise DataError(f"{layout.images} holds no folder of frames")
        super().__init__(
            f"folder/{root.name}", layout, videos, multiobj=multiobj, image_loader=image_loader
        )
