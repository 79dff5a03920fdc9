"""What all exchange formats share: a video's label maps with names, and writing and reading."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.names import plain_name
from ltr.data.palette import VOID

_MAX_FRAMES = 1_000_000
_LONGEST_NAME = 200
_MAX_SIDE, _MAX_PIXELS = 1 << 15, 1 << 26
_UNSAFE = re.compile(r'[\x00-\x1f<>:"/\\|?*]')


@dataclass(frozen=True)
class LabelledVideo:
    """A video with the masks of its objects.

    Args:
        name: Name of the video, used for its files.
        size: (width, height) in pixels.
        stems: Names of the frames without suffix, in order.
        read_labels: Gives the label map of a frame by its index: uint8 (H, W), 0 = background,
            255 = void. Called when needed, so that long videos need not be in memory.
        names: Names of objects by id; others are called ``object <id>``.
        fps: Frames per second, None where unknown.
        read_frame: Gives the picture of a frame by its index, uint8 (H, W, 3) RGB; None where only
            masks are there.
        suffix: Suffix of the frames' picture files, for formats that name them.
    """

    name: str
    size: tuple[int, int]
    stems: Sequence[str]
    read_labels: Callable[[int], np.ndarray] = field(repr=False)
    names: Mapping[int, str] = field(default_factory=dict)
    fps: float | None = None
    read_frame: Callable[[int], np.ndarray] | None = field(default=None, repr=False)
    suffix: str = ".jpg"

    def __len__(self) -> int:
        return len(self.stems)

    def labels(self, index: int) -> np.ndarray:
        """The label map of a frame, uint8 (H, W).

        Raises:
            DataError: It is damaged or not of the video's size.
        """
        labels = self.read_labels(index)
        if labels.shape != self.shape:
            raise DataError(
                f"the mask of frame {self.stems[index]} of {self.name} is "
                f"{labels.shape[1]}x{labels.shape[0]}, the video {self.size[0]}x{self.size[1]}"
            )
        return labels

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.size[1], self.size[0]

    def name_of(self, object_id: int) -> str:
        """The name of an object."""
        return self.names.get(object_id) or f"object {object_id}"

    def masks(self, index: int) -> Iterator[tuple[int, np.ndarray]]:
        """The ids and masks, bool (H, W), of the objects that are seen in a frame."""
        labels = self.labels(index)
        for object_id in object_ids(labels):
            yield object_id, labels == object_id

    def frame(self, index: int) -> np.ndarray:
        """The picture of a frame, uint8 (H, W, 3) RGB.

        Raises:
            DataError: The pictures are not at hand, or one is damaged.
        """
        if self.read_frame is None:
            raise DataError(f"this format needs the frames of {self.name}: name them with --frames")
        return self.read_frame(index)


class ExchangeFormat(ABC):
    """A file format for the masks of videos.

    Attributes:
        suffix: Suffix of the one file that a video becomes; empty where it becomes a folder.
        needs_frames: Whether pictures are written, too.
        holds_several: Whether one file or folder takes several videos.
    """

    suffix: str = ""
    needs_frames: bool = False
    holds_several: bool = False

    @abstractmethod
    def write(self, videos: Iterable[LabelledVideo], target: Path) -> None:
        """Write videos; several only where the format ``holds_several``.

        Args:
            videos: One after the other.
            target: The file, which nobody else sees yet, or an existing empty folder.

        Raises:
            DataError: A mask is damaged, or does not fit the format.
            OSError: The target cannot be written.
        """

    @abstractmethod
    def read(self, source: Path) -> Iterator[LabelledVideo]:
        """Read the videos of a file or folder.

        Raises:
            DataError: It is damaged or of another format.
        """


def object_ids(labels: np.ndarray) -> list[int]:
    """Ids in a label map in rising order, without background and void."""
    counts = np.bincount(labels.ravel(), minlength=VOID + 1)
    return (np.flatnonzero(counts[1:VOID]) + 1).tolist()


def bounding_box(mask: np.ndarray) -> tuple[int, int, int, int]:
    """(x, y, width, height) in pixels of a mask, bool (H, W), that is not empty.

    >>> bounding_box(np.array([[False, True], [False, True]]))
    (1, 0, 1, 2)
    """
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1


def merged(shape: tuple[int, int], masks: Iterable[tuple[int, np.ndarray]]) -> np.ndarray:
    """Put masks into one label map, uint8 (H, W); where they overlap, the later one is on top."""
    labels = np.zeros(shape, np.uint8)
    for object_id, mask in masks:
        labels[mask.astype(bool)] = object_id
    return labels


class ObjectNumbers:
    """Gives ids 1 to 254 to the objects of a video, those of the file where they fit.

    Args:
        what: The file, for errors.
    """

    def __init__(self, what: object) -> None:
        self._what = what
        self._ids: dict[object, int] = {}
        self.names: dict[int, str] = {}

    def id_of(self, key: object, name: str, wanted: object = None) -> int:
        """The id of an object.

        Args:
            key: Identifies the object in the file.
            name: What the object is called, or its category.
            wanted: The id that it should have, if that is possible and free.

        Raises:
            DataError: There are more than 254 objects.
        """
        if key not in self._ids:
            taken = self._ids.values()
            fits = type(wanted) is int and 0 < wanted < VOID and wanted not in taken
            free = (number for number in range(1, VOID) if number not in taken)
            number = wanted if fits and isinstance(wanted, int) else next(free, None)
            if number is None:
                raise DataError(f"{self._what} has more than {VOID - 1} objects in one video")
            self._ids[key] = number
            if name and name != f"object {number}":
                self.names[number] = name
        return self._ids[key]


def check_distinct(frames: Iterable[Sequence[str]], what: object, cure: str) -> None:
    """Refuse a video in which objects without a track cannot be followed from frame to frame.

    Args:
        frames: The names of the objects without a track in every frame that has some; in a single
            frame they need not differ.
        what: The file, for the error.
        cure: What to write into it.

    Raises:
        DataError: Two objects of a frame have one name.
    """
    shown = [names for names in frames if names]
    for names in shown if len(shown) > 1 else ():
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise DataError(
                f"{what}: a frame has two objects called {twice!r}, which cannot be told apart in "
                f"the other frames: {cure}"
            )


def check_length(count: object, what: object) -> int:
    """The number of frames that a file declares.

    Raises:
        DataError: It is not a number, or only an attack has so many.
    """
    if type(count) is not int or not 0 <= count <= _MAX_FRAMES:
        raise DataError(f"{what} declares {count!r} frames: expected 0 to {_MAX_FRAMES}")
    return count


def check_size(width: object, height: object, what: object) -> tuple[int, int]:
    """The size of the frames that a file declares, in pixels.

    Raises:
        DataError: It is not two numbers, or only an attack has so many pixels.
    """
    if type(width) is int and type(height) is int:
        is_side = 0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE
        if is_side and width * height <= _MAX_PIXELS:
            return width, height
    raise DataError(f"{what}: a frame cannot be {str(width)[:20]} x {str(height)[:20]} pixels")


def check_stems(stems: Iterable[str], what: object) -> list[str]:
    """The names of the frames in a file, which become names of files.

    Raises:
        DataError: One cannot be the name of a file, or two are equal.
    """
    names = [plain_name(stem, Path(str(what))) for stem in stems]
    if len(set(names)) < len(names):
        raise DataError(f"{what}: two frames have one name")
    return names


def safe_name(name: object) -> str:
    """A name out of a file as the name of a file: no folders, not hidden, not too long.

    >>> safe_name("../a/b.mp4"), safe_name("..")
    ('_._a_b.mp4', '_.')
    """
    text = _UNSAFE.sub("_", str(name)).strip()[:_LONGEST_NAME] or "video"
    return f"_{text[1:]}" if text.startswith(".") else text
