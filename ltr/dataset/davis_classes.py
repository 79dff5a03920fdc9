"""What the object of each sequence of DAVIS 2016 is, by the coarse classes; chosen by hand.

A rider counts with what is ridden: as a vehicle or an animal where that is the larger part.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ltr.admin.errors import DataError

_SEQUENCES: Mapping[str, str] = MappingProxyType(
    {
        "person": (
            "bmx-bumps bmx-trees breakdance breakdance-flare dance-jump dance-twirl hike hockey "
            "kite-surf kite-walk lucia paragliding-launch parkour rollerblade stroller surf swing "
            "tennis"
        ),
        "animal": (
            "bear blackswan camel cows dog dog-agility elephant flamingo goat horsejump-high "
            "horsejump-low libby mallard-fly mallard-water rhino"
        ),
        "vehicle": (
            "boat bus car-roundabout car-shadow car-turn drift-chicane drift-straight drift-turn "
            "motocross-bumps motocross-jump motorbike scooter-black scooter-gray soapbox train"
        ),
        "object": "paragliding soccerball",
    }
)
_CLASS_OF = {
    sequence: name for name, sequences in _SEQUENCES.items() for sequence in sequences.split()
}


def class_of_sequence(sequence: str) -> str:
    """The coarse class of a sequence's object.

    >>> class_of_sequence("flamingo")
    'animal'

    Raises:
        DataError: The sequence is not one of DAVIS 2016.
    """
    if sequence not in _CLASS_OF:
        raise DataError(
            f"the class of DAVIS sequence {sequence!r} is not known: the coarse classes are known "
            "for the sequences of DAVIS 2016"
        )
    return _CLASS_OF[sequence]
