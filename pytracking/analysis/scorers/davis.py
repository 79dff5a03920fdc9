"""DAVIS 2016 and 2017, semi-supervised and unsupervised, and what has the same layout."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ltr.data.text_files import read_names
from pytracking.analysis.files.truth_folder import (
    VideoTruth,
    annotation_root,
    list_masks,
)
from pytracking.analysis.reports.report import Report
from pytracking.analysis.scorers import servers
from pytracking.analysis.scorers.masks import (
    DAVIS,
    RULES,
    UNSUPERVISED,
    evaluate_videos,
    resolve_rule,
)
from pytracking.analysis.scorers.request import Request, no_ground_truth


@dataclass(frozen=True)
class DavisSet:
    """One set of DAVIS.

    Args:
        set_name: Name of the split, as in the official tables: ``val``, ``test-dev``, ...
        variable: Path variable of its folder.
        year: Year of the list of sequences, ``2016`` or ``2017``.
        official: The rule.
        annotations: Folder of the masks.
        has_truth: Whether the masks of all frames are public.
    """

    set_name: str
    variable: str = "davis_dir"
    year: str = "2017"
    official: str = DAVIS
    annotations: str = "Annotations"
    has_truth: bool = True

    def __call__(self, request: Request) -> Report:
        """Score results on this set."""
        is_binary = self.year == "2016"
        allowed = [rule for rule in RULES if rule != UNSUPERVISED or not is_binary]
        rule = resolve_rule(request.rule, self.official, allowed)
        if not self.has_truth and request.ground_truth is None:
            raise no_ground_truth(request, servers.DAVIS)
        return evaluate_videos(request, self._videos(request), rule, self.set_name, is_binary)

    def _videos(self, request: Request) -> list[VideoTruth]:
        root = request.find_root(self.variable)
        listed = read_names(
            root / "ImageSets" / self.year / f"{self.set_name}.txt", "the list of sequences"
        )
        return [
            davis_video(root, request.ground_truth or root, name, self.annotations)
            for name in request.choose(listed)
        ]


def davis_video(root: Path, truth: Path, name: str, annotations: str) -> VideoTruth:
    """The annotations of one sequence, which may lie outside the data set's folder."""
    folder = annotation_root(truth, annotations) / name
    return VideoTruth(name, folder, list_masks(folder), images=root / "JPEGImages/480p" / name)


EVALUATORS = {
    "dv2016_val": DavisSet("val", "davis16_dir", "2016"),
    "dv2017_train": DavisSet("train"),
    "dv2017_val": DavisSet("val"),
    "dv2017_test_dev": DavisSet("test-dev", "davis_testdev_dir", has_truth=False),
    "dv2017_unsup_val": DavisSet(
        "val", official=UNSUPERVISED, annotations="Annotations_unsupervised"
    ),
    "scribble_ytvos": DavisSet("val", "scribble_ytvos_dir"),
}
