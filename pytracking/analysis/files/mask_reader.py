"""Fast reading of label PNGs; what pixels mean is decided by ``ltr.data.mask_rule``.

Masks are mostly written without PNG row filters; their decompressed rows are the pixels. Others
take the general reader of ``ltr.data.image_io``.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from zlib_ng import zlib_ng

from ltr.data.encoded_files import ContentError, naming, read_encoded
from ltr.data.mask_rule import Mask, mask_of_indices, mask_of_values

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_HEADER = struct.Struct(">IIBBBBB")
_GREY, _PALETTE = 0, 3
_TRANSPARENCY = b"tRNS"
_MAX_PIXELS = 1 << 28


def read_mask(path: Path) -> Mask:
    """Read a label PNG.

    Raises:
        DataError: The file is missing, damaged, or no such PNG.
    """
    with naming(path):
        return decode_mask(read_encoded(path))


def decode_mask(encoded: bytes) -> Mask:
    """Decode the content of a mask file, see ``read_mask``.

    Raises:
        ContentError: It is damaged, or not such a PNG.
    """
    header, chunks = _parse(encoded)
    width, height, depth, colour_type, _, _, is_interlaced = header
    if width * height > _MAX_PIXELS:
        raise ContentError(f"declares {width}x{height} pixels, more than {_MAX_PIXELS}")
    is_plain = colour_type in (_GREY, _PALETTE) and depth == 8 and not is_interlaced
    if is_plain and _TRANSPARENCY not in chunks:
        values = _unfiltered(chunks.get(b"IDAT", b""), height, width)
        if values is not None and colour_type == _GREY:
            return _read_only(mask_of_values(values))
        if values is not None:
            palette = np.frombuffer(chunks.get(b"PLTE", b""), np.uint8)
            return _read_only(
                mask_of_indices(values, palette[: 3 * (len(palette) // 3)].reshape(-1, 3))
            )
    from ltr.data.image_io import decode_mask_file  # OpenCV is not needed for our own PNGs

    return _read_only(decode_mask_file(encoded))


def decode_pixels(encoded: bytes) -> np.ndarray:
    """The pixel values of a label PNG as a server takes them, whatever they show.

    Returns:
        uint8 (H, W).

    Raises:
        ContentError: It is damaged, or neither an 8-bit palette nor grey PNG.
    """
    header, _ = _parse(encoded)
    if header[3] not in (_GREY, _PALETTE) or header[2] > 8:
        raise ContentError("is not an 8-bit palette or grey PNG with pixel = object id")
    from ltr.data.image_io import decode_values

    return decode_values(encoded)


def _read_only(mask: Mask) -> Mask:
    mask.labels.flags.writeable = False
    return mask


def read_labels(path: Path) -> np.ndarray:
    """The label map of a mask file, uint8 (H, W), see ``read_mask``."""
    return read_mask(path).labels


def _parse(encoded: bytes) -> tuple[tuple[int, ...], dict[bytes, bytes]]:
    """Header and chunks by name; the pieces of one name are joined."""
    if encoded[:8] != _SIGNATURE or encoded[12:16] != b"IHDR":
        raise ContentError("is not a PNG file")
    pieces: dict[bytes, list[bytes]] = {}
    position = 8
    while encoded[position + 4 : position + 8] != b"IEND":
        length = int.from_bytes(encoded[position : position + 4], "big")
        end = position + 12 + length
        if end > len(encoded):
            raise ContentError("is truncated")
        content = encoded[position + 4 : end - 4]
        if zlib_ng.crc32(content) != int.from_bytes(encoded[end - 4 : end], "big"):
            raise ContentError("is damaged: a checksum is wrong")
        pieces.setdefault(content[:4], []).append(content[4:])
        position = end
    chunks = {name: b"".join(parts) for name, parts in pieces.items()}
    if len(chunks[b"IHDR"]) != _HEADER.size:
        raise ContentError(f"is damaged: its header has {len(chunks[b'IHDR'])} bytes")
    return _HEADER.unpack(chunks[b"IHDR"]), chunks


def _unfiltered(packed: bytes, height: int, width: int) -> np.ndarray | None:
    """The pixel values, or None when rows are filtered (each begins with its filter)."""
    try:
        rows = _inflate(packed, height * (width + 1)).reshape(height, width + 1)
    # The stub of zlib-ng declares its class of errors as an error.
    except (ValueError, zlib_ng.error) as error:  # type: ignore[misc]
        raise ContentError(f"cannot be decoded as a mask: {error}") from error
    if rows[:, 0].any():
        return None
    return rows[:, 1:]


def _inflate(packed: bytes, size: int) -> np.ndarray:
    """Decompress a zlib stream that must give exactly ``size`` bytes; never unpacks more."""
    stream = zlib_ng.decompressobj()
    data = stream.decompress(packed, size + 1)
    if not stream.eof or len(data) != size:
        raise ValueError(f"the image data is incomplete or does not have {size} bytes")
    return np.frombuffer(data, np.uint8)
