"""The sequences of a data set as running and scoring see them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from ltr.admin.errors import ConfigError, DataError, did_you_mean
from ltr.data.bounding_boxes import Box, as_box
from ltr.dataset.vos_base import VosDataset, sizes_of
from ltr.dataset.vos_cache import VideoRecord
from ltr.dataset.vos_index import VosLayout
from pytracking.tracker.base import FrameInfo
from pytracking.tracker.whole_video import TextPrompt
from pytracking.utils.lazy_frames import FileFrames, LazyFrames

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class Start:
    """The objects that start in one frame.

    Args:
        object_ids: Ids of the objects that start.
        mask: The label PNG that shows them.
        boxes: Box of every id from its extreme pixels, ``(x0, y0, x1 - x0, y1 - y0)``.
    """

    object_ids: tuple[int, ...]
    mask: Path
    boxes: Mapping[int, Box]


@dataclass(frozen=True)
class Sequence:
    """A video with annotations, beginning with the first frame in which an object starts.

    Args:
        name: Name of the video.
        dataset: Name of the data set, version and split.
        layout: Gives the labels of a mask file their meaning.
        shape: Height and width in pixels, as annotated.
        frames: The frames that a tracker sees.
        masks: Annotation of every frame, None where there is none.
        object_ids: All ids, also of objects that start late.
        starts: Starting objects by position in ``frames``.
        boxes: int32 (frames, 4) of every id, (-1, -1, -1, -1) where not annotated or absent.
        scored_frames: Stems of the frames that an official server wants, including frames before
            the first start.
    """

    name: str
    dataset: str
    layout: VosLayout
    shape: tuple[int, int]
    frames: tuple[Path, ...]
    masks: tuple[Path | None, ...]
    object_ids: tuple[int, ...]
    starts: Mapping[int, Start]
    boxes: Mapping[int, np.ndarray]
    scored_frames: tuple[str, ...]

    def frame_info(self, position: int) -> FrameInfo:
        """The prompt of a frame; without ids where no object starts.

        Raises:
            DataError: The mask file is damaged.
        """
        start = self.starts.get(position)
        if start is None:
            return FrameInfo()
        return FrameInfo(start.object_ids, self.layout.read_mask(start.mask), start.boxes)

    def read_mask(self, position: int) -> np.ndarray | None:
        """The annotation of a frame, uint8 (H, W), or None.

        Raises:
            DataError: The file is missing or damaged.
        """
        path = self.masks[position]
        return None if path is None else self.layout.read_mask(path)

    def start_of(self, object_id: int) -> int:
        """Position of the frame in which an object starts."""
        return next(i for i, start in self.starts.items() if object_id in start.object_ids)


@dataclass(frozen=True)
class WholeVideoSequence:
    """A video whose objects are named by sentences, or not at all.

    Args:
        name: Name of the video.
        dataset: Name of the data set, version and split.
        shape: Height and width in pixels.
        frames: Image files of all frames.
        result_format: ``"module:member"`` of its result format, see ``SequenceList``.
        texts: Sentences by the id of the expression.
        number: Id of the video in the data set's file, where it has one.
        category_ids: Ids of the data set's categories in the order of its file, where it has some.
    """

    name: str
    dataset: str
    shape: tuple[int, int]
    frames: tuple[Path, ...]
    result_format: str
    texts: Mapping[str, str] = field(default_factory=dict)
    number: int | None = None
    category_ids: tuple[int, ...] = ()

    @property
    def prompt(self) -> TextPrompt:
        """What comes with the frames."""
        return TextPrompt(tuple(self.texts.values()))

    def around_target(self, count: int) -> WholeVideoSequence:
        """The clip with ``count`` frames around its target frame; itself where it has no target."""
        return self

    def open_frames(self) -> LazyFrames:
        """The frames, read when they are asked for."""
        return FileFrames(self.frames, self.shape)


AnySequence = Sequence | WholeVideoSequence
Builder = Callable[[], AnySequence]


@dataclass(frozen=True)
class SequenceList:
    """The sequences of a data set; each is built when it is taken, so a damaged one harms no other.

    Args:
        name: Name of the data set, as in the path of the results.
        builders: Functions that build the sequences, by name.
        archive_folder: Folder inside the archive that the official server expects.
        source: What the user called the data set; tells two folders of one name apart.
        hint: A warning for whoever runs a tracker on it.
        result_format: ``"module:member"`` of the result format where objects are not given by
            masks; named, not imported, because result formats know sequences.
        is_binary: Whether all labels are one object and results are 0 and 255 (DAVIS 2016).
    """

    name: str
    builders: Mapping[str, Builder] = field(repr=False)
    archive_folder: str = "Annotations"
    source: str = ""
    hint: str = ""
    result_format: str = ""
    is_binary: bool = False

    @property
    def names(self) -> list[str]:
        """Names of the sequences in order."""
        return list(self.builders)

    def __len__(self) -> int:
        return len(self.builders)

    def __iter__(self) -> Iterator[AnySequence]:
        return (build() for build in self.builders.values())

    def __getitem__(self, key: int | str) -> AnySequence:
        """Build one sequence, by its position or name.

        Raises:
            ConfigError: There is no such sequence.
            DataError: Its files are damaged or missing.
        """
        return self.builders[self.resolve(key)]()

    def select(self, *keys: int | str) -> SequenceList:
        """Keep some sequences, by position or name."""
        names = [self.resolve(key) for key in keys]
        return replace(self, builders={name: self.builders[name] for name in names})

    def resolve(self, key: int | str) -> str:
        """The name of a sequence given by name or position (a number or its text).

        Raises:
            ConfigError: There is no such sequence.
        """
        if key in self.builders:
            return str(key)
        try:
            return self.names[int(key)]
        except ValueError:
            hint = did_you_mean(str(key), self.names)
            raise ConfigError(f"{self.name} has no sequence {key!r}{hint}") from None
        except IndexError:
            raise ConfigError(f"{self.name} has {len(self)} sequences, none at {key}") from None


def sequence_builders(dataset: VosDataset) -> dict[str, Builder]:
    """What builds the sequences of a data set's videos, by name."""
    return {video: partial(build_sequence, dataset, video) for video in dataset.videos}


def build_sequence(
    dataset: VosDataset, video: str, object_ids: tuple[int, ...] | None = None
) -> Sequence:
    """Collect what is known of a video.

    An object starts in the first frame that the data set's list names and its annotation shows; so
    an object that is absent from the first annotation starts where it appears, instead of with an
    empty mask as upstream has it. Frames before the first start are cut.

    Args:
        dataset: The video's data set.
        video: Name of the video.
        object_ids: Only these; None takes all.

    Raises:
        DataError: Files are missing or damaged, or no annotation shows an object.
    """
    record = dataset.index[video]
    frames = dataset.tracking_frames(video)
    places = _places(record, frames)
    start_rows = _start_rows(dataset, record, object_ids or dataset.object_ids(video))
    cut = int(places[min(start_rows.values())])
    return Sequence(
        name=video,
        dataset=dataset.get_name(),
        layout=dataset.layout,
        shape=record.shape,
        frames=tuple(frames[cut:]),
        masks=_masks(dataset.layout, record, places, len(frames))[cut:],
        object_ids=tuple(start_rows),
        starts=_starts(dataset.layout, record, places - cut, start_rows),
        boxes={key: _boxes(record, key, places, len(frames))[cut:] for key in start_rows},
        scored_frames=tuple(record.stems),
    )


def _places(record: VideoRecord, frames: list[Path]) -> np.ndarray:
    """Position of each of the record's frames among the frames that a tracker sees."""
    place = {frame.stem: position for position, frame in enumerate(frames)}
    return np.array([place[stem] for stem in record.stems])


def _start_rows(
    dataset: VosDataset, record: VideoRecord, object_ids: tuple[int, ...]
) -> dict[int, int]:
    """In which of the record's frames each object starts; without objects that are never drawn.

    Raises:
        DataError: No object is left, or a listed first frame does not exist.
    """
    start_rows = {}
    for object_id in object_ids:
        listed = dataset.first_frame(record.name, object_id)
        first = 0 if listed is None else _row_of(dataset, record, listed)
        drawn = np.flatnonzero(sizes_of(record, [object_id])[first:, 0])
        if len(drawn):
            start_rows[object_id] = first + int(drawn[0])
        else:
            _LOG.warning("%s: no annotation shows the object %d", record.name, object_id)
    if not start_rows:
        folder = dataset.layout.annotations / record.name
        raise DataError(f"{folder} holds no mask in which an object starts")
    return start_rows


def _row_of(dataset: VosDataset, record: VideoRecord, stem: str) -> int:
    try:
        return record.stems.index(stem)
    except ValueError:
        folder = dataset.layout.images / record.name
        raise DataError(f"{folder} lacks the frame {stem}, in which an object starts") from None


def _masks(
    layout: VosLayout, record: VideoRecord, places: np.ndarray, num_frames: int
) -> tuple[Path | None, ...]:
    masks: list[Path | None] = [None] * num_frames
    for stem, place, is_annotated in zip(record.stems, places, record.is_annotated, strict=True):
        if is_annotated:
            masks[place] = layout.mask_path(record.name, stem)
    return tuple(masks)


def _boxes(record: VideoRecord, object_id: int, places: np.ndarray, num_frames: int) -> np.ndarray:
    boxes = np.full((num_frames, 4), -1, np.int32)
    boxes[places] = record.boxes[:, _column(record, object_id)]
    return boxes


def _starts(
    layout: VosLayout, record: VideoRecord, places: np.ndarray, start_rows: Mapping[int, int]
) -> dict[int, Start]:
    starts, stems = {}, record.stems
    for row in sorted(set(start_rows.values())):
        starting = tuple(key for key, start in start_rows.items() if start == row)
        boxes = {key: as_box(record.boxes[row, _column(record, key)]) for key in starting}
        mask = layout.mask_path(record.name, stems[row])
        starts[int(places[row])] = Start(starting, mask, boxes)
    return starts


def _column(record: VideoRecord, object_id: int) -> int:
    return record.object_ids.tolist().index(object_id)
