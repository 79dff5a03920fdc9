"""Decoding of video files and cameras: PyAV first, OpenCV where PyAV cannot be imported.

Damage is an error that names the file and the frame: a decoder passes over it with grey areas, and
a file that was cut off would look like a shorter video.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import check_regular
from ltr.data.video_container import CODECS, CONTAINERS, MAX_PIXELS, open_video
from pytracking.utils.frame_source import FrameSource, checked_frames

if TYPE_CHECKING:
    import av
    import cv2

_OPENCV_OPTIONS = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
_QUARTER_TURN = 90
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
    try:
        _check_all_there(path, stream)
        frames, size = checked_frames(
            _decoded(path, container, stream), lambda index: f"frame {index} of {path}"
        )
    except BaseException:
        container.close()
        raise
    fps = stream.average_rate or stream.guessed_rate
    return FrameSource(
        path.stem,
        frames,
        size,
        fps=float(fps) if fps else None,
        length=stream.frames or None,
        release=container.close,
    )


def _decoded(
    path: Path, container: av.container.InputContainer, stream: av.VideoStream
) -> Iterator[np.ndarray]:
    import av

    stream.thread_type = "AUTO"
    index, end_s = 0, 0.0
    try:
        for packet in container.demux(stream):
            for frame in packet.decode():
                if frame.is_corrupt:
                    raise _damaged(path, index)
                yield _upright(frame)
                index += 1
                end_s = max(end_s, frame.time or 0.0)
            if packet.is_corrupt:
                raise _damaged(path, index)
    except av.error.FFmpegError as error:
        raise _damaged(path, index) from error
    if index and end_s < _declared_end_s(container, stream) - _SHORT_BY_S:
        raise DataError(f"{path} is cut off: it ends after frame {index - 1}, at {end_s:.1f} s")


def _upright(frame: av.VideoFrame) -> np.ndarray:
    """The pixels as a player shows them: phones store a turn instead of turned pixels."""
    pixels = frame.to_ndarray(format="rgb24")
    turns = round(frame.rotation / _QUARTER_TURN) % 4
    return np.ascontiguousarray(np.rot90(pixels, turns)) if turns else pixels


def _damaged(path: Path, index: int) -> DataError:
    return DataError(f"{path} is damaged or cut off: frame {index} cannot be decoded")


def _check_all_there(path: Path, stream: av.VideoStream) -> None:
    """Compare the index of the container with the size of the file (mp4, avi)."""
    entries = list(getattr(stream, "index_entries", ()))
    size = path.stat().st_size
    missing = [place for place, entry in enumerate(entries) if entry.pos + entry.size > size]
    if missing and path.is_file():
        raise DataError(
            f"{path} is cut off: frame {missing[0]} of {len(entries)} lies behind the file's end"
        )


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
    video = cv2.VideoCapture(os.fspath(path))
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
