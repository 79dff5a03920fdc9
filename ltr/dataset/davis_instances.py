"""The objects of DAVIS in the form of YouTube-VIS: of one category, ``instance``, or coarse ones.

The masks are those of the unsupervised task where the folder has them.
"""

from __future__ import annotations

from pathlib import Path

from ltr.admin.environment import train_environment
from ltr.admin.errors import DataError
from ltr.admin.progress import FrameProgress
from ltr.data.image_io import read_label_map
from ltr.data.text_files import read_names
from ltr.dataset.davis_classes import class_of_sequence
from ltr.dataset.youtubevis_classes import CLASSES
from ltr.dataset.youtubevis_file import VisWriter

IMAGES = Path("JPEGImages", "480p")
_ANNOTATIONS = ("Annotations_unsupervised", "Annotations")
_RESOLUTION = "480p"


def describe_davis(
    root: Path,
    split: str,
    year: str = "2017",
    quiet: bool = False,
    classes: tuple[str, ...] = CLASSES["davis"],
) -> VisWriter:
    """Read all label maps of a split.

    Args:
        root: The folder of DAVIS.
        split: A list in ``ImageSets/<year>``.
        year: ``2017`` or ``2019``.
        quiet: Show no progress.
        classes: ``CLASSES["davis"]``, or ``CLASSES["coarse"]`` for DAVIS 2016.

    Raises:
        DataError: The list or a label map is missing or damaged, or a class is not known.
    """
    names = read_names(root / "ImageSets" / year / f"{split}.txt", "the list of sequences")
    writer = VisWriter(classes, f"DAVIS {year} {split}, unsupervised")
    with FrameProgress(f"reading DAVIS {split}", len(names), quiet, unit="videos") as progress:
        for name in names:
            files = _label_files(root, name)
            labels = [read_label_map(file) for file in files]
            for file, label_map in zip(files, labels, strict=True):
                if label_map.shape != labels[0].shape:
                    raise DataError(f"{file} has another size than {files[0].name}")
            frames = [f"{name}/{file.stem}.jpg" for file in files]
            category = classes[0] if len(classes) == 1 else class_of_sequence(name)
            writer.add(frames, labels, dict.fromkeys(range(1, 255), category))
            progress.advance()
    return writer


def frames_of(file: Path) -> Path:
    """The folder of the frames of a file that was given by its name.

    Raises:
        DataError: There is none beside it, and ``davis_dir`` is not set.
    """
    beside = [file.parent / IMAGES, file.parent / "JPEGImages"]
    davis = train_environment().davis_dir
    folders = [*beside, Path(davis) / IMAGES] if davis else beside
    for folder in folders:
        if folder.is_dir():
            return folder
    raise DataError(f"the frames of {file} are in none of {', '.join(map(str, folders))}")


def _label_files(root: Path, name: str) -> list[Path]:
    folders = [root / kind / _RESOLUTION / name for kind in _ANNOTATIONS]
    for folder in folders:
        files = sorted(folder.glob("*.png"))
        if files:
            return files
    raise DataError(f"neither {folders[0]} nor {folders[1]} holds label maps")
