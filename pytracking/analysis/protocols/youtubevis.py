"""YouTube-VIS protocol: COCO's average precision with masks of whole videos."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.json_io import finite_number, translate_json_errors
from ltr.data.rle import Rle, as_rle
from pytracking.analysis.metrics.average_precision import (
    MAX_DETECTIONS,
    Cell,
    PrecisionRecall,
    keep_best,
    precision_recall,
)
from pytracking.utils.mask_overlaps import areas, video_overlaps

_LOG = logging.getLogger(__name__)

AREA_RANGES = {
    "all": (0.0, 1e10),
    "small": (0.0, 128.0**2),
    "medium": (128.0**2, 256.0**2),
    "large": (256.0**2, 1e10),
}
ALL_CATEGORIES = 0  # the one category of the class-agnostic mode


@dataclass(frozen=True)
class _Track:
    """One instance: a mask or None for each frame."""

    masks: tuple[Rle | None, ...]
    area: float
    identifier: int = 0
    is_crowd: bool = False
    score: float = 0.0


@dataclass(frozen=True)
class VideoInstanceScores:
    """What the evaluation found.

    Args:
        curves: Precision and recall.
        category_names: Category names by id.
        overlaps: Of each video and category with instances: detections by descending score,
            ground truths in the order of the file.
    """

    curves: PrecisionRecall
    category_names: Mapping[int, str]
    overlaps: Mapping[tuple[int, int], np.ndarray]

    @property
    def summary(self) -> str:
        """The last line of a report, percent; -1 stays where nothing is defined."""
        numbers = self.curves.summary()
        wanted = ("AP", "AP50", "AP75", "AR1", "AR10")
        return " ".join(f"{name}={percent(numbers[name]):.1f}" for name in wanted)


_Groups = Mapping[tuple[int, int], list[_Track]]


def percent(value: float) -> float:
    """A share in percent; -1, the mark of an undefined value, stays."""
    return 100 * value if value >= 0 else value


def evaluate(
    ground_truth: Mapping[str, Any],
    results: Sequence[Mapping[str, Any]],
    videos: Collection[int] | None = None,
    is_class_agnostic: bool = False,
) -> VideoInstanceScores:
    """Compare the instances of all videos.

    Args:
        ground_truth: The data set's JSON, with annotations.
        results: Entries with ``video_id``, ``category_id``, ``score`` and ``segmentations``.
        videos: Only these ids; None takes all.
        is_class_agnostic: Whether all categories are taken as one.

    Raises:
        DataError: There are no annotations, or an entry is damaged or names an unknown video.
    """
    with translate_json_errors("the ground truth", "videos and categories as in YouTube-VIS"):
        sizes = _video_sizes(ground_truth, videos)
        names = {
            int(entry["id"]): str(entry["name"]) for entry in _entries(ground_truth, "categories")
        }
    truths = _group(_entries(ground_truth, "annotations"), sizes, "annotation", _truth_track)
    found = _group(results, sizes, "result", _result_track)
    if is_class_agnostic:
        names = {ALL_CATEGORIES: "object"}
        truths, found = _pool(truths), _pool(found)
    for kind, groups in (("results", found), ("annotations", truths)):
        if unknown := {category for category, _ in groups} - names.keys():
            _LOG.warning("%s of unknown categories are left out: %s", kind, sorted(unknown))
    _tell_odd_ids(truths)
    _tell_odd_lengths(found, ground_truth)
    cells: dict[int, list[Cell]] = {category: [] for category in sorted(names)}
    overlaps = {}
    for category, video in sorted(key for key in truths.keys() | found.keys() if key[0] in cells):
        tracks = found.get((category, video), [])
        best = keep_best([track.score for track in tracks], MAX_DETECTIONS[-1])
        detections = [tracks[place] for place in best]
        cell = _cell(detections, truths.get((category, video), []))
        cells[category].append(cell)
        overlaps[video, category] = cell.overlaps
    return VideoInstanceScores(precision_recall(cells, AREA_RANGES), names, overlaps)


def _tell_odd_ids(truths: _Groups) -> None:
    """The official program stores matches as ids, and tests them for not being 0."""
    for tracks in truths.values():
        ids = [track.identifier for track in tracks]
        if 0 in ids or len(set(ids)) < len(ids):
            _LOG.warning(
                "annotations have the id 0 or share an id: by the official rule such objects count "
                "as not found; number them from 1"
            )
            return


def _tell_odd_lengths(found: _Groups, ground_truth: Mapping[str, Any]) -> None:
    lengths = {video["id"]: video.get("length") for video in ground_truth["videos"]}
    odd = [
        video
        for (_, video), tracks in found.items()
        for track in tracks
        if isinstance(length := lengths.get(video), int) and len(track.masks) != length
    ]
    if odd:
        _LOG.warning(
            "%d results have more or fewer masks than their video has frames, for instance of "
            "video %s: by the official rule the shorter list ends the comparison",
            len(odd),
            odd[0],
        )


def _entries(ground_truth: object, key: str) -> list[Mapping[str, Any]]:
    entries = ground_truth.get(key) if isinstance(ground_truth, Mapping) else None
    if not isinstance(entries, list):
        raise DataError(f"the ground truth has no list {key!r}: it is not the annotated file")
    return entries


def _video_sizes(
    ground_truth: Mapping[str, Any], videos: Collection[int] | None
) -> dict[int, tuple[int, int] | None]:
    """Height and width by id; None marks videos that are left out."""
    sizes = {}
    for video in _entries(ground_truth, "videos"):
        is_wanted = videos is None or video["id"] in videos
        sizes[int(video["id"])] = (video["height"], video["width"]) if is_wanted else None
    return sizes


def _group(
    entries: Iterable[Mapping[str, Any]],
    sizes: Mapping[int, tuple[int, int] | None],
    kind: str,
    make_track: Any,
) -> dict[tuple[int, int], list[_Track]]:
    """The tracks of each category and video, in the order of the file."""
    groups: dict[tuple[int, int], list[_Track]] = {}
    for number, entry in enumerate(entries):
        try:
            if entry["video_id"] not in sizes:
                raise DataError(f"there is no video {entry['video_id']}")
            size = sizes[entry["video_id"]]
            if size is None:
                continue
            masks = tuple(as_rle(mask, *size) for mask in entry["segmentations"])
            if not isinstance(entry["category_id"], int):
                raise DataError(f"the category is {entry['category_id']!r}")
            key = entry["category_id"], entry["video_id"]
            groups.setdefault(key, []).append(make_track(entry, masks))
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise DataError(f"{kind} {number} is damaged: {error!r}") from error
        except DataError as error:
            raise DataError(f"{kind} {number}: {error}") from error
    return groups


def _truth_track(entry: Mapping[str, Any], masks: tuple[Rle | None, ...]) -> _Track:
    """The mean area comes from the file, not from the masks, as in the official program."""
    frame_areas = [area for area in entry["areas"] if area]
    return _Track(
        masks,
        float(np.mean(frame_areas)) if frame_areas else 0.0,
        identifier=int(np.int64(entry["id"])),
        is_crowd=bool(entry.get("iscrowd", 0)),
    )


def _result_track(entry: Mapping[str, Any], masks: tuple[Rle | None, ...]) -> _Track:
    frame_areas = areas([mask for mask in masks if mask is not None])
    frame_areas = frame_areas[frame_areas > 0]
    area = float(frame_areas.mean()) if frame_areas.size else 0.0
    return _Track(masks, area, score=finite_number(entry["score"]))


def _pool(groups: Mapping[tuple[int, int], list[_Track]]) -> dict[tuple[int, int], list[_Track]]:
    """All categories as one, in order of their ids."""
    pooled: dict[tuple[int, int], list[_Track]] = {}
    for (_, video), tracks in sorted(groups.items(), key=lambda item: item[0]):
        pooled.setdefault((ALL_CATEGORIES, video), []).extend(tracks)
    return pooled


def _cell(detections: Sequence[_Track], truths: Sequence[_Track]) -> Cell:
    return Cell(
        scores=np.array([track.score for track in detections]),
        areas=np.array([track.area for track in detections]),
        overlaps=video_overlaps(
            [track.masks for track in detections], [track.masks for track in truths]
        ),
        truth_ids=np.array([track.identifier for track in truths], dtype=np.int64),
        truth_areas=np.array([track.area for track in truths]),
        truth_is_crowd=np.array([track.is_crowd for track in truths], dtype=bool),
    )
