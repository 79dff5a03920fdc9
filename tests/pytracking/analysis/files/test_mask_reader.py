"""Reading label PNGs: the fast way gives what the general reader gives, damage is named."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from ltr.admin.errors import DataError
from ltr.data.image_io import encode_label_map, read_label_map
from ltr.data.palette import pascal_palette
from pytracking.analysis.files.mask_reader import decode_mask, read_labels, read_mask

_LABELS = np.kron(np.arange(12, dtype=np.uint8).reshape(3, 4), np.ones((5, 7), np.uint8))


def _png(labels: np.ndarray, depth: int = 8, colour: int = 3, filters: int = 0, **extra) -> bytes:
    """A PNG written by hand; ``filters`` is the number that begins each row."""
    bits = np.unpackbits(labels[..., None], axis=2)[..., 8 - depth :].reshape(len(labels), -1)
    rows = np.packbits(bits, axis=1)
    if filters == 2:
        rows = np.diff(rows, axis=0, prepend=np.zeros((1, rows.shape[1]), np.uint8))
    rows = np.pad(rows, ((0, 0), (1, 0)), constant_values=filters)
    height, width = extra.get("size", labels.shape)
    return _chunks((height, width), zlib.compress(rows.tobytes()), depth, colour)


def _chunks(size: tuple[int, int], data: bytes, depth: int = 8, colour: int = 3) -> bytes:
    header = struct.pack(">IIBBBBB", size[1], size[0], depth, colour, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"PLTE", pascal_palette()[: 1 << depth].tobytes())]
    chunks += [(b"IDAT", data[:9]), (b"IDAT", data[9:]), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(content))
        + name
        + content
        + struct.pack(">I", zlib.crc32(name + content))
        for name, content in chunks
    )


def _write(path, content: bytes):
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
@pytest.mark.parametrize("filters", [0, 2])
def test_palette_files_of_every_form(tmp_path, depth, filters):
    labels = _LABELS & (2**depth - 1)
    path = _write(tmp_path / "m.png", _png(labels, depth, filters=filters))
    found = read_mask(path)
    assert found.has_known_palette
    np.testing.assert_array_equal(found.labels, labels)
    np.testing.assert_array_equal(read_label_map(path), labels)


@pytest.mark.parametrize("options", [{}, {"optimize": True}, {"compress_level": 0}])
def test_files_of_other_programs(tmp_path, options):
    picture = Image.fromarray(_LABELS)
    picture.save(tmp_path / "grey.png", **options)
    np.testing.assert_array_equal(read_labels(tmp_path / "grey.png"), _LABELS)
    picture = picture.convert("P")
    colours = np.random.default_rng(0).integers(0, 255, (256, 3)).astype(np.uint8)
    colours[0] = 0
    picture.putpalette(colours.tobytes())
    picture.save(tmp_path / "own.png", **options)
    found = read_mask(tmp_path / "own.png")
    np.testing.assert_array_equal(found.labels, _LABELS)
    assert not found.has_known_palette


def test_the_palettes_of_davis_and_of_this_toolkit_are_known(tmp_path):
    path = _write(tmp_path / "m.png", encode_label_map(_LABELS))
    assert read_mask(path).has_known_palette
    Image.fromarray((_LABELS > 3).astype(np.uint8) * 255).save(path)
    assert read_mask(path).has_known_palette
    assert read_labels(path).max() == 1


def _interlaced() -> bytes:
    """Pillow cannot write it; a one-pixel picture is the same in both orders."""
    content = bytearray(_png(np.full((1, 1), 3, np.uint8)))
    content[28] = 1
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    return bytes(content)


def test_interlaced_files(tmp_path):
    assert read_labels(_write(tmp_path / "m.png", _interlaced())).tolist() == [[3]]


def _saved(mode: str) -> bytes:
    buffer = io.BytesIO()
    picture = (
        np.zeros((4, 4), np.uint16) if mode == "I;16" else np.zeros((4, 4, len(mode)), np.uint8)
    )
    Image.fromarray(picture).save(buffer, "PNG")
    return buffer.getvalue()


_GOOD = _png(_LABELS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is an empty file"),
        (b"GIF89a", "is not a PNG file"),
        (_GOOD[:60], "is truncated"),
        (_GOOD[:-30], "is truncated"),
        (_GOOD[:-12], "is truncated"),
        (_GOOD[:-30] + b"\x00" + _GOOD[-29:], "a checksum is wrong"),
        (_png(_LABELS, size=(15, 40)), "cannot be decoded"),
        (_png(_LABELS, size=(9, 28)), "cannot be decoded"),
        (_png(_LABELS, size=(1 << 20, 1 << 20)), "more than"),
    ],
)
def test_damage_and_other_kinds_are_named(tmp_path, content, message):
    path = _write(tmp_path / "00007.png", content)
    with pytest.raises(DataError, match=message) as caught:
        read_labels(path)
    assert "00007.png" in str(caught.value)


def test_missing_files_are_named(tmp_path):
    with pytest.raises(DataError, match=r"00001\.png does not exist"):
        read_labels(tmp_path / "00001.png")
    with pytest.raises(DataError, match="cannot be read: Is a directory"):
        read_labels(tmp_path)


@pytest.mark.parametrize("size", [(16, 28), (14, 28), (15, 27), (15, 29)])
def test_decompression_wants_the_exact_length(size):
    assert decode_mask(_png(_LABELS)).labels.shape == (15, 28)
    with pytest.raises(DataError, match="does not have"):
        decode_mask(_png(_LABELS, size=size))


def test_a_bomb_is_not_unpacked():
    """300 MB of zeros behind 15x28 pixels: the reader stops at the first byte too many."""
    rows = zlib.compress(bytes(300 << 20), 1)
    tracemalloc.start()
    with pytest.raises(DataError, match="does not have 435 bytes"):
        decode_mask(_chunks((15, 28), rows))
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()


def test_threads_read_what_one_thread_reads():
    """A decompressor shared between threads reported damage, or ended the process."""
    files = [_png(np.random.default_rng(i).integers(0, 9, (120, 160), np.uint8)) for i in range(8)]
    wanted = [decode_mask(content).labels.tobytes() for content in files]

    def read(_: int) -> bool:
        return [decode_mask(content).labels.tobytes() for content in files] == wanted

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(read, range(60)))
