"""Results drawn over their frames, one picture a frame."""

from __future__ import annotations

from pathlib import Path

from ltr.data.image_io import read_image, read_label_map, write_image
from ltr.data.palette import result_palette
from pytracking.evaluation.data import SequenceList
from pytracking.evaluation.results import ResultFolder
from pytracking.utils.overlay import blend

SUFFIX = "_vis"
_ALPHA = 0.3


def draw_results(dataset: SequenceList, folder: ResultFolder) -> Path:
    """Draw the finished sequences, ``<data set>_vis/<sequence>/<frame>.png`` beside the masks.

    Args:
        dataset: The sequences.
        folder: Their masks.

    Returns:
        The folder of pictures.

    Raises:
        DataError: A frame or a mask is missing or damaged.
        OSError: The pictures cannot be written.
    """
    target = folder.path.with_name(folder.path.name + SUFFIX)
    for name in set(folder.finished()).intersection(dataset.names):
        (target / name).mkdir(parents=True, exist_ok=True)
        for frame in dataset[name].frames:
            labels = read_label_map(folder.mask_path(name, frame.stem))
            picture = blend(read_image(frame), labels, _ALPHA, result_palette())
            write_image(target / name / f"{frame.stem}.png", picture)
    return target
