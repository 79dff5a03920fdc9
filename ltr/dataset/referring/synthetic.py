"""Synthetic clips with sentences: ``python -m ltr.dataset.referring.synthetic DST``.

The layout is that of Ref-YouTube-VOS. Every clip shows three shapes; every shape has a sentence
about colour, shape, motion and place that fits no other shape of its clip. ``DST/tokenizer`` gets a
vocabulary built from the sentences, and ``DST/valid_gt`` the annotations of the validation clips
with ``expression_objects.json``.
"""

from __future__ import annotations

import argparse
import random as python_random
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import OutputError, did_you_mean
from ltr.admin.progress import FrameProgress
from ltr.data.image_io import write_image, write_label_map
from ltr.data.json_io import write_json
from ltr.dataset.referring.expressions import expression_file
from ltr.dataset.referring.vocabulary import write_vocabulary
from ltr.dataset.synthetic_shapes import SyntheticClip, SyntheticObject, render_clip

OBJECTS = 3
FIRST_VALID = 1_000_000
"""Seeds of validation clips begin here; training clips have none of them."""
# By axis (x, y) and whether the object is at its beginning.
_PLACES = {
    "on the left": (0, True),
    "on the right": (0, False),
    "at the top": (1, True),
    "at the bottom": (1, False),
}
_THERE, _ELSEWHERE = 0.38, 0.46  # of a side: what is certainly there, what certainly is not
_MOTIONS = {
    "left": "moving left",
    "right": "moving right",
    "up": "moving up",
    "down": "moving down",
    "still": "standing still",
}
FORMS = (
    ("colour", "shape"),
    ("colour", "shape", "motion"),
    ("colour", "shape", "place"),
    ("colour", "motion"),
    ("colour", "place"),
    ("shape", "motion"),
    ("shape", "place"),
    ("colour",),
    ("shape",),
)
SIZED_FORMS = (
    ("size", "colour"),
    ("size", "shape"),
    ("size", "colour", "shape"),
    ("size", "motion"),
    ("size", "place"),
)


Sentences = dict[int, tuple[str, str]]
"""By object id, a sentence and the properties that it names, joined by ``+``."""


@dataclass(frozen=True)
class VisibleObject:
    """An object and where it is seen.

    Args:
        looks: Shape, colour and motion of the object.
        centres: (frames, 2), x and y of its visible pixels as shares of width and height.
    """

    looks: SyntheticObject
    centres: np.ndarray

    def distance(self, place: str) -> np.ndarray:
        """How far it is from a side in every frame, (frames,), 0..1."""
        axis, is_begin = _PLACES[place]
        along = self.centres[:, axis]
        return along if is_begin else 1 - along

    @property
    def places(self) -> list[str]:
        """The sides at which it stays."""
        return [place for place in _PLACES if (self.distance(place) < _THERE).all()]

    def agrees(self, other: VisibleObject, form: Sequence[str], place: str) -> bool:
        """Whether a sentence for the other object might mean this one."""
        for key in form:
            if key == "place":
                if (self.distance(place) > _ELSEWHERE).all():
                    return False
            elif not fits(self.looks, key, getattr(other.looks, key)):
                return False
        return True


def can_name(looks: SyntheticObject, form: Sequence[str]) -> bool:
    """Whether all the form's properties of the object are known; a kind is no shape."""
    return all(getattr(looks, key) for key in form if key != "place") and not (
        "shape" in form and looks.shape == looks.kind
    )


def fits(looks: SyntheticObject, key: str, value: str) -> bool:
    """Whether a word may be said of an object; any colour, where the object's is not known.

    >>> dog = SyntheticObject("dog", "", "left", "top", "large", "animal")
    >>> [fits(dog, *said) for said in (("kind", "animal"), ("shape", "cat"), ("colour", "red"))]
    [True, False, True]
    """
    if key in ("shape", "kind"):
        return value in (looks.shape, looks.kind)
    return getattr(looks, key) in (value, "")


def visible_objects(clip: SyntheticClip) -> list[VisibleObject]:
    """The objects of a clip; one that is never visible counts as in the middle."""
    height, width = clip.labels[0].shape
    seen = []
    for number, looks in enumerate(clip.objects, 1):
        pixels = [np.argwhere(labels == number) for labels in clip.labels]
        centres = [(p.mean(axis=0) + 0.5)[::-1] / (width, height) for p in pixels if len(p)]
        seen.append(VisibleObject(looks, np.array(centres or [(0.5, 0.5)])))
    return seen


def describe(
    target: VisibleObject, others: Sequence[VisibleObject], form: Sequence[str]
) -> str | None:
    """Name an object by some of its properties; None where that might mean another one too."""
    place = ""
    if not can_name(target.looks, form):
        return None
    if "place" in form:
        if not target.places:
            return None
        place = target.places[0]
    if any(other.agrees(target, form, place) for other in others):
        return None
    return name_object(target.looks, form, place)


def name_object(looks: SyntheticObject, form: Sequence[str], place: str = "") -> str:
    """Say these properties of an object, whether or not they fit another one too.

    >>> name_object(SyntheticObject("disc", "red", "left", "top", "large"), ("colour", "motion"))
    'the red object moving left'
    """
    size, colour = (getattr(looks, key) if key in form else "" for key in ("size", "colour"))
    noun = next((getattr(looks, key) for key in ("shape", "kind") if key in form), "object")
    motion = _MOTIONS[looks.motion] if "motion" in form else ""
    return " ".join(word for word in ("the", size, colour, noun, place, motion) if word)


def sentences_of(
    clip: SyntheticClip, seed: int, forms: Sequence[Sequence[str]] = FORMS
) -> Sentences:
    """Describe the objects of a clip, each by one of the forms that fit no other object.

    Objects that no form tells from the others are left out.
    """
    random = python_random.Random(seed)
    seen = visible_objects(clip)
    found: Sentences = {}
    for number, target in enumerate(seen, 1):
        others = [other for other in seen if other is not target]
        for form in random.sample(forms, len(forms)):
            if text := describe(target, others, form):
                found[number] = text, "+".join(form)
                break
    return found


def write_synthetic(
    folder: Path,
    train: int,
    valid: int,
    frames: int = 8,
    size: tuple[int, int] = (64, 96),
    forms: Sequence[Sequence[str]] = FORMS,
    valid_forms: Sequence[Sequence[str]] = FORMS,
) -> None:
    """Write the data set.

    Args:
        folder: Becomes the root of the data set.
        train: Clips of the split ``train``.
        valid: Clips of the split ``valid``.
        frames: Frames of a clip.
        size: Height and width.
        forms: What the sentences of the training clips name.
        valid_forms: What those of the validation clips name.
    """

    def draw(seed: int, named: Sequence[Sequence[str]]) -> tuple[SyntheticClip, Sentences]:
        clip = render_clip(seed, frames, size, OBJECTS, OBJECTS)
        return clip, sentences_of(clip, seed, named)

    with FrameProgress("drawing", train + valid, unit="clips") as progress:
        texts = write_split(folder, "train", range(train), partial(draw, named=forms), progress)
        seeds = range(FIRST_VALID, FIRST_VALID + valid)
        texts |= write_split(folder, "valid", seeds, partial(draw, named=valid_forms), progress)
    write_vocabulary(folder / "tokenizer", sorted(texts))


def write_split(
    folder: Path,
    split: str,
    seeds: Iterable[int],
    draw: Callable[[int], tuple[SyntheticClip, Sentences]],
    progress: FrameProgress,
) -> set[str]:
    """Write clips and lists.

    Args:
        folder: Root of the data set.
        split: ``train`` or ``valid``.
        seeds: Of the clips.
        draw: The clip of a seed, and its sentences.
        progress: Advances with every clip.

    Returns:
        All sentences.
    """
    is_public = split == "train"
    annotations = folder / ("train" if is_public else "valid_gt") / "Annotations"
    videos: dict[str, Any] = {}
    kinds: dict[str, dict[str, str]] = {}
    for seed in seeds:
        name = f"drawn{seed:07d}"
        clip, sentences = draw(seed)
        stems = [f"{number:05d}" for number in range(len(clip.images))]
        for stem, image, labels in zip(stems, clip.images, clip.labels, strict=True):
            write_image(folder / split / "JPEGImages" / name / f"{stem}.jpg", image)
            write_label_map(annotations / name / f"{stem}.png", labels)
        videos[name] = {
            "frames": stems,
            "expressions": {
                str(number - 1): {"exp": text} | ({"obj_id": str(number)} if is_public else {})
                for number, (text, _) in sentences.items()
            },
        }
        kinds[name] = {str(number - 1): kind for number, (_, kind) in sentences.items()}
        progress.advance()
    write_json(expression_file(folder, split), {"videos": videos})
    if not is_public:
        objects = {name: {key: int(key) + 1 for key in entry} for name, entry in kinds.items()}
        write_json(folder / "valid_gt" / "expression_objects.json", {"videos": objects})
        write_json(folder / "valid_gt" / "expression_kinds.json", {"videos": kinds})
        write_json(expression_file(folder, "test"), {"videos": {}})
    return {item["exp"] for entry in videos.values() for item in entry["expressions"].values()}


def _forms(text: str) -> tuple[tuple[str, ...], ...]:
    """Read the forms of the command line; anything but those of ``FORMS`` is an error."""
    known = {"+".join(form): form for form in FORMS}
    for name in text.split(","):
        if name not in known:
            raise argparse.ArgumentTypeError(f"no form {name!r}{did_you_mean(name, list(known))}")
    return tuple(known[name] for name in text.split(","))


def check_is_new(folder: Path) -> None:
    """Refuse a folder that holds something (``OutputError``)."""
    if folder.is_dir() and any(folder.iterdir()):
        raise OutputError(f"{folder} is not empty: name a new folder")


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Write the data set."""
    parser = CommandParser(__doc__, prog="python -m ltr.dataset.referring.synthetic")
    parser.add_argument("target", type=Path, metavar="DST", help="folder to write, empty or new")
    parser.add_argument("--train", type=int, default=3000, help="training clips (3000)")
    parser.add_argument("--valid", type=int, default=200, help="validation clips (200)")
    parser.add_argument("--frames", type=int, default=8, help="frames of a clip (8)")
    parser.add_argument(
        "--forms",
        type=_forms,
        default=FORMS,
        metavar="A+B,...",
        help="what training sentences name, for instance shape,shape+place (nine mixtures)",
    )
    parser.add_argument("--sizes", action="store_true", help="validation sentences name sizes too")
    arguments = parser.parse_args(argv)
    check_is_new(arguments.target)
    write_synthetic(
        arguments.target,
        arguments.train,
        arguments.valid,
        arguments.frames,
        forms=arguments.forms,
        valid_forms=FORMS + SIZED_FORMS if arguments.sizes else FORMS,
    )
    print(f"{arguments.train} + {arguments.valid} clips: {arguments.target}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
