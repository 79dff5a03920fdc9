"""What the live view shows: blocks of data, each drawn by the rule of its mode."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import torch

from ltr.admin.errors import ConfigError, did_you_mean
from pytracking.utils.overlay import bright_palette, draw_result

_SIDE = 480
_PALETTE = bright_palette()


@dataclass
class Block:
    """One entry of the block list.

    Args:
        title: Name of its window.
        mode: How its data are drawn, a key of ``MODES``.
        is_shown: Whether it has a window.
        data: What was registered last.
        channels: Indices of the channels of a feature map that are shown.
    """

    title: str
    mode: str
    is_shown: bool
    data: Any = None
    channels: set[int] = field(default_factory=lambda: {0})

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ConfigError(f"there is no mode {self.mode!r}{did_you_mean(self.mode, MODES)}")

    @property
    def windows(self) -> list[str]:
        """Names of its windows."""
        if self.mode != "featmap":
            return [self.title]
        return [f"{self.title} {channel}" for channel in sorted(self.channels)]

    def store(self, data: Any) -> None:
        """Take new data; of information every key that was ever sent is kept."""
        if self.mode == "info_dict":
            data = {**(self.data or {}), **data}
        self.data = data

    def draw(self, server: Any) -> None:
        """Send the data to visdom."""
        MODES[self.mode](server, self)


def _draw_image(server: Any, block: Block) -> None:
    pixels = _array(block.data)
    server.image(pixels.astype(np.uint8), win=block.title, opts={"title": block.title})


def _draw_heatmap(server: Any, block: Block) -> None:
    _heat(server, block.title, _array(block.data).squeeze())


def _draw_features(server: Any, block: Block) -> None:
    maps = _array(block.data)
    maps = maps.reshape(-1, *maps.shape[-2:])
    for channel, window in zip(sorted(block.channels), block.windows, strict=True):
        if channel < len(maps):
            _heat(server, window, maps[channel])


def _draw_text(server: Any, block: Block) -> None:
    server.text(str(block.data), win=block.title, opts={"title": block.title})


def _draw_line(server: Any, block: Block) -> None:
    y, x = block.data if isinstance(block.data, tuple) else (block.data, None)
    values = np.atleast_1d(_array(y))
    places = np.arange(len(values)) if x is None else np.atleast_1d(_array(x))
    server.line(values, places, win=block.title, opts={"title": block.title})


def _draw_information(server: Any, block: Block) -> None:
    lines = [
        f"<b>{key.replace('_', ' ')}</b>: {f'{value:.2f}' if isinstance(value, float) else value}"
        for key, value in block.data.items()
    ]
    server.text("<br>".join(lines), win=block.title, opts={"title": block.title})


def _draw_tracking(server: Any, block: Block) -> None:
    """An image, its label map or None, and boxes by object id."""
    image, labels, boxes = block.data
    picture = np.array(image) if labels is None else draw_result(image, labels)
    for object_id, (x, y, width, height) in boxes.items():
        corner, opposite = (round(x), round(y)), (round(x + width), round(y + height))
        cv2.rectangle(picture, corner, opposite, _PALETTE[object_id].tolist(), 2)
    pixels = _shrink(picture).transpose(2, 0, 1)
    server.image(pixels, win=block.title, opts={"title": block.title})


MODES: Mapping[str, Callable[[Any, Block], None]] = {
    "image": _draw_image,
    "heatmap": _draw_heatmap,
    "featmap": _draw_features,
    "text": _draw_text,
    "lineplot": _draw_line,
    "info_dict": _draw_information,
    "Tracking": _draw_tracking,
}


def _heat(server: Any, window: str, values: np.ndarray) -> None:
    server.heatmap(np.flipud(_shrink(values)), win=window, opts={"title": window})


def _array(data: Any) -> np.ndarray:
    if isinstance(data, torch.Tensor):
        return data.detach().float().cpu().numpy()
    return np.asarray(data)


def _shrink(picture: np.ndarray) -> np.ndarray:
    """Scale a picture or map so that its longer side is at most 480 pixels."""
    scale = _SIDE / max(picture.shape[:2])
    if scale >= 1:
        return picture
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
