"""Where the tracker looks: target state, search windows and their integer arithmetic.

Convention: vectors are (row, column) = (y, x); a pixel's centre has integer coordinates; windows
are half-open, ``[top, bottom)`` x ``[left, right)``. All arithmetic on positions and sizes is
IEEE single precision with one rounding an operation, because a quotient that is mathematically an
integer is truncated: one unit in the last place moves a window by a whole pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

BorderMode = Literal["replicate", "inside", "inside_major"]
Vector = np.ndarray  # float32 (2,): row, column

_F32 = np.float32


Root = Callable[[np.float32], np.float32]


def torch_root(value: np.float32) -> np.float32:
    """PyTorch's square root: its last digit, not IEEE's, is in the published windows."""
    import torch  # exported trackers use this module without it

    return _F32(torch.tensor(value, dtype=torch.float32).sqrt().item())


def ieee_root(value: np.float32) -> np.float32:
    """The square root to the nearest number; PyTorch's may differ in the last digit."""
    return _F32(np.sqrt(value))


def vector(values: Sequence[float | np.float32]) -> Vector:
    """Row and column as float32."""
    return np.asarray(values, dtype=_F32)


@dataclass(frozen=True)
class SearchWindow:
    """A rectangle of the (possibly thinned out) image, in whole pixels.

    Args:
        step: Every ``step``-th pixel of the image is used.
        offset: First used (row, column).
        top_left: (row, column) of the first pixel, counted in used pixels; may be negative.
        bottom_right: One past the last pixel.
        keep_inside: Whether the window was moved into the image.
    """

    step: int
    offset: tuple[int, int]
    top_left: tuple[int, int]
    bottom_right: tuple[int, int]
    keep_inside: bool

    @property
    def coords(self) -> tuple[int, int, int, int]:
        """Top, left, bottom, right in pixels of the image."""
        (top, left), (bottom, right) = self.top_left, self.bottom_right
        return self.step * top, self.step * left, self.step * bottom, self.step * right


def plan_window(
    image_size: Sequence[int],
    center: Vector,
    sample_size: Vector,
    output_size: Sequence[int],
    mode: BorderMode,
    max_scale_change: float | None = None,
) -> SearchWindow:
    """Place a window of about ``sample_size`` around ``center`` on the pixel grid.

    Args:
        image_size: (H, W).
        center: Row and column of the centre, pixels; the fractional part is dropped.
        sample_size: Wanted (height, width) in pixels.
        output_size: (height, width) that the window will be resized to.
        mode: ``replicate`` lets the window leave the image; the inside modes shrink it until it
            fits on both axes (``inside``) or on one (``inside_major``), and move it inside.
        max_scale_change: Limit of the shrinking.
    """
    position = np.trunc(center).astype(np.int64)
    if mode != "replicate":
        sample_size = _shrink(sample_size, image_size, mode, max_scale_change)
    ratio = float((sample_size / vector(output_size)).min())
    step = max(int(ratio - 0.1), 1)
    offset = position % step
    position = (position - offset) // step
    used = [-(-(side - int(start)) // step) for side, start in zip(image_size, offset, strict=True)]
    extent = np.maximum(np.rint(sample_size / _F32(step)), 2).astype(np.int64)
    first = position - (extent - 1) // 2
    last = position + extent // 2 + 1
    if mode != "replicate":
        first, last = _move_inside(first, last, np.asarray(used))
    return SearchWindow(
        step, _pair(offset), _pair(first), _pair(last), keep_inside=mode != "replicate"
    )


def _shrink(
    size: Vector, image_size: Sequence[int], mode: BorderMode, max_scale_change: float | None
) -> Vector:
    quotient = size / vector(image_size)
    factor = quotient.max() if mode == "inside" else quotient.min()
    factor = max(factor, _F32(1))
    if max_scale_change is not None:
        factor = min(factor, _F32(max_scale_change))
    return np.trunc(size / factor)


def _move_inside(
    first: np.ndarray, last: np.ndarray, image_size: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Move a window inside on each axis; centre it where it is larger than the image."""
    move = np.maximum(-first, 0) - np.maximum(last - image_size, 0)
    first, last = first + move, last + move
    outside = (np.maximum(-first, 0) + np.maximum(last - image_size, 0)) // 2
    move = np.where(outside > 0, -first - outside, 0)
    return first + move, last + move


def _pair(values: np.ndarray) -> tuple[int, int]:
    return int(values[0]), int(values[1])


def split_padding(
    padding: Sequence[int], size: Sequence[int]
) -> tuple[slice, slice, tuple[int, ...]]:
    """What a padding that may be negative cuts off an image, and what it then adds.

    Args:
        padding: Pixels to add on the left, right, top, bottom; negative ones are cut off.
        size: (height, width) of the image.

    Returns:
        The rows and columns that stay, and the padding where it is positive, else 0.

    >>> split_padding((-1, 2, 3, -4), (10, 20))
    (slice(0, 6, None), slice(1, 20, None), (0, 2, 3, 0))
    """
    left, right, top, bottom = padding
    rows = slice(max(-top, 0), size[0] - max(-bottom, 0))
    columns = slice(max(-left, 0), size[1] - max(-right, 0))
    return rows, columns, tuple(max(side, 0) for side in padding)


def shared_windows(windows: Sequence[SearchWindow], tolerance: float) -> list[SearchWindow]:
    """Let objects look through the first window that hardly differs from their own.

    Args:
        windows: Search window of every object.
        tolerance: Largest difference of a border, as a share of the window's side.
    """
    chosen: list[SearchWindow] = []
    for window in windows:
        near = (other for other in chosen if _is_near(window, other, tolerance))
        chosen.append(next(near, window))
    return chosen


def _is_near(one: SearchWindow, other: SearchWindow, tolerance: float) -> bool:
    top, left, bottom, right = one.coords
    sides = (bottom - top, right - left) * 2
    return all(
        abs(a - b) <= tolerance * side
        for a, b, side in zip(one.coords, other.coords, sides, strict=True)
    )


@dataclass(frozen=True)
class FirstWindow:
    """The crop of an object's first frame: a window of twice the size, then cut back.

    Args:
        window: The large window, in replicate mode.
        resized: (height, width) it is resized to.
        output_size: (height, width) of the crop cut from its middle.
        shift: How far (down, right) the crop moves towards the inside of the image.
    """

    window: SearchWindow
    resized: tuple[int, int]
    output_size: tuple[int, int]
    shift: tuple[int, int]

    @property
    def padding(self) -> tuple[int, int, int, int]:
        """Left, right, top, bottom padding of the resized window; negative values cut."""
        rows, columns = (
            (side - whole) / 2 for side, whole in zip(self.output_size, self.resized, strict=True)
        )
        down, right = self.shift
        return (
            math.floor(columns) + right,
            math.ceil(columns) - right,
            math.floor(rows) + down,
            math.ceil(rows) - down,
        )


def plan_first_window(
    image_size: Sequence[int],
    center: Vector,
    target_scale: np.float32,
    output_size: Sequence[int],
    mode: BorderMode,
    root: Root = torch_root,
) -> FirstWindow:
    """Place the window of an object's first frame.

    Args:
        image_size: (H, W).
        center: Centre of the object.
        target_scale: Image pixels per pixel of the crop.
        output_size: (height, width) of the crop.
        mode: Border mode, as in ``plan_window``.
        root: Square root.
    """
    size, image = vector(output_size), vector(image_size)
    scale, shift = target_scale, np.zeros(2, dtype=np.int64)
    if mode != "replicate":
        window = target_scale * size
        quotient = window / image
        factor = quotient.max() if mode == "inside" else quotient.min()
        window = window / max(factor, _F32(1))
        scale = mean_ratio(window, size, root)
        first = center - (window - _F32(1)) / _F32(2)
        last = center + window / _F32(2) + _F32(1)
        outside = np.maximum(-first, _F32(0)) - np.maximum(last - image, _F32(0))
        shift = np.trunc(-outside / scale).astype(np.int64)
    height, width = output_size
    large = (2 * height + height % 2, 2 * width + width % 2)
    plan = plan_window(image_size, np.rint(center), scale * vector(large), large, "replicate")
    return FirstWindow(plan, large, (height, width), _pair(shift))


def mean_ratio(size: Vector, reference: Vector, root: Root = torch_root) -> np.float32:
    """Geometric mean of the axes' ratios."""
    ratio = size / reference
    return root(ratio[0] * ratio[1])


@dataclass
class TargetState:
    """Position and size of one object.

    Args:
        center: (row, column) in the image.
        size: (height, width) in the image.
        base_size: Size of the object in its first frame, in crop pixels; keeps its aspect ratio.
        scale: Image pixels per crop pixel.
    """

    center: Vector
    size: Vector
    base_size: Vector
    scale: np.float32

    @classmethod
    def from_box(
        cls,
        box: Sequence[float],
        search_area_scale: float,
        output_size: Sequence[int],
        root: Root = torch_root,
    ) -> TargetState:
        """State of an object that starts with a box (x, y, width, height).

        Sides below one pixel count as one pixel: a mask one pixel wide has a box of width 0.
        """
        x, y, width, height = (_F32(value) for value in box)
        width, height = max(width, _F32(1)), max(height, _F32(1))
        half, one, factor = _F32(0.5), _F32(1), _F32(search_area_scale)
        center = vector((y + (height - one) * half, x + (width - one) * half))
        size = vector((height, width))
        area = (height * factor) * (width * factor)
        crop_side = root(_F32(output_size[0]) * _F32(output_size[1]))
        scale = _F32(math.sqrt(area)) * (one / crop_side)
        return cls(center, size, size / scale, scale)

    def follow(
        self,
        center: Vector,
        size: Vector,
        max_scale_change: Sequence[float],
        root: Root = torch_root,
    ) -> None:
        """Move to a measured position; the scale follows the measured size within limits.

        Args:
            center: Measured (row, column).
            size: Measured (height, width).
            max_scale_change: Smallest and largest factor of the scale in one frame.
            root: Square root.
        """
        self.center = center
        ratio = root((size[0] * size[1]) / (self.base_size[0] * self.base_size[1]))
        low, high = (_F32(limit) for limit in max_scale_change)
        self.scale = self.scale * min(max(ratio / self.scale, low), high)
        self.size = self.base_size * self.scale

    def search_center(self, output_size: Sequence[int], stride: int, kernel_size: int) -> Vector:
        """Centre of the search window: half a feature cell further where the sums are odd.

        Args:
            output_size: (height, width) of the crop.
            stride: Pixels of a feature cell.
            kernel_size: Side of the target model's filter.
        """
        size = vector(output_size)
        cells = vector([side // stride for side in output_size])
        is_odd = vector([(side // stride + kernel_size) % 2 for side in output_size])
        return self.center + is_odd * self.scale * size / (_F32(2) * cells)
