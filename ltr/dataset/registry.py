"""Training data sets by name, as used in recipes.

========================================= =======================================================
``YouTubeVOS/2019/jjtrain``               version and split
``DAVIS/2017/train``                      version and split
``folder:PATH``                           one's own ``JPEGImages/<seq>`` and ``Annotations/<seq>``
``COCO/2014/train``, ``LVIS/0.5/train``   an image with one instance, repeated
``COCO/2017/train/900``                   only instances of at least so many pixels
``SBD/train``                             an image with one instance, repeated
``MSRA10K``, ``ECSSD``, ``HKU-IS``        an image with its salient object, repeated
``synthetic:MSRA10K``                     still images, moved differently in every frame
``blend:MSRA10K+COCO/2014/train``         objects of the first pasted on images of the second
``pasted:DAVIS/2017/train``               objects of the videos moving over frames of other ones
``pasted:DAVIS/2017/train+folder:PATH``   also over frames of videos without labels
========================================= =======================================================
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.dataset.base import VideoDataset
from ltr.dataset.image_base import ImageDataset

Family = tuple[Callable[..., Any], tuple[str, ...]]


def open_videos(name: str) -> VideoDataset:
    """Open a data set in single-object mode.

    Args:
        name: A name of the table above.

    Raises:
        ConfigError: There is no such data set, or its path is not set.
        DataError: Its folder does not have the expected layout.
    """
    kind, _, rest = name.partition(":")
    if kind == "folder":
        from ltr.dataset.folder import FolderVideos

        return FolderVideos(rest, multiobj=False)
    if kind == "pasted":
        return _open_pasted(rest)
    if kind in ("synthetic", "blend"):
        return _open_synthetic(kind, rest)
    if name.partition("/")[0] in _VIDEOS:
        return _open(name, _VIDEOS)
    from ltr.dataset.synthetic_video import SyntheticVideo

    return SyntheticVideo(open_images(name))


def open_images(name: str) -> ImageDataset:
    """Open a data set of still images; name and errors as for ``open_videos``."""
    family = name.partition("/")[0]
    if family not in _IMAGES:
        made = ("folder:PATH", "synthetic:NAME", "blend:NAME+NAME", "pasted:NAME")
        choices = [*_VIDEOS, *_IMAGES, *made]
        raise ConfigError(f"unknown data set {name!r}{did_you_mean(family, choices)}")
    return _open(name, _IMAGES)


def _open_pasted(names: str) -> VideoDataset:
    from ltr.dataset.pasted_objects import PastedObjects
    from ltr.dataset.unlabelled import open_unlabelled

    videos, plus, scenery = names.partition("+")
    return PastedObjects(open_videos(videos), open_unlabelled(scenery) if plus else None)


def _open_synthetic(kind: str, names: str) -> VideoDataset:
    from ltr.data.transforms import Compose, RandomAffine, RandomFlip
    from ltr.dataset.synthetic_video import SyntheticVideo, SyntheticVideoBlend

    moved = Compose(
        RandomFlip(0.5), RandomAffine(max_rotation=20, max_shear=0.1, max_scale=0.3, max_aspect=0.1)
    )
    if kind == "synthetic":
        return SyntheticVideo(open_images(names), moved)
    foregrounds, plus, backgrounds = names.partition("+")
    if not plus:
        raise ConfigError(f"expected blend:FOREGROUNDS+BACKGROUNDS, got 'blend:{names}'")
    return SyntheticVideoBlend(open_images(foregrounds), open_images(backgrounds), moved, moved)


def _open(name: str, families: Mapping[str, Family]) -> Any:
    """Open ``FAMILY/PART/PART``; parts that are left out have the usual values."""
    family, *parts = name.split("/")
    builder, usual = families[family]
    if len(parts) > len(usual):
        expected = "/".join([family, *usual])
        raise ConfigError(f"unknown data set {name!r}: expected a name like {expected!r}")
    return builder(*parts, *usual[len(parts) :])


def _youtubevos(version: str, split: str) -> VideoDataset:
    from ltr.dataset.youtubevos import YouTubeVOS

    return YouTubeVOS(version=version, split=split, multiobj=False)


def _davis(version: str, split: str) -> VideoDataset:
    from ltr.dataset.davis import Davis

    return Davis(version=version, split=split, multiobj=False)


def _instances(name: str, version: str, split: str, min_area: str) -> ImageDataset:
    from ltr.dataset.instances import InstanceImages

    if not min_area.isdecimal():
        raise ConfigError(f"{name}/{version}/{split}/{min_area}: expected the least pixels")
    return InstanceImages(name, version=version, split=split, min_area=float(min_area))


def _sbd(split: str) -> ImageDataset:
    from ltr.dataset.sbd import SBD

    return SBD(split=split)


def _salient(name: str) -> ImageDataset:
    from ltr.dataset.saliency import SalientObjects

    return SalientObjects(name)


_VIDEOS: Mapping[str, Family] = {
    "YouTubeVOS": (_youtubevos, ("2019", "jjtrain")),
    "DAVIS": (_davis, ("2017", "train")),
}
_IMAGES: Mapping[str, Family] = {
    "COCO": (partial(_instances, "COCO"), ("2014", "train", "0")),
    "LVIS": (partial(_instances, "LVIS"), ("0.5", "train", "0")),
    "SBD": (_sbd, ("train",)),
    "MSRA10K": (partial(_salient, "MSRA10K"), ()),
    "ECSSD": (partial(_salient, "ECSSD"), ()),
    "HKU-IS": (partial(_salient, "HKU-IS"), ()),
}
