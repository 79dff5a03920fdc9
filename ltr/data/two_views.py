"""Two views of a clip, and the map between them (Araslanov et al., arXiv 2111.06265, section 3.3).

The main view is a crop; the regularising view is a zoom into it, possibly mirrored. All frames of a
clip are changed alike. Colours are left as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ltr.admin.errors import ConfigError
from ltr.data.image_format import IMAGENET_RGB
from ltr.data.randomness import Generators

# Where an image is smaller than the crop: nearly zero after normalisation.
_MISSING = tuple(round(255 * mean) for mean in IMAGENET_RGB.mean)


@dataclass(frozen=True)
class ViewRoll:
    """What is drawn for a clip.

    Args:
        shorter_side: Shorter side of the scaled frames, pixels.
        crop: Row and column of the crop in the scaled, padded frames.
        flips: Whether both views are mirrored.
        flips_reg: Whether the regularising view is mirrored once more.
        zoom: Part of the main view's sides that the regularising view shows, 0..1.
        zoom_corner: Row and column of the zoomed window in the main view, pixels.
    """

    shorter_side: int
    crop: tuple[int, int]
    flips: bool
    flips_reg: bool
    zoom: float
    zoom_corner: tuple[int, int]


@dataclass(frozen=True)
class Views:
    """Both views of a clip.

    Args:
        main: uint8 (frames, H, W, 3).
        reg: uint8 (frames, H, W, 3), the regularising view.
        theta: float32 (2, 3): brings the main view into the frame of the other one, as
            ``affine_grid`` wants it (normalised coordinates, x first).
    """

    main: np.ndarray
    reg: np.ndarray
    theta: np.ndarray


@dataclass(frozen=True)
class TwoViews:
    """How the views are made.

    Args:
        crop_size: Height and width, pixels.
        shorter_side_range: Frames are scaled to a shorter side from this range, the end excluded.
        crops_randomly: Whether the crop lies anywhere, or in the centre.
        flips: Whether clips are mirrored half of the time.
        flips_reg: Whether the regularising view is mirrored half of the time.
        zoom_range: Range of ``ViewRoll.zoom``, 0..1.
    """

    crop_size: tuple[int, int] = (256, 256)
    shorter_side_range: tuple[int, int] = (256, 320)
    crops_randomly: bool = True
    flips: bool = True
    flips_reg: bool = True
    zoom_range: tuple[float, float] = (0.5, 1.0)

    def __post_init__(self) -> None:
        low, high = self.zoom_range
        if not 0 < low <= high <= 1:
            raise ConfigError(f"zoom_range must lie in 0..1, got {self.zoom_range}")
        if not 0 < self.shorter_side_range[0] <= self.shorter_side_range[1]:
            raise ConfigError(f"shorter_side_range must ascend, got {self.shorter_side_range}")

    def roll(self, size: tuple[int, int], random: Generators) -> ViewRoll:
        """Draw the views of a clip whose frames have ``size`` (height, width)."""
        draw = random.python
        low, high = self.shorter_side_range
        side = low + int((high - low) * draw.random())
        height, width = scaled_size(size, side)
        rows, columns = self.crop_size
        spare_rows, spare_columns = max(0, height - rows), max(0, width - columns)
        random_crop = draw.randint(0, spare_rows), draw.randint(0, spare_columns)
        centre = round(spare_rows / 2), round(spare_columns / 2)
        flips, flips_reg = draw.random() > 0.5, draw.random() > 0.5
        zoom = draw.uniform(*self.zoom_range)
        corner = (
            draw.randint(0, rows - int(zoom * rows)),
            draw.randint(0, columns - int(zoom * columns)),
        )
        return ViewRoll(
            shorter_side=side,
            crop=random_crop if self.crops_randomly else centre,
            flips=self.flips and flips,
            flips_reg=self.flips_reg and flips_reg,
            zoom=zoom,
            zoom_corner=corner,
        )

    def apply(self, images: Sequence[np.ndarray], roll: ViewRoll) -> Views:
        """Make both views.

        Args:
            images: uint8 (H, W, 3) RGB, all of one size.
            roll: Drawn for this size.
        """
        main = [self._main(Image.fromarray(image), roll) for image in images]
        reg = [self._reg(picture, roll) for picture in main]
        return Views(np.stack(main), np.stack(reg), self._theta(roll))

    def _main(self, picture: Image.Image, roll: ViewRoll) -> np.ndarray:
        height, width = scaled_size((picture.height, picture.width), roll.shorter_side)
        picture = picture.resize((width, height), Image.Resampling.BILINEAR)
        pixels = np.asarray(_padded(picture, self.crop_size))
        (top, left), (rows, columns) = roll.crop, self.crop_size
        crop = pixels[top : top + rows, left : left + columns]
        return crop[:, ::-1] if roll.flips else crop

    def _reg(self, pixels: np.ndarray, roll: ViewRoll) -> np.ndarray:
        height, width = self.crop_size
        if roll.flips_reg:
            pixels = pixels[:, ::-1]
        (top, left), (rows, columns) = roll.zoom_corner, self._zoomed(roll)
        part = np.ascontiguousarray(pixels[top : top + rows, left : left + columns])
        zoomed = Image.fromarray(part).resize((width, height), Image.Resampling.BILINEAR)
        return np.asarray(zoomed)

    def _theta(self, roll: ViewRoll) -> np.ndarray:
        """The inverse of: mirror, move the zoomed part to the centre, enlarge by 1 / zoom."""
        (top, left), (rows, columns) = roll.zoom_corner, self._zoomed(roll)
        height, width = self.crop_size
        down = (top + rows / 2 - height / 2) / (height // 2)
        right = (left + columns / 2 - width / 2) / (width // 2)
        sign = -1.0 if roll.flips_reg else 1.0
        theta = [[sign * roll.zoom, 0.0, sign * right], [0.0, roll.zoom, down]]
        return np.array(theta, dtype=np.float32)

    def _zoomed(self, roll: ViewRoll) -> tuple[int, int]:
        return int(roll.zoom * self.crop_size[0]), int(roll.zoom * self.crop_size[1])


def scaled_size(size: tuple[int, int], shorter_side: int) -> tuple[int, int]:
    """Height and width after scaling the shorter side; the other side is cut off to an integer.

    >>> scaled_size((135, 240), 128)
    (128, 227)
    """
    height, width = size
    if width > height:
        return shorter_side, int(shorter_side * width / height)
    return int(shorter_side / (width / height)), shorter_side


def _padded(picture: Image.Image, size: tuple[int, int]) -> Image.Image:
    height, width = (max(a, b) for a, b in zip((picture.height, picture.width), size, strict=True))
    if (width, height) == picture.size:
        return picture
    canvas = Image.new("RGB", (width, height), _MISSING)
    canvas.paste(picture, ((width - picture.width) // 2, (height - picture.height) // 2))
    return canvas
