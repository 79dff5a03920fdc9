"""Data sets of instance pairs by name, as used in recipes.

========================================= =======================================================
``YouTubeVIS/2019/train``                 version and split
``DAVIS/2017/train``                      all objects are of one class
``videos:PATH/train``                     one's own ``train.json``, ``train/JPEGImages/<video>``
``videos:PATH/train_davis.json``          a file by its name, such as the authors' of DAVIS; frames
                                          lie beside it in ``JPEGImages`` or ``JPEGImages/480p``,
                                          or in ``davis_dir``
``pseudo:COCO/2017/train``                still images (``ltr/dataset/registry.py``), moved twice
========================================= =======================================================
"""

from __future__ import annotations

from functools import partial
from pathlib import Path

from ltr.admin.environment import require, train_environment
from ltr.admin.errors import ConfigError, DataError
from ltr.data.pair_dataset import InstancePairs
from ltr.dataset.davis_instances import IMAGES, frames_of
from ltr.dataset.names import Family, open_named
from ltr.dataset.registry import open_images
from ltr.dataset.youtubevis_file import check_record, find_split, read_vis_file


def open_pairs(name: str, classes: tuple[str, ...]) -> InstancePairs:
    """Open a data set.

    Args:
        name: A name of the table above; version and split may be left out.
        classes: What is to be learned; ``("instance",)`` joins all categories.

    Raises:
        ConfigError: There is no such data set, or its path is not set.
        DataError: Its files are missing or damaged, or its categories are others.
    """
    kinds = {
        "pseudo": partial(_open_pseudo, classes),
        "videos": partial(_open_own, classes),
    }
    families = {
        "YouTubeVIS": Family(partial(_open_youtubevis, classes), ("2019", "train")),
        "DAVIS": Family(_open_davis, ("2017", "train")),
    }
    return open_named(name, families, kinds)


def _open_pseudo(classes: tuple[str, ...], images: str) -> InstancePairs:
    from ltr.dataset.pseudo_videos import PseudoVideos

    return PseudoVideos(open_images(images), classes)


def _open_own(classes: tuple[str, ...], path: str) -> InstancePairs:
    """A file by its name, or a split of a folder."""
    name = f"videos:{path}"
    if path.endswith(".json"):
        file = Path(path).expanduser()
        return _open_file(name, file, frames_of(file), classes)
    return _open_videos(name, Path(path).parent, Path(path).name, classes)


def _open_youtubevis(classes: tuple[str, ...], version: str, split: str) -> InstancePairs:
    name = f"YouTubeVIS/{version}/{split}"
    if version not in ("2019", "2021"):
        raise ConfigError(f"unknown data set {name!r}: YouTube-VIS 2019 and 2021 are known")
    root = Path(require(train_environment(), f"ytvis{version}_dir"))
    return _open_videos(name, root, split, classes)


def _open_videos(name: str, root: Path, split: str, classes: tuple[str, ...]) -> InstancePairs:
    found = find_split(root, split)
    return _open_file(name, found.file, found.images, classes)


def _open_file(name: str, file: Path, images: Path, classes: tuple[str, ...]) -> InstancePairs:
    from ltr.dataset.instance_videos import InstanceVideos

    content = read_vis_file(file)
    videos = InstanceVideos(name, content, images, is_class_agnostic=len(classes) == 1)
    if videos.classes != classes:
        raise DataError(
            f"{file} has the categories {_some(videos.classes)}, the network learns "
            f"{_some(classes)}"
        )
    return videos


def _open_davis(version: str, split: str) -> InstancePairs:
    from ltr.dataset.davis_instances import describe_davis
    from ltr.dataset.instance_videos import InstanceVideos

    root = Path(require(train_environment(), "davis_dir"))
    content = check_record(describe_davis(root, split, version).record(), root)
    name = f"DAVIS/{version}/{split}"
    return InstanceVideos(name, content, root / IMAGES, is_class_agnostic=True)


def _some(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''} ({len(names)})"
