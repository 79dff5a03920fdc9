"""Any folder of annotated videos."""

from __future__ import annotations

from ltr.admin.errors import ConfigError
from ltr.data.frame_files import list_folders, list_masks
from pytracking.analysis.files.truth_folder import VideoTruth, annotation_root
from pytracking.analysis.reports.report import Report
from pytracking.analysis.scorers.masks import DAVIS, evaluate_videos, resolve_rule
from pytracking.analysis.scorers.request import Request
from pytracking.utils.folder_names import folder_path


def score_folder(request: Request) -> Report:
    """Score results on ``folder:PATH``, or on ``--ground-truth PATH`` alone.

    The default rule is that of DAVIS: the objects are those of the first annotation.

    Raises:
        ConfigError: No folder is named.
        DataError: It holds no annotated video.
    """
    rule = resolve_rule(request.rule, DAVIS)
    root = folder_path(request.dataset) if request.dataset else None
    truth = request.ground_truth or root
    if truth is None:
        raise ConfigError("name the data set with --dataset-name, or a folder with --ground-truth")
    annotations = annotation_root(truth)
    images = (root or truth) / "JPEGImages"
    videos = [
        VideoTruth(name, annotations / name, list_masks(annotations / name), {}, images / name)
        for name in request.choose(list_folders(annotations))
    ]
    return evaluate_videos(request, videos, rule, truth.resolve().name)
