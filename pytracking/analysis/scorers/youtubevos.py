"""YouTube-VOS 2018 and 2019."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ltr.admin.errors import DataError
from ltr.data.json_io import read_json
from pytracking.analysis.files.truth_folder import VideoTruth, annotation_root, list_masks
from pytracking.analysis.protocols.youtubevos import group_scores
from pytracking.analysis.reports.masks import youtubevos_report
from pytracking.analysis.reports.report import Report
from pytracking.analysis.scorers import servers
from pytracking.analysis.scorers.masks import (
    YOUTUBEVOS,
    evaluate_videos,
    resolve_rule,
    score_videos,
)
from pytracking.analysis.scorers.request import Request, no_ground_truth


@dataclass(frozen=True)
class YouTubeVosSet:
    """One set of YouTube-VOS.

    Args:
        year: ``"2018"`` or ``"2019"``.
        split: Split as in ``ltr.dataset.youtubevos``.
        cleanup: Corrections of the training videos.
        has_truth: Whether the masks of all frames are public.
        all_frames: Whether the tracker saw every frame.
    """

    year: str
    split: str
    cleanup: tuple[str, ...] = ()
    has_truth: bool = True
    all_frames: bool = False

    def __call__(self, request: Request) -> Report:
        """Score results on this set."""
        rule = resolve_rule(request.rule, YOUTUBEVOS)
        if not self.has_truth and request.ground_truth is None:
            raise no_ground_truth(request, servers.YOUTUBEVOS[self.year])
        root = request.find_root("youtubevos_dir") / self.year
        videos = self._videos(request, root)
        set_name = request.dataset
        if rule != YOUTUBEVOS:
            return evaluate_videos(request, videos, rule, set_name)
        scores = score_videos(request, videos, rule)
        groups = group_scores(
            scores,
            _categories(self._folder(root) / "meta.json"),
            set(_categories(root / "train" / "meta.json").values()),
        )
        return youtubevos_report(request.heading("YouTube-VOS"), scores, groups, set_name)

    def _folder(self, root: Path) -> Path:
        from ltr.dataset.youtubevos import part_of

        return root / part_of(self.split)

    def _videos(self, request: Request, root: Path) -> list[VideoTruth]:
        from ltr.dataset.youtubevos import list_objects

        folder = self._folder(root)
        listed = list_objects(root, self.split, self.cleanup)
        annotations = annotation_root(request.ground_truth or folder)
        images = root / f"{folder.name}_all_frames" if self.all_frames else folder
        return [
            VideoTruth(
                name,
                annotations / name,
                list_masks(annotations / name),
                listed[name],
                images / "JPEGImages" / name,
            )
            for name in request.choose(list(listed))
        ]


def _categories(meta: Path) -> dict[tuple[str, str], str]:
    """Category of every object, by video and id.

    Raises:
        DataError: The file is missing or damaged.
    """
    content: Any = read_json(meta)
    try:
        return {
            (video, label): item["category"]
            for video, entry in content["videos"].items()
            for label, item in entry["objects"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{meta} does not list the categories of the objects: {error!r}") from error


EVALUATORS = {
    "yt2018_valid": YouTubeVosSet("2018", "valid", has_truth=False),
    "yt2018_valid_all": YouTubeVosSet("2018", "valid", has_truth=False, all_frames=True),
    "yt2018_jjval": YouTubeVosSet("2018", "jjvalid"),
    "yt2019_train": YouTubeVosSet("2019", "train"),
    "yt2019_valid": YouTubeVosSet("2019", "valid", has_truth=False),
    "yt2019_valid_all": YouTubeVosSet("2019", "valid", has_truth=False, all_frames=True),
    "yt2019_test": YouTubeVosSet("2019", "test", has_truth=False),
    "yt2019_jjval": YouTubeVosSet("2019", "jjvalid", ("starts",)),
    "yt2019_jjval_all": YouTubeVosSet("2019", "jjvalid", ("starts",), all_frames=True),
}
