"""JHMDB-Sentences, for evaluation: short videos of one actor with a sentence.

``Rename_Images/<class>/<video>/<frame>.png`` (frames from 1, five digits),
``puppet_mask/<class>/<video>/puppet_mask.mat`` and ``jhmdb_sentences_samples_metadata.json``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.json_io import read_json
from ltr.data.mat_files import read_mat
from ltr.data.names import plain_name

_LIST = "jhmdb_sentences_samples_metadata.json"


@dataclass(frozen=True)
class JHMDBSample:
    """One sentence for one frame.

    Args:
        video: Name.
        folder: Folder of the video's frames.
        frame: Number of the frame, from 1.
        length: Frames of the video.
        masks: The file of its masks.
        text: The sentence.
    """

    video: str
    folder: Path
    frame: int
    length: int
    masks: Path
    text: str

    @property
    def image_id(self) -> str:
        """Name in the ground truth of COCO's form."""
        return f"v_{self.video}_f_{self.frame}"

    def frame_path(self, position: int) -> Path:
        """File of a frame, by its position from 0."""
        return self.folder / f"{position + 1:05d}.png"


def read_jhmdb_samples(root: Path) -> list[JHMDBSample]:
    """The samples of the data set; its paths begin in upstream's folder ``data``.

    Raises:
        DataError: The list is missing or damaged.
    """
    file = root / _LIST
    try:
        return [
            _sample(root, file, video, frame, masks, int(length), str(text))
            for video, frame, masks, length, text in read_json(file)
        ]
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{file} is damaged: {error}") from error


def read_jhmdb_mask(sample: JHMDBSample) -> np.ndarray:
    """The actor's mask in the sample's frame, bool (H, W).

    Raises:
        DataError: The file is missing or damaged, or ends before the frame.
    """
    masks = np.atleast_3d(read_mat(sample.masks, "part_mask"))
    if not 0 < sample.frame <= masks.shape[2]:
        raise DataError(f"{sample.masks} is damaged: it has no frame {sample.frame}")
    return masks[:, :, sample.frame - 1].astype(bool)


def _sample(
    root: Path, file: Path, video: str, frame: str, masks: str, length: int, text: str
) -> JHMDBSample:
    path = _below(root, frame, file)
    if not path.stem.isdecimal():
        raise ValueError(f"the frame {frame} has no number")
    return JHMDBSample(
        plain_name(video, file),
        path.parent,
        int(path.stem),
        length,
        _below(root, masks, file),
        text,
    )


def _below(root: Path, text: str, file: Path) -> Path:
    """A path of the list, wherever the data set lies: its part from the known folders on."""
    parts = PurePosixPath(text).parts
    known = [n for n, part in enumerate(parts) if part in ("Rename_Images", "puppet_mask")]
    if not known or ".." in parts:
        raise DataError(f"{file}: {text!r} is not a path of the data set")
    return root.joinpath(*parts[known[0] :])
