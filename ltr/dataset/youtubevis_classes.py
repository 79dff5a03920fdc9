"""The classes of video instance segmentation, in the order of the networks' outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

_YOUTUBEVIS_2019 = (
    "person", "giant_panda", "lizard", "parrot", "skateboard", "sedan", "ape", "dog", "snake",
    "monkey", "hand", "rabbit", "duck", "cat", "cow", "fish", "train", "horse", "turtle", "bear",
    "motorbike", "giraffe", "leopard", "fox", "deer", "owl", "surfboard", "airplane", "truck",
    "zebra", "tiger", "elephant", "snowboard", "boat", "shark", "mouse", "frog", "eagle",
    "earless_seal", "tennis_racket",
)  # fmt: skip
_YOUTUBEVIS_2021 = (
    "airplane", "bear", "bird", "boat", "car", "cat", "cow", "deer", "dog", "duck",
    "earless_seal", "elephant", "fish", "flying_disc", "fox", "frog", "giant_panda", "giraffe",
    "horse", "leopard", "lizard", "monkey", "motorbike", "mouse", "parrot", "person", "rabbit",
    "shark", "skateboard", "snake", "snowboard", "squirrel", "surfboard", "tennis_racket",
    "tiger", "train", "truck", "turtle", "whale", "zebra",
)  # fmt: skip

CLASSES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "ytvis2019": _YOUTUBEVIS_2019,
        "ytvis2021": _YOUTUBEVIS_2021,
        "davis": ("instance",),
        "shapes": ("disc", "triangle", "star"),
        "coarse": ("person", "animal", "vehicle", "object"),
    }
)

# Names of other data sets; COCO's mouse is not an animal.
_OTHER_NAMES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "motorcycle": ("motorbike",),
        "car": ("car", "sedan"),
        "frisbee": ("flying_disc",),
        "mouse": (),
    }
)


_ANIMALS = frozenset(
    ("bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe")
)
_VEHICLES = frozenset(("bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat"))


def coarse_class(category: str) -> str:
    """The coarse class of one of COCO's categories.

    >>> [coarse_class(name) for name in ("person", "cow", "train", "cup")]
    ['person', 'animal', 'vehicle', 'object']
    """
    if category == "person":
        return category
    if category in _ANIMALS:
        return "animal"
    return "vehicle" if category in _VEHICLES else "object"


def label_of(category: str, classes: Sequence[str]) -> int | None:
    """The label of another data set's category, from 1 on; None where no class fits.

    >>> label_of("motorcycle", CLASSES["ytvis2019"]), label_of("mouse", CLASSES["ytvis2019"])
    (21, None)
    >>> label_of("mouse", CLASSES["davis"]), label_of("mouse", CLASSES["coarse"])
    (1, 4)

    Args:
        category: Name of the category.
        classes: Names of the classes; a single one takes every category, and so do the coarse ones.
    """
    if len(classes) == 1:
        return 1
    if tuple(classes) == CLASSES["coarse"]:
        category = coarse_class(category)
    for name in _OTHER_NAMES.get(category, (category.replace(" ", "_"),)):
        if name in classes:
            return classes.index(name) + 1
    return None
