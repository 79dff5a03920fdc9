"""One interface over every kind of video: file, folder of frames, camera, frames in memory.

Frames come one by one, so the memory does not depend on the length of the video.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable, Iterator, Sequence, Sized
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ltr.admin.errors import DataError
from pytracking.utils.frame_source import FrameSource, checked_frames
from pytracking.utils.lazy_frames import ArrayFrames, FileFrames, LazyFrames, SpooledFrames

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

    if isinstance(source, int):
        from pytracking.utils.video_decoder import open_camera

        video = open_camera(source)
    elif not isinstance(source, str | os.PathLike):
        video = _open_arrays(source)
    elif Path(source).is_dir():
        video = _open_folder(Path(source))
    elif is_stream(source):
        return open_stream(str(source), stream)
    else:
        video = _open_file(Path(source))
    return drop_late(video) if stream is not None and stream.drops_late else video


@contextmanager
def open_frames(
    video: FrameSource | VideoLike | Sequence[np.ndarray], is_stream: bool = False
) -> Iterator[LazyFrames]:
    """The frames of a video in any order: pictures are read when needed, others decoded once.

    Args:
        video: Opened, or anything that ``read_video`` opens.
        is_stream: See ``SpooledFrames``.

    Raises:
        DataError: The video cannot be read.
    """
    if isinstance(video, LazyFrames):
        yield video
    elif isinstance(video, np.ndarray | list | tuple):
        yield ArrayFrames(list(video))
    elif not isinstance(video, FrameSource):
        with read_video(video) as source, open_frames(source, is_stream) as frames:
            yield frames
    elif video.pictures is not None:
        yield video.pictures
    else:
        with SpooledFrames(video, is_stream) as frames:
            yield frames


def _open_file(path: Path) -> FrameSource:
    from pytracking.utils.video_decoder import open_file

    if not path.exists():
        raise _nothing_at(path)
    return _open_pages(path) or open_file(path)


def _nothing_at(path: Path) -> DataError:
    return DataError(f"{path} does not exist: expected a video file or a folder of frames")


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

    if videos := [video.name for video in find_videos(folder).videos]:
        raise DataError(
            f"{folder} holds no frames but videos ({', '.join(videos[:3])}"
            f"{', ...' if len(videos) > 3 else ''}): name one of them"
        )
    names = list_frames(folder)
    if len(names) == 1 and (pages := _open_pages(folder / names[0])) is not None:
        return replace(pages, name=folder.resolve().name)
    gap = find_gap(names)
    if gap:
        _LOG.warning("%s: a frame seems to be missing between %s and %s", folder, *gap)
    paths = [folder / name for name in names]
    frames, size = checked_frames(map(read_image, paths), lambda index: str(paths[index]))
    return FrameSource(
        folder.resolve().name,
        frames,
        size,
        length=len(paths),
        stems=[stem_of(name) for name in names],
        pictures=FileFrames(paths, (size[1], size[0])),
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


def find_videos(source: str | os.PathLike[str], beside: Sequence[Path] = ()) -> FolderContent:
    """Tell a folder of videos from a folder of frames, and name what is left out.

    Hidden files and what systems leave behind do not count. Pictures beside videos are posters, and
    a video beside more numbered frames is a preview.

    Args:
        source: A folder; a file or an address holds no videos.
        beside: Folders in it that serve another purpose: results, masks.

    Raises:
        DataError: Nothing is there, the folder cannot be read, or may be either.
    """
    from ltr.data.frame_files import IMAGE_SUFFIXES, list_visible, split_strays
    from ltr.data.image_io import VIDEO_SUFFIXES
    from pytracking.utils.video_stream import is_stream

    folder = Path(source)
    if not folder.exists() and not is_stream(source):
        raise _nothing_at(folder)
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
    are_posters = _are_posters(frames, [video.stem for video in videos])
    if are_posters is None:
        raise DataError(
            f"{folder} holds {len(frames)} pictures and {len(videos)} video files: are these "
            "frames or videos? Move either to a folder of its own"
        )
    if pictures and not are_posters:
        beside_frames = (*(entry.name for entry in (*folders, *videos)), *others)
        return FolderContent((), (*beside_frames, *strays))
    return FolderContent(tuple(sorted((*folders, *videos))), (*pictures, *others))


def _are_posters(pictures: Sequence[str], videos: Sequence[str]) -> bool | None:
    """Whether the pictures of a folder belong to its video files, and are not frames.

    Args:
        pictures: Their names.
        videos: Names of the video files without suffix.

    Returns:
        None where they may be either.
    """
    from ltr.data.frame_files import find_gap, sort_naturally, stem_of

    stems = {stem_of(name) for name in pictures}
    if not videos:
        return False
    if len(pictures) <= len(videos) or stems <= set(videos):
        return True
    names = sort_naturally(pictures)
    if all(stem.isdecimal() for stem in stems) and find_gap(names) is None:
        return False
    return None
