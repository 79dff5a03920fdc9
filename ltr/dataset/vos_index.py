"""What is drawn in the annotations of a video data set, measured once.

Sizes and boxes of all objects are kept in a cache file; a video whose files changed since is
measured again.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.progress import FrameProgress
from ltr.data.bounding_boxes import measure_objects
from ltr.data.frame_files import find_mask, is_hidden, list_frames, stem_of
from ltr.data.image_io import read_image, read_mask_file
from ltr.data.mask_rule import Mask, refuse_mixed_masks
from ltr.data.palette import VOID
from ltr.dataset.vos_cache import VideoRecord, load_records, save_records

_LOG = logging.getLogger(__name__)
_THREADS = min(8, os.cpu_count() or 1)


@dataclass(frozen=True)
class VosLayout:
    """Where the videos of a data set lie.

    Args:
        images: Folder with one folder of frames per video.
        annotations: Folder with one folder of label PNGs a video, named like the frames.
        is_binary: Whether every label above 0 means object 1 (DAVIS 2016).
    """

    images: Path
    annotations: Path
    is_binary: bool = False

    def mask_path(self, video: str, stem: str) -> Path:
        """The annotation of the frame ``stem``."""
        return find_mask(self.annotations / video, stem)

    def read_mask(self, path: Path) -> np.ndarray:
        """Read a label map, uint8 (H, W), by the data set's meaning of its labels."""
        return self.read_mask_file(path).labels

    def read_mask_file(self, path: Path) -> Mask:
        """Read a label map, and what kind of file it came from."""
        mask = read_mask_file(path)
        if not self.is_binary:
            return mask
        return mask._replace(labels=(mask.labels > 0).astype(np.uint8))


class VosIndex:
    """The records of a data set's videos by name; a damaged video fails when it is asked for.

    Args:
        layout: Folders of frames and annotations.
        names: The videos to be measured, or taken from the cache.
    """

    def __init__(self, layout: VosLayout, names: Sequence[str]) -> None:
        cached = load_records(layout.images, layout.annotations, layout.is_binary)
        found = _examine_all(layout, names, cached)
        self._failures = {n: str(r) for n, r in found.items() if isinstance(r, DataError)}
        self._records = {n: r for n, r in found.items() if isinstance(r, VideoRecord)}
        if any(cached.get(name) is not record for name, record in self._records.items()):
            records = cached | self._records
            save_records(layout.images, layout.annotations, layout.is_binary, records)

    def __getitem__(self, name: str) -> VideoRecord:
        if name in self._failures:
            raise DataError(self._failures[name])
        return self._records[name]


def _examine_all(
    layout: VosLayout, names: Sequence[str], cached: Mapping[str, VideoRecord]
) -> dict[str, VideoRecord | DataError]:
    found = {}
    pool = ThreadPoolExecutor(_THREADS)
    try:
        with FrameProgress("reading annotations", len(names), unit="videos") as bar:
            outcomes = pool.map(partial(_examine, layout, cached), names)
            for name, outcome in zip(names, outcomes, strict=True):
                found[name] = outcome
                bar.advance()
    finally:
        pool.shutdown(cancel_futures=True)  # Ctrl-C must not wait for all the others
    return found


def _examine(
    layout: VosLayout, cached: Mapping[str, VideoRecord], name: str
) -> VideoRecord | DataError:
    """The cached record of a video if its files are still the same, else a new one."""
    try:
        if Path(name).name != name or name == "..":
            raise DataError(f"{name!r} is not a valid name of a video")
        frames = list_frames(layout.images / name)
        masks = _list_masks(layout.annotations / name)
        _refuse_orphans(layout, name, frames, masks)
        mark = _fingerprint(frames, masks)
        if name in cached and cached[name].fingerprint == mark:
            return cached[name]
        return _measure(layout, name, frames, masks, mark)
    except DataError as error:
        return error


def _measure(
    layout: VosLayout, name: str, frames: list[str], masks: Collection[str], mark: int
) -> VideoRecord:
    shape: tuple[int, int] | None = None
    objects: dict[int, dict[int, tuple]] = {}
    kinds: dict[bool, Path] = {}
    num_void = 0
    stems = [stem_of(frame) for frame in frames]
    for position, stem in enumerate(stems):
        if stem not in masks:
            continue
        path = layout.mask_path(name, stem)
        mask = layout.read_mask_file(path)
        labels = mask.labels
        if labels.any():
            kinds.setdefault(mask.is_black_and_white or layout.is_binary, path)
            num_void += int(np.count_nonzero(labels == VOID))
        if shape is not None and labels.shape != shape:
            raise DataError(f"{path} is {_size(labels.shape)}, the masks before it {_size(shape)}")
        shape = labels.shape
        for label, measured in measure_objects(labels).items():
            objects.setdefault(label, {})[position] = measured
    refuse_mixed_masks(kinds)
    if num_void:
        _LOG.warning("%s: %d void pixels (255) in the masks belong to no object", name, num_void)
    if shape is None:
        shape = read_image(layout.images / name / frames[0]).shape[:2]
    sizes, boxes = _tabulate(len(frames), objects.values())
    return VideoRecord(
        name=name,
        shape=shape,
        frames=np.array(frames),
        is_annotated=np.array([stem in masks for stem in stems]),
        object_ids=np.array(list(objects), dtype=np.uint8),
        sizes=sizes,
        boxes=boxes,
        fingerprint=mark,
    )


def _tabulate(
    num_frames: int, objects: Iterable[Mapping[int, tuple]]
) -> tuple[np.ndarray, np.ndarray]:
    """Sizes (frames, objects) and boxes (frames, objects, 4) from ``{frame: (size, box)}``."""
    columns = list(objects)
    sizes = np.zeros((num_frames, len(columns)), np.int32)
    boxes = np.full((num_frames, len(columns), 4), -1, np.int32)
    for column, measured in enumerate(columns):
        for position, (size, box) in measured.items():
            sizes[position, column] = size
            boxes[position, column] = box
    return sizes, boxes


def _list_masks(folder: Path) -> dict[str, tuple[int, int]]:
    """Stems of the annotations, each with its file's size and time (ns); none without a folder."""
    if not folder.is_dir():
        return {}
    with os.scandir(folder) as entries:
        return {
            stem_of(entry.name): (entry.stat().st_size, entry.stat().st_mtime_ns)
            for entry in entries
            if entry.name.lower().endswith(".png") and not is_hidden(entry.name)
        }


def _refuse_orphans(
    layout: VosLayout, name: str, frames: Sequence[str], masks: Iterable[str]
) -> None:
    """An annotation without a frame means that frames were lost."""
    orphans = set(masks).difference(stem_of(frame) for frame in frames)
    if orphans:
        mask = layout.mask_path(name, min(orphans))
        raise DataError(f"the frame of {mask} is missing in {layout.images / name}")


def _fingerprint(frames: Sequence[str], masks: Mapping[str, tuple[int, int]]) -> int:
    """63 bits of a hash of the frame names and of the annotations' names, sizes and times."""
    text = json.dumps([frames, sorted(masks.items())])
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[1]}x{shape[0]}"
