"""Data sets whose objects are named by sentences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.frame_files import list_frames, stem_of
from ltr.data.image_io import read_image
from ltr.data.referring.frames import centred_window
from ltr.data.referring.sentences import clean_sentence
from ltr.data.video_frames import measure_video, read_video_frames
from ltr.dataset.referring.a2d import A2DSample, a2d_video, read_a2d_samples
from ltr.dataset.referring.expressions import ExpressionVideo, read_expressions
from ltr.dataset.referring.images import ReferringImages
from ltr.dataset.referring.jhmdb import JHMDBSample, read_jhmdb_samples
from pytracking.evaluation.datasets.sequence import SequenceList, WholeVideoSequence
from pytracking.tracker.referring.prompts import TargetPrompt, VideoPrompt
from pytracking.tracker.whole_video import TextPrompt, WholeVideoTracker
from pytracking.utils.lazy_frames import LazyFrames

_FORMATS = "pytracking.evaluation.outputs.referring"
_KEYED_MASKS = f"{_FORMATS}:KEYED_MASKS"
_ANNOTATOR_LABELS = f"{_FORMATS}:ANNOTATOR_LABELS"
_CANDIDATE_MASKS = f"{_FORMATS}:CANDIDATE_MASKS"
_ANNOTATORS = 4


@dataclass(frozen=True)
class ExpressionSequence(WholeVideoSequence):
    """A video with all its sentences."""

    @property
    def prompt(self) -> TextPrompt:
        """The sentences, and the names under which files may tell more."""
        stems = tuple(frame.stem for frame in self.frames)
        return VideoPrompt(tuple(self.texts.values()), self.name, tuple(self.texts), stems)


@dataclass(frozen=True)
class TargetSequence(WholeVideoSequence):
    """A sentence for one frame of a video, with the frames around it.

    Args:
        moment: Position of the frame in the video.
        length: Frames of the video.
        locate: The file of a position in the video; a video file holds all of them.
        is_packed: Whether the frames lie in a video file.
        positions: Positions of ``frames`` in the video; the ends of a video repeat.
    """

    moment: int = 0
    length: int = 1
    locate: Callable[[int], Path] = field(kw_only=True)
    is_packed: bool = False
    positions: tuple[int, ...] = ()

    @property
    def image_id(self) -> int | str:
        """Id of the frame in the ground truth."""
        return self.name

    @property
    def target(self) -> int:
        """Place of the target frame among ``frames``, the first where it stands twice."""
        return self.positions.index(min(self.moment, self.length - 1))

    def around_target(self, count: int) -> TargetSequence:
        """See ``WholeVideoSequence``."""
        positions = tuple(centred_window(self.moment, count, self.length))
        frames = tuple(map(self.locate, positions))
        return replace(self, frames=frames, positions=positions)

    @property
    def prompt(self) -> TextPrompt:
        """The sentence and its frame."""
        return TargetPrompt(tuple(self.texts.values()), self.target)

    def open_frames(self) -> LazyFrames:
        """The frames, from pictures or from the video file."""
        if not self.is_packed:
            return super().open_frames()
        return _PackedFrames(self.frames[0], self.positions)


@dataclass(frozen=True)
class ImageSequence(TargetSequence):
    """A sentence for a single picture (RefCOCO); its box is scored, too."""

    @property
    def image_id(self) -> int | str:
        """See ``TargetSequence``."""
        return int(self.name)

    def around_target(self, count: int) -> ImageSequence:
        """There is nothing around it."""
        return self


class _PackedFrames(LazyFrames):
    """A few frames of a video file, decoded together.

    Args:
        path: The file.
        numbers: Numbers of the frames, from 0.
    """

    def __init__(self, path: Path, numbers: Sequence[int]) -> None:
        self._images = read_video_frames(path, numbers)
        super().__init__(self._images[0].shape[:2])

    def __len__(self) -> int:
        return len(self._images)

    def _read(self, index: int) -> np.ndarray:
        return self._images[index]


def refytvos(root: Path, name: str, split: str) -> SequenceList:
    """The videos of Ref-YouTube-VOS with all their sentences."""
    videos = read_expressions(root, split)
    images = root / split / "JPEGImages"
    builders = {
        video: partial(_expression_sequence, name, images, video, entry, _KEYED_MASKS)
        for video, entry in sorted(videos.items())
    }
    return SequenceList(name, builders, result_format=_KEYED_MASKS)


def refdavis(root: Path, name: str) -> SequenceList:
    """The videos of Ref-DAVIS 2017 with the sentences of all annotators."""
    videos = read_expressions(root, "valid")
    images = root / "valid" / "JPEGImages"
    for video, entry in videos.items():
        if len(entry.expressions) % _ANNOTATORS:
            raise DataError(
                f"{video} has {len(entry.expressions)} sentences: expected {_ANNOTATORS} for each "
                "object"
            )
    builders = {
        video: partial(_expression_sequence, name, images, video, entry, _ANNOTATOR_LABELS)
        for video, entry in sorted(videos.items())
    }
    return SequenceList(name, builders, archive_folder="", result_format=_ANNOTATOR_LABELS)


def _expression_sequence(
    dataset: str, images: Path, video: str, entry: ExpressionVideo, result_format: str
) -> ExpressionSequence:
    names = {stem_of(name): name for name in list_frames(images / video)}
    missing = next((stem for stem in entry.frames if stem not in names), None)
    if missing is not None:
        raise DataError(f"{images / video} lacks the frame {missing}")
    frames = tuple(images / video / names[stem] for stem in entry.frames)
    texts = {key: expression.text for key, expression in entry.expressions.items()}
    shape = read_image(frames[0]).shape[:2]
    return ExpressionSequence(video, dataset, shape, frames, result_format, texts)


def a2d(root: Path, name: str) -> SequenceList:
    """The annotated frames of A2D-Sentences."""
    samples = {sample.image_id: sample for sample in read_a2d_samples(root, "test")}
    return _targets(name, {key: partial(_a2d_sequence, root, s) for key, s in samples.items()})


def jhmdb(root: Path, name: str) -> SequenceList:
    """The annotated frames of JHMDB-Sentences."""
    samples = {sample.image_id: sample for sample in read_jhmdb_samples(root)}
    return _targets(name, {key: partial(_jhmdb_sequence, s) for key, s in samples.items()})


def _targets(name: str, builders: Mapping[str, Callable[[str], TargetSequence]]) -> SequenceList:
    if not builders:
        raise DataError("its list of sentences is empty")
    named = {key: partial(build, name) for key, build in builders.items()}
    return SequenceList(name, named, result_format=_CANDIDATE_MASKS)


def _a2d_sequence(root: Path, sample: A2DSample, dataset: str) -> TargetSequence:
    path = a2d_video(root, sample.video)
    length, shape = measure_video(path)
    sequence = TargetSequence(
        sample.image_id,
        dataset,
        shape,
        (),
        _CANDIDATE_MASKS,
        {"0": clean_sentence(sample.text)},
        moment=sample.frame - 1,
        length=length,
        locate=partial(_always, path),
        is_packed=True,
    )
    return sequence.around_target(WholeVideoTracker.target_window)


def _always(path: Path, position: int) -> Path:
    """The one file in which all frames of a video lie."""
    return path


def _jhmdb_sequence(sample: JHMDBSample, dataset: str) -> TargetSequence:
    sequence = TargetSequence(
        sample.image_id,
        dataset,
        read_image(sample.frame_path(sample.frame - 1)).shape[:2],
        (),
        _CANDIDATE_MASKS,
        {"0": clean_sentence(sample.text)},
        moment=sample.frame - 1,
        length=sample.length,
        locate=sample.frame_path,
    )
    return sequence.around_target(WholeVideoTracker.target_window)


def refcoco(root: Path, name: str, family: str, split: str) -> SequenceList:
    """The sentences of RefCOCO, RefCOCO+ or RefCOCOg, each with its picture."""
    images = ReferringImages(name, root, family, split)
    builders = {
        str(images.identifier(index)): partial(_image_sequence, images, index)
        for index in range(len(images))
    }
    return _targets(name, builders)


def _image_sequence(images: ReferringImages, index: int, dataset: str) -> ImageSequence:
    path = images.path(index)
    return ImageSequence(
        str(images.identifier(index)),
        dataset,
        images.shape(index),
        (path,),
        _CANDIDATE_MASKS,
        {"0": images.sentence(index)},
        locate=partial(_always, path),
        positions=(0,),
    )
