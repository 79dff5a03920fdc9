"""A window on the screen in which boxes are drawn with the mouse."""

from __future__ import annotations

import os
import sys

import cv2
import numpy as np

from ltr.admin.errors import ConfigError
from ltr.data.bounding_boxes import Box

_CURSOR_COLOUR = (255, 255, 255)
_WAIT_MS = 1


class BoxSelection:
    """Two clicks span a box.

    >>> selection = BoxSelection()
    >>> selection.click(30, 40), selection.click(10, 20)
    (None, None)
    >>> selection.take()
    [(10, 20, 20, 20)]
    """

    def __init__(self) -> None:
        self._boxes: list[tuple[int, int, int, int]] = []
        self._corner: tuple[int, int] | None = None
        self._cursor = (0, 0)

    def move(self, x: int, y: int) -> None:
        """Follow the mouse."""
        self._cursor = (x, y)

    def click(self, x: int, y: int) -> None:
        """Begin a box, or finish it; two clicks on one line make no box."""
        self._cursor = (x, y)
        if self._corner is None:
            self._corner = (x, y)
            return
        left, top = np.minimum(self._corner, (x, y)).tolist()
        width, height = np.abs(np.subtract(self._corner, (x, y))).tolist()
        if width and height:
            self._boxes.append((left, top, width, height))
        self._corner = None

    def take(self) -> list[Box]:
        """The boxes finished since the last call."""
        boxes, self._boxes = self._boxes, []
        return list(boxes)

    def clear(self) -> None:
        """Forget finished and begun boxes."""
        self._boxes, self._corner = [], None

    def draw(self, image: np.ndarray) -> np.ndarray:
        """A copy of the picture, uint8 (H, W, 3), with the boxes that are not taken yet."""
        picture = image.copy()
        spans = [((x, y), (x + w, y + h)) for x, y, w, h in self._boxes]
        if self._corner is not None:
            spans.append((self._corner, self._cursor))
        for start, end in spans:
            cv2.rectangle(picture, start, end, _CURSOR_COLOUR, 2)
        return picture


class Window:
    """Shows pictures, and collects keys and boxes.

    Args:
        title: Stands in the title bar.

    Raises:
        ConfigError: No window can be opened here.
    """

    def __init__(self, title: str) -> None:
        check_display()
        self.selection = BoxSelection()
        self._title = title
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO)
        cv2.setMouseCallback(title, self._on_mouse)

    def show(self, image: np.ndarray) -> str:
        """Show a picture, uint8 (H, W, 3) RGB; the key pressed meanwhile, or an empty text."""
        picture = self.selection.draw(image)
        cv2.imshow(self._title, cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        key = cv2.waitKey(_WAIT_MS)
        return chr(key & 0xFF) if key >= 0 else ""

    def close(self) -> None:
        """Take the window off the screen."""
        cv2.destroyWindow(self._title)

    def _on_mouse(self, event: int, x: int, y: int, flags: int, parameter: object) -> None:
        if event == cv2.EVENT_LBUTTONDOWN:
            self.selection.click(x, y)
        else:
            self.selection.move(x, y)


def check_display() -> None:
    """Make sure that a window can be opened.

    Raises:
        ConfigError: OpenCV was built without windows, or there is no display.
    """
    advice = "leave out --show and give --mask or --optional-box and --output DIR"
    if not _has_windows():
        raise ConfigError(
            f"the installed OpenCV is the headless one and opens no window: {advice}, or "
            "install opencv-python in its place"
        )
    is_linux = sys.platform.startswith("linux")
    if is_linux and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        raise ConfigError(f"there is no display (DISPLAY is not set): {advice}")


def _has_windows() -> bool:
    line = next((line for line in cv2.getBuildInformation().splitlines() if "GUI:" in line), "")
    return bool(line) and "NONE" not in line
