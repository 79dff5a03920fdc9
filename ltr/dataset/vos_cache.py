"""The cache file of a video data set's records: flat arrays, versioned, written atomically."""

from __future__ import annotations

import hashlib
import logging
import os
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from ltr.admin.errors import DataError, OutputError
from ltr.admin.files import TEMPORARY_SUFFIX, atomic_write, open_regular
from ltr.admin.locks import lock_folder
from ltr.admin.places import cache_folder

_LOG = logging.getLogger(__name__)
_VERSION = 3
_MAX_BYTES = 1 << 30
_DAMAGE = (
    OSError,
    ValueError,
    LookupError,
    EOFError,
    TypeError,
    MemoryError,
    DataError,
    zipfile.BadZipFile,
    NotImplementedError,
)
# Kind of every array's numbers, in NumPy's letters.
_KINDS = {
    "name": "U",
    "shape": "i",
    "fingerprint": "i",
    "num_frames": "iu",
    "num_objects": "iu",
    "frames": "U",
    "is_annotated": "b",
    "object_ids": "u",
    "sizes": "i",
    "boxes": "i",
}


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
        fingerprint: 63 bits of a hash of the frames' names and the masks' names, sizes and times.
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
    """Read the cache of a data set; empty when there is none, or a damaged one."""
    file = _cache_file(images, annotations, is_binary)
    try:
        with open_regular(file) as stream:
            _refuse_compressed(stream)
            with np.load(stream, allow_pickle=False) as arrays:
                if int(arrays["version"]) == _VERSION:
                    return _unpack(dict(arrays))
    except _DAMAGE as error:
        _LOG.debug("%s is not a cache: %s", file, error)
    return {}


def save_records(
    images: Path, annotations: Path, is_binary: bool, records: Mapping[str, VideoRecord]
) -> None:
    """Write the cache into the user's cache folder, never into the data set."""
    arrays, file = _pack(list(records.values())), _cache_file(images, annotations, is_binary)
    try:
        with lock_folder(file.parent, wait=True):
            for left_over in file.parent.glob(f".*{TEMPORARY_SUFFIX}"):
                left_over.unlink()
            with atomic_write(file) as stream:
                np.savez(stream, version=np.int64(_VERSION), **arrays)
    except (OSError, OutputError) as error:
        _LOG.warning(
            "no cache can be written (%s): %s will be read again in the next run",
            error,
            annotations,
        )


def _cache_file(images: Path, annotations: Path, is_binary: bool) -> Path:
    kind = "binary" if is_binary else "labels"
    key = f"{images.resolve()}\n{annotations.resolve()}\n{kind}".encode()
    return cache_folder() / f"{hashlib.sha256(key).hexdigest()[:32]}.npz"


def _refuse_compressed(stream: BinaryIO) -> None:
    """Our caches are stored as they are, so that reading takes no more memory than the file."""
    with zipfile.ZipFile(stream) as archive:
        members = archive.infolist()
    if any(member.file_size != member.compress_size for member in members):
        raise ValueError("compressed")
    if sum(member.file_size for member in members) > _MAX_BYTES:
        raise ValueError("too large")
    stream.seek(0)


def _refuse_paths(names: Iterable[str]) -> None:
    for name in names:
        if Path(name).name != name or name in ("", ".."):
            raise ValueError(f"{name!r} is not a file name")


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
    """The inverse of ``_pack``; the records' arrays are views.

    Raises:
        ValueError: The arrays do not fit together, or a name is a path.
    """
    for field, kind in _KINDS.items():
        if arrays[field].dtype.kind not in kind:
            raise ValueError(f"{field} is {arrays[field].dtype}")
    _refuse_paths(chain(arrays["name"].tolist(), arrays["frames"].tolist()))
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
