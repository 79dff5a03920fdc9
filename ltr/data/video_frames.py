"""Some frames of a video file, for data sets that keep their videos packed."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.video_container import open_video


def read_video_frames(path: Path, positions: Sequence[int]) -> list[np.ndarray]:
    """Decode a video from its beginning to the last wanted frame.

    Args:
        path: The file.
        positions: Numbers of frames, from 0; in any order, repetitions are allowed. Those beyond
            the end give the last frame.

    Returns:
        uint8 (H, W, 3) RGB.

    Raises:
        DataError: The file is missing, damaged or holds no frame.
    """
    import av

    wanted, frames = set(positions), {}
    number = -1
    try:
        container, stream = open_video(path)
        with container:
            for number, frame in enumerate(container.decode(stream)):
                if number in wanted or number == 0:
                    frames[number] = frame.to_ndarray(format="rgb24")
                last = frame
                if number >= max(wanted):
                    break
            if number >= 0:
                frames.setdefault(number, last.to_ndarray(format="rgb24"))
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        raise DataError(f"{path} cannot be read as a video: {error}") from error
    if number < 0:
        raise DataError(f"{path} holds no frame")
    return [frames[min(position, number)] for position in positions]


def measure_video(path: Path) -> tuple[int, tuple[int, int]]:
    """Number of frames of a video, decoded where the file does not tell, and (height, width).

    Raises:
        DataError: The file is missing or damaged.
    """
    import av

    try:
        container, stream = open_video(path)
        with container:
            size = (stream.codec_context.height, stream.codec_context.width)
            return stream.frames or sum(1 for _ in container.decode(stream)), size
    except (av.error.FFmpegError, OSError, ValueError, IndexError) as error:
        raise DataError(f"{path} cannot be read as a video: {error}") from error
