"""How objects are called and painted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pytracking.utils.overlay import bright_palette


@dataclass(frozen=True)
class ObjectStyle:
    """How one object is called and painted."""

    name: str
    colour: tuple[int, int, int]


class ObjectStyles:
    """What was chosen, and what an object has otherwise.

    One thread chooses while another one looks.
    """

    def __init__(self) -> None:
        self._chosen: dict[int, ObjectStyle] = {}

    def of(self, object_id: int) -> ObjectStyle:
        """The style of an object."""
        red, green, blue = bright_palette()[object_id].tolist()
        return self._chosen.get(object_id, ObjectStyle(f"Object {object_id}", (red, green, blue)))

    def choose(
        self,
        object_id: int,
        name: str | None = None,
        colour: tuple[int, int, int] | None = None,
    ) -> None:
        """Give an object another name, another colour, or both."""
        known = self.of(object_id)
        self._chosen[object_id] = ObjectStyle(name or known.name, colour or known.colour)

    def palette(self) -> np.ndarray:
        """The colour of every id, uint8 (256, 3)."""
        palette = bright_palette().copy()
        for key, style in list(self._chosen.items()):
            palette[key] = style.colour
        return palette

    def describe(self, object_ids: Iterable[int]) -> list[dict[str, Any]]:
        """The styles of some objects, JSON-like."""
        styles = {key: self.of(key) for key in object_ids}
        return [{"id": key, "name": own.name, "colour": own.colour} for key, own in styles.items()]
