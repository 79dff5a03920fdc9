"""Fully annotated videos with first scribbles, as the interactive protocol plays them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.frame_files import list_frames, stem_of
from ltr.data.image_io import read_image
from ltr.data.interactive.scribbles import ScribbleLine, read_scribbles
from ltr.dataset.vos_index import VosLayout
from pytracking.analysis.protocols.interactive import SequenceInfo
from pytracking.evaluation.datasets.sequence import AnySequence, Sequence
from pytracking.utils.frame_source import checked_frames

SCRIBBLES = "Scribbles"
NUM_SCRIBBLES = 3  # sets of first scribbles a sequence of DAVIS 2017 has


@dataclass(frozen=True)
class InteractiveVideo:
    """A video, its annotations and where its first scribbles lie.

    Args:
        name: Name of the video.
        frames: Paths of the frames, in order.
        masks: The annotation of every frame.
        layout: Gives the labels of a mask file their meaning.
        num_objects: The objects are 1 to ``num_objects``.
        scribbles: Folder of ``001.json``, ...
        offset: Number of frames of the data set's video before the first of these, see ``cut``.
    """

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path, ...]
    layout: VosLayout
    num_objects: int
    scribbles: Path
    offset: int = 0

    @property
    def info(self) -> SequenceInfo:
        """What the summary of a session must know."""
        return SequenceInfo(self.num_objects, NUM_SCRIBBLES)

    def __len__(self) -> int:
        return len(self.frames)

    def read_frames(self) -> list[np.ndarray]:
        """All frames, uint8 (H, W, 3) RGB.

        Raises:
            DataError: One is missing, damaged or of another size.
        """
        paths = self.frames
        return list(checked_frames(map(read_image, paths), lambda index: str(paths[index]))[0])

    def read_truth(self) -> np.ndarray:
        """The annotations, uint8 (frames, H, W).

        Raises:
            DataError: One is missing or damaged, or they differ in size.
        """
        maps = [self.layout.read_mask(path) for path in self.masks]
        for path, labels in zip(self.masks, maps, strict=True):
            if labels.shape != maps[0].shape:
                raise DataError(f"{path} has the shape {labels.shape}, not {maps[0].shape}")
        return np.stack(maps)

    def read_first_scribbles(self, number: int) -> tuple[int, list[ScribbleLine]]:
        """The frame that one of the sets of first scribbles is drawn on, and its lines.

        Args:
            number: Number of the set, from 1.

        Raises:
            DataError: The file is missing or damaged, or its lines are not on one of the frames.
        """
        path = self.scribbles / f"{number:03d}.json"
        if not path.is_file():
            raise DataError(
                f"{path} does not exist: where nobody has drawn first scribbles the robot can, "
                "with scripts/interactive/write_scribbles.py"
            )
        lines = read_scribbles(path).frames[self.offset :][: len(self)]
        drawn = [index for index, frame_lines in enumerate(lines) if frame_lines]
        if len(drawn) != 1:
            raise DataError(
                f"{path} has scribbles on {len(drawn)} of the {len(self)} frames of {self.name}, "
                "expected one"
            )
        for line in lines[drawn[0]]:
            if not 0 <= line.object_id <= self.num_objects:
                raise DataError(
                    f"{path} marks object {line.object_id}, which {self.name} does not have"
                )
        return drawn[0], list(lines[drawn[0]])

    def cut(self, window: range) -> InteractiveVideo:
        """The same video with some consecutive frames only."""
        kept = slice(window.start, window.stop)
        return replace(
            self,
            frames=self.frames[kept],
            masks=self.masks[kept],
            offset=self.offset + window.start,
        )


def interactive_videos(sequences: Iterable[AnySequence]) -> dict[str, InteractiveVideo]:
    """The sequences of a data set as interactive videos, by name.

    Raises:
        DataError: See ``interactive_video``, or the data set's objects are not given by masks.
    """
    videos = {}
    for sequence in sequences:
        if not isinstance(sequence, Sequence):
            raise DataError(f"{sequence.name} has no masks that scribbles could be drawn on")
        videos[sequence.name] = interactive_video(sequence)
    return videos


def interactive_video(sequence: Sequence) -> InteractiveVideo:
    """See a sequence as an interactive video: all frames, also those before the first object.

    Raises:
        DataError: A frame has no annotation, or the ids of its objects are not 1, 2, ...
    """
    earlier = _earlier_frames(sequence)
    frames = (*(frame for frame, _ in earlier), *sequence.frames)
    masks = tuple(mask for _, mask in earlier) + sequence.masks
    annotated = tuple(mask for mask in masks if mask)
    if len(annotated) < len(frames):
        bare = frames[masks.index(None)]
        raise DataError(f"{bare} has no annotation: the robot needs one for every frame")
    ids = sorted(sequence.object_ids)
    if ids != list(range(1, len(ids) + 1)):
        raise DataError(
            f"{sequence.name} has objects {ids}: the interactive protocol counts them from 1 "
            "without gaps"
        )
    return InteractiveVideo(
        sequence.name,
        frames,
        annotated,
        sequence.layout,
        len(ids),
        _scribble_root(sequence.layout.images) / sequence.name,
    )


def _earlier_frames(sequence: Sequence) -> list[tuple[Path, Path | None]]:
    """The frames that a sequence leaves out because no object has appeared yet, and their masks."""
    folder, found = sequence.frames[0].parent, []
    names = {stem_of(name): name for name in list_frames(folder)}
    for stem in sequence.scored_frames[: sequence.scored_frames.index(sequence.frames[0].stem)]:
        mask = sequence.layout.mask_path(sequence.name, stem)
        found.append((folder / names[stem], mask if mask.is_file() else None))
    return found


def _scribble_root(images: Path) -> Path:
    """``Scribbles`` beside ``JPEGImages``; ``images`` is that or its folder of one resolution."""
    return (images if images.name == "JPEGImages" else images.parent).parent / SCRIBBLES
