"""Extract the frames of videos: ``python -m pytracking.utils.extract_frames VIDEOS FRAMES``.

Every video file below VIDEOS becomes a folder of JPEGs of its name, the form in which training
reads videos without labels. Videos that are already done are skipped.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import DataError
from ltr.admin.locks import lock_folder
from ltr.data.frame_files import is_hidden, shorten
from ltr.data.image_io import VIDEO_SUFFIXES, write_image
from pytracking.utils.publishing import finish_publishing
from pytracking.utils.staging import temporary_folder, translate_write_errors
from pytracking.utils.video_reader import read_video


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Take all videos apart; 1 when one could not be read to its end."""
    arguments = _parser().parse_args(argv)
    videos = find_videos(arguments.videos)
    names = [_folder_name(video.relative_to(arguments.videos)) for video in videos]
    name, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(f"{count} videos would become the folder {name}: rename all but one")
    with lock_folder(arguments.frames, arguments.wait):
        finish_publishing(arguments.frames)
        jobs = zip(videos, names, strict=True)
        results = [_try_one(video, arguments.frames / name, arguments) for video, name in jobs]
    _tell_others(arguments.videos, arguments.frames)
    return 0 if all(results) else 1


def _try_one(video: Path, folder: Path, arguments: argparse.Namespace) -> bool:
    """Take one video apart and tell what came of it."""
    try:
        count = extract_frames(video, folder, arguments.height, arguments.every)
    except DataError as error:
        print(f"failed: {video}: {error}", file=sys.stderr)
        return False
    print(f"{video.name}: {count} frames" if count else f"{video.name}: already done")
    return True


def find_videos(folder: Path) -> list[Path]:
    """All video files below a folder, sorted; hidden ones are left out.

    Raises:
        DataError: There is none.
    """
    found = [path for path in _visible(folder) if path.suffix.lower() in VIDEO_SUFFIXES]
    if not found:
        raise DataError(f"{folder} holds no video file ({', '.join(VIDEO_SUFFIXES[:7])}, ...)")
    return found


def _visible(folder: Path) -> list[Path]:
    """All files and folders below a folder, sorted, without hidden ones."""
    return sorted(
        path
        for path in folder.rglob("*")
        if not any(is_hidden(part) for part in path.relative_to(folder).parts)
    )


def _tell_others(folder: Path, frames: Path) -> None:
    """Name the files that are not videos; those of ``frames`` may lie below the folder, too."""
    others = [
        str(path.relative_to(folder))
        for path in _visible(folder)
        if path.suffix.lower() not in VIDEO_SUFFIXES
        and not path.is_dir()
        and not path.resolve().is_relative_to(frames.resolve())
    ]
    if others:
        print(f"left out, no video files: {shorten(others)}")


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
        OutputError: The folder cannot be written.
    """
    if folder.is_dir():
        return 0
    count = 0
    with translate_write_errors(folder), read_video(video) as frames:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with temporary_folder(folder.parent, folder.name) as temporary:
            staging = temporary / folder.name
            staging.mkdir()
            for index, frame in enumerate(frames):
                if index % every == 0:
                    write_image(staging / f"{count:05d}.jpg", _scaled_down(frame, height))
                    count += 1
            staging.rename(folder)
    return count


def _folder_name(video: Path) -> str:
    """The parts of a relative path joined, without the suffix of the file."""
    return "_".join((*video.parts[:-1], video.name[: -len(video.suffix)]))


def _scaled_down(frame: np.ndarray, height: int | None) -> np.ndarray:
    if height is None or frame.shape[0] <= height:
        return frame
    width = round(frame.shape[1] * height / frame.shape[0])
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def _parser() -> CommandParser:
    parser = CommandParser(__doc__)
    parser.add_argument("videos", type=Path, help="folder of video files")
    parser.add_argument("frames", type=Path, help="folder that gets one folder per video")
    parser.add_argument(
        "--height", type=_positive, metavar="N", help="scale larger frames to N rows"
    )
    parser.add_argument(
        "--every", type=_positive, default=1, metavar="N", help="keep every N-th frame only (1)"
    )
    parser.add_wait()
    return parser


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a positive number, got {text!r}")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
