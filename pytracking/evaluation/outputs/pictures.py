"""Results drawn over their frames, one picture a frame."""

from __future__ import annotations

from pathlib import Path

from ltr.data.image_io import read_image, write_image
from ltr.data.palette import result_palette
from pytracking.evaluation.datasets.sequence import SequenceList
from pytracking.evaluation.outputs.folder import ResultFolder
from pytracking.evaluation.outputs.formats import as_whole_video, find_format
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
        clip = as_whole_video(dataset[name])
        for stem, frame, labels in find_format(clip.result_format).pictures(clip, folder):
            picture = blend(read_image(frame), labels, _ALPHA, result_palette())
            write_image(target / name / f"{stem}.png", picture)
    return target
