"""Annotated videos of the semi-supervised task by name: ``DAVIS/2017/train`` and the like."""

from __future__ import annotations

from ltr.dataset.names import Family, open_named
from ltr.dataset.vos_base import VosDataset


def open_vos(name: str) -> VosDataset:
    """Open an annotated data set in single-object mode.

    Raises:
        ConfigError: There is no such data set, or its path is not set.
        DataError: Its folder does not have the expected layout.
    """
    return open_named(name, VOS_SETS, {})


def _youtubevos(version: str, split: str) -> VosDataset:
    from ltr.dataset.youtubevos import YouTubeVOS

    return YouTubeVOS(version=version, split=split, multiobj=False)


def _davis(version: str, split: str) -> VosDataset:
    from ltr.dataset.davis import Davis

    return Davis(version=version, split=split, multiobj=False)


VOS_SETS = {
    "YouTubeVOS": Family(_youtubevos, ("2019", "jjtrain")),
    "DAVIS": Family(_davis, ("2017", "train")),
}
