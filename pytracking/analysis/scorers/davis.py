"""DAVIS 2016 and 2017, semi-supervised and unsupervised, and what has the same layout."""

from __future__ import annotations

from pathlib import Path

from ltr.data.frame_files import list_masks
from ltr.data.text_files import read_names
from pytracking.analysis.files.truth_folder import VideoTruth, annotation_root
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


def score_davis(
    request: Request,
    set_name: str,
    variable: str = "davis_dir",
    year: str = "2017",
    official: str = DAVIS,
    annotations: str = "Annotations",
    has_truth: bool = True,
) -> Report:
    """Score results on one set of DAVIS, or of what has its layout.

    Args:
        request: The evaluation.
        set_name: Name of the split, as in the official tables: ``val``, ``test-dev``, ...
        variable: Path variable of its folder.
        year: Year of the list of sequences, ``2016`` or ``2017``.
        official: The rule.
        annotations: Folder of the masks.
        has_truth: Whether the masks of all frames are public.
    """
    is_binary = year == "2016"
    allowed = [rule for rule in RULES if rule != UNSUPERVISED or not is_binary]
    rule = resolve_rule(request.rule, official, allowed)
    if not has_truth and request.ground_truth is None:
        raise no_ground_truth(request, servers.DAVIS)
    root = request.find_root(variable)
    listed = read_names(root / "ImageSets" / year / f"{set_name}.txt", "the list of sequences")
    videos = [
        davis_video(root, request.ground_truth or root, name, annotations)
        for name in request.choose(listed)
    ]
    return evaluate_videos(request, videos, rule, set_name, is_binary)


def davis_video(root: Path, truth: Path, name: str, annotations: str) -> VideoTruth:
    """The annotations of one sequence, which may lie outside the data set's folder."""
    folder = annotation_root(truth, annotations) / name
    return VideoTruth(name, folder, list_masks(folder), images=root / "JPEGImages/480p" / name)
