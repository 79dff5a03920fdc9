"""Training data sets with sentences by name, as used in recipes.

==================================== ===================== =======================================
``RefYouTubeVOS/train``              ``refytvos_dir``      videos
``RefDAVIS/train``                   ``refdavis_dir``      videos
``A2D/train``                        ``a2d_dir``           videos with few annotated frames
``RefCOCO/train``, ``RefCOCO+/...``,  ``coco_dir``          images; clips are made of moved copies
``RefCOCOg/...``
==================================== ===================== =======================================

``RefYouTubeVOS:PATH`` reads a folder of this layout that lies elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from ltr.admin.environment import require, train_environment
from ltr.data.referring.dataset import ReferringDataset
from ltr.dataset.names import Family, open_named

_FOLDER_KIND = "RefYouTubeVOS"

Opener = Callable[[str, Path, str], ReferringDataset]


def open_referring(name: str, use_categories: bool = False) -> ReferringDataset:
    """Open a data set.

    Args:
        name: A name of the table above; without a split, ``train`` is taken.
        use_categories: Whether labels are needed, which only networks of several classes do.

    Raises:
        ConfigError: There is no such data set, or its path is not set.
        DataError: Its folder does not have the expected layout.
    """
    families = {
        family: Family(partial(_open_family, family, use_categories), ("train",))
        for family in _FAMILIES
    }
    return open_named(name, families, {_FOLDER_KIND: _open_folder})


def _open_family(family: str, use_categories: bool, split: str) -> ReferringDataset:
    variable, opener = _FAMILIES[family]
    if use_categories and opener is _open_videos:
        opener = partial(_open_videos, categories=variable.removesuffix("_dir"))
    return opener(f"{family}/{split}", require(train_environment(), variable), split)


def _open_folder(path: str) -> ReferringDataset:
    return _open_videos(f"{_FOLDER_KIND}:{path}", Path(path).expanduser(), "train")


def _open_videos(name: str, root: Path, split: str, categories: str = "") -> ReferringDataset:
    from ltr.dataset.referring.videos import ReferringVideos, category_names

    return ReferringVideos(name, root, split, category_names(categories) if categories else ())


def _open_images(family: str, name: str, root: Path, split: str) -> ReferringDataset:
    from ltr.dataset.referring.images import ReferringImages

    return ReferringImages(name, root, family, split)


def _open_a2d(name: str, root: Path, split: str) -> ReferringDataset:
    from ltr.dataset.referring.a2d import A2DSentences

    return A2DSentences(name, root, split)


_FAMILIES: Mapping[str, tuple[str, Opener]] = {
    "RefYouTubeVOS": ("refytvos_dir", _open_videos),
    "RefDAVIS": ("refdavis_dir", _open_videos),
    "A2D": ("a2d_dir", _open_a2d),
    "RefCOCO": ("coco_dir", partial(_open_images, "refcoco")),
    "RefCOCO+": ("coco_dir", partial(_open_images, "refcoco+")),
    "RefCOCOg": ("coco_dir", partial(_open_images, "refcocog")),
}
