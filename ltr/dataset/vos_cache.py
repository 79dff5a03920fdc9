"""The cache file of a video data set's records: flat arrays, versioned, written atomically."""

from __future__ import annotations

import hashlib
import logging
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.files import atomic_write

_LOG = logging.getLogger(__name__)
_VERSION = 2


@dataclass(frozen=True)
class VideoRecord:
    """The measured facts of one video; arrays, because a loader copies them to every worker.

    Args:
        name: Name of the video.
        shape: Height and width in pixels.
        frames: File names of the frames in order.
        is_annotated: bool (frames,), whether a frame has an annotation file.
        object_ids: uint8 (objects,), in order of first appearance.
        sizes: int32 (frames, objects), pixels.
        boxes: int32 (frames, objects, 4), ``(x0, y0, x1 - x0, y1 - y0)`` of the extreme pixels;
            -1 where the object is absent.
        fingerprint: CRC-32 of the frame names and of the names and sizes of the annotations.
    """

    name: str
    shape: tuple[int, int]
    frames: np.ndarray
    is_annotated: np.ndarray
    object_ids: np.ndarray
    sizes: np.ndarray
    boxes: np.ndarray
    fingerprint: int

    @property
    def stems(self) -> list[str]:
        """Names of the frames without suffix."""
        return [os.path.splitext(frame)[0] for frame in self.frames.tolist()]


def load_records(images: Path, annotations: Path, is_binary: bool) -> dict[str, VideoRecord]:
    """Read the caches of a data set, the newest one last; empty when there is none."""
    files = [file for file in _candidates(images, annotations, is_binary) if file.is_file()]
    records: dict[str, VideoRecord] = {}
    for file in sorted(files, key=lambda file: file.stat().st_mtime_ns):
        try:
            with np.load(file) as arrays:
                if int(arrays["version"]) == _VERSION:
                    records |= _unpack(dict(arrays))
        except (OSError, ValueError, LookupError, EOFError, zipfile.BadZipFile) as error:
            _LOG.debug("%s is not a cache: %s", file, error)
    return records


def save_records(
    images: Path, annotations: Path, is_binary: bool, records: Mapping[str, VideoRecord]
) -> None:
    """Write the cache beside the annotations, or in the user's cache folder when that fails."""
    arrays = _pack(list(records.values()))
    for file in _candidates(images, annotations, is_binary):
        try:
            if file.parent == annotations.parent:
                _refuse_protected(file.parent)
            with atomic_write(file) as stream:
                np.savez(stream, version=np.int64(_VERSION), **arrays)
        except OSError as error:
            _LOG.debug("no cache in %s: %s", file.parent, error)
        else:
            return
    _LOG.warning("no cache can be written: %s will be read again in the next run", annotations)


def _candidates(images: Path, annotations: Path, is_binary: bool) -> tuple[Path, Path]:
    kind = "binary" if is_binary else "labels"
    key = f"{images.resolve()}\n{annotations.resolve()}\n{kind}".encode()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "vos-toolkit"
    return (
        annotations.parent / f".{annotations.name}_{kind}_index.npz",
        cache / f"{annotations.parent.name}_{hashlib.sha256(key).hexdigest()[:16]}.npz",
    )


def _refuse_protected(folder: Path) -> None:
    """A folder without write bits is meant to stay as it is, also for the superuser."""
    if not folder.stat().st_mode & 0o222:
        raise PermissionError(f"{folder} is read-only")


def _pack(records: Sequence[VideoRecord]) -> dict[str, Any]:
    """Concatenate the records' arrays; the lengths are kept beside them."""
    return {
        "name": np.array([record.name for record in records]),
        "shape": np.array([record.shape for record in records], dtype=np.int32),
        "fingerprint": np.array([record.fingerprint for record in records], dtype=np.int64),
        "num_frames": np.array([len(record.frames) for record in records]),
        "num_objects": np.array([len(record.object_ids) for record in records]),
        "frames": np.concatenate([record.frames for record in records]),
        "is_annotated": np.concatenate([record.is_annotated for record in records]),
        "object_ids": np.concatenate([record.object_ids for record in records]),
        "sizes": np.concatenate([record.sizes.ravel() for record in records]),
        "boxes": np.concatenate([record.boxes.reshape(-1, 4) for record in records]),
    }


def _unpack(arrays: Mapping[str, np.ndarray]) -> dict[str, VideoRecord]:
    """The inverse of ``_pack``; the records' arrays are views."""
    num_frames, num_objects = arrays["num_frames"], arrays["num_objects"]
    frames = _split(arrays["frames"], num_frames)
    is_annotated = _split(arrays["is_annotated"], num_frames)
    object_ids = _split(arrays["object_ids"], num_objects)
    sizes = _split(arrays["sizes"], num_frames * num_objects)
    boxes = _split(arrays["boxes"], num_frames * num_objects)
    records = {}
    for i, name in enumerate(arrays["name"].tolist()):
        grid = (int(num_frames[i]), int(num_objects[i]))
        records[name] = VideoRecord(
            name=name,
            shape=tuple(arrays["shape"][i].tolist()),
            frames=frames[i],
            is_annotated=is_annotated[i],
            object_ids=object_ids[i],
            sizes=sizes[i].reshape(grid),
            boxes=boxes[i].reshape(*grid, 4),
            fingerprint=int(arrays["fingerprint"][i]),
        )
    return records


def _split(values: np.ndarray, lengths: np.ndarray) -> list[np.ndarray]:
    return np.split(values, np.cumsum(lengths)[:-1])
