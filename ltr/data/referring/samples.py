"""Training samples: a clip with its object and sentence, and the clip of tracking images."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.image_format import IMAGENET_RGB
from ltr.data.randomness import Generators, SampleKey
from ltr.data.referring.augmentation import (
    IMAGE_AUGMENTATION,
    ClipAugmentation,
    displace,
)
from ltr.data.referring.batches import ReferringTarget, pad_clips
from ltr.data.referring.clip import Clip, check, cut_out, relative_boxes
from ltr.data.referring.dataset import ReferringDataset, SparseReferringDataset
from ltr.data.referring.frames import (
    centred_window,
    choose_frames,
    neighbouring_frames,
    tracking_neighbour,
)
from ltr.data.referring.pseudo_clips import pseudo_clip
from ltr.data.referring.sentences import clean_sentence
from ltr.data.samples import RandomSamples

_MULTIPLE = 32
_MAX_DRAWS = 20
_LEAST_COORDINATE = 1e-6

Augment = Callable[[Clip, Generators], Clip]


class ReferringDraw(NamedTuple):
    """What a sample is made of: number of the data set, of the pair in it, and a position."""

    dataset: int
    pair: int
    centre: int


@dataclass(frozen=True)
class ClipOptions:
    """How samples are made.

    Args:
        num_frames: Frames of a clip: 1, or at least 3.
        neighbouring_frames: Whether the frames of a clip follow each other; else they are drawn
            from the whole video.
        use_tracking: Whether there are tracking images (TF²).
        paired_augmentation: Tracking images get the geometry of the clip instead of their own.
        tracking_dropout: Share of the samples whose tracking images are the frames themselves,
            with nothing blackened.
        augment: Changes clips.
        augment_image: Changes clips of one still image.
        is_training: Whether the frames around an annotated one are drawn; else they are its
            neighbours, as at inference.
    """

    num_frames: int = 5
    neighbouring_frames: bool = False
    use_tracking: bool = True
    paired_augmentation: bool = False
    tracking_dropout: float = 0.0
    augment: Augment = field(default_factory=ClipAugmentation)
    augment_image: Augment = IMAGE_AUGMENTATION
    is_training: bool = True


class ReferringSamples(RandomSamples[ReferringDraw]):
    """Samples of several data sets.

    Without a given length, an epoch shows every sample of the data sets once.

    Args:
        datasets: At least one.
        options: How samples are made.
        samples_per_epoch: Length of an epoch, drawn at random; None for whole epochs.
    """

    def __init__(
        self,
        datasets: Sequence[ReferringDataset],
        options: ClipOptions,
        samples_per_epoch: int | None = None,
    ) -> None:
        self.datasets = datasets
        self.options = options
        self._is_whole = samples_per_epoch is None
        self._draws = np.array(
            [
                (number, pair, centre)
                for number, dataset in enumerate(datasets)
                for pair in range(len(dataset))
                for centre in dataset.centres(pair, options.num_frames)
            ],
            dtype=np.int32,
        )
        super().__init__(samples_per_epoch or len(self._draws))

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> ReferringDraw:
        """The sample of this number, or a random one."""
        if self._is_whole and attempt == 0:
            return ReferringDraw(*self._draws[key.position].tolist())
        return self._choose_any(random)

    def read(self, draw: ReferringDraw, random: Generators) -> dict[str, Any]:
        """Read and augment; a sample that shows the object in no frame is replaced.

        Returns:
            ``clip`` and ``previous``, float32 (frames, 3, h, w), normalised, the second None
            without tracking; ``target``, a ``ReferringTarget``; ``target_frame``, the only frame
            with a target, else None; ``sentence``.

        Raises:
            DataError: Files are missing or damaged, or no object was found.
        """
        for _ in range(_MAX_DRAWS):
            clip, previous, target_frame = self._make(draw, random)
            if clip.valid.any():
                dataset = self.datasets[draw.dataset]
                target = to_target(clip, dataset.label(draw.pair), target_frame)
                if not dataset.is_video and self.options.num_frames > 1:
                    target = _pseudo_target(target)
                return {
                    "clip": to_input(clip.images),
                    "previous": None if previous is None else to_input(previous.images),
                    "target": target,
                    "target_frame": target_frame,
                    "sentence": clip.sentence,
                }
            draw = self._choose_any(random)
        raise DataError(f"{_MAX_DRAWS} samples in a row do not show their object")

    def source(self, draw: ReferringDraw) -> str:
        """Data set, video, sentence and frame."""
        return f"{self.datasets[draw.dataset].describe(draw.pair)} frame {draw.centre}"

    @staticmethod
    def collate(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
        """Join samples to a batch; see ``collate_clips``."""
        return collate_clips(samples)

    def _choose_any(self, random: Generators) -> ReferringDraw:
        return ReferringDraw(*self._draws[random.python.randrange(len(self._draws))].tolist())

    def _make(
        self, draw: ReferringDraw, random: Generators
    ) -> tuple[Clip, Clip | None, int | None]:
        """The augmented clip, its tracking images, and the only frame with a target."""
        dataset, options = self.datasets[draw.dataset], self.options
        sentence = clean_sentence(dataset.sentence(draw.pair))
        if isinstance(dataset, SparseReferringDataset) and not options.use_tracking:
            clip, target_frame = self._sparse_clip(dataset, draw, sentence, random)
            return options.augment(clip, random), None, target_frame
        if dataset.is_video:
            clip, previous = self._video_clips(dataset, draw, sentence, random)
        else:
            clip, previous = self._image_clips(dataset, draw, sentence, random)
        if not options.use_tracking:
            return self._augment(dataset)(clip, random), None, None
        if random.python.random() < options.tracking_dropout:
            previous = clip
        return *self._augment_both(clip, previous, self._augment(dataset), random), None

    def _augment(self, dataset: ReferringDataset) -> Augment:
        is_image = not dataset.is_video and self.options.num_frames == 1
        return self.options.augment_image if is_image else self.options.augment

    def _augment_both(
        self, clip: Clip, previous: Clip, augment: Augment, random: Generators
    ) -> tuple[Clip, Clip]:
        if not self.options.paired_augmentation:
            return augment(clip, random), augment(previous, random)
        count = len(clip.images)
        both = augment(_join(clip, previous), random)
        return _part(both, slice(0, count)), _part(both, slice(count, None))

    def _video_clips(
        self, dataset: ReferringDataset, draw: ReferringDraw, sentence: str, random: Generators
    ) -> tuple[Clip, Clip]:
        length = dataset.num_frames(draw.pair)
        count = 1 if isinstance(dataset, SparseReferringDataset) else self.options.num_frames
        if self.options.neighbouring_frames:
            frames = neighbouring_frames(length, draw.centre, count)
        else:
            frames = choose_frames(length, draw.centre, count, random.python)
        sources = [_source_of(dataset, draw.pair, frame, length) for frame in frames]
        distinct = sorted({*frames, *(sources if self.options.use_tracking else ())})
        images, masks = dataset.read(draw.pair, distinct)
        _check_sizes(images)
        place = {frame: number for number, frame in enumerate(distinct)}
        clip = _gather(images, masks, [place[frame] for frame in frames], sentence)
        if not self.options.use_tracking:
            return clip, clip
        if isinstance(dataset, SparseReferringDataset) and sources == frames:
            moved, moved_mask = displace(images[0], masks[0], random)
            images, masks = [moved], [moved_mask]
        return clip, _cut_outs(images, masks, [place[frame] for frame in sources], sentence)

    def _image_clips(
        self, dataset: ReferringDataset, draw: ReferringDraw, sentence: str, random: Generators
    ) -> tuple[Clip, Clip]:
        images, masks = dataset.read(draw.pair, [0])
        count = self.options.num_frames
        clip = _with_box(Clip.of_masks(images, np.stack(masks), sentence), dataset.box(draw.pair))
        if count > 1 and clip.valid.all():
            clip = pseudo_clip(clip, count, random)
        sources = [tracking_neighbour(frame, count) for frame in range(len(clip.images))]
        return clip, _cut_outs(clip.images, clip.masks, sources, sentence)

    def _sparse_clip(
        self,
        dataset: SparseReferringDataset,
        draw: ReferringDraw,
        sentence: str,
        random: Generators,
    ) -> tuple[Clip, int]:
        """Frames around the one with a mask; the others have none."""
        (image,), (mask,) = dataset.read(draw.pair, [draw.centre])
        length, centre = dataset.surroundings(draw.pair, draw.centre)
        count = self.options.num_frames
        if self.options.is_training:
            numbers = choose_frames(length, centre, count, random.python)
        else:
            numbers = centred_window(centre, count, length)
        images = dataset.read_frames(draw.pair, numbers)
        target = numbers.index(centre)
        images[target] = image
        masks = np.zeros((len(images), *mask.shape), bool)
        masks[target] = mask
        return Clip.of_masks(images, masks, sentence), target


def to_input(images: np.ndarray) -> torch.Tensor:
    """uint8 (frames, H, W, 3) -> float32 (frames, 3, H, W), normalised."""
    planes = torch.from_numpy(np.ascontiguousarray(images)).permute(0, 3, 1, 2)
    return IMAGENET_RGB.normalise(planes.float())


def to_target(clip: Clip, label: int, target_frame: int | None = None) -> ReferringTarget:
    """The object of a clip, in all frames or only in one."""
    frames = slice(None) if target_frame is None else slice(target_frame, target_frame + 1)
    valid = torch.from_numpy(clip.valid[frames])
    return ReferringTarget(
        labels=torch.full((len(valid),), label),
        boxes=torch.from_numpy(relative_boxes(clip)[frames]),
        masks=torch.from_numpy(np.ascontiguousarray(clip.masks[frames])),
        valid=valid,
    )


def collate_clips(samples: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Pad the clips of a batch to a common size, and its tracking images to one of their own.

    Returns:
        ``clips`` and ``previous``, ``ClipBatch`` or None; ``targets`` and ``sentences``, lists;
        ``target_frames``, list of numbers or None; every other entry as a list.
    """
    lists = {key: [sample[key] for sample in samples] for key in samples[0]}
    clips, previous = lists.pop("clip"), lists.pop("previous")
    target_frames = lists.pop("target_frame")
    return {
        "clips": pad_clips(clips, _MULTIPLE),
        "previous": None if previous[0] is None else pad_clips(previous, _MULTIPLE),
        "targets": lists.pop("target"),
        "sentences": lists.pop("sentence"),
        "target_frames": None if target_frames[0] is None else target_frames,
        **lists,
    }


def _with_box(clip: Clip, box: np.ndarray | None) -> Clip:
    """A clip of one frame with its annotated box; one without extent makes it invalid."""
    return clip if box is None else check(replace(clip, boxes=box[None]))


def _pseudo_target(target: ReferringTarget) -> ReferringTarget:
    """The boxes of frames without the object become the smallest ones, as upstream's do."""
    shown = target.masks.flatten(1).any(1)
    return target._replace(boxes=(target.boxes * shown[:, None]).clamp(min=_LEAST_COORDINATE))


def _source_of(dataset: ReferringDataset, pair: int, frame: int, length: int) -> int:
    """The frame that gives the tracking image; -1 of the rule means the frame itself."""
    given = dataset.neighbour(pair, frame)
    return given if given is not None else max(tracking_neighbour(frame, length), 0)


def _check_sizes(images: Sequence[np.ndarray]) -> None:
    if len({image.shape for image in images}) > 1:
        raise DataError("the frames of the video change their size")


def _gather(
    images: Sequence[np.ndarray], masks: Sequence[np.ndarray], places: Sequence[int], sentence: str
) -> Clip:
    chosen = np.stack([masks[place] for place in places])
    return Clip.of_masks([images[place] for place in places], chosen, sentence)


def _cut_outs(
    images: Iterable[np.ndarray], masks: Iterable[np.ndarray], places: Sequence[int], sentence: str
) -> Clip:
    """Tracking images, in the order of ``places``."""
    cut = [cut_out(image, mask) for image, mask in zip(images, masks, strict=True)]
    return _gather(cut, [*masks], places, sentence)


def _join(first: Clip, second: Clip) -> Clip:
    pairs = zip(first.arrays, second.arrays, strict=True)
    images, masks, boxes, valid = map(np.concatenate, pairs)
    return Clip(images, masks, boxes, valid, first.sentence)


def _part(clip: Clip, frames: slice) -> Clip:
    images, masks, boxes, valid = (array[frames] for array in clip.arrays)
    return Clip(images, masks, boxes, valid, clip.sentence)
