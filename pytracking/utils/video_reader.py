"""One interface over every kind of video: file, folder of frames, camera, frames in memory.

Frames come one by one, so the memory does not depend on the length of the video.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Sequence, Sized
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ltr.admin.errors import DataError
from pytracking.utils.frame_source import FrameSource, checked_frames

if TYPE_CHECKING:
    from pytracking.utils.video_stream import StreamOptions

_LOG = logging.getLogger(__name__)

VideoLike = str | os.PathLike[str] | int | Iterable[np.ndarray]


def read_video(source: VideoLike, stream: StreamOptions | None = None) -> FrameSource:
    """Open a video of any kind.

    Args:
        source: A video file, a folder of pictures, the index of a camera, an address
            (``rtsp://...``, ``http(s)://...``), ``-`` for standard input, or an iterable of frames
            uint8 (H, W, 3) RGB.
        stream: How often a lost connection is made again, and whether late frames are left out.

    Returns:
        The opened video; its first frame has been read already.

    Raises:
        DataError: Nothing there, not a video, or no frame. Damage further on and frames of another
            size raise it during the iteration, naming the place.

    >>> video = read_video(np.zeros((3, 4, 6, 3), np.uint8))
    >>> video.size, video.length, [frame.shape for frame in video]
    ((6, 4), 3, [(4, 6, 3), (4, 6, 3), (4, 6, 3)])
    """
    from pytracking.utils.video_stream import drop_late, is_stream, open_stream

    if isinstance(source, str) and is_stream(source):
        return open_stream(source, stream)
    video = _open(source)
    return drop_late(video) if stream is not None and stream.drops_late else video


def _open(source: VideoLike) -> FrameSource:
    """Open what is no stream."""
    if isinstance(source, int):
        from pytracking.utils.video_decoder import open_camera

        return open_camera(source)
    if not isinstance(source, str | os.PathLike):
        return _open_arrays(source)
    path = Path(source)
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        raise DataError(f"{path} does not exist: expected a video file or a folder of frames")
    if (pages := _open_pages(path)) is not None:
        return pages
    from pytracking.utils.video_decoder import open_file

    return open_file(path)


def _open_pages(path: Path) -> FrameSource | None:
    """The pictures in one TIFF, WebP or PNG file as frames; None where there is one or none."""
    from ltr.data.frame_files import IMAGE_SUFFIXES
    from ltr.data.image_io import read_pages

    if path.suffix.lower() not in IMAGE_SUFFIXES:
        return None
    length, pictures = read_pages(path)
    if length < 2:
        return None
    frames, size = checked_frames(pictures, lambda index: f"picture {index} of {path}")
    return FrameSource(path.stem, frames, size, length=length)


def _open_arrays(arrays: Iterable[np.ndarray]) -> FrameSource:
    frames, size = checked_frames(arrays, "frame {}".format)
    length = len(arrays) if isinstance(arrays, Sized) else None
    return FrameSource("frames", frames, size, length=length)


def _open_folder(folder: Path) -> FrameSource:
    from ltr.data.frame_files import find_gap, list_frames, stem_of
    from ltr.data.image_io import read_image

    _refuse_videos(folder)
    names = list_frames(folder)
    if len(names) == 1 and (pages := _open_pages(folder / names[0])) is not None:
        return replace(pages, name=folder.resolve().name)
    gap = find_gap(names)
    if gap:
        _LOG.warning("%s: a frame seems to be missing between %s and %s", folder, *gap)
    paths = [folder / name for name in names]
    frames, size = checked_frames(map(read_image, paths), lambda index: str(paths[index]))
    stems = [stem_of(name) for name in names]
    return FrameSource(
        folder.resolve().name, frames, size, length=len(paths), stems=stems, files=paths
    )


@dataclass(frozen=True)
class FolderContent:
    """What lies in a folder of videos or frames.

    Args:
        videos: Its videos, files and folders of frames; none where it holds frames itself.
        left_out: Names of what is neither a video nor a frame of it.
    """

    videos: tuple[Path, ...] = ()
    left_out: tuple[str, ...] = ()


def find_videos(folder: Path, beside: Sequence[Path] = ()) -> FolderContent:
    """Tell a folder of videos from a folder of frames, and name what is left out.

    Hidden files and what systems leave behind do not count. Pictures beside videos are posters, and
    a video beside more numbered frames is a preview.

    Args:
        folder: Anything; what is not a folder holds no videos.
        beside: Folders in it that serve another purpose: results, masks.

    Raises:
        DataError: The folder cannot be read, or may be either.
    """
    from ltr.data.frame_files import IMAGE_SUFFIXES, list_visible, split_strays
    from ltr.data.image_io import VIDEO_SUFFIXES

    if not folder.is_dir():
        return FolderContent()
    taken = {path.resolve() for path in beside}
    entries = [folder / name for name in sorted(list_visible(folder))]
    folders = [entry for entry in entries if entry.is_dir()]
    files = [entry for entry in entries if entry not in folders]
    folders = [e for e in folders if not any(p.is_relative_to(e.resolve()) for p in taken)]
    videos = [entry for entry in files if entry.suffix.lower() in VIDEO_SUFFIXES]
    pictures = [entry.name for entry in files if entry.suffix.lower() in IMAGE_SUFFIXES]
    others = [e.name for e in files if e not in videos and e.name not in pictures]
    frames, strays = split_strays(pictures)
    if pictures and not _are_posters(folder, frames, videos):
        beside_frames = (*(entry.name for entry in (*folders, *videos)), *others)
        return FolderContent((), (*beside_frames, *strays))
    return FolderContent(tuple(sorted((*folders, *videos))), (*pictures, *others))


def _are_posters(folder: Path, pictures: Sequence[str], videos: Sequence[Path]) -> bool:
    """Whether the pictures of a folder belong to its video files, and are not frames."""
    from ltr.data.frame_files import find_gap, sort_naturally, stem_of

    stems = {stem_of(name) for name in pictures}
    if not videos:
        return False
    if len(pictures) <= len(videos) or stems <= {video.stem for video in videos}:
        return True
    names = sort_naturally(pictures)
    if all(stem.isdecimal() for stem in stems) and find_gap(names) is None:
        return False
    raise DataError(
        f"{folder} holds {len(pictures)} pictures and {len(videos)} video files: are these frames "
        "or videos? Move either to a folder of its own"
    )


def _refuse_videos(folder: Path) -> None:
    """Tell a folder of videos from a folder of frames."""
    videos = [video.name for video in find_videos(folder).videos]
    if videos:
        raise DataError(
            f"{folder} holds no frames but videos ({', '.join(videos[:3])}"
            f"{', ...' if len(videos) > 3 else ''}): name one of them"
        )
