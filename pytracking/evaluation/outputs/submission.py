"""Archives of results in the form that the official servers accept.

DAVIS: ``<sequence>/<frame>.png``, every frame. YouTube-VOS: ``Annotations/<video>/<frame>.png``,
the frames of the sparse set, also when the tracker saw every frame. Data sets whose objects are not
given by masks bring their own format.
"""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.admin.files import atomic_write, read_regular
from pytracking.evaluation.datasets.sequence import Sequence, SequenceList
from pytracking.evaluation.outputs.folder import MASK_SUFFIX, ResultFolder
from pytracking.evaluation.outputs.formats import find_format

_FIRST_DATE = (1980, 1, 1, 0, 0, 0)


def check_archive_path(archive: Path) -> None:
    """Refuse a name that cannot become an archive, before a long run.

    Raises:
        ConfigError: It does not end in ``.zip``, is a folder, or lies in no writable folder.
    """
    if archive.suffix.lower() != ".zip":
        raise ConfigError(f"--submission {archive}: expected a name that ends in .zip")
    if archive.is_dir():
        raise ConfigError(f"--submission {archive} is a folder: expected the name of a zip file")
    if not os.access(archive.absolute().parent, os.W_OK):
        raise ConfigError(f"--submission {archive}: {archive.absolute().parent} is not writable")


def pack_submission(dataset: SequenceList, folder: ResultFolder, archive: Path) -> int:
    """Pack the results of a whole data set, atomically.

    Args:
        dataset: All its sequences.
        folder: Folder of the results.
        archive: The zip file to be written.

    Returns:
        Number of files.

    Raises:
        DataError: Results are missing, of the wrong size, or show unknown ids.
    """
    missing = sorted(set(dataset.names).difference(folder.finished()))
    if missing:
        raise DataError(
            f"{folder.path} lacks {len(missing)} of {len(dataset)} sequences ({missing[0]}, ...): "
            "a submission needs all of them"
        )
    count = 0
    with atomic_write(archive) as stream, zipfile.ZipFile(stream, "w") as pack:
        for name, content in _members(dataset, folder):
            kind = zipfile.ZIP_DEFLATED if name.endswith(".json") else zipfile.ZIP_STORED
            pack.writestr(zipfile.ZipInfo(name, _FIRST_DATE), content, kind)
            count += 1
    return count


def _members(dataset: SequenceList, folder: ResultFolder) -> Iterator[tuple[str, bytes]]:
    if dataset.result_format:
        yield from find_format(dataset.result_format).members(dataset, folder)
        return
    for sequence in dataset:
        assert isinstance(sequence, Sequence)  # others belong to data sets with a result format
        yield from archive_members(sequence, folder, dataset.archive_folder)


def archive_members(
    sequence: Sequence, folder: ResultFolder, archive_folder: str
) -> Iterator[tuple[str, bytes]]:
    """The members of an archive that belong to one sequence.

    Frames before the first object's start, which a tracker never sees, become empty masks.

    Args:
        sequence: With the frames that the server wants.
        folder: The results.
        archive_folder: Folder inside the archive; may be empty.

    Yields:
        Name in the archive, and the PNG file.

    Raises:
        DataError: A mask is missing, of the wrong size, or shows unknown ids.
    """
    tracked = {frame.stem for frame in sequence.frames}
    empty = folder.encode_mask(np.zeros(sequence.shape, np.uint8))
    for stem in sequence.scored_frames:
        name = "/".join(filter(None, (archive_folder, sequence.name, f"{stem}{MASK_SUFFIX}")))
        yield name, read_checked_mask(folder, sequence, stem) if stem in tracked else empty


def read_checked_mask(folder: ResultFolder, sequence: Sequence, stem: str) -> bytes:
    """Read the result PNG of a frame after a look at its pixels.

    Raises:
        DataError: It is missing, of the wrong size, or shows ids that the sequence does not have.
    """
    path = folder.mask_path(sequence.name, stem)
    labels = folder.read_mask(sequence.name, stem)
    if labels.shape != sequence.shape:
        raise DataError(
            f"{path} is {labels.shape[1]}x{labels.shape[0]}, the frames of {sequence.name} are "
            f"{sequence.shape[1]}x{sequence.shape[0]}"
        )
    unknown = set(np.unique(labels).tolist()).difference((0, *sequence.object_ids))
    if unknown:
        raise DataError(f"{path} shows the ids {sorted(unknown)}, which {sequence.name} has not")
    return read_regular(path)
