"""A2D-Sentences: videos with masks on a few frames, and a sentence an actor.

``Release/clips320H/<video>.mp4``,
``text_annotations/a2d_annotation_with_instances/<video>/<frame>.h5`` (frames from 1, five digits)
and ``a2d_sentences_single_frame_{train,test}_annotations.json``.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import open_regular
from ltr.admin.optional import import_optional
from ltr.data.json_io import read_json
from ltr.data.names import plain_name
from ltr.data.referring.dataset import SparseReferringDataset
from ltr.data.video_frames import measure_video, read_video_frames

_MASKS = "text_annotations/a2d_annotation_with_instances"


@dataclass(frozen=True)
class A2DSample:
    """One sentence for one annotated frame.

    Args:
        video: Name.
        frame: Number of the frame, from 1.
        instance: Id of the actor.
        text: The sentence.
    """

    video: str
    frame: int
    instance: int
    text: str

    @property
    def image_id(self) -> str:
        """Name in the ground truth of COCO's form."""
        return f"v_{self.video}_f_{self.frame}_i_{self.instance}"


def read_a2d_samples(root: Path, split: str) -> list[A2DSample]:
    """The samples of ``train`` or ``test``.

    Raises:
        DataError: The list is missing or damaged.
    """
    file = root / f"a2d_sentences_single_frame_{split}_annotations.json"
    try:
        return [
            A2DSample(plain_name(video, file), int(frame), int(instance), str(text))
            for text, video, frame, instance in read_json(file)
        ]
    except (TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{file} is damaged: {error}") from error


def a2d_video(root: Path, video: str) -> Path:
    """The file of a video."""
    return root / "Release" / "clips320H" / f"{video}.mp4"


def read_a2d_mask(root: Path, sample: A2DSample) -> np.ndarray:
    """The mask of an actor, bool (H, W).

    Raises:
        DataError: The file is missing or damaged, or does not show the actor.
    """
    h5py = import_optional("h5py", "A2D-Sentences", "referring")

    path = root / _MASKS / sample.video / f"{sample.frame:05d}.h5"
    try:
        with open_regular(path) as stream, h5py.File(stream, "r") as file:
            instances, masks = np.ravel(file["instance"]), np.asarray(file["reMask"])
    except (OSError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is missing or damaged: {error}") from error
    masks = masks[None] if masks.ndim == 2 else masks
    if masks.ndim != 3 or len(masks) != len(instances):
        raise DataError(f"{path} is damaged: {len(instances)} instances, masks {masks.shape}")
    found = np.flatnonzero(instances == sample.instance)
    if not len(found):
        raise DataError(f"{path} shows no instance {sample.instance}")
    return masks[found[0]].T.astype(bool)


class A2DSentences(SparseReferringDataset):
    """The training samples; positions count the annotated frames of the sample's actor.

    Args:
        name: Name and split.
        root: The data set's folder.
        split: ``train`` or ``test``.

    Raises:
        DataError: The list is missing or damaged, or holds no sentence.
    """

    def __init__(self, name: str, root: Path, split: str = "train") -> None:
        super().__init__(name)
        self.root = root
        self._samples = read_a2d_samples(root, split)
        if not self._samples:
            raise DataError(f"{root}: the split {split} of A2D-Sentences holds no sentence")
        frames: dict[tuple[str, int], set[int]] = defaultdict(set)
        for sample in self._samples:
            frames[sample.video, sample.instance].add(sample.frame)
        self._frames = {key: sorted(numbers) for key, numbers in frames.items()}

    def __len__(self) -> int:
        return len(self._samples)

    def describe(self, index: int) -> str:
        """Data set, video, frame and actor."""
        return f"{self.name} {self._samples[index].image_id}"

    def sentence(self, index: int) -> str:
        """See ``ReferringDataset``."""
        return self._samples[index].text

    def num_frames(self, index: int) -> int:
        """Annotated frames of the actor."""
        return len(self._annotated(index))

    def centres(self, index: int, step: int) -> Sequence[int]:
        """Only the frame that the sentence was written for."""
        return (self._annotated(index).index(self._samples[index].frame),)

    def neighbour(self, index: int, position: int) -> int:
        """The annotated frame nearest in time, the earlier of two; itself where it is alone."""
        frames = self._annotated(index)
        others = [other for other in range(len(frames)) if other != position]
        distance = {other: abs(frames[other] - frames[position]) for other in others}
        return min(others, key=lambda other: (distance[other], other), default=position)

    def read(
        self, index: int, positions: Sequence[int]
    ) -> tuple[list[np.ndarray], list[np.ndarray]]:
        """See ``ReferringDataset``."""
        sample, frames = self._samples[index], self._annotated(index)
        numbers = [frames[position] for position in positions]
        images = read_video_frames(a2d_video(self.root, sample.video), [n - 1 for n in numbers])
        masks = [
            read_a2d_mask(self.root, A2DSample(sample.video, number, sample.instance, sample.text))
            for number in numbers
        ]
        for image, mask in zip(images, masks, strict=True):
            if image.shape[:2] != mask.shape:
                raise DataError(f"{self.describe(index)}: a mask has another size than its frame")
        return images, masks

    def surroundings(self, index: int, position: int) -> tuple[int, int]:
        """See ``SparseReferringDataset``."""
        length, _ = measure_video(a2d_video(self.root, self._samples[index].video))
        return length, self._annotated(index)[position] - 1

    def read_frames(self, index: int, numbers: Sequence[int]) -> list[np.ndarray]:
        """See ``SparseReferringDataset``."""
        return read_video_frames(a2d_video(self.root, self._samples[index].video), numbers)

    def _annotated(self, index: int) -> list[int]:
        sample = self._samples[index]
        return self._frames[sample.video, sample.instance]
