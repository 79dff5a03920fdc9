"""Extract the frames of videos: ``python -m pytracking.utils.extract_frames VIDEOS FRAMES``.

Every video file below VIDEOS becomes a folder of JPEGs of its name, the form in which training
reads videos without labels. Videos that were done before are left alone.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ltr.admin.cli import command
from ltr.admin.errors import DataError
from ltr.admin.files import TEMPORARY_SUFFIX
from ltr.data.image_io import VIDEO_SUFFIXES, write_image
from pytracking.utils.video_reader import read_video


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Take all videos apart; 1 when one could not be read to its end."""
    arguments = _parse(argv)
    videos = find_videos(arguments.videos)
    failures = 0
    for video in videos:
        name = "_".join(video.relative_to(arguments.videos).with_suffix("").parts)
        try:
            count = extract_frames(
                video, arguments.frames / name, arguments.height, arguments.every
            )
        except DataError as error:
            print(f"failed: {video}: {error}", file=sys.stderr)
            failures += 1
            continue
        print(f"{video.name}: {count} frames" if count else f"{video.name}: done before")
    return 1 if failures else 0


def find_videos(folder: Path) -> list[Path]:
    """All video files below a folder, sorted.

    Raises:
        DataError: There is none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
    if not found:
        raise DataError(f"{folder} holds no video file ({', '.join(VIDEO_SUFFIXES)})")
    return found


def extract_frames(video: Path, folder: Path, height: int | None = None, every: int = 1) -> int:
    """Write the frames of a video as JPEGs; the folder appears when all are written.

    Args:
        video: A video file.
        folder: Folder for the frames.
        height: Larger frames are scaled down to this height, pixels.
        every: Only every so many frames.

    Returns:
        Number of frames; 0 when the folder was there before.

    Raises:
        DataError: The video is damaged.
        OSError: The folder cannot be written.
    """
    if folder.is_dir():
        return 0
    staging = folder.with_name(f".{folder.name}.{os.getpid()}{TEMPORARY_SUFFIX}")
    count = 0
    try:
        staging.mkdir(parents=True)
        with read_video(video) as frames:
            for index, frame in enumerate(frames):
                if index % every == 0:
                    write_image(staging / f"{count:05d}.jpg", _scaled_down(frame, height))
                    count += 1
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return count


def _scaled_down(frame: np.ndarray, height: int | None) -> np.ndarray:
    if height is None or frame.shape[0] <= height:
        return frame
    width = round(frame.shape[1] * height / frame.shape[0])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", type=Path, help="folder of video files")
    parser.add_argument("frames", type=Path, help="folder that gets one folder per video")
    parser.add_argument("--height", type=_positive, help="scale larger frames down, pixels")
    parser.add_argument("--every", type=_positive, default=1, help="only every so many frames (1)")
    return parser.parse_args(argv)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
