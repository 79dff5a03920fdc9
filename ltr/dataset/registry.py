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

from functools import partial

from ltr.admin.errors import ConfigError
from ltr.data.video_dataset import VideoDataset
from ltr.dataset.image_base import ImageDataset
from ltr.dataset.names import Family, open_named, split_names
from ltr.dataset.vos_sets import VOS_SETS


def open_videos(name: str) -> VideoDataset:
    """Open a data set in single-object mode.

    Args:
        name: A name of the table above.

    Raises:
        ConfigError: There is no such data set, or its path is not set.
        DataError: Its folder does not have the expected layout.
    """
    kinds = {
        "folder": _open_folder,
        "pasted": _open_pasted,
        "synthetic": _open_synthetic,
        "blend": _open_blend,
    }
    images = {name: Family(partial(_repeat, name), _IMAGES[name].usual) for name in _IMAGES}
    return open_named(name, {**VOS_SETS, **images}, kinds)


def open_images(name: str) -> ImageDataset:
    """Open a data set of still images; name and errors as for ``open_videos``."""
    return open_named(name, _IMAGES, {})


def _repeat(family: str, *parts: str) -> VideoDataset:
    """A data set of still images as videos whose frames are all the same."""
    from ltr.dataset.synthetic_video import SyntheticVideo

    return SyntheticVideo(_IMAGES[family].open(*parts))


def _open_folder(path: str) -> VideoDataset:
    from ltr.dataset.folder import FolderVideos

    return FolderVideos(path, multiobj=False)


def _open_pasted(names: str) -> VideoDataset:
    from ltr.dataset.pasted_objects import PastedObjects
    from ltr.dataset.unlabelled import open_unlabelled

    videos, scenery = split_names(names)
    return PastedObjects(open_videos(videos), open_unlabelled(scenery) if scenery else None)


def _open_synthetic(name: str) -> VideoDataset:
    from ltr.dataset.synthetic_video import MOVED, SyntheticVideo

    return SyntheticVideo(open_images(name), MOVED)


def _open_blend(names: str) -> VideoDataset:
    from ltr.dataset.synthetic_video import MOVED, SyntheticVideoBlend

    foregrounds, backgrounds = split_names(names)
    if backgrounds is None:
        raise ConfigError(f"expected blend:FOREGROUNDS+BACKGROUNDS, got 'blend:{names}'")
    return SyntheticVideoBlend(open_images(foregrounds), open_images(backgrounds), MOVED, MOVED)


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


_IMAGES = {
    "COCO": Family(partial(_instances, "COCO"), ("2014", "train", "0")),
    "LVIS": Family(partial(_instances, "LVIS"), ("0.5", "train", "0")),
    "SBD": Family(_sbd, ("train",)),
    "MSRA10K": Family(partial(_salient, "MSRA10K")),
    "ECSSD": Family(partial(_salient, "ECSSD")),
    "HKU-IS": Family(partial(_salient, "HKU-IS")),
}
