"""What all evaluations of mask folders share: choosing a rule, leaving out what has no truth."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from ltr.admin.errors import ConfigError, DataError, did_you_mean
from ltr.data.frame_files import list_folders, shorten
from pytracking.analysis.files.mask_evaluation import Comparison, evaluate_masks
from pytracking.analysis.files.truth_folder import VideoTruth
from pytracking.analysis.metrics.scores import Scores
from pytracking.analysis.protocols.mask_rules import (
    MaskRule,
    after_start,
    davis_semi_supervised,
    davis_unsupervised,
)
from pytracking.analysis.reports.masks import davis_report, pytracking_report
from pytracking.analysis.reports.report import Report
from pytracking.analysis.scorers.boxes import evaluate_boxes
from pytracking.analysis.scorers.request import OFFICIAL, Request
from pytracking.analysis.scorers.robot_session import evaluate_session

_LOG = logging.getLogger(__name__)
_SHOWN = 5

DAVIS, UNSUPERVISED, YOUTUBEVOS, PYTRACKING = "davis", "unsupervised", "youtubevos", "pytracking"
BOXES, INTERACTIVE = "boxes", "interactive"
RULES = (OFFICIAL, DAVIS, UNSUPERVISED, YOUTUBEVOS, PYTRACKING, BOXES, INTERACTIVE)

_TITLES = {
    DAVIS: "DAVIS semi-supervised",
    UNSUPERVISED: "DAVIS unsupervised",
    YOUTUBEVOS: "YouTube-VOS",
    PYTRACKING: "pytracking's rule",
}


def evaluate_videos(
    request: Request,
    videos: Sequence[VideoTruth],
    rule: str,
    set_name: str,
    is_binary: bool = False,
) -> Report:
    """Score videos by a rule that needs nothing but masks.

    Args:
        request: Results, tracker and options of the evaluation.
        videos: The annotations.
        rule: One of ``RULES`` but ``official``.
        set_name: Name of the split in the tables' file names.
        is_binary: Whether every label above 0 is object 1.

    Raises:
        ConfigError: There is no such rule.
        DataError: Results or annotations are missing or damaged.
    """
    if rule == BOXES:
        return evaluate_boxes(request, with_truth(request, videos), is_binary)
    if rule == INTERACTIVE:
        return evaluate_session(request, with_truth(request, videos))
    scores = score_videos(request, videos, rule, is_binary)
    heading = request.heading(_TITLES[rule])
    if rule == PYTRACKING:
        return pytracking_report(heading, scores, request.dataset or set_name)
    return davis_report(heading, scores, set_name)


def score_videos(
    request: Request,
    videos: Sequence[VideoTruth],
    rule: str,
    is_binary: bool = False,
    part: str = "",
) -> Scores:
    """Compare the masks of all videos, each in ``<results>/<video>/<part>``."""
    compare = _rule(rule, is_binary)
    report_extra_folders(request, videos)
    return score(
        request,
        [
            compare(video, request.results / video.name / part)
            for video in with_truth(request, videos)
        ],
    )


def score(request: Request, comparisons: Sequence[Comparison]) -> Scores:
    """Compare; name the objects that have no frame to score."""
    scores = Scores.join(evaluate_masks(comparisons, request.threads, request.quiet))
    unscored = [item.name for item in scores.objects if item.is_unscored]
    if unscored:
        _LOG.warning("no frame to score, left out: %s", shorten(unscored, _SHOWN))
    if len(unscored) == len(scores.objects):
        raise DataError(f"{request.results}: no object has a frame to score")
    return scores


def with_truth(request: Request, videos: Sequence[VideoTruth]) -> list[VideoTruth]:
    """The videos that have annotations; the others are named.

    Raises:
        DataError: None has.
    """
    absent = [video.name for video in videos if not video.frames]
    if len(absent) == len(videos):
        raise DataError(f"{request.ground_truth or request.dataset} holds no annotated video")
    if absent:
        _LOG.warning(
            "%d of %d videos without ground truth, left out: %s",
            len(absent),
            len(videos),
            shorten(absent, _SHOWN),
        )
    return [video for video in videos if video.frames]


def report_extra_folders(request: Request, videos: Sequence[VideoTruth]) -> None:
    """Name the folders of results that belong to no video of the whole data set.

    Raises:
        DataError: There is no folder of results.
    """
    if not request.results.is_dir():
        raise DataError(f"the results {request.results} are not a folder")
    extra = sorted(set(list_folders(request.results)).difference(video.name for video in videos))
    if extra and not request.sequences:
        _LOG.warning("%s: folders of no sequence: %s", request.results, shorten(extra, _SHOWN))


def resolve_rule(rule: str, official: str, allowed: Sequence[str] = RULES) -> str:
    """The rule that a name means for a data set.

    Raises:
        ConfigError: The data set does not have this rule.
    """
    if rule not in allowed:
        hint = did_you_mean(rule, allowed)
        raise ConfigError(f"the rule {rule!r} does not fit this data set{hint}")
    return official if rule == OFFICIAL else rule


def _rule(rule: str, is_binary: bool) -> MaskRule:
    if rule == UNSUPERVISED:
        return davis_unsupervised
    if rule == DAVIS:
        return partial(davis_semi_supervised, is_binary=is_binary)
    return partial(after_start, with_last_frame=rule == YOUTUBEVOS, is_binary=is_binary)
