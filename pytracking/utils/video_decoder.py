"""Decoding of video files and cameras: PyAV first, OpenCV where PyAV cannot be imported.

Damage is an error that names the file and the frame: a decoder passes over it with grey areas, and
a file that was cut off would look like a shorter video.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import check_regular
from ltr.data.video_container import CODECS, CONTAINERS, MAX_PIXELS, open_video
from pytracking.utils.frame_source import BrokenVideoError, FrameSource, checked_frames

if TYPE_CHECKING:
    import av
    import cv2

_OPENCV_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_SHORT_BY_S = 0.5


def open_file(path: Path) -> FrameSource:
    """Open a video file; ``read_video`` calls this.

    Raises:
        DataError: It cannot be decoded, or is cut off.
    """
    try:
        import av  # noqa: F401
    except ImportError:
        return _open_with_opencv(path)
    return _open_with_pyav(path)


def open_camera(index: int) -> FrameSource:
    """Open the camera of this number (0 is the first); ``read_video`` calls this.

    Raises:
        DataError: There is no such camera.
    """
    import cv2

    name = f"camera {index}"
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
    camera = cv2.VideoCapture(index)
    if not camera.isOpened():
        raise DataError(f"{name} cannot be opened: is it connected and not in use?")
    frames, size = checked_frames(_captured(camera), lambda frame: f"frame {frame} of {name}")
    fps = camera.get(cv2.CAP_PROP_FPS) or None
    return FrameSource(f"camera{index}", frames, size, fps=fps, release=camera.release)


def _open_with_pyav(path: Path) -> FrameSource:
    container, stream = open_video(path)
    codec = stream.codec_context
    try:
        frames, size = checked_frames(
            _decoded(path, container, stream), lambda index: f"frame {index} of {path}"
        )
    except BaseException:
        container.close()
        raise
    aspect = stream.sample_aspect_ratio
    if aspect and size != (codec.width, codec.height):  # turned
        aspect = 1 / aspect
    return FrameSource(
        path.stem,
        frames,
        size,
        fps=mean_rate(path, stream),
        length=stream.frames or None,
        pixel_aspect=aspect if aspect and aspect != 1 else None,
        release=container.close,
    )


def mean_rate(path: Path, stream: av.VideoStream) -> float | None:
    """Frames per second, such that all frames together last as long as the video.

    Where the container has no index, its header tells a guess, which is wrong for the irregular
    times of browsers' recordings: then the time stamps of the file are read.
    """
    guess = stream.average_rate or stream.guessed_rate
    if stream.frames and guess:
        return float(guess)
    count, seconds = _measure_times(path)
    rate = float(guess) if guess else None
    if count and rate and abs(count / rate - seconds) <= max(_SHORT_BY_S / 2, 1 / rate):
        return rate
    if count < 2 or seconds <= 0:
        return rate
    return count / seconds


def _measure_times(path: Path) -> tuple[int, float]:
    """Number of packets and the seconds from the beginning to the end of the last one."""
    import av

    first, last, end, count = None, 0, 0, 0
    container, stream = open_video(path)
    with container, suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            if packet.pts is None:
                continue
            count += 1
            first = packet.pts if first is None else min(first, packet.pts)
            last = max(last, packet.pts)
            end = max(end, packet.pts + (packet.duration or 0))
        starts_at_0 = {"matroska", "mov"}.intersection(container.format.name.split(","))
    if first is None or stream.time_base is None:
        return 0, 0.0
    # A recording shows its first frame a moment after it begins; a part of one begins later.
    is_late = first * stream.time_base >= _SHORT_BY_S
    origin = first if is_late or not starts_at_0 else min(first, 0)
    return count, float((max(last, end) - origin) * stream.time_base)


def _decoded(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[np.ndarray]:
    import av

    stream.thread_type = "AUTO"
    index, end_s = 0, 0.0
    num_packets = _count_whole_packets(path, stream)
    try:
        for number, packet in enumerate(container.demux(stream)):
            if number == num_packets:
                for frame in stream.codec_context.decode(None):
                    yield _upright(frame)
                    index += 1
                raise _cut_off(path, index)
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise _damaged(path, index)
                yield _upright(frame)
                index += 1
                length = (frame.duration or 0) * (frame.time_base or 0)
                end_s = max(end_s, (frame.time or 0.0) + float(length))
            if packet.is_corrupt:
                raise _damaged(path, index)
    except av.error.FFmpegError as error:
        raise _damaged(path, index) from error
    allowance = max(_SHORT_BY_S, 1.5 * end_s / max(index, 1))
    if index and end_s < _declared_end_s(container, stream) - allowance:
        raise BrokenVideoError(
            f"{path} is cut off: it ends after frame {index - 1}, at {end_s:.1f} s"
        )


def _upright(frame: av.VideoFrame) -> np.ndarray:
    """The pixels as a player shows them: phones store a turn instead of turned pixels."""
    pixels = frame.to_ndarray(format="rgb24")
    if "DISPLAYMATRIX" not in frame.side_data:
        return pixels
    # PyAV's stub declares motion vectors only.
    matrix = bytes(frame.side_data["DISPLAYMATRIX"])  # type: ignore[typeddict-item]
    return turned(pixels, struct.unpack("=9i", matrix))


def turned(pixels: np.ndarray, matrix: Sequence[int]) -> np.ndarray:
    """Turn and mirror a picture by a display matrix, to the nearest quarter turn.

    Args:
        pixels: (H, W, 3).
        matrix: Nine numbers a b u c d v x y w, row by row; a pixel (x, y) is shown at
            (a x + c y, b x + d y).

    >>> turned(np.array([[[1], [2]]]), (-1, 0, 0, 0, 1, 0, 0, 0, 1))[..., 0].tolist()
    [[2, 1]]
    """
    a, b, _, c, d = matrix[:5]
    if abs(b) + abs(c) > abs(a) + abs(d):
        pixels, x, y = np.swapaxes(pixels, 0, 1), c, b
    else:
        x, y = a, d
    return np.ascontiguousarray(pixels[:: -1 if y < 0 else 1, :: -1 if x < 0 else 1])


def _damaged(path: Path, index: int) -> DataError:
    message = f"{path} is damaged or cut off: frame {index} cannot be decoded"
    return BrokenVideoError(message) if index else DataError(message)


def _cut_off(path: Path, index: int) -> DataError:
    message = f"{path} is cut off: frame {index} lies behind the file's end"
    return BrokenVideoError(message) if index else DataError(message)


def _count_whole_packets(path: Path, stream: av.VideoStream) -> int:
    """How many frames of the container's index lie in the file (mp4, avi); -1 where all do."""
    size = path.stat().st_size
    entries = getattr(stream, "index_entries", ())
    ends = (entry.pos + entry.size for entry in entries)
    return next((place for place, end in enumerate(ends) if end > size), -1)


def _declared_end_s(container: av.container.InputContainer, stream: av.VideoStream) -> float:
    """Declared length of the stream in seconds (containers without an index), else 0."""
    if "matroska" not in container.format.name:
        return 0.0
    hours, _, rest = stream.metadata.get("DURATION", "").partition(":")
    minutes, _, seconds = rest.partition(":")
    try:
        return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
    except ValueError:
        return 0.0


def _open_with_opencv(path: Path) -> FrameSource:
    import cv2

    try:
        check_regular(path)
    except OSError as error:
        raise DataError(f"{path} cannot be read as a video file: {error.strerror}") from error
    # OpenCV takes these from the environment only.
    os.environ.setdefault(
        _OPENCV_OPTIONS,
        f"format_whitelist;{CONTAINERS}|codec_whitelist;{CODECS}|max_pixels;{MAX_PIXELS}",
    )
    video = cv2.VideoCapture(os.path.abspath(path))
    if not video.isOpened():
        raise DataError(f"{path} cannot be read as a video file")
    if video.get(cv2.CAP_PROP_FRAME_WIDTH) * video.get(cv2.CAP_PROP_FRAME_HEIGHT) > MAX_PIXELS:
        raise DataError(f"{path} has frames of more than {MAX_PIXELS} pixels")
    length = max(int(video.get(cv2.CAP_PROP_FRAME_COUNT)), 0)
    fps = video.get(cv2.CAP_PROP_FPS)
    least = length - _SHORT_BY_S * fps
    frames, size = checked_frames(
        _whole(_captured(video), path, least), lambda index: f"frame {index} of {path}"
    )
    return FrameSource(
        path.stem, frames, size, fps=fps or None, length=length or None, release=video.release
    )


def _captured(capture: cv2.VideoCapture) -> Iterator[np.ndarray]:
    import cv2

    while True:
        is_there, frame = capture.read()
        if not is_there:
            return
        yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def _whole(frames: Iterator[np.ndarray], path: Path, least: float) -> Iterator[np.ndarray]:
    """Detect a truncated file, which OpenCV does not report; it only guesses the length.

    Raises:
        DataError: There were fewer than ``least`` frames.
    """
    count = 0
    for frame in frames:
        yield frame
        count += 1
    if count < least:
        raise _damaged(path, count)
