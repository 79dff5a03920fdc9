"""What the pixels of a mask file mean: the one rule of all commands.

Pixel values are object ids where the palette is the one of DAVIS or of this toolkit, where a
palette begins with black, or where grey values are plainly ids. Else the colours decide: black is
background, white alone is object 1, the colours of the known palettes are their ids. Transparent
pixels are background. What cannot be decided is refused in one sentence, never guessed.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from PIL import Image

from ltr.admin.errors import DataError
from ltr.data.encoded_files import ContentError
from ltr.data.palette import NUM_RESULT_COLOURS, VOID, pascal_palette, result_palette

PathLike = str | os.PathLike[str]

_MAX_COLOURED = 8192 * 4320
_CONVERT = "convert it with `python -m pytracking.utils.masks convert`"
_OPAQUE = 128
_CODE = np.array([1 << 16, 1 << 8, 1])
_WHITE = 0xFFFFFF
# Ids may have gaps beside void (255), but 127 and 255 are shades.
_MOST_GAPS = 8
_MOST_SHADES = 100
_FEWEST_RAMPS, _FEWEST_SPECKS = 3, 8
_FEWEST_DITHERED = 500
_SHOWN = 4
_WITH_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
_WITH_TRANSPARENCY = ("1", "L", "P", "RGB")


class Mask(NamedTuple):
    """A mask file.

    Args:
        labels: uint8 (H, W), 0 = background, 255 = void.
        has_known_palette: Whether its ids need no palette, or it is that of DAVIS or this toolkit.
        is_black_and_white: Whether it shows one object in white, whose id (1) is not in the file.
    """

    labels: np.ndarray
    has_known_palette: bool = True
    is_black_and_white: bool = False


def mask_of_picture(picture: Image.Image) -> Mask:
    """Find the object ids of a decoded picture of any mode.

    Args:
        picture: Palette, grey (1 to 16 bits) or colour, with or without transparency.

    Raises:
        ContentError: Its pixels are not object ids.
    """
    if picture.mode not in ("1", "L", "P"):
        refuse_large(picture.height, picture.width)
    opaque = _opaque_pixels(picture)
    if picture.mode == "P":
        palette = np.array(picture.getpalette() or [], np.uint8).reshape(-1, 3)
        return mask_of_indices(np.asarray(picture, np.uint8), palette, opaque)
    if picture.mode == "1":
        return _masked(np.asarray(picture).astype(np.uint8), opaque, is_black_and_white=True)
    if picture.mode in ("LA", "La"):
        return mask_of_values(np.asarray(picture.convert("LA"))[..., 0], opaque)
    values = np.asarray(picture)
    if values.ndim == 2:
        return mask_of_values(_narrow(values), opaque)
    return _mask_of_colours(np.asarray(picture.convert("RGB")), opaque)


def mask_of_indices(
    indices: np.ndarray, palette: np.ndarray, opaque: np.ndarray | None = None
) -> Mask:
    """The mask in the pixels of a palette picture.

    Args:
        indices: uint8 (H, W).
        palette: uint8 (colours, 3) RGB; missing colours are black.
        opaque: bool (H, W), False where transparent; None where nothing is.

    Raises:
        ContentError: Neither indices nor colours are object ids.
    """
    kind = _palette_kind(palette.tobytes())
    if kind == "grey":
        return mask_of_values(indices, opaque)
    if kind == "pascal":
        return _masked(indices, opaque)
    if kind == "result" and indices.max() < VOID:
        return _masked(indices, opaque)
    present = np.flatnonzero(_histogram(indices, opaque))
    colours = np.zeros((VOID + 1, 3), np.uint8)
    colours[: len(palette)] = palette[: VOID + 1]
    if kind == "result":
        if set(present.tolist()) <= {0, VOID}:
            return _masked((indices == VOID).view(np.uint8), opaque, is_black_and_white=True)
        return _masked(indices, opaque)
    if _indices_are_ids(colours, present):
        _refuse_smoothed_indices(indices, colours, present)
        _refuse_dithered_indices(indices, present)
        return _masked(indices, opaque, has_known_palette=False)
    height, width = indices.shape
    refuse_large(height, width)
    return _mask_of_colours(colours[indices], opaque)


def mask_of_values(values: np.ndarray, opaque: np.ndarray | None = None) -> Mask:
    """The mask in the pixels of a grey picture.

    Args:
        values: uint8 (H, W).
        opaque: bool (H, W), False where transparent; None where nothing is.

    Raises:
        ContentError: The values are shades, not object ids.
    """
    counts = _histogram(values, opaque)
    if opaque is not None and counts[0] and not counts[1:].any():
        return Mask(opaque.view(np.uint8), is_black_and_white=True)
    shades = np.flatnonzero(counts[1:VOID]) + 1
    if not len(shades):
        return _masked((values == VOID).view(np.uint8), opaque, is_black_and_white=True)
    is_numbered = shades[-1] == len(shades)
    if not (is_numbered and not counts[VOID]):
        _refuse_shades(values, counts, shades)
    return _masked(values, opaque)


def refuse_mixed_masks(kinds: Mapping[bool, PathLike]) -> None:
    """Refuse a video of which some masks are black and white and others hold ids.

    Args:
        kinds: A mask file of either kind, by ``Mask.is_black_and_white``.

    Raises:
        DataError: There are both.
    """
    if len(kinds) > 1:
        raise DataError(
            f"{kinds[True]} shows one object in white, {kinds[False]} object ids: in one video "
            f"255 cannot mean both; {_CONVERT}"
        )


def _refuse_shades(values: np.ndarray, counts: np.ndarray, shades: np.ndarray) -> None:
    has_white = bool(counts[VOID])
    is_dense = shades[-1] <= len(shades) + _MOST_GAPS
    if (len(shades) > _MOST_SHADES and not is_dense) or _is_smoothed(values, shades):
        raise ContentError(
            f"has smoothed or noisy edges ({len(shades) + has_white} grey values): an "
            f"object needs one value, without smoothing; {_CONVERT}"
        )
    if has_white and not is_dense:
        shown = ", ".join(map(str, shades[:_SHOWN])) + (", ..." if len(shades) > _SHOWN else "")
        raise ContentError(
            f"is grey with the values {shown} and 255: 255 means void in masks, but "
            f"{counts[VOID]} pixels have it like an object; {_CONVERT}"
        )


def _is_smoothed(values: np.ndarray, shades: np.ndarray) -> bool:
    """Whether most values are those of a blurred, resized or compressed edge.

    The pixels of such a value lie between darker and lighter ones, or nowhere form a square of
    three by three.
    """
    import cv2

    square = np.ones((3, 3), np.uint8)
    values = np.ascontiguousarray(values)
    darkest, lightest = cv2.erode(values, square), cv2.dilate(values, square)
    counts = np.bincount(values.ravel(), minlength=VOID + 1)[shades]
    between = values[(darkest < values) & (values < lightest)]
    is_ramp = 2 * np.bincount(between, minlength=VOID + 1)[shades] >= counts
    is_speck = np.bincount(values[darkest == lightest], minlength=VOID + 1)[shades] == 0
    if is_ramp.sum() >= _FEWEST_RAMPS and 2 * is_ramp.sum() >= len(shades):
        return True
    is_edge = is_ramp | is_speck
    return bool(is_edge.sum() >= _FEWEST_SPECKS and 2 * is_edge.sum() >= len(shades))


def _indices_are_ids(colours: np.ndarray, present: np.ndarray) -> bool:
    """Whether a foreign palette numbers objects: it begins with the black of the background."""
    codes = colours[present] @ _CODE
    if len(codes) > 1 and len(set(codes.tolist())) == 1:
        return True
    return not colours[0].any() and (0 in present or 0 not in codes)


def _refuse_smoothed_indices(indices: np.ndarray, colours: np.ndarray, present: np.ndarray) -> None:
    """Shades that an image program has collected in a palette are not ids either."""
    is_grey = (colours[present] == colours[present][:, :1]).all()
    if len(present) <= _FEWEST_RAMPS or not (is_grey or len(present) > _FEWEST_SPECKS):
        return
    light = (colours.astype(np.uint16).sum(axis=1) // 3).astype(np.uint8)
    shades = np.unique(light[present])
    if _is_smoothed(light[indices], shades[(shades > 0) & (shades < VOID)]):
        raise ContentError(
            f"has smoothed or noisy edges ({len(present)} colours): an object needs one "
            f"colour, without smoothing; {_CONVERT}"
        )


def _refuse_dithered_indices(indices: np.ndarray, present: np.ndarray) -> None:
    """An image program that lacks a colour mixes others, and no id fills a square anywhere."""
    import cv2

    num_ids = np.count_nonzero(present)
    if num_ids < _FEWEST_RAMPS or np.count_nonzero(indices) < _FEWEST_DITHERED:
        return
    square = np.ones((3, 3), np.uint8)
    indices = np.ascontiguousarray(indices)
    is_whole = cv2.erode(indices, square) == cv2.dilate(indices, square)
    if not (indices[is_whole] > 0).any():
        raise ContentError(
            f"mixes the colours of its palette in dots ({num_ids} beside background): save "
            f"it without dithering; {_CONVERT}"
        )


def refuse_large(height: int, width: int, most: int = _MAX_COLOURED) -> None:
    """Colours are looked up pixel by pixel: not more of them than a frame of a video has."""
    if height * width > most:
        raise ContentError(f"has {width}x{height} pixels in colours or 16 bits, more than {most}")


def colour_codes(colours: np.ndarray) -> np.ndarray:
    """Colours (H, W, 3 or 4) as numbers 0xRRGGBB, int32 (H, W), without wide copies."""
    codes: np.ndarray = colours[..., 0].astype(np.int32)
    for channel in (1, 2):
        codes <<= 8
        codes |= colours[..., channel]
    return codes


def _mask_of_colours(colours: np.ndarray, opaque: np.ndarray | None) -> Mask:
    codes = colour_codes(colours)
    present = np.unique(codes if opaque is None else codes[opaque])
    if opaque is not None and present.tolist() == [0]:
        return Mask(opaque.view(np.uint8), is_black_and_white=True)
    if set(present.tolist()) <= {0, _WHITE}:
        return _masked((codes == _WHITE).view(np.uint8), opaque, is_black_and_white=True)
    is_grey = bool((colours == colours[..., :1]).all())
    for palette in (result_palette()[: NUM_RESULT_COLOURS if is_grey else None], pascal_palette()):
        labels = {code: label for label, code in reversed(list(enumerate(palette @ _CODE)))}
        if all(code in labels for code in present):
            table = np.array([labels[code] for code in present], dtype=np.uint8)
            places = np.searchsorted(present, codes)
            np.minimum(places, len(present) - 1, out=places)
            return _masked(table[places], opaque)
    if is_grey:
        return mask_of_values(colours[..., 0], opaque)
    shown = ", ".join(f"#{code:06x}" for code in present[:_SHOWN].tolist())
    raise ContentError(
        f"has {len(present)} colours ({shown}{', ...' if len(present) > _SHOWN else ''}) "
        "that are not in the mask palette, so that ids and background cannot be told: expected an "
        f"8-bit PNG with pixel value = object id; {_CONVERT}"
    )


def _opaque_pixels(picture: Image.Image) -> np.ndarray | None:
    """Where a picture is not transparent, bool (H, W); None where that is everywhere."""
    value = picture.info.get("transparency")
    if picture.mode in _WITH_ALPHA or (value is not None and picture.mode in _WITH_TRANSPARENCY):
        alpha = np.asarray(picture.convert("RGBA").getchannel("A"))
        opaque = alpha >= _OPAQUE
    elif isinstance(value, int):
        opaque = np.asarray(picture) != value
    else:
        return None
    return None if opaque.all() else opaque


def _masked(
    labels: np.ndarray,
    opaque: np.ndarray | None,
    has_known_palette: bool = True,
    is_black_and_white: bool = False,
) -> Mask:
    if opaque is not None:
        labels = np.where(opaque, labels, 0).astype(np.uint8)
    return Mask(labels, has_known_palette, is_black_and_white and bool(labels.any()))


def _narrow(values: np.ndarray) -> np.ndarray:
    """Values of more than 8 bits as uint8, where they fit or are black and white."""
    if not np.isfinite(values).all() or (values % 1).any():
        raise ContentError(f"holds fractions: object ids must be whole numbers; {_CONVERT}")
    if values.dtype == np.uint16 and not (values % np.iinfo(np.uint16).max).any():
        values = values // np.iinfo(np.uint16).max * VOID
    if values.min() < 0 or values.max() > VOID:
        raise ContentError(
            f"holds values up to {values.max()}: object ids must lie between 0 and 255; {_CONVERT}"
        )
    return values.astype(np.uint8)


def _histogram(values: np.ndarray, opaque: np.ndarray | None) -> np.ndarray:
    """Pixels of each value 0..255, without the transparent ones."""
    return np.bincount(values.ravel() if opaque is None else values[opaque], minlength=VOID + 1)


@lru_cache(maxsize=64)
def _palette_kind(palette: bytes) -> str:
    """Which palette begins like this one: ``pascal``, ``result``, ``grey`` or none."""
    grey = np.repeat(np.arange(VOID + 1, dtype=np.uint8), 3)
    known = {"pascal": pascal_palette(), "result": result_palette(), "grey": grey}
    return next((kind for kind, own in known.items() if own.tobytes().startswith(palette)), "")
