"""Training samples of MANet's first stage: a reference, a previous and a current frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import cv2
import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.image_format import ImageFormat
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.dataset.interactive.damage import damage_labels
from ltr.dataset.vos_base import VosDataset

Draw = TypeVar("Draw")
Videos = TypeVar("Videos", bound=VosDataset)

_SCALES = (0.75, 1.0, 1.25)
CROP_DRAWS = 2


class TripletDraw(NamedTuple):
    """Number of the sequence, and of its previous and its reference frame."""

    sequence: int
    previous: int
    reference: int


class LabelledFrames(NamedTuple):
    """Frames of one size: uint8 (frames, H, W, 3), and label maps uint8 (frames, H, W)."""

    images: np.ndarray
    labels: np.ndarray


class CropSamples(RandomSamples[Draw], Generic[Videos, Draw]):
    """Samples that are square crops of annotated frames.

    Args:
        dataset: Videos with all objects.
        samples_per_epoch: Length of an epoch.
        crop_size: Side of the crops, pixels.
        image_format: Order of the channels and normalisation.
    """

    def __init__(
        self, dataset: Videos, samples_per_epoch: int, crop_size: int, image_format: ImageFormat
    ) -> None:
        super().__init__(samples_per_epoch)
        self.dataset = dataset
        self.crop_size = crop_size
        self.image_format = image_format


class TripletSamples(CropSamples[VosDataset, TripletDraw]):
    """One triplet of every sequence in turn."""

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> TripletDraw:
        """The sequence whose turn it is, at random when that failed, and frames of it."""
        draw, count = random.python, self.dataset.get_num_sequences()
        sequence = draw.randrange(count) if attempt else key.position % count
        sizes = self.dataset.get_sequence_info(sequence)["object_sizes"]
        previous = draw.randrange(max(1, len(sizes) - 1))
        complete = np.flatnonzero((sizes > 0).all(axis=1)).tolist()
        others = [frame for frame in complete if frame not in (previous, previous + 1)]
        return TripletDraw(sequence, previous, draw.choice(others) if others else -1)

    def read(self, draw: TripletDraw, random: Generators) -> dict[str, Any]:
        """Read and augment a triplet.

        Returns:
            ``images`` float32 (3, 3, side, side), normalised: reference, previous, current;
            ``reference_labels``, ``previous_labels`` (damaged) and ``labels`` (of the current
            frame), int64 (side, side); ``num_ids``, number of ids with the background.

        Raises:
            DataError: The video is too short, or a file is missing or damaged.
        """
        if draw.reference < 0:
            raise DataError("no third frame shows all objects")
        info = self.dataset.get_sequence_info(draw.sequence)
        places = [draw.reference, draw.previous, draw.previous + 1]
        images, record, _ = self.dataset.get_frames(draw.sequence, places, info)
        frames = LabelledFrames(np.stack(images), np.stack(record["mask"]))
        frames = resize(crop(augment(frames, random), self.crop_size, random), self.crop_size)
        reference, previous, current = frames.labels
        planes = torch.from_numpy(np.ascontiguousarray(frames.images)).permute(0, 3, 1, 2)
        return {
            "images": self.image_format.normalise(planes.float()),
            "reference_labels": _as_numbers(reference),
            "previous_labels": _as_numbers(damage_labels(previous, random)),
            "labels": _as_numbers(current),
            "num_ids": 1 + max(info["object_ids"]),
        }

    def source(self, draw: TripletDraw) -> str:
        """Sequence and frame."""
        name = self.dataset.get_sequence_info(draw.sequence)["sequence"]
        return f"{self.dataset.get_name()} {name} frame {draw.previous}"


def augment(frames: LabelledFrames, random: Generators) -> LabelledFrames:
    """Mirror half of the samples, and scale all of them by one of three factors."""
    draw, (images, labels) = random.python, frames
    if draw.random() < 0.5:
        images, labels = images[:, :, ::-1], labels[:, :, ::-1]
    factor = draw.choice(_SCALES)
    if factor == 1:
        return LabelledFrames(images, labels)
    height, width = labels.shape[1:]
    size = int(width * factor), int(height * factor)
    return _resized(LabelledFrames(images, labels), size, cv2.INTER_CUBIC)


def crop(frames: LabelledFrames, side: int, random: Generators) -> LabelledFrames:
    """Cut a square that shows at least two labels in the first frame; all of it if two draws fail.

    Args:
        frames: Reference frame first.
        side: Side of the square, at most the frame's, pixels.
        random: Draws.
    """
    draw, (height, width) = random.python, frames.labels.shape[1:]
    rows, columns = min(side, height), min(side, width)
    for _ in range(CROP_DRAWS):
        top, left = draw.randint(0, height - rows), draw.randint(0, width - columns)
        window = slice(None), slice(top, top + rows), slice(left, left + columns)
        cut = LabelledFrames(frames.images[window], frames.labels[window])
        if len(np.unique(cut.labels[0])) > 1:
            return cut
    return frames


@dataclass(frozen=True)
class Placement:
    """A mirrored, scaled, cut and resized frame.

    Args:
        is_mirrored: Whether left and right change places.
        size: (H, W) to which the frame is scaled.
        window: Rows and columns that are cut out of it.
        rows: int64 (side,), row of the frame in which each row of the result lies.
        columns: int64 (side,), likewise.
    """

    is_mirrored: bool
    size: tuple[int, int]
    window: tuple[slice, slice]
    rows: np.ndarray
    columns: np.ndarray

    def pick(self, labels: np.ndarray) -> np.ndarray:
        """The nearest pixels of a map (H, W), (side, side)."""
        return labels[self.rows][:, self.columns]

    def apply(self, frames: LabelledFrames) -> tuple[np.ndarray, np.ndarray]:
        """The image, uint8 (side, side, 3), and the labels (side, side) of one frame."""
        image = frames.images[0, :, ::-1] if self.is_mirrored else frames.images[0]
        image = np.ascontiguousarray(image)
        image = cv2.resize(image, self.size[::-1], interpolation=cv2.INTER_CUBIC)
        image = np.ascontiguousarray(image[self.window])
        side = (len(self.columns), len(self.rows))
        return cv2.resize(image, side, interpolation=cv2.INTER_CUBIC), self.pick(frames.labels[0])


def place_crop(shown: np.ndarray, side: int, draws: int, random: Generators) -> Placement:
    """Mirror half of the samples, scale by one of three factors, cut a square that shows something.

    Args:
        shown: (H, W); the square must hold two different values of it, else the whole frame is
            taken.
        side: Side of the square, at most the frame's, pixels.
        draws: How often a square is drawn.
        random: Draws.
    """
    draw, (height, width) = random.python, shown.shape
    is_mirrored, factor = draw.random() < 0.5, draw.choice(_SCALES)
    size = int(height * factor), int(width * factor)
    rows = _nearest(np.arange(height), size[0])
    columns = _nearest(np.arange(width)[:: -1 if is_mirrored else 1], size[1])
    lengths = min(side, size[0]), min(side, size[1])
    window = slice(0, size[0]), slice(0, size[1])
    for _ in range(draws):
        top, left = (draw.randint(0, s - n) for s, n in zip(size, lengths, strict=True))
        cut = slice(top, top + lengths[0]), slice(left, left + lengths[1])
        if len(np.unique(shown[rows[cut[0]]][:, columns[cut[1]]])) > 1:
            window = cut
            break
    rows, columns = (
        _nearest(line[cut], side) for line, cut in zip((rows, columns), window, strict=True)
    )
    return Placement(is_mirrored, size, window, rows, columns)


def _nearest(places: np.ndarray, length: int) -> np.ndarray:
    """Stretch a line of places to a length, each to the nearest."""
    return places[(np.arange(length) * (len(places) / length)).astype(int)]


def resize(frames: LabelledFrames, side: int) -> LabelledFrames:
    """Resize to a square."""
    return _resized(frames, (side, side), cv2.INTER_CUBIC)


def _resized(frames: LabelledFrames, size: tuple[int, int], method: int) -> LabelledFrames:
    """Resize images by a method of OpenCV and labels to the nearest pixel; width first."""
    images = [cv2.resize(np.ascontiguousarray(image), size, interpolation=method)
              for image in frames.images]  # fmt: skip
    labels = [cv2.resize(np.ascontiguousarray(own), size, interpolation=cv2.INTER_NEAREST)
              for own in frames.labels]  # fmt: skip
    return LabelledFrames(np.stack(images), np.stack(labels))


def _as_numbers(labels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(labels.astype(np.int64))
