"""Reading and writing pictures and label maps: the one place where files become arrays.

An image is uint8 ``(H, W, 3)`` RGB; a label map is uint8 ``(H, W)``, 0 = background, 255 = void.
Decoders pass over damage (a truncated JPEG becomes a grey area), so files are checked first.
"""

from __future__ import annotations

import io
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write, read_regular
from ltr.data.palette import VOID, pascal_palette, result_palette

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff")
VIDEO_SUFFIXES = (".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".mpg")
_JPEG_START, _JPEG_END = b"\xff\xd8", b"\xff\xd9"
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
_EXIF = b"Exif\0\0"
_MAX_PIXELS = 1 << 28
_MAX_BYTES = 1 << 30
# A scan of a progressive JPEG may have a few bytes and makes the decoder visit every pixel.
_SCAN_START = b"\xff\xda"
_MAX_VISITS = 1 << 31
# What Pillow raises on damaged files.
_DAMAGE = (OSError, ValueError, SyntaxError, LookupError, TypeError, struct.error)


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture file.

    Args:
        path: JPEG, PNG or any other format of OpenCV.

    Returns:
        uint8 (H, W, 3), RGB.

    Raises:
        DataError: The file is missing, empty, truncated or no picture.
    """
    encoded = _read_bytes(path)
    if encoded[:2] == _JPEG_START:
        return _decode_jpeg(path, encoded)
    if encoded.startswith(_PNG_START) and not _png_is_complete(encoded):
        raise DataError(f"{path} is a truncated PNG: its end is missing, or a part is too long")
    _check_header(path, encoded)
    return _decode_with_opencv(path, encoded)


def _decode_jpeg(path: str | os.PathLike[str], encoded: bytes) -> np.ndarray:
    """With libjpeg-turbo alone, twice as fast; what it does not take as it is goes to OpenCV.

    These are pictures that are stored turned (OpenCV turns them), of four colours, and damaged in a
    way that decoders pass over. The pixels are the same.
    """
    if not _jpeg_is_complete(encoded):
        raise DataError(f"{path} is a truncated JPEG: its end marker is missing")
    width, height = _check_header(path, encoded)
    if width * height * encoded.count(_SCAN_START) > _MAX_VISITS:
        raise DataError(f"{path} has too many scans for {width}x{height} pixels to be decoded")
    if _EXIF not in encoded:
        try:
            return simplejpeg.decode_jpeg(encoded, "RGB")
        except ValueError:
            pass
    return _decode_with_opencv(path, encoded)


def _decode_with_opencv(path: str | os.PathLike[str], encoded: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise DataError(f"{path} cannot be decoded as a picture")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def read_label_map(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a mask file: a palette or 8-bit grey PNG whose pixel values are object ids.

    A 16-bit or one-bit file is accepted when its values fit; a colour picture is accepted when all
    its colours belong to the result palette or the PASCAL palette, or when it is grey.

    Args:
        path: The PNG file.

    Returns:
        uint8 (H, W), 0 = background, 255 = void.

    Raises:
        DataError: The file is missing, damaged, or its pixels are not object ids.
    """
    return decode_label_map(_read_bytes(path), path)


def decode_label_map(encoded: bytes, path: str | os.PathLike[str]) -> np.ndarray:
    """Decode the content of a mask file, see ``read_label_map``.

    Args:
        encoded: The content.
        path: File name for error messages.
    """
    if encoded[:2] == _JPEG_START:
        raise DataError(f"{path} is a JPEG, whose compression changes object ids: expected a PNG")
    _check_header(path, encoded)
    try:
        with Image.open(io.BytesIO(encoded)) as picture:
            picture.load()
            return _labels_of(picture, path)
    except _DAMAGE as error:
        raise DataError(f"{path} cannot be decoded as a mask: {error}") from error


def write_label_map(path: str | os.PathLike[str], labels: np.ndarray) -> None:
    """Write a label map as an 8-bit palette PNG, atomically.

    Args:
        path: Final name of the PNG.
        labels: uint8 (H, W).
    """
    with atomic_write(path) as stream:
        stream.write(encode_label_map(labels))


def encode_label_map(labels: np.ndarray) -> bytes:
    """The PNG file of a label map, uint8 (H, W), with the result palette."""
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise ValueError(f"labels: expected uint8 (H, W), got {labels.dtype} {labels.shape}")
    picture = Image.fromarray(labels).convert("P")
    picture.putpalette(result_palette().tobytes())
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG")
    return buffer.getvalue()


def write_image(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write an RGB picture, uint8 (H, W, 3); the suffix of ``path`` names the format."""
    suffix = Path(path).suffix
    done, encoded = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise DataError(f"pictures cannot be written as {suffix!r} ({path})")
    with atomic_write(path) as stream:
        stream.write(encoded.tobytes())


def _read_bytes(path: str | os.PathLike[str]) -> bytes:
    try:
        encoded = read_regular(path, _MAX_BYTES)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:  # a zero byte, or half a character
        raise DataError(f"{str(path)!a} cannot be a file's name") from error
    if not encoded:
        raise DataError(f"{path} is an empty file")
    return encoded


def _jpeg_is_complete(encoded: bytes) -> bool:
    """Whether the end marker stands in the tail (some cameras append a few padding bytes)."""
    return _JPEG_END in encoded[-1024:]


def _png_is_complete(encoded: bytes) -> bool:
    """Whether all parts are there; OpenCV takes the memory that they declare."""
    position = len(_PNG_START)
    while position + 12 <= len(encoded):
        if encoded[position + 4 : position + 8] == _PNG_END:
            return True
        position += 12 + int.from_bytes(encoded[position : position + 4], "big")
    return False


def _check_header(path: str | os.PathLike[str], encoded: bytes) -> tuple[int, int]:
    """Read width and height; refuse anything but pictures of a plausible size."""
    try:
        with Image.open(io.BytesIO(encoded)) as picture:
            width, height = picture.size
    except Image.DecompressionBombError as error:
        raise DataError(f"{path} declares too many pixels to be decoded") from error
    except _DAMAGE as error:
        raise DataError(f"{path} is damaged or not a picture file") from error
    if width * height > _MAX_PIXELS:
        raise DataError(f"{path} declares {width}x{height} pixels, more than {_MAX_PIXELS}")
    return width, height


def _labels_of(picture: Image.Image, path: str | os.PathLike[str]) -> np.ndarray:
    if picture.mode in ("P", "L"):
        return np.asarray(picture, dtype=np.uint8).copy()
    if picture.mode == "1":
        return np.asarray(picture).astype(np.uint8)
    values = np.asarray(picture)
    if values.ndim == 2:
        return _narrow(values, path)
    return _labels_from_colours(np.asarray(picture.convert("RGB")), path)


def _narrow(values: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    if values.min() < 0 or values.max() > VOID:
        raise DataError(
            f"{path} holds values up to {values.max()}: object ids must lie between 0 and 255"
        )
    return values.astype(np.uint8)


def _labels_from_colours(colours: np.ndarray, path: str | os.PathLike[str]) -> np.ndarray:
    weights = np.array([1 << 16, 1 << 8, 1])
    codes = colours.astype(np.int64) @ weights
    present = np.unique(codes)
    for palette in (result_palette(), pascal_palette()):
        labels = {code: label for label, code in reversed(list(enumerate(palette @ weights)))}
        if all(code in labels for code in present):
            table = np.array([labels[code] for code in present], dtype=np.uint8)
            return table[np.searchsorted(present, codes)]
    if (colours == colours[..., :1]).all():
        return colours[..., 0].copy()
    raise DataError(
        f"{path} is a colour picture whose colours are not in the mask palette: "
        "save the mask as an 8-bit PNG with pixel value = object id"
    )
