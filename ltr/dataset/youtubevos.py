"""YouTube-VOS 2018 and 2019."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

import numpy as np

from ltr.admin.environment import require, train_environment
from ltr.admin.errors import DataError, did_you_mean
from ltr.data.image_io import read_image
from ltr.data.json_io import read_json, translate_json_errors
from ltr.data.names import plain_name
from ltr.data.palette import VOID
from ltr.data.video_dataset import EmptySplitError
from ltr.dataset.vos_base import VosDataset
from ltr.dataset.vos_index import VosLayout

SPLITS = ("train", "valid", "test", "jjtrain", "jjvalid")
CLEANUPS = ("starts", "aspect", "aspects")

_JJVALID_FILE = Path(__file__).resolve().parents[1] / "data_specs" / "youtubevos_jjvalid.txt"
_ASPECT_RANGE = (1.45, 1.9)

# Objects whose listed first frames show something else (framework A.9.4).
_GOOD_STARTS = {
    ("0e27472bea", 2): "00065",
    ("5937b08d69", 4): "00005",
    ("5e1ce354fd", 5): "00020",
    ("7053e4f41e", 2): "00020",
    ("720e3fa04c", 2): "00055",
    ("c73c8e747f", 2): "00040",
}


class YouTubeVOS(VosDataset):
    """YouTube-VOS: ``<version>/<split>/{JPEGImages,Annotations}/<video>`` and ``meta.json``.

    Args:
        root: The folder with ``2018`` and ``2019``; None takes it from ``ltr/admin/local.py``.
        version: ``"2018"`` or ``"2019"``.
        split: ``train``, ``valid``, ``test``, or ``jjtrain`` / ``jjvalid``: the usual 3171 / 300
            videos of ``train``.
        cleanup: ``"starts"`` moves six wrong first frames, ``"aspect"`` drops videos that are very
            narrow or very wide.
        all_frames: Whether a tracker sees every frame, from ``<split>_all_frames``, instead of
            every fifth.
        multiobj: Whether a sequence is a video, or one object of a video.
        image_loader: Reads a picture as uint8 (H, W, 3) RGB.

    Raises:
        DataError: ``meta.json`` is missing or damaged, or the split has no video here.
    """

    def __init__(
        self,
        root: str | Path | None = None,
        version: str = "2019",
        split: str = "train",
        cleanup: Collection[str] = (),
        all_frames: bool = False,
        multiobj: bool = True,
        image_loader: Callable[[Path], np.ndarray] = read_image,
    ) -> None:
        base = Path(root) if root else require(train_environment(), "youtubevos_dir")
        listed = list_objects(base / version, split, cleanup)
        part = part_of(split)
        folder = base / version / part
        super().__init__(
            f"YouTubeVOS/{version}/{split}",
            VosLayout(folder / "JPEGImages", folder / "Annotations"),
            list(listed),
            listed=listed,
            multiobj=multiobj,
            all_frames=base / version / f"{part}_all_frames" / "JPEGImages" if all_frames else None,
            has_every_frame=all_frames,
            image_loader=image_loader,
        )
        if {"aspect", "aspects"}.intersection(cleanup):
            self.videos = tuple(video for video in self.videos if self._has_usual_aspect(video))

    def _has_usual_aspect(self, video: str) -> bool:
        height, width = self.index[video].shape
        return _ASPECT_RANGE[0] <= width / height <= _ASPECT_RANGE[1]


def part_of(split: str) -> str:
    """The folder that holds a split."""
    return "train" if split.startswith("jj") else split


def list_objects(
    root: Path, split: str, cleanup: Collection[str] = ()
) -> dict[str, dict[int, str]]:
    """The objects of every video of a split: id and stem of the first frame.

    Args:
        root: The folder of one version, with ``train``, ``valid``, ...
        split: See ``YouTubeVOS``.
        cleanup: See ``YouTubeVOS``.

    Raises:
        DataError: ``meta.json`` is missing or damaged, or the split has no video here.
    """
    _check_choice("split", split, SPLITS)
    for name in cleanup:
        _check_choice("cleanup", name, CLEANUPS)
    folder = root / part_of(split)
    listed = _read_meta(folder / "meta.json")
    if "starts" in cleanup:
        _move_starts(listed)
    return {video: listed[video] for video in _videos_of(split, listed, folder)}


def read_jjvalid_names() -> list[str]:
    """The 300 videos of ``train`` that the split ``jjvalid`` holds out."""
    return _JJVALID_FILE.read_text(encoding="utf-8").split()


def _check_choice(argument: str, value: str, choices: Collection[str]) -> None:
    if value not in choices:
        raise DataError(f"YouTube-VOS has no {argument} {value!r}{did_you_mean(value, choices)}")


def _read_meta(file: Path) -> dict[str, dict[int, str]]:
    """Read ``{video: {object id: stem of its first frame}}`` from a ``meta.json``."""
    form = '{"videos": {<video>: {"objects": {<id>: {"frames": [<first frame>, ...]}}}}}'
    with translate_json_errors(file, form):
        videos = read_json(file)["videos"]
        return {
            plain_name(video, file): _first_frames(entry["objects"], file)
            for video, entry in sorted(videos.items())
        }


def _first_frames(objects: dict[str, dict], file: Path) -> dict[int, str]:
    ids = {label: int(label) for label in objects}
    if not all(0 < number < VOID for number in ids.values()):
        raise ValueError(f"object ids must lie between 1 and {VOID - 1}")
    return {ids[label]: plain_name(entry["frames"][0], file) for label, entry in objects.items()}


def _move_starts(listed: dict[str, dict[int, str]]) -> None:
    for (video, label), stem in _GOOD_STARTS.items():
        if label in listed.get(video, {}):
            listed[video][label] = max(listed[video][label], stem)


def _videos_of(split: str, listed: Collection[str], folder: Path) -> list[str]:
    videos = list(listed)
    if split.startswith("jj"):
        held_out = set(read_jjvalid_names())
        videos = [name for name in videos if (name in held_out) == (split == "jjvalid")]
    if not videos:
        raise EmptySplitError(f"{folder} holds no video of the split {split}")
    return videos
