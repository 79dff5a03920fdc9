"""Videos of each container and codec, and pictures of 81 megapixels in containers."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from fuzz_media import SIZE, image

FORMS = {
    "mp4 h264": ("clip.mp4", "libx264", "yuv420p"),
    "mp4 hevc": ("clip.mp4", "libx265", "yuv420p"),
    "mov mjpeg": ("clip.mov", "mjpeg", "yuvj420p"),
    "mov prores": ("clip.mov", "prores", "yuv422p10le"),
    "avi mpeg4": ("clip.avi", "mpeg4", "yuv420p"),
    "avi huffyuv": ("clip.avi", "huffyuv", "rgb24"),
    "webm vp9": ("clip.webm", "libvpx-vp9", "yuv420p"),
    "Matroska ffv1": ("clip.mkv", "ffv1", "yuv420p"),
    "mpegts mpeg2video": ("clip.ts", "mpeg2video", "yuv420p"),
    "gif": ("clip.gif", "gif", "rgb8"),
}
"""File, encoder and pixels of each row."""
_BOMB_SIDE = 9000
_BOMBS = (
    ("mov", "png", "rgb24"),
    ("avi", "png", "rgb24"),
    ("mov", "tiff", "rgb24"),
    ("mov", "qtrle", "rgb24"),
    ("mov", "jpeg2000", "gray"),
    ("matroska", "ffv1", "yuv420p"),
    ("avi", "ffv1", "yuv420p"),
    ("mpegts", "libx264", "yuv420p"),
    ("avi", "mjpeg", "yuvj420p"),
    ("mov", "mjpeg", "yuvj420p"),
)


def make_video(form: str) -> Callable[[Path], None]:
    """The function that writes a clip of three frames of this form into a folder."""
    file, codec, pixels = FORMS[form]

    def make(folder: Path) -> None:
        frames = [np.roll(image(), 2 * shift, axis=1) for shift in range(3)]
        _write(folder / file, codec, pixels, frames)

    return make


@functools.cache
def container_bombs() -> tuple[tuple[str, bytes], ...]:
    """Name and content of videos of a few megabytes whose only frame has 81 million pixels."""
    return tuple(_bombs())


def _bombs() -> Iterator[tuple[str, bytes]]:
    with tempfile.TemporaryDirectory() as folder:
        for container, codec, pixels in _BOMBS:
            path = Path(folder) / "bomb"
            packet = _large_picture(codec, pixels)
            for side, declared in (("small", SIZE), ("large", (_BOMB_SIDE, _BOMB_SIDE))):
                _mux(path, container, codec, pixels, packet, declared)
                yield f"{codec} in {container}, declared {side}", path.read_bytes()


@functools.cache
def _large_picture(codec: str, pixels: str) -> bytes:
    encoder = av.CodecContext.create(codec, "w")
    assert isinstance(encoder, av.VideoCodecContext)
    encoder.width = encoder.height = _BOMB_SIDE
    encoder.pix_fmt, encoder.time_base = pixels, Fraction(1, 10)
    frame = av.VideoFrame(_BOMB_SIDE, _BOMB_SIDE, pixels)
    for plane in frame.planes:
        plane.update(bytes(plane.buffer_size))
    frame.pts = 0
    packets = [*encoder.encode(frame), *encoder.encode(None)]
    return bytes(packets[0])


def _mux(
    path: Path, container: str, codec: str, pixels: str, packet: bytes, declared: tuple[int, int]
) -> None:
    with av.open(str(path), "w", format=container) as file:
        stream = file.add_stream(codec, rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = *declared, pixels
        part = av.Packet(packet)
        part.stream, part.pts, part.dts, part.is_keyframe = stream, 0, 0, True
        part.time_base = Fraction(1, 10)
        file.mux(part)


def _write(path: Path, codec: str, pixels: str, frames: list[np.ndarray]) -> None:
    with av.open(str(path), "w") as file:
        stream = file.add_stream(codec, rate=10)
        assert isinstance(stream, av.VideoStream)
        stream.height, stream.width, stream.pix_fmt = *frames[0].shape[:2], pixels
        if codec == "libx265":
            stream.options = {"x265-params": "log-level=error"}
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
            file.mux(stream.encode(picture.reformat(format=pixels)))
        file.mux(stream.encode())
