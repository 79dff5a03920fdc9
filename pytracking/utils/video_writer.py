"""Writing of videos that every browser plays: H.264, yuv420p, mp4 with its index in front."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np

from ltr.admin.errors import OutputError
from ltr.admin.files import TEMPORARY_SUFFIX

if TYPE_CHECKING:
    import av

DEFAULT_FPS = 25.0
_ENCODERS = ("libx264", "libopenh264", "h264_videotoolbox", "h264_mf")
# Without these parameters the same frames give other bytes from run to run and machine to machine.
_X264_OPTIONS = {"crf": "20", "preset": "veryfast", "x264-params": "mbtree=0:threads=4"}
_MAX_DENOMINATOR = 1001
_BT709 = 1
_LIMITED_RANGE = 1


def h264_encoder() -> str:
    """Name of the best H.264 encoder that is installed.

    Raises:
        OutputError: There is none.
    """
    try:
        import av
    except ImportError as error:
        raise OutputError(
            "a video cannot be written without the package 'av': pip install av"
        ) from error
    for name in _ENCODERS:
        if name in av.codecs_available:
            return name
    raise OutputError(
        f"this build of FFmpeg has no H.264 encoder ({', '.join(_ENCODERS)}): "
        "install the official wheel of the package 'av'"
    )


@dataclass(frozen=True)
class _Output:
    """An open file and its only stream."""

    container: av.container.OutputContainer
    stream: av.VideoStream

    def encode(self, picture: av.VideoFrame | None = None) -> None:
        """Write a picture; None writes what the encoder still holds."""
        self.container.mux(self.stream.encode(picture))


class VideoWriter:
    """Encodes frames one by one; the file gets its name when the block ends without an error.

    Args:
        path: Name of the mp4 file; its folder exists.
        fps: Frames per second; default 25.
        pixel_aspect: Width of a pixel by its height, None when square.

    Raises:
        OutputError: No H.264 encoder is installed.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        fps: float | None = None,
        pixel_aspect: Fraction | None = None,
    ) -> None:
        self._path = Path(path)
        self._temporary = self._path.with_name(f".{self._path.name}{TEMPORARY_SUFFIX}")
        self._rate = Fraction(fps or DEFAULT_FPS).limit_denominator(_MAX_DENOMINATOR)
        self._pixel_aspect = pixel_aspect
        self._encoder = h264_encoder()
        self._output: _Output | None = None

    def __enter__(self) -> VideoWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.discard()

    def write(self, frame: np.ndarray) -> None:
        """Append a frame, uint8 (H, W, 3) RGB; an odd side grows by one pixel.

        Raises:
            OSError: The disk is full.
            OutputError: The encoder refuses such frames.
        """
        import av

        frame = _even(frame)
        picture = av.VideoFrame.from_ndarray(frame, format="rgb24")
        picture = picture.reformat(format="yuv420p", dst_colorspace="ITU709")
        if self._output is None:
            self._output = self._open(picture.width, picture.height)
        try:
            self._output.encode(picture)
        except OSError:
            raise
        except av.error.FFmpegError as error:
            raise OutputError(
                f"{self._path}: {self._encoder} cannot encode frames of "
                f"{picture.width}x{picture.height}"
            ) from error

    def close(self) -> None:
        """Finish the file and give it its name; without any frame there is no file."""
        if self._output is None:
            return
        try:
            self._output.encode()
            self._output.container.close()
            self._output = None
            os.replace(self._temporary, self._path)
        finally:
            self.discard()

    def discard(self) -> None:
        """Leave nothing behind."""
        if self._output is not None:
            output, self._output = self._output, None
            with suppress(OSError, ValueError):
                output.container.close()
        self._temporary.unlink(missing_ok=True)

    def _open(self, width: int, height: int) -> _Output:
        import av

        container = av.open(
            os.path.abspath(self._temporary), "w", format="mp4", options={"movflags": "+faststart"}
        )
        options = _X264_OPTIONS if self._encoder == "libx264" else {}
        stream = container.add_stream(self._encoder, rate=self._rate, options=options)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height = width, height
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED_RANGE
        if self._pixel_aspect is not None:
            context.sample_aspect_ratio = self._pixel_aspect
        return _Output(container, stream)


def _even(frame: np.ndarray) -> np.ndarray:
    """Repeat the last row or column where a side is odd: yuv420p halves both."""
    height, width = frame.shape[:2]
    if height % 2 == 0 and width % 2 == 0:
        return frame
    return cv2.copyMakeBorder(frame, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
