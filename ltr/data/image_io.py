"""Reading and writing pictures and label maps: the one place where files become arrays.

An image is uint8 ``(H, W, 3)`` RGB; a label map is uint8 ``(H, W)``, 0 = background, 255 = void.
Decoders pass over damage (a truncated JPEG becomes a grey area), so files are checked first.
"""

from __future__ import annotations

import io
import os
import re
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from PIL import Image

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write
from ltr.data.encoded_files import ContentError, naming, read_encoded
from ltr.data.mask_rule import Mask, mask_of_picture
from ltr.data.palette import result_palette

VIDEO_SUFFIXES = (
    ".mp4", ".mkv", ".webm", ".mov", ".avi", ".m4v", ".mpg", ".mpeg", ".3gp", ".3g2", ".mts",
    ".m2ts", ".ts", ".wmv", ".asf", ".flv", ".f4v", ".gif", ".ogv", ".ogg", ".vob", ".mxf", ".dv",
    ".m2v", ".h264", ".hevc", ".265", ".264", ".ivf", ".qt", ".divx", ".mod", ".tod",
    ".m1v", ".rm", ".rmvb", ".y4m", ".mjpeg", ".mjpg", ".nut",
)  # fmt: skip
_JPEG_START, _JPEG_END = b"\xff\xd8", 0xD9
# In compressed pixels 0xFF is followed by 0, or by the number of a restart.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_ALONE = (0x01, 0xD8)
_PNG_START, _PNG_END = b"\x89PNG\r\n\x1a\n", b"IEND"
_PAGED = ("TIFF", "WEBP", "PNG", "GIF")
_EXIF = b"Exif\0\0"
_MAX_PIXELS = 1 << 28
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
    encoded = read_encoded(path)
    with naming(path):
        if encoded[:2] == _JPEG_START:
            return _decode_jpeg(encoded)
        if encoded.startswith(_PNG_START) and not _png_is_complete(encoded):
            raise ContentError("is a truncated PNG: its end is missing, or a part is too long")
        _check_header(encoded)
        if (pages := _count_pages(encoded)) > 1:
            raise ContentError(
                f"holds {pages} pictures, as a video does: give it alone as the video, or save "
                "each as a file"
            )
        return _decode_with_opencv(encoded)


def read_image_with_opencv(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture file with OpenCV whatever its format, see ``read_image``; slower for JPEGs."""
    encoded = read_encoded(path)
    with naming(path):
        _check_header(encoded)
        return _decode_with_opencv(encoded)


def read_pages(path: str | os.PathLike[str]) -> tuple[int, Iterator[np.ndarray]]:
    """The pictures in one TIFF, WebP, GIF or PNG file.

    Args:
        path: The file.

    Returns:
        Their number, 1 for a plain picture, and an iterator of uint8 (H, W, 3) RGB, which raises
        ``DataError`` at a damaged one.

    Raises:
        DataError: The file is missing or not a picture.
    """
    encoded = read_encoded(path)
    with naming(path):
        _check_header(encoded)
    return _count_pages(encoded), _decode_pages(path, encoded)


def _decode_pages(path: str | os.PathLike[str], encoded: bytes) -> Iterator[np.ndarray]:
    index = 0
    try:
        with Image.open(io.BytesIO(encoded)) as picture:
            for index in range(_count_pages(encoded)):
                picture.seek(index)
                yield np.array(picture.convert("RGB"))
    except (*_DAMAGE, EOFError, Image.DecompressionBombError) as error:
        raise DataError(f"{path} is damaged: picture {index} cannot be decoded") from error


def _count_pages(encoded: bytes) -> int:
    """Number of pictures in a file, 0 where it is damaged; phones' JPEGs show only the first."""
    try:
        with Image.open(io.BytesIO(encoded)) as picture:
            return int(getattr(picture, "n_frames", 1)) if picture.format in _PAGED else 1
    except (*_DAMAGE, EOFError):
        return 0


def _decode_jpeg(encoded: bytes) -> np.ndarray:
    """With libjpeg-turbo alone, twice as fast; what it does not take as it is goes to OpenCV.

    These are pictures that are stored turned (OpenCV turns them), of four colours, and damaged in a
    way that decoders pass over. The pixels are the same.
    """
    end = _jpeg_end(encoded)
    if end is None:
        raise ContentError("is a truncated JPEG: its end marker is missing")
    encoded = encoded[:end]
    width, height = _check_header(encoded)
    if width * height * encoded.count(_SCAN_START) > _MAX_VISITS:
        raise ContentError(f"has too many scans for {width}x{height} pixels to be decoded")
    if _EXIF not in encoded:
        try:
            return simplejpeg.decode_jpeg(encoded, "RGB")
        except ValueError:
            pass
    return _decode_with_opencv(encoded)


def _decode_with_opencv(encoded: bytes) -> np.ndarray:
    pixels = cv2.imdecode(np.frombuffer(encoded, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise ContentError("cannot be decoded as a picture")
    return cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def read_label_map(path: str | os.PathLike[str]) -> np.ndarray:
    """The object ids of a mask file, see ``read_mask_file``.

    Args:
        path: The PNG file.

    Returns:
        uint8 (H, W), 0 = background, 255 = void.

    Raises:
        DataError: The file is missing, damaged, or its pixels are not object ids.
    """
    return read_mask_file(path).labels


def decode_label_map(encoded: bytes) -> np.ndarray:
    """The object ids in the content of a mask file, see ``decode_mask_file``."""
    return decode_mask_file(encoded).labels


def read_mask_file(path: str | os.PathLike[str]) -> Mask:
    """Read a mask file by the rule of ``ltr.data.mask_rule``.

    Args:
        path: A PNG: palette, grey of 1 to 16 bits, or colours; or another format without loss.

    Raises:
        DataError: The file is missing, damaged, or its pixels are not object ids.
    """
    with naming(path):
        return decode_mask_file(read_encoded(path))


def decode_mask_file(encoded: bytes) -> Mask:
    """Decode the content of a mask file, see ``read_mask_file``.

    Raises:
        ContentError: It is damaged, or its pixels are not object ids.
    """
    if encoded[:2] == _JPEG_START:
        raise ContentError(
            "is a JPEG, whose compression changes object ids: expected a PNG; "
            "convert it with `python -m pytracking.utils.masks convert`"
        )
    with _translate_damage():
        return mask_of_picture(_decode_with_pillow(encoded))


def decode_values(encoded: bytes) -> np.ndarray:
    """The indices or grey values of a picture as they are stored, uint8 (H, W).

    Raises:
        ContentError: It is damaged.
    """
    with _translate_damage():
        return np.asarray(_decode_with_pillow(encoded)).astype(np.uint8)


def read_wide_values(path: str | os.PathLike[str]) -> np.ndarray:
    """The values of a grey picture of up to 16 bits as they are stored.

    Returns:
        uint16 (H, W).

    Raises:
        DataError: The file is missing, damaged, or not grey.
    """
    with naming(path), _translate_damage():
        values = np.asarray(_decode_with_pillow(read_encoded(path)))
    if values.ndim != 2 or values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        raise DataError(f"{path} is not a grey picture of 16 bits")
    return values.astype(np.uint16)


def read_wide_grey(path: str | os.PathLike[str]) -> np.ndarray | None:
    """The values of a picture with more than 8 bits of grey.

    Returns:
        int64 (H, W), None for any other picture.

    Raises:
        DataError: The file is missing or damaged, or the values are not whole numbers >= 0.
    """
    with naming(path), _translate_damage():
        picture = _decode_with_pillow(read_encoded(path))
        if picture.mode[0] not in "IF":
            return None
        values = np.asarray(picture)
    if not np.isfinite(values).all() or (values % 1).any() or values.min() < 0:
        raise DataError(f"{path} holds values that are not whole numbers >= 0")
    return values.astype(np.int64)


def picture_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """Width and height that a file declares, pixels; nothing is decoded.

    Raises:
        DataError: It is missing, not a picture, or of an implausible size.
    """
    with naming(path):
        return _check_header(read_encoded(path))


def read_rgba(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture of any format with its transparency.

    Returns:
        uint8 (H, W, 4); a picture without transparency is opaque (255).

    Raises:
        DataError: The file is missing or damaged.
    """
    with naming(path), _translate_damage():
        return np.array(_decode_with_pillow(read_encoded(path)).convert("RGBA"))


def read_shades(path: str | os.PathLike[str]) -> np.ndarray:
    """Read a picture whose grey values are not ids: probabilities, saliency.

    Returns:
        uint8 (H, W).

    Raises:
        DataError: The file is missing or damaged.
    """
    with naming(path), _translate_damage():
        return np.array(_decode_with_pillow(read_encoded(path)).convert("L"))


def _decode_with_pillow(encoded: bytes) -> Image.Image:
    _check_header(encoded)
    with Image.open(io.BytesIO(encoded)) as picture:
        picture.load()
        return picture


@contextmanager
def _translate_damage() -> Iterator[None]:
    try:
        yield
    except _DAMAGE as error:
        raise ContentError(f"cannot be decoded as a mask: {error}") from error


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


def encode_binary_mask(labels: np.ndarray) -> bytes:
    """The grey PNG file of a mask, uint8 (H, W): 255 where it is not 0."""
    if labels.dtype != np.uint8 or labels.ndim != 2:
        raise ValueError(f"labels: expected uint8 (H, W), got {labels.dtype} {labels.shape}")
    buffer = io.BytesIO()
    Image.fromarray(np.where(labels > 0, np.uint8(255), np.uint8(0))).save(buffer, format="PNG")
    return buffer.getvalue()


def write_rgba(path: str | os.PathLike[str], pixels: np.ndarray) -> None:
    """Write a picture with transparency, uint8 (H, W, 4) RGBA, as a PNG, atomically."""
    buffer = io.BytesIO()
    Image.fromarray(pixels, "RGBA").save(buffer, format="PNG")
    with atomic_write(path) as stream:
        stream.write(buffer.getvalue())


def write_image(path: str | os.PathLike[str], image: np.ndarray) -> None:
    """Write an RGB picture, uint8 (H, W, 3); the suffix of ``path`` names the format."""
    suffix = Path(path).suffix
    done, encoded = cv2.imencode(suffix, cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    if not done:
        raise DataError(f"pictures cannot be written as {suffix!r} ({path})")
    with atomic_write(path) as stream:
        stream.write(encoded.tobytes())


def _jpeg_end(encoded: bytes) -> int | None:
    """Where a JPEG ends, found from marker to marker; None where it is cut off.

    Phones append films and further pictures, and previews inside have end markers of their own.
    """
    position = len(_JPEG_START)
    while marker := _JPEG_MARKER.search(encoded, position):
        kind, position = encoded[marker.end() - 1], marker.end()
        if kind == _JPEG_END:
            return position
        if kind not in _JPEG_ALONE:
            position += int.from_bytes(encoded[position : position + 2], "big")
    return None


def _png_is_complete(encoded: bytes) -> bool:
    """Whether all parts are there; OpenCV takes the memory that they declare."""
    position = len(_PNG_START)
    while position + 12 <= len(encoded):
        if encoded[position + 4 : position + 8] == _PNG_END:
            return True
        position += 12 + int.from_bytes(encoded[position : position + 4], "big")
    return False


def _check_header(encoded: bytes) -> tuple[int, int]:
    """Read width and height; refuse anything but pictures of a plausible size."""
    try:
        with Image.open(io.BytesIO(encoded)) as picture:
            width, height = picture.size
    except Image.DecompressionBombError as error:
        raise ContentError("declares too many pixels to be decoded") from error
    except _DAMAGE as error:
        raise ContentError("is damaged or not a picture file") from error
    if width * height > _MAX_PIXELS:
        raise ContentError(f"declares {width}x{height} pixels, more than {_MAX_PIXELS}")
    return width, height
