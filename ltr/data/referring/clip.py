"""A clip with one object and the sentence that names it, and what happens to it as a whole.

Images are uint8 (frames, H, W, 3) RGB. Boxes are float32 (frames, 4): x0, y0, x1, y1 of the first
and last pixel, zeros where the object is absent; cropping moves them and never measures again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from ltr.data.bounding_boxes import box_of_mask
from ltr.data.referring.sentences import swap_sides


@dataclass(frozen=True)
class Clip:
    """Frames, the object in them, and its sentence.

    Args:
        images: uint8 (frames, H, W, 3).
        masks: bool (frames, H, W).
        boxes: float32 (frames, 4).
        valid: bool (frames,), whether the object is there.
        sentence: Names the object.
    """

    images: np.ndarray
    masks: np.ndarray
    boxes: np.ndarray
    valid: np.ndarray
    sentence: str

    @classmethod
    def of_masks(cls, images: Sequence[np.ndarray], masks: np.ndarray, sentence: str) -> Clip:
        """Measure the boxes of masks, bool (frames, H, W)."""
        valid = np.logical_or.reduce(masks, axis=(1, 2))
        boxes = np.stack([box_of_mask(mask, "corners") for mask in masks])
        return cls(np.stack(images), masks, boxes * valid[:, None], valid, sentence)

    @property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Everything but the sentence, each with the frames first."""
        return self.images, self.masks, self.boxes, self.valid

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.images.shape[1], self.images.shape[2]


def mirror(clip: Clip) -> Clip:
    """Mirror left and right; the words of the sentence change sides too."""
    width = clip.size[1]
    x0, y0, x1, y1 = clip.boxes.T
    return Clip(
        np.ascontiguousarray(clip.images[:, :, ::-1]),
        np.ascontiguousarray(clip.masks[:, :, ::-1]),
        np.stack([width - x1, y0, width - x0, y1], axis=1),
        clip.valid,
        swap_sides(clip.sentence),
    )


def fit_size(
    size: tuple[int, int], short_side: int, max_size: int | None = None
) -> tuple[int, int]:
    """Height and width with the given shorter side, the longer one below a limit.

    >>> fit_size((720, 1280), 360, 640), fit_size((333, 500), 512, 640)
    ((360, 640), (426, 639))
    """
    height, width = size
    short, long = sorted(size)
    if max_size is not None and long / short * short_side > max_size:
        short_side = round(max_size * short / long)
    if short == short_side:
        return size
    if width < height:
        return int(short_side * height / width), short_side
    return short_side, int(short_side * width / height)


def resize_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize uint8 (H, W, 3) to ``size`` (height, width) by Pillow's bilinear filter."""
    if image.shape[:2] == size:
        return image
    return np.asarray(Image.fromarray(image).resize(size[::-1], Image.Resampling.BILINEAR))


def resize(clip: Clip, size: tuple[int, int]) -> Clip:
    """Resize to (height, width); masks take the nearest pixel by PyTorch's rule."""
    height, width = clip.size
    rows, columns = nearest_places(height, size[0]), nearest_places(width, size[1])
    factors = np.array([size[1] / width, size[0] / height] * 2, np.float32)
    return replace(
        clip,
        images=np.stack([resize_image(image, size) for image in clip.images]),
        masks=clip.masks[:, rows][:, :, columns],
        boxes=clip.boxes * factors,
    )


def nearest_places(side: int, new_side: int) -> np.ndarray:
    """Source pixels of a nearest resize along one axis, int64 (new_side,).

    The product of place and factor is rounded in float32, as PyTorch computes it: a few places
    come out one pixel before the exact quotient.

    >>> nearest_places(720, 448)[308], 308 * 720 // 448
    (np.int64(494), 495)
    """
    factor = np.float32(side) / np.float32(new_side)
    places = np.floor(np.arange(new_side, dtype=np.float32) * factor).astype(np.int64)
    return np.minimum(places, side - 1)


def crop(clip: Clip, top: int, left: int, height: int, width: int) -> Clip:
    """Cut out a window; a box that leaves it is cut too."""
    rows, columns = slice(top, top + height), slice(left, left + width)
    boxes = clip.boxes - np.array([left, top, left, top], np.float32)
    limits = np.array([width, height, width, height], np.float32)
    return replace(
        clip,
        images=clip.images[:, rows, columns],
        masks=clip.masks[:, rows, columns],
        boxes=boxes.clip(0, limits),
    )


def check(clip: Clip) -> Clip:
    """Mark the object as present where its box has an area, and set all other boxes to zero."""
    valid = np.logical_and.reduce(clip.boxes[:, 2:] > clip.boxes[:, :2], axis=1)
    return replace(clip, boxes=clip.boxes * valid[:, None], valid=valid)


def relative_boxes(clip: Clip) -> np.ndarray:
    """Centre, width and height of the boxes as parts of the image, float32 (frames, 4)."""
    height, width = clip.size
    corners = clip.boxes
    centres = (corners[:, :2] + corners[:, 2:]) / 2
    boxes = np.concatenate([centres, corners[:, 2:] - corners[:, :2]], axis=1)
    return (boxes / np.array([width, height, width, height], np.float32)).astype(np.float32)


def cut_out(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Blacken everything but an object: the tracking image of TF².

    Args:
        image: uint8 (H, W, 3).
        mask: bool (H, W).
    """
    return image * mask[..., None].astype(np.uint8)
