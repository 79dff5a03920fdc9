"""YouTube-VOS 2018 and 2019."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ltr.admin.errors import DataError
from ltr.data.frame_files import list_masks
from ltr.data.json_io import read_json
from pytracking.analysis.files.truth_folder import VideoTruth, annotation_root
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


def score_youtubevos(
    request: Request,
    year: str,
    split: str,
    cleanup: tuple[str, ...] = (),
    has_truth: bool = True,
    all_frames: bool = False,
) -> Report:
    """Score results on one set of YouTube-VOS.

    Args:
        request: The evaluation.
        year: ``"2018"`` or ``"2019"``.
        split: Split as in ``ltr.dataset.youtubevos``.
        cleanup: Corrections of the training videos.
        has_truth: Whether the masks of all frames are public.
        all_frames: Whether the tracker saw every frame.
    """
    from ltr.dataset.youtubevos import list_objects, part_of

    rule = resolve_rule(request.rule, YOUTUBEVOS)
    if not has_truth and request.ground_truth is None:
        raise no_ground_truth(request, servers.YOUTUBEVOS[year])
    root = request.find_root("youtubevos_dir") / year
    folder = root / part_of(split)
    images = root / f"{folder.name}_all_frames" if all_frames else folder
    videos = _videos(request, folder, images, list_objects(root, split, cleanup))
    if rule != YOUTUBEVOS:
        return evaluate_videos(request, videos, rule, request.dataset)
    scores = score_videos(request, videos, rule)
    groups = group_scores(
        scores,
        _categories(folder / "meta.json"),
        set(_categories(root / "train" / "meta.json").values()),
    )
    return youtubevos_report(request.heading("YouTube-VOS"), scores, groups, request.dataset)


def _videos(
    request: Request, folder: Path, images: Path, listed: Mapping[str, Any]
) -> list[VideoTruth]:
    annotations = annotation_root(request.ground_truth or folder)
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
