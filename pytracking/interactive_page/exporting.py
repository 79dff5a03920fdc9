"""The results of a page as files, whole or not at all."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from ltr.admin.errors import OutputError
from ltr.data.interactive.scribbles import ScribbleLine, VideoScribbles, write_scribbles
from pytracking.evaluation.outputs.video import ENTRIES, MASKS, VideoResults
from pytracking.evaluation.running.task import write_config
from pytracking.evaluation.session import VideoSession
from pytracking.evaluation.stepper import VideoFrame
from pytracking.interactive_page.host_session import HostSession
from pytracking.interactive_page.video import PageVideo
from pytracking.tracker.base import FrameInfo, FrameOutput
from pytracking.utils.staging import staged_folder

SCRIBBLES, MASKS_ARCHIVE, SESSION = "scribbles.json", "masks.zip", "page.session"
_ENTRIES = (*ENTRIES, MASKS_ARCHIVE, SCRIBBLES, SESSION)


def export_video(
    folder: Path,
    video: PageVideo,
    session: VideoSession | HostSession,
    tracker: str,
    formats: Sequence[str],
    check: Callable[[], None],
) -> None:
    """Write masks, boxes, overlay video, scribbles and the session; see ``Workbench.export``."""
    if folder.is_symlink():
        raise OutputError(f"{folder} is a link: results are written into real folders only")
    with (
        staged_folder(folder, _ENTRIES, overwrite=True) as staging,
        video.reread(check) as frames,
    ):
        with VideoResults(staging, frames) as results:
            for index, image in enumerate(frames):
                check()
                labels = session.result(index)
                if labels.shape != image.shape[:2]:
                    size = image.shape[1], image.shape[0]
                    labels = cv2.resize(labels, size, interpolation=cv2.INTER_NEAREST)
                output = FrameOutput.of_labels(labels, session.object_ids)
                results.add(VideoFrame(index, image, output))
        _pack(staging / MASKS, staging / MASKS_ARCHIVE)
        write_scribbles(staging / SCRIBBLES, VideoScribbles(video.name, _lines(video, session)))
        named = {frame: FrameInfo(tuple(own)) for frame, own in session.all_prompts().items()}
        write_config(staging, {"page": tracker}, frames, named, len(video.frames))
        if isinstance(session, VideoSession):
            session.save(staging / SESSION)
    if formats:
        from pytracking.evaluation.outputs.exchange.frames import export_results

        for name in formats:
            export_results(folder, _FramesOf(video, check), [name], overwrite=True)


class _FramesOf:
    """The frames of a video as an iterable that opens the file when it is used.

    An upload is decoded in a process of its own then, too.
    """

    def __init__(self, video: PageVideo, check: Callable[[], None]) -> None:
        self._video, self._check = video, check

    def __iter__(self) -> Iterator[np.ndarray]:
        with self._video.reread(self._check) as frames:
            yield from frames


def _lines(
    video: PageVideo, session: VideoSession | HostSession
) -> tuple[tuple[ScribbleLine, ...], ...]:
    """All lines of every frame."""
    drawn = session.all_prompts()
    return tuple(
        tuple(line for prompt in drawn.get(index, {}).values() for line in prompt.scribbles)
        for index in range(len(video.frames))
    )


def _pack(folder: Path, archive: Path) -> None:
    """Write the files of a folder into a zip archive."""
    with zipfile.ZipFile(archive, "w") as pack:
        for path in sorted(folder.iterdir()):
            pack.write(path, f"{folder.name}/{path.name}")
