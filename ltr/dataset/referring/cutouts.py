"""Clips of real cut-outs with sentences: ``python -m ltr.dataset.referring.cutouts DST``.

Persons, animals and vehicles, cut out of still images and of videos, move over parts of still
images or drawn clouds, some of them among drawn shapes. A sentence says what an object is (``dog``,
or just ``animal``), its size, place and motion. Of every sort some pictures and sequences are kept
for validation. The layout is that of ``ltr.dataset.referring.synthetic``.
"""

from __future__ import annotations

import random as python_random
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import DataError
from ltr.admin.progress import FrameProgress
from ltr.data.video_dataset import VideoDataset
from ltr.dataset.image_base import ImageDataset
from ltr.dataset.pasted_objects import Sprite, cut_out
from ltr.dataset.referring.synthetic import (
    FIRST_VALID,
    FORMS,
    OBJECTS,
    SIZED_FORMS,
    Sentences,
    check_is_new,
    sentences_of,
    write_split,
)
from ltr.dataset.referring.vocabulary import extend_vocabulary
from ltr.dataset.registry import open_images, open_videos
from ltr.dataset.still_scenes import StillScenes
from ltr.dataset.synthetic_shapes import (
    COLOURS,
    SHAPES,
    SIZES,
    Drawable,
    ObjectPath,
    SyntheticClip,
    SyntheticObject,
    compose,
    draw_path,
    draw_shape,
    drawn_ground,
    place_of,
)
from ltr.dataset.youtubevis_classes import coarse_class

KINDS = ("shape", "person", "animal", "vehicle")
SORTS = ("dog", "cat", "horse", "bird", "car", "bus", "bicycle", "airplane")
"""What has a word of its own; other animals and vehicles are only called that."""
CUTOUT_FORMS = (
    *FORMS,
    *SIZED_FORMS,
    ("kind",),
    ("kind", "motion"),
    ("kind", "place"),
    ("size", "kind"),
    ("motion",),
    ("place",),
    ("size",),
)
DEFAULT_IMAGES, DEFAULT_VIDEOS = "COCO/2017/train", "DAVIS/2017/train"
# COCO's name of what sequences of DAVIS show; what is two things at once is left out.
_SEQUENCES: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "breakdance-flare", "dance-jump", "dance-twirl", "hike", "hockey", "lucia", "parkour",
            "rollerblade", "tennis",
        ),
        "person",
    ),
    **dict.fromkeys(("flamingo", "mallard-fly", "mallard-water"), "bird"),
    **dict.fromkeys(("car-shadow", "car-turn", "drift-chicane"), "car"),
    **{"bear": "bear", "cows": "cow", "dog": "dog", "elephant": "elephant", "goat": "sheep"},
    **{"rhino": "elephant", "boat": "boat", "bus": "bus", "train": "train"},
}  # fmt: skip
_VALID_SEQUENCES = ("bear", "breakdance-flare", "car-turn", "mallard-fly")
_HELD_OUT = 5  # of the pictures of a sort every so many are for validation, from the second on
_LEAST_AREA = 900  # pixels of a cut-out
_SIDE = 96  # of cut-outs as they are kept, pixels
_STEP = 3  # between frames of a video that are kept
_RADII = {"small": (0.15, 0.19), "large": (0.25, 0.33)}  # of a disc as large, as for shapes
_STILL_GROUND = 0.7  # share of clips over parts of pictures
_TURN = 12.0  # degrees either way
_STRETCH = 1.25  # of one side, at most
_GAINS, _TINT = (0.65, 1.35), (0.88, 1.12)
_DRAWN = "drawn"


@dataclass(frozen=True)
class _Cutout:
    """An object as it is pasted; see ``Drawable``.

    Args:
        sprite: Its frames, as large as they are shown.
        path: Where it is.
        angles: Degrees at the beginning and at the end.
    """

    sprite: Sprite
    path: ObjectPath
    angles: tuple[float, float]

    def at(self, time: float, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
        """See ``Drawable``."""
        count = len(self.sprite.images)
        shown = min(int(time * count), count - 1)
        image, mask = self.sprite.images[shown], self.sprite.masks[shown]
        middle = (mask.shape[1] / 2, mask.shape[0] / 2)
        angle = self.angles[0] + (self.angles[1] - self.angles[0]) * time
        matrix = cv2.getRotationMatrix2D(middle, angle, 1.0)
        matrix[:, 2] += self.path.centre(time, size) - middle
        pixels = cv2.warpAffine(image, matrix, size[::-1], borderMode=cv2.BORDER_REPLICATE)
        return pixels, np.clip(cv2.warpAffine(mask, matrix, size[::-1]), 0, 1)


class CutoutClips:
    """Clips of cut-outs and shapes; equal seeds give equal clips.

    Args:
        images: Gives cut-outs and backgrounds.
        videos: Gives cut-outs that move by themselves.
        is_validation: Whether to show what is held out, or the rest.
        size: Height and width.

    Raises:
        DataError: There is no person, no animal or no vehicle.
    """

    def __init__(
        self,
        images: ImageDataset,
        videos: VideoDataset,
        is_validation: bool,
        size: tuple[int, int] = (64, 96),
    ) -> None:
        self.size = size
        categories = [images.get_category(n) for n in range(images.get_num_images())]
        held_out = _held_out(images, categories)
        wanted = [
            number
            for number in range(len(categories))
            if (images.get_picture(number) in held_out) == is_validation
        ]
        self._scenes = StillScenes(images, wanted, size)
        self._sprites: dict[str, dict[str, list[Sprite]]] = {
            kind: defaultdict(list) for kind in KINDS[1:]
        }
        for number in sorted(wanted, key=images.get_picture):
            mask = images.get_mask(number)
            if mask.sum() >= _LEAST_AREA and coarse_class(categories[number]) in self._sprites:
                self._add(categories[number], cut_out([images.get_image(number)], [mask]))
        for name, frames in _read_videos(videos, is_validation):
            self._add(name, frames)
        if not all(self._sprites.values()):
            raise DataError(f"{images.get_name()} lacks persons, animals or vehicles to cut out")

    def counts(self) -> dict[str, int]:
        """Number of cut-outs by sort."""
        return {
            sort: len(found) for sorts in self._sprites.values() for sort, found in sorts.items()
        }

    def render(self, seed: int, frames: int) -> SyntheticClip:
        """Make a clip; half of the clips show several objects of a kind."""
        draw = python_random.Random(seed)
        rng = np.random.default_rng(seed)
        if draw.random() < _STILL_GROUND:
            ground = self._scenes.background(frames, draw)
        else:
            ground = drawn_ground(rng, frames, self.size)
        looks = draw.sample([(s, c) for s in SHAPES for c in COLOURS], OBJECTS)
        made = [
            draw_shape(look, frames, self.size, rng)
            if kind == _DRAWN
            else self._cutout(kind, frames, draw, rng)
            for kind, look in zip(_choose_kinds(draw), looks, strict=True)
        ]
        return compose(ground, made, rng)

    def describe(
        self, seed: int, frames: int, forms: Sequence[Sequence[str]] = CUTOUT_FORMS
    ) -> tuple[SyntheticClip, Sentences]:
        """A clip, and a sentence for each of its objects; where there is none, another clip."""
        draw = python_random.Random(seed)
        while True:
            clip = self.render(seed, frames)
            if len(sentences := sentences_of(clip, seed, forms)) == OBJECTS:
                return clip, sentences
            seed = draw.randrange(1 << 40)

    def _add(self, category: str, sprite: Sprite) -> None:
        kind = coarse_class(category)
        sort = category if category in SORTS else kind
        self._sprites[kind][sort].append(_shrink(sprite))

    def _cutout(
        self, kind: str, frames: int, draw: python_random.Random, rng: np.random.Generator
    ) -> tuple[SyntheticObject, Drawable]:
        sort = draw.choice(sorted(self._sprites[kind]))
        sprite = draw.choice(self._sprites[kind][sort])
        path = draw_path(rng)
        side = draw.uniform(*_RADII[path.size]) * min(self.size) * np.sqrt(np.pi)
        start = draw.uniform(-_TURN, _TURN)
        end = start + draw.uniform(-_TURN, _TURN)
        shown = _Cutout(_vary(_part(sprite, frames, draw), side, draw), path, (start, end))
        place = place_of(*path.start)
        return SyntheticObject(sort, "", path.motion, place, path.size, kind), shown


def _held_out(images: ImageDataset, categories: Sequence[str]) -> set[int]:
    """Pictures for validation: of every sort the second, the seventh and so on."""
    pictures: dict[str, set[int]] = defaultdict(set)
    for number, category in enumerate(categories):
        kind = coarse_class(category)
        sort = category if category in SORTS else kind
        if kind in KINDS and images.get_mask(number).sum() >= _LEAST_AREA:
            pictures[sort].add(images.get_picture(number))
    return {picture for found in pictures.values() for picture in sorted(found)[1::_HELD_OUT]}


def _read_videos(videos: VideoDataset, is_validation: bool) -> list[tuple[str, Sprite]]:
    """Category and frames of the sequences of a split that show one thing."""
    found = []
    for number in range(videos.get_num_sequences()):
        info = videos.get_sequence_info(number)
        name = info["sequence"]
        if name in _SEQUENCES and (name in _VALID_SEQUENCES) == is_validation:
            images, values, _ = videos.get_frames(
                number, range(0, len(info["visible"]), _STEP), info
            )
            pairs = [
                (image, mask)
                for image, mask in zip(images, values["mask"], strict=True)
                if mask.sum() >= _LEAST_AREA
            ]
            if pairs:
                found.append((_SEQUENCES[name], cut_out(*zip(*pairs, strict=True))))
    return found


def _choose_kinds(draw: python_random.Random) -> list[str]:
    """Kinds of the objects: all different, two or all of one, or some of them drawn."""
    kinds = draw.sample(KINDS[1:], len(KINDS) - 1)
    mixture = draw.choice(("different", "two alike", "alike", "one drawn", "two drawn"))
    if mixture == "two alike":
        kinds[1] = kinds[0]
    elif mixture == "alike":
        kinds = [kinds[0]] * OBJECTS
    elif mixture == "one drawn":
        kinds[1:] = [draw.choice(kinds[:2]), _DRAWN]
    elif mixture == "two drawn":
        kinds[1:] = [_DRAWN, _DRAWN]
    return draw.sample(kinds, OBJECTS)


def _part(sprite: Sprite, frames: int, draw: python_random.Random) -> Sprite:
    """Neighbouring frames, as many as the clip has or there are."""
    first = draw.randint(0, max(0, len(sprite.images) - frames))
    part = slice(first, first + frames)
    return Sprite(sprite.images[part], sprite.masks[part])


def _shrink(sprite: Sprite) -> Sprite:
    """Frames no larger than they are ever shown, which take little memory."""
    longest = max(max(mask.shape) for mask in sprite.masks)
    return _resize(sprite, min(1.0, _SIDE / longest), 1.0)


def _resize(sprite: Sprite, scale: float, stretch: float) -> Sprite:
    factors = scale * stretch, scale / stretch
    sizes = [
        tuple(max(2, round(s * f)) for s, f in zip(mask.shape[::-1], factors, strict=True))
        for mask in sprite.masks
    ]
    return Sprite(
        [
            cv2.resize(image, size, interpolation=cv2.INTER_AREA)
            for image, size in zip(sprite.images, sizes, strict=True)
        ],
        [
            cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA)
            for mask, size in zip(sprite.masks, sizes, strict=True)
        ],
    )


def _vary(sprite: Sprite, side: float, draw: python_random.Random) -> Sprite:
    """Scale a cut-out to the area of a square, and change its proportions, light and tint."""
    area = float(np.mean([mask.sum() for mask in sprite.masks]))
    stretch = _STRETCH ** draw.uniform(-0.5, 0.5)
    sized = _resize(sprite, side / np.sqrt(area), stretch)
    gains = draw.uniform(*_GAINS) * np.array([draw.uniform(*_TINT) for _ in range(3)])
    images = [np.clip(image * gains, 0, 255).astype(np.uint8) for image in sized.images]
    masks = [np.pad(mask, 1) for mask in sized.masks]  # turned edges stay soft
    images = [np.pad(image, ((1, 1), (1, 1), (0, 0)), mode="edge") for image in images]
    if draw.random() < 0.5:
        images, masks = [i[:, ::-1].copy() for i in images], [m[:, ::-1].copy() for m in masks]
    return Sprite(images, masks)


def write_cutouts(
    folder: Path, images: ImageDataset, videos: VideoDataset, counts: Mapping[str, int], frames: int
) -> None:
    """Write the clips.

    Args:
        folder: Becomes the root of the data set.
        images: See ``CutoutClips``.
        videos: See ``CutoutClips``.
        counts: Number of clips of the splits ``train`` and ``valid``.
        frames: Frames of a clip.
    """
    with FrameProgress("pasting", sum(counts.values()), unit="clips") as progress:
        for split, count in counts.items():
            clips = CutoutClips(images, videos, split == "valid")
            first = FIRST_VALID if split == "valid" else 0
            write_split(
                folder,
                split,
                range(first, first + count),
                partial(clips.describe, frames=frames),
                progress,
            )


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write clips and vocabulary."""
    parser = CommandParser(__doc__, prog="python -m ltr.dataset.referring.cutouts")
    parser.add_argument("target", type=Path, metavar="DST", help="folder to write, empty or new")
    parser.add_argument(
        "--vocabulary",
        type=Path,
        required=True,
        metavar="DIR",
        help="tokenizer of drawn clips, which is extended",
    )
    parser.add_argument("--images", default=DEFAULT_IMAGES, metavar="NAME", help="still images")
    parser.add_argument("--videos", default=DEFAULT_VIDEOS, metavar="NAME", help="videos")
    parser.add_argument("--train", type=int, default=1, help="training clips (1)")
    parser.add_argument("--valid", type=int, default=200, help="validation clips (200)")
    parser.add_argument("--frames", type=int, default=8, help="frames of a clip (8)")
    arguments = parser.parse_args(argv)
    check_is_new(arguments.target)
    words = (*KINDS, *SORTS, *SIZES)
    extend_vocabulary(arguments.vocabulary, arguments.target / "tokenizer", words)
    write_cutouts(
        arguments.target,
        open_images(arguments.images),
        open_videos(arguments.videos),
        {"train": arguments.train, "valid": arguments.valid},
        arguments.frames,
    )
    print(f"{arguments.train} + {arguments.valid} clips: {arguments.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
