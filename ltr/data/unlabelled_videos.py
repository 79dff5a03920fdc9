"""Videos without labels, as folders or lists of frames."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ltr.data.frame_files import list_frames


class UnlabelledVideos:
    """Videos, each a folder of frames or a list of files.

    Folders are listed when their video is used, so that large data sets open at once.

    Args:
        name: Name of the data set, for messages.
        videos: A folder each, or the frames in order of time.
    """

    def __init__(self, name: str, videos: Sequence[Path | Sequence[Path]]) -> None:
        self.name = name
        self._videos = tuple(videos)

    def __len__(self) -> int:
        return len(self._videos)

    def frames(self, index: int) -> Sequence[Path]:
        """The frames of a video in order of time; numbers in their names count as numbers.

        Raises:
            DataError: Its folder cannot be read or is empty.
        """
        video = self._videos[index]
        if not isinstance(video, Path):
            return video
        return [video / name for name in list_frames(video)]

    def video_name(self, index: int) -> str:
        """Name of a video's folder."""
        video = self._videos[index]
        return video.name if isinstance(video, Path) else video[0].parent.name
