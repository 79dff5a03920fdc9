"""A whole video on one picture."""

from __future__ import annotations

import math

import cv2
import numpy as np

_SPARE = 8
_GAP = 6
_BACKGROUND = 24
_WHITE = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_DUPLEX


class ContactSheet:
    """Collects small pictures of evenly spaced frames, whatever the length of the video.

    It keeps every ``stride``-th frame; when it holds eight times the wanted number, it drops every
    other one and doubles the stride. The evenly spaced ones among the kept are drawn.

    Args:
        tiles: Number of frames on the sheet.
        tile_width: Largest width of one, in pixels.
    """

    def __init__(self, tiles: int = 12, tile_width: int = 320) -> None:
        if tiles < 1:
            raise ValueError(f"a contact sheet needs at least one tile, got {tiles}")
        self._tiles = tiles
        self._tile_width = tile_width
        self._stride = 1
        self._kept: list[tuple[int, np.ndarray]] = []

    def wants(self, index: int) -> bool:
        """Whether ``add`` would keep this frame; saves drawing the others."""
        return index % self._stride == 0

    def add(self, index: int, image: np.ndarray) -> None:
        """Offer a frame, in ascending order of ``index``.

        Args:
            index: Number of the frame, written into its corner.
            image: uint8 (H, W, 3) RGB, all of one size.
        """
        if not self.wants(index):
            return
        self._kept.append((index, self._shrink(image)))
        if len(self._kept) >= _SPARE * self._tiles:
            self._stride *= 2
            self._kept = [entry for entry in self._kept if entry[0] % self._stride == 0]

    @property
    def indices(self) -> list[int]:
        """The frames that are on the sheet now."""
        return [index for index, _ in self._chosen()]

    def draw(self) -> np.ndarray:
        """Lay out the sheet.

        Returns:
            uint8 (H, W, 3) RGB.

        Raises:
            ValueError: No frame was added.
        """
        chosen = self._chosen()
        if not chosen:
            raise ValueError("a contact sheet needs at least one frame")
        height, width = chosen[0][1].shape[:2]
        columns = min(len(chosen), _columns(self._tiles, width / height))
        rows = math.ceil(len(chosen) / columns)
        shape = (rows * (height + _GAP) + _GAP, columns * (width + _GAP) + _GAP, 3)
        sheet = np.full(shape, _BACKGROUND, np.uint8)
        for place, (index, tile) in enumerate(chosen):
            top = _GAP + (place // columns) * (height + _GAP)
            left = _GAP + (place % columns) * (width + _GAP)
            area = sheet[top : top + height, left : left + width]
            area[:] = tile
            _write_number(area, index)
        return sheet

    def _chosen(self) -> list[tuple[int, np.ndarray]]:
        count = min(self._tiles, len(self._kept))
        places = np.linspace(0, len(self._kept) - 1, count).round().astype(int)
        return [self._kept[place] for place in places]

    def _shrink(self, image: np.ndarray) -> np.ndarray:
        height, width = image.shape[:2]
        scale = min(1.0, self._tile_width / width)
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
        return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _columns(tiles: int, aspect: float) -> int:
    """The number of columns that makes the sheet about twice as wide as high."""
    return max(1, min(tiles, round(math.sqrt(tiles * 2 / aspect))))


def _write_number(area: np.ndarray, index: int) -> None:
    """Write the frame number white on a dark plate into the upper left corner of ``area``."""
    scale = max(0.35, area.shape[0] / 400)
    (width, height), base = cv2.getTextSize(str(index), _FONT, scale, 1)
    pad = max(2, height // 2)
    plate = area[: height + base + pad, : width + 2 * pad]
    plate[:] = plate // 3
    text = np.ascontiguousarray(area)
    cv2.putText(text, str(index), (pad, height + pad), _FONT, scale, _WHITE, 1, cv2.LINE_AA)
    area[:] = text
