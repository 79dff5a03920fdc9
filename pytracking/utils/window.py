"""A window on the screen in which boxes are drawn with the mouse."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image

from ltr.admin.errors import ConfigError

if TYPE_CHECKING:
    import tkinter

    from ltr.data.bounding_boxes import Box

_CURSOR_COLOUR = (255, 255, 255)
_CLOSED = "q"
_ADVICE = "leave out --show and give --mask or --optional-box and --output DIR"


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


class DisplayWindow:
    """Shows pictures, and collects keys and boxes.

    It is drawn by Tk, which comes with Python, so either distribution of OpenCV will do.

    Args:
        title: Stands in the title bar.

    Raises:
        ConfigError: No window can be opened here.
    """

    def __init__(self, title: str) -> None:
        self.selection = BoxSelection()
        self._root = _open_root()
        import tkinter

        self._root.title(title)
        self._label = tkinter.Label(self._root, borderwidth=0, background="black")
        self._label.pack(expand=True, fill=tkinter.BOTH)
        self._size = (0, 0)
        self._scale = 1.0
        self._keys: list[str] = []
        self._root.bind("<Key>", lambda event: self._keys.append(event.char))
        self._label.bind("<Motion>", lambda event: self.selection.move(*self._pixel(event)))
        self._label.bind("<Button-1>", lambda event: self.selection.click(*self._pixel(event)))
        self._root.protocol("WM_DELETE_WINDOW", lambda: self._keys.append(_CLOSED))

    def show(self, image: np.ndarray) -> str:
        """Show a picture, uint8 (H, W, 3) RGB; the key pressed meanwhile, or an empty text."""
        picture = self.selection.draw(image)
        height, width = picture.shape[:2]
        if self._size != (width, height):
            self._size = (width, height)
            self._root.geometry(f"{width}x{height}")
            self._root.update()
        room = self._label.winfo_width() / width, self._label.winfo_height() / height
        self._scale = max(min(room), 1 / min(width, height))
        if self._scale != 1:
            fitted = max(1, round(width * self._scale)), max(1, round(height * self._scale))
            picture = cv2.resize(picture, fitted, interpolation=cv2.INTER_AREA)
        from PIL import ImageTk

        photo = ImageTk.PhotoImage(Image.fromarray(picture), master=self._root)
        self._label.configure(image=photo)
        self._label.image = photo  # type: ignore[attr-defined]  # Tk itself does not keep it
        self._root.update()
        return self._keys.pop(0) if self._keys else ""

    def close(self) -> None:
        """Take the window off the screen."""
        self._root.destroy()

    def _pixel(self, event: tkinter.Event[tkinter.Label]) -> tuple[int, int]:
        """The pixel of the picture under the mouse; the picture lies in the middle."""
        room = self._label.winfo_width(), self._label.winfo_height()
        x, y = (
            (place - (space - self._scale * side) / 2) / self._scale
            for place, space, side in zip((event.x, event.y), room, self._size, strict=True)
        )
        return (
            int(np.clip(x, 0, self._size[0] - 1)),
            int(np.clip(y, 0, self._size[1] - 1)),
        )


def _open_root() -> tkinter.Tk:
    try:
        import tkinter
    except ImportError as error:
        raise ConfigError(
            f"this Python has no Tk for --show (Debian, Ubuntu: apt install python3-tk): {_ADVICE}"
        ) from error
    try:
        return tkinter.Tk()
    except tkinter.TclError as error:
        raise ConfigError(f"no window can be opened ({error}): {_ADVICE}") from error
