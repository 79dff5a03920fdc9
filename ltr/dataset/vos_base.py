"""Data sets of videos whose frames carry label PNGs: what YouTube-VOS, DAVIS and folders share."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.bounding_boxes import box_of_mask
from ltr.data.frame_files import find_gap, list_frames, stem_of
from ltr.data.image_io import read_image
from ltr.data.video_dataset import Frames, VideoDataset
from ltr.dataset.vos_cache import VideoRecord
from ltr.dataset.vos_index import VosIndex, VosLayout

_LOG = logging.getLogger(__name__)

_VISIBLE_PIXELS = 10


class VosDataset(VideoDataset):
    """Videos with label PNGs.

    A damaged video fails when it is first asked for: in training when the sequences are counted,
    in evaluation when its turn comes.

    Args:
        name: Name of data set, version and split, for example ``DAVIS/2017/train``.
        layout: Folders of frames and annotations.
        videos: Names of the videos in order.
        listed: ``{video: {object id: stem of its first frame}}`` where the data set has such a
            list; None takes the labels found in the annotations.
        multiobj: Whether a sequence is a video, or one object of a video.
        all_frames: Folder of the frames that a tracker sees, when these are more than the frames of
            ``layout``; training always reads the latter.
        has_every_frame: Whether the frames that a tracker sees should be numbered without gaps: a
            warning is logged where they are not.
        image_loader: Reads a picture as uint8 (H, W, 3) RGB.
    """

    def __init__(
        self,
        name: str,
        layout: VosLayout,
        videos: Sequence[str],
        *,
        listed: Mapping[str, Mapping[int, str]] | None = None,
        multiobj: bool = True,
        all_frames: Path | None = None,
        has_every_frame: bool = False,
        image_loader: Callable[[Path], np.ndarray] = read_image,
    ) -> None:
        self.layout = layout
        self.videos = tuple(videos)
        self.multiobj = multiobj
        self.index = VosIndex(layout, self.videos)
        self._name = name
        self._listed = listed
        self._all_frames = all_frames
        self._has_every_frame = has_every_frame
        self._image_loader = image_loader

    @cached_property
    def samples(self) -> list[tuple[str, tuple[int, ...]]]:
        """The sequences: video and object ids.

        Raises:
            DataError: A video is damaged.
        """
        samples: list[tuple[str, tuple[int, ...]]] = []
        for video in self.videos:
            object_ids = self.object_ids(self.index[video].name)
            samples += (
                [(video, object_ids)] if self.multiobj else [(video, (i,)) for i in object_ids]
            )
        return samples

    def object_ids(self, video: str) -> tuple[int, ...]:
        """Ids of a video: those of the data set's list, else in order of first appearance."""
        if self._listed is not None:
            return tuple(self._listed[video])
        return tuple(self.index[video].object_ids.tolist())

    def first_frame(self, video: str, object_id: int) -> str | None:
        """Stem of the frame in which the data set's list lets an object start."""
        return self._listed[video][object_id] if self._listed is not None else None

    def tracking_frames(self, video: str) -> list[Path]:
        """The frames that a tracker sees, in order; a gap in their numbers is a warning.

        Raises:
            DataError: An annotated frame is missing.
        """
        record = self.index[video]
        if self._all_frames is None:
            folder, names = self.layout.images / video, record.frames.tolist()
        else:
            folder = self._all_frames / video
            names = list_frames(folder)
        self._check_numbers(folder, names)
        missing = set(record.stems).difference(map(stem_of, names))
        if missing:
            raise DataError(f"{folder} lacks the frame {min(missing)}")
        return [folder / name for name in names]

    def _check_numbers(self, folder: Path, names: Sequence[str]) -> None:
        gap = find_gap(names, 1 if self._has_every_frame else None)
        if gap:
            _LOG.warning("%s: a frame seems to be missing between %s and %s", folder, *gap)

    def get_name(self) -> str:
        """Name, version and split."""
        return self._name

    def get_num_sequences(self) -> int:
        """Number of videos, or of objects of all videos in single-object mode."""
        return len(self.samples)

    def get_sequence_info(self, sequence_id: int) -> dict[str, Any]:
        """Describe a sequence.

        Returns:
            ``sequence`` (name), ``frame_shape`` (height, width), ``frame_names``, ``object_ids``,
            and int64 (frames, objects) ``object_sizes``, ``visible`` and ``valid``; an object of at
            most 10 pixels is not visible.
        """
        video, object_ids = self.samples[sequence_id]
        record = self.index[video]
        sizes = sizes_of(record, object_ids)
        visible = (sizes > _VISIBLE_PIXELS).astype(np.int64)
        return {
            "sequence": video,
            "frame_shape": record.shape,
            "frame_names": record.stems,
            "object_ids": object_ids,
            "object_sizes": sizes,
            "visible": visible,
            "valid": visible,
        }

    def get_frames(
        self, sequence_id: int, frame_ids: Sequence[int], info: dict[str, Any] | None = None
    ) -> Frames:
        """Read frames and masks.

        Returns:
            The images; lists by name: ``mask`` (uint8 (H, W) label map; in single-object mode
            float32 (H, W) with 1 on the object), in single-object mode ``bbox`` (float32 (4,), last
            pixel included, (0, 0, 1, 1) for an absent object), ``object_sizes``, ``visible`` and
            ``valid`` (objects,); the sequence's name, shape, frame names and object ids.
        """
        info = info or self.get_sequence_info(sequence_id)
        video, record = info["sequence"], self.index[info["sequence"]]
        folder = self.layout.images / video
        images = [self._image_loader(folder / record.frames[i]) for i in frame_ids]
        masks = [
            self.layout.read_mask(self.layout.mask_path(video, info["frame_names"][i]))
            for i in frame_ids
        ]
        per_frame = {
            key: [info[key][i] for i in frame_ids] for key in ("object_sizes", "visible", "valid")
        }
        if self.multiobj:
            per_frame["mask"] = masks
        else:
            (object_id,) = info["object_ids"]
            per_frame["mask"] = [(mask == object_id).astype(np.float32) for mask in masks]
            per_frame["bbox"] = [box_of_mask(mask) for mask in per_frame["mask"]]
        meta = {k: info[k] for k in ("sequence", "frame_shape", "frame_names", "object_ids")}
        return images, per_frame, meta


def sizes_of(record: VideoRecord, object_ids: Sequence[int]) -> np.ndarray:
    """Pixels of the given objects, int64 (frames, objects); 0 for one that is never drawn."""
    columns = {label: place for place, label in enumerate(record.object_ids.tolist())}
    sizes = np.zeros((len(record.frames), len(object_ids)), np.int64)
    for place, label in enumerate(object_ids):
        if label in columns:
            sizes[:, place] = record.sizes[:, columns[label]]
    return sizes
