"""Results drawn over their frames, one picture a frame."""

from __future__ import annotations

from pathlib import Path

from ltr.data.image_io import read_image, write_image
from ltr.data.palette import result_palette
from pytracking.evaluation.clip_data import as_clip
from pytracking.evaluation.data import SequenceList
from pytracking.evaluation.results import ResultFolder
from pytracking.utils.overlay import blend

SUFFIX = "_vis"
_ALPHA = 0.3


def draw_results(dataset: SequenceList, folder: ResultFolder) -> Path:
    """Draw the finished sequences, ``<data set>_vis/<sequence>/<frame>.png`` beside the masks.

    Args:
        dataset: The sequences.
        folder: Folder of the masks.

    Returns:
        The folder of pictures.

    Raises:
        DataError: A frame or a mask is missing or damaged.
        OSError: The pictures cannot be written.
    """
    target = folder.path.with_name(folder.path.name + SUFFIX)
    for name in set(folder.finished()).intersection(dataset.names):
        clip = as_clip(dataset[name])
        for stem, frame, labels in clip.form.pictures(clip, folder):
            picture = blend(read_image(frame), labels, _ALPHA, result_palette())
            write_image(target / name / f"{stem}.png", picture)
    return target
