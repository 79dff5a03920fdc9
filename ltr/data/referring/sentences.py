"""Sentences that name an object."""

from __future__ import annotations

import re

_OTHER_SIDE = {"left": "right", "right": "left"}


def clean_sentence(text: str) -> str:
    """Lower case, single spaces: the form in which sentences are trained.

    >>> clean_sentence("  The dog on\\tthe LEFT ")
    'the dog on the left'
    """
    return " ".join(text.lower().split())


def swap_sides(text: str) -> str:
    """Exchange left and right, also inside words, as the image is mirrored.

    >>> swap_sides("the leftmost car, right of the tree")
    'the rightmost car, left of the tree'
    """
    return re.sub("left|right", lambda found: _OTHER_SIDE[found[0]], text)
