"""An interactive host without a network, and scribbled videos for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from ltr.data.interactive.robot import RobotParameters, draw_corrections
from ltr.data.interactive.scribbles import (
    NOTHING,
    ScribbleLine,
    VideoScribbles,
    draw_scribbles,
    write_scribbles,
)
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.interactive.videos import InteractiveVideo, interactive_video
from pytracking.tracker.interactive.base import InteractiveVOS, Segmentation
from tests.video_trees import SHAPE, Squares, label_map, write_folder_videos

_REACH_PX = 6.0


class PlainHost(InteractiveVOS):
    """Gives pixels near a stroke its object; a frame takes the strokes of the nearest frame."""

    name = "plain"
    wants_all_scribbles = True
    runs_without_scribbles = True

    def _start(self, video_id: str | None) -> None:
        self._masks: dict[int, np.ndarray] = {}

    def _interact(self, frame: int, scribbles: Sequence[ScribbleLine]) -> Segmentation:
        size = self.frames[0].shape[:2]
        drawn = draw_scribbles(scribbles, size)
        far, nearest = ndimage.distance_transform_edt(drawn == NOTHING, return_indices=True)
        labels = drawn[tuple(nearest)]
        self._masks[frame] = np.where(far <= _REACH_PX, np.maximum(labels, 0), 0).astype(np.uint8)
        known = np.array(sorted(self._masks))
        places = known[np.abs(np.arange(len(self.frames))[:, None] - known).argmin(axis=1)]
        masks = np.stack([self._masks[place] for place in places.tolist()])
        ids = torch.arange(self.num_objects + 1)[None, :, None, None]
        probs = (torch.from_numpy(masks)[:, None] == ids).float()
        return Segmentation(masks, probs, (0, len(self.frames) - 1))

    def _finish(self) -> None:
        self._masks = {}


def scribbled_videos(
    root: Path, names: Sequence[str] = ("bear",), frames: int = 6
) -> dict[str, InteractiveVideo]:
    """Videos of one moving square; the sets of first scribbles lie on the frames 0, 2 and 5."""
    squares = {f"{index:05d}": {1: (4 + 4 * index, 10)} for index in range(frames)}
    write_folder_videos(root, dict.fromkeys(names, squares))
    for name in names:
        write_first_scribbles(root, name, squares)
    return {entry.name: interactive_video(entry) for entry in get_dataset(f"folder:{root}")}


def write_first_scribbles(root: Path, name: str, squares: Mapping[str, Squares]) -> None:
    """Write a video's three sets of first scribbles, on its frames 0, 2 and last.

    Args:
        root: Folder of the data set.
        name: Of the video.
        squares: What its frames show, by stem.
    """
    for number, frame in enumerate((0, 2, len(squares) - 1), 1):
        shown = list(squares.values())[frame]
        truth = label_map(shown)
        lines = draw_corrections(truth, np.zeros(SHAPE, np.uint8), len(shown), RobotParameters())
        drawn: list[tuple[ScribbleLine, ...]] = [()] * len(squares)
        drawn[frame] = tuple(lines)
        path = root / "Scribbles" / name / f"{number:03d}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_scribbles(path, VideoScribbles(name, tuple(drawn)))
