"""The objects of a video as given by the user: mask files and boxes, at any frame."""

from __future__ import annotations

import logging
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.data.bounding_boxes import Box
from ltr.data.encoded_files import ContentError, naming
from ltr.data.image_io import read_mask_file
from ltr.data.mask_rule import Mask
from ltr.data.palette import VOID
from pytracking.evaluation.prompt_types import BoxPrompt, MaskPrompt
from pytracking.tracker.base import FrameInfo
from pytracking.utils.box_mask import inside_frame, mask_from_box

_LOG = logging.getLogger(__name__)

_MAX_OBJECTS = 100


def plan_prompts(
    masks: Sequence[MaskPrompt],
    boxes: Sequence[BoxPrompt],
    size: tuple[int, int],
    length: int | None = None,
    reserved_ids: Collection[int] = (),
) -> dict[int, FrameInfo]:
    """Read all mask files and give every object an id of its own.

    Ids in mask files are kept, gaps included; an id that started earlier is ignored in a later
    mask. Boxes and binary masks get the smallest free ids.

    Args:
        masks: Palette or grey PNGs, pixel value = object id; or black and white.
        boxes: Boxes.
        size: (width, height) of the video.
        length: Number of frames of the video; None if unknown.
        reserved_ids: Ids that are given to no box and no black and white mask.

    Returns:
        The prompt of every frame that has one.

    Raises:
        ConfigError: No prompt, or one behind the end of the video.
        DataError: A mask cannot be used, or a box lies outside the video.
    """
    _check_frames([*(mask.frame for mask in masks), *(box.frame for box in boxes)], length)
    for box in boxes:
        inside_frame(box.box, size)
    plan: dict[int, FrameInfo] = {}
    read: list[tuple[MaskPrompt, Mask]] = []
    for prompt in masks:
        mask = read_mask_file(prompt.path)
        with naming(prompt.path):
            _check_mask(mask.labels, size)
        if num_void := int(np.count_nonzero(mask.labels == VOID)):
            _LOG.warning("%s: %d void pixels (255) belong to no object", prompt.path, num_void)
            mask = mask._replace(labels=np.where(mask.labels == VOID, np.uint8(0), mask.labels))
        read.append((prompt, mask))
    taken: set[int] = set()
    numbered = (mask.labels for _, mask in read if not mask.is_black_and_white)
    reserved = {*reserved_ids} | {key for labels in numbered for key in object_ids(labels)}
    for prompt, mask in sorted(read, key=lambda entry: entry[0].frame):
        with naming(prompt.path):
            labels = _with_fresh_ids(mask, taken, reserved)
        if mask.is_black_and_white:
            message = "%s is black and white: its object becomes object %d"
            _LOG.info(message, prompt.path, *object_ids(labels))
        elif known := sorted(taken.intersection(object_ids(mask.labels))):
            _LOG.warning("%s: the ids %s started before and are ignored", prompt.path, known)
        taken.update(object_ids(labels))
        plan[prompt.frame] = _with_mask(plan.get(prompt.frame, FrameInfo()), labels)
    for box in sorted(boxes, key=lambda box: box.frame):
        key = _free_id(taken | reserved)
        taken.add(key)
        plan[box.frame] = _with_box(plan.get(box.frame, FrameInfo()), key, box.box)
    return dict(sorted(plan.items()))


def _check_mask(labels: np.ndarray, size: tuple[int, int]) -> None:
    """Make sure that a label map fits the video and holds an object."""
    height, width = labels.shape
    if (width, height) != size:
        raise ContentError(f"is {width}x{height}, the video {size[0]}x{size[1]}")
    present = object_ids(labels)
    if len(present) > _MAX_OBJECTS:
        raise ContentError(
            f"holds {len(present)} different values: expected one value per object, as in a PNG "
            "saved without smoothing"
        )
    if not present:
        num_void = int(np.count_nonzero(labels == VOID))
        seen = f"{num_void} pixels are void (255)" if num_void else "every pixel is background"
        raise ContentError(f"holds no object: {seen}")


def with_box_masks(image: np.ndarray, info: FrameInfo) -> FrameInfo:
    """Draw the objects of a prompt that have a box but no pixel in the mask.

    Args:
        image: uint8 (H, W, 3) RGB, the frame of the prompt.
        info: The prompt.

    Returns:
        A prompt in which every object has pixels; ``info`` itself when nothing was missing. The
        pixels of a mask win over those of a box, an earlier box over a later one.

    Raises:
        DataError: A box lies outside the frame, or other objects cover it completely.
    """
    drawn = set() if info.mask is None else set(np.unique(info.mask).tolist())
    missing = [key for key in info.object_ids if key in info.boxes and key not in drawn]
    if not missing:
        return info
    labels = np.zeros(image.shape[:2], np.uint8) if info.mask is None else info.mask.copy()
    for key in missing:
        labels[mask_from_box(image, info.boxes[key]) & (labels == 0)] = key
        if not (labels == key).any():
            raise DataError(f"the box of object {key} is completely covered by other objects")
    return replace(info, mask=labels)


def object_ids(labels: np.ndarray) -> tuple[int, ...]:
    """The ids (1..254) that have a pixel in a label map, ascending."""
    return tuple(key for key in np.unique(labels).tolist() if 0 < key < VOID)


def _check_frames(frames: Sequence[int], length: int | None) -> None:
    if not frames:
        raise ConfigError(
            "no object is given: name one with --mask, --box, --point, --scribbles, --text or --all"
        )
    last = max(frames)
    if length is not None and last >= length:
        raise ConfigError(f"a prompt is for frame {last}, the video has frames 0..{length - 1}")


def _with_fresh_ids(mask: Mask, taken: set[int], reserved: set[int]) -> np.ndarray:
    """The label map with only the objects that start now."""
    labels = mask.labels
    if mask.is_black_and_white:
        return labels * np.uint8(_free_id(taken | reserved))
    present = object_ids(labels)
    known = [key for key in present if key in taken]
    if len(known) == len(present):
        raise ContentError(f"starts no new object: the ids {known} are there already")
    return np.where(np.isin(labels, known), 0, labels)


def _free_id(taken: set[int]) -> int:
    free = next((key for key in range(1, VOID) if key not in taken), None)
    if free is None:
        raise ConfigError(f"a video holds at most {VOID - 1} objects")
    return free


def _with_mask(info: FrameInfo, labels: np.ndarray) -> FrameInfo:
    merged = labels if info.mask is None else np.where(labels > 0, labels, info.mask)
    hidden = set(info.object_ids) - set(object_ids(merged))
    if hidden:
        raise DataError(f"the masks of one frame overlap: nothing is left of objects {hidden}")
    return FrameInfo(object_ids(merged), merged, info.boxes)


def _with_box(info: FrameInfo, key: int, box: Box) -> FrameInfo:
    return FrameInfo((*info.object_ids, key), info.mask, {**info.boxes, key: box})
