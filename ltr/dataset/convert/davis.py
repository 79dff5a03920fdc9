"""DAVIS 2017 (unsupervised, 480p) as YouTube-VIS files with one category.

Frames are named ``<sequence>/<frame>.jpg`` below ``JPEGImages/480p``.
"""

from __future__ import annotations

from pathlib import Path

from ltr.dataset.davis_instances import describe_davis

_FILES = {"train": "train_davis.json", "val": "valid_davis.json"}


def convert(source: Path, target: Path, quiet: bool = False) -> str:
    """Write both files; returns one sentence about them.

    Raises:
        DataError: A list or a label map is missing or damaged.
        OSError: The target cannot be written.
    """
    described = {file: describe_davis(source, split, quiet=quiet) for split, file in _FILES.items()}
    for file, writer in described.items():
        writer.write(target / file)
    return f"{' and '.join(_FILES.values())}: {target}"
