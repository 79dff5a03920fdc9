"""What a user says about the objects of a video; light enough for ``--help``."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

    from ltr.data.bounding_boxes import Box
    from ltr.data.interactive.scribbles import ScribbleLine


@dataclass(frozen=True)
class Point:
    """A click.

    Args:
        x: Column of the pixel, 0 at the left.
        y: Row of the pixel, 0 at the top.
        is_positive: Whether the object is there; a negative point says that it is not.
    """

    x: float
    y: float
    is_positive: bool = True


@dataclass(frozen=True, eq=False)
class Prompt:
    """What is known of one object in one frame.

    Lines and points refine the mask or box that the same frame has, and add up from prompt to
    prompt; a new mask or box replaces all that was said before.

    Args:
        object_id: 1 to 254; 0 is the background (lines and points only); None takes a free id.
        mask: (H, W), the object where it is not 0.
        box: (x, y, width, height) in pixels.
        points: Clicks on the object, or on what it is not.
        scribbles: Lines; those whose ``object_id`` is 0 say where the object is not.
        text: A sentence that describes the object; the frame is searched where None is given.
        everything: All objects that can be found.
    """

    object_id: int | None = None
    mask: np.ndarray | None = None
    box: Box | None = None
    points: tuple[Point, ...] = ()
    scribbles: tuple[ScribbleLine, ...] = ()
    text: str = ""
    everything: bool = False

    @property
    def is_searched(self) -> bool:
        """Whether a network has to find the object in the whole video."""
        return bool(self.text) or self.everything

    @property
    def is_empty(self) -> bool:
        """Whether it says nothing."""
        has_drawing = bool(self.points or self.scribbles)
        return not (has_drawing or self.is_searched) and self.mask is None and self.box is None

    def joined(self, later: Prompt) -> Prompt:
        """This prompt and a later one for the same object and frame."""
        if later.mask is not None or later.box is not None:
            return later
        points = (*self.points, *later.points)
        return replace(self, points=points, scribbles=(*self.scribbles, *later.scribbles))


@dataclass(frozen=True)
class MaskPrompt:
    """A mask file whose objects start in frame ``frame`` (counted from 0)."""

    frame: int
    path: Path


@dataclass(frozen=True)
class BoxPrompt:
    """An object that starts in frame ``frame`` (counted from 0), given by its box in pixels.

    Without an ``object_id`` it gets the smallest free one.
    """

    frame: int
    box: Box
    object_id: int | None = None


@dataclass(frozen=True)
class PointPrompt:
    """A click on, or beside, an object in frame ``frame`` (counted from 0)."""

    frame: int
    object_id: int
    point: Point
