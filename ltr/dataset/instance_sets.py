"""Data sets of instance pairs by name, as used in recipes.

========================================= =======================================================
``YouTubeVIS/2019/train``                 version and split
``DAVIS/2017/train``                      all objects are of one class, or, of the sequences of
                                          DAVIS 2016, of the four coarse ones
``videos:PATH/train``                     one's own ``train.json``, ``train/JPEGImages/<video>``
``videos:PATH/train_davis.json``          a file by its name, such as the authors' of DAVIS; frames
                                          lie beside it in ``JPEGImages`` or ``JPEGImages/480p``,
                                          or in ``davis_dir``
``pseudo:COCO/2017/train``                still images (``ltr/dataset/registry.py``), moved twice
``zoomed:COCO/2017/train``                parts of still images, as wide as videos, moved twice
``NAME=2+NAME=1``                         of three queries two are from the first data set
========================================= =======================================================
"""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from ltr.admin.environment import require, train_environment
from ltr.admin.errors import ConfigError, DataError
from ltr.data.pair_dataset import InstancePairs, MixedPairs
from ltr.dataset.davis_instances import IMAGES, frames_of
from ltr.dataset.names import Family, open_named
from ltr.dataset.registry import open_images
from ltr.dataset.youtubevis_classes import CLASSES
from ltr.dataset.youtubevis_file import check_record, find_split, read_vis_file

_STARTS = "pseudo:|zoomed:|videos:|YouTubeVIS|DAVIS"  # of the second name and further ones


def open_pairs(name: str, classes: tuple[str, ...]) -> InstancePairs:
    """Open a data set.

    Args:
        name: A name of the table above; version and split may be left out.
        classes: What is to be learned; ``("instance",)`` joins all categories.

    Raises:
        ConfigError: There is no such data set, or its path is not set.
        DataError: Its files are missing or damaged, or its categories are others.
    """
    parts = re.split(rf"\+(?={_STARTS})", name)
    if len(parts) > 1:
        return MixedPairs([_open_weighted(part, classes) for part in parts])
    return _open_one(name, classes)


def _open_weighted(part: str, classes: tuple[str, ...]) -> tuple[InstancePairs, int]:
    """``NAME=2``: a data set and its weight; without one it is 1."""
    name, sign, weight = part.rpartition("=")
    if not sign:
        return _open_one(part, classes), 1
    if not weight.isdecimal() or int(weight) == 0:
        raise ConfigError(f"{part}: expected NAME=WEIGHT with a positive whole number")
    return _open_one(name, classes), int(weight)


def _open_one(name: str, classes: tuple[str, ...]) -> InstancePairs:
    kinds = {
        "pseudo": partial(_open_pseudo, classes),
        "zoomed": partial(_open_zoomed, classes),
        "videos": partial(_open_own, classes),
    }
    families = {
        "YouTubeVIS": Family(partial(_open_youtubevis, classes), ("2019", "train")),
        "DAVIS": Family(partial(_open_davis, classes), ("2017", "train")),
    }
    return open_named(name, families, kinds)


def _open_pseudo(classes: tuple[str, ...], images: str) -> InstancePairs:
    from ltr.dataset.pseudo_videos import PseudoVideos

    return PseudoVideos(open_images(images), classes)


def _open_zoomed(classes: tuple[str, ...], images: str) -> InstancePairs:
    from ltr.dataset.pseudo_videos import ZoomedStills

    return ZoomedStills(open_images(images), classes)


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


def _open_davis(classes: tuple[str, ...], version: str, split: str) -> InstancePairs:
    from ltr.dataset.davis_instances import describe_davis
    from ltr.dataset.instance_videos import InstanceVideos

    root = Path(require(train_environment(), "davis_dir"))
    is_coarse = classes == CLASSES["coarse"]
    known = CLASSES["coarse" if is_coarse else "davis"]
    writer = describe_davis(root, split, version, classes=known)
    content = check_record(writer.record(), root)
    name = f"DAVIS/{version}/{split}"
    return InstanceVideos(name, content, root / IMAGES, is_class_agnostic=not is_coarse)


def _some(names: tuple[str, ...]) -> str:
    return f"{', '.join(names[:3])}{', ...' if len(names) > 3 else ''} ({len(names)})"
