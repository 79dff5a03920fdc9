"""What the authors' script reads from files: key frames, and the masks of a first pass."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.image_io import read_label_map
from ltr.data.json_io import read_json

KeyFrames = dict[str, dict[str, int]]


def read_key_frames(file: Path) -> KeyFrames:
    """Read ``{video: {"<number of the sentence>": position of the key frame}}``.

    Raises:
        DataError: The file is missing or damaged.
    """
    content = read_json(file)
    try:
        return {
            video: {str(int(number)): int(frame) for number, frame in entries.items()}
            for video, entries in content.items()
        }
    except (AttributeError, TypeError, ValueError, OverflowError) as error:
        raise DataError(
            f'{file} is damaged ({error}): expected {{video: {{"<sentence>": <frame>}}}}'
        ) from error


def read_first_masks(
    folder: Path, stems: Sequence[str], shape: tuple[int, ...]
) -> list[np.ndarray]:
    """Read the masks of one sentence, ``<folder>/<frame>.png``.

    Args:
        folder: Folder with the masks of the sentence.
        stems: Names of the frames.
        shape: Shape of a frame, (H, W, ...), pixels.

    Returns:
        bool (H, W) each.

    Raises:
        DataError: A mask is missing, damaged or of another size.
    """
    masks = [read_label_map(folder / f"{stem}.png") > 0 for stem in stems]
    for stem, mask in zip(stems, masks, strict=True):
        if mask.shape != shape[:2]:
            raise DataError(f"{folder / f'{stem}.png'} has another size than its frame")
    return masks
