"""Trackers against each other on the same objects: intervals, differences, disagreements."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ltr.admin.errors import DataError
from ltr.data.frame_files import find_mask
from pytracking.analysis.files.mask_reader import read_labels
from pytracking.analysis.metrics.bootstrap import Interval, interval_of_mean
from pytracking.analysis.metrics.scores import ObjectScores, Scores
from pytracking.analysis.reports.report import Report, Table
from pytracking.analysis.reports.worst_frames import draw_labels, read_frame

_MAX_PER_OBJECT = 2


@dataclass(frozen=True)
class Cost:
    """What a tracker took.

    Args:
        frames_per_second: Frames a second; NaN where it is not known.
        peak_mib: Largest memory, MiB; NaN where it is not known.
    """

    frames_per_second: float = math.nan
    peak_mib: float = math.nan


@dataclass(frozen=True)
class Disagreement:
    """A frame in which two trackers differ much in one object.

    Args:
        name: Name of the object, ``<sequence>_<id>``.
        frame: Name of the frame.
        scores: Mean of J and F by tracker, 0..1.
        pictures: JPEG files by what they show: ``annotation`` and the trackers.
    """

    name: str
    frame: str
    scores: Mapping[str, float]
    pictures: Mapping[str, bytes]


def paired_scores(reports: Mapping[str, Report]) -> dict[str, Scores]:
    """The scores of all trackers; empty where fewer than two have scores of objects."""
    scored = {name: report.scores for name, report in reports.items() if report.scores}
    return scored if len(scored) > 1 and len(scored) == len(reports) else {}


def interval_table(scored: Mapping[str, Scores], costs: Mapping[str, Cost]) -> Table:
    """J&F of every tracker with its interval, and that of its difference to the first.

    Args:
        scored: Scores by tracker.
        costs: Speed and memory by tracker, for the remarks.
    """
    first = next(iter(scored.values()))
    rows, remarks = {}, {}
    for name, scores in scored.items():
        own = interval_of_mean(by_sequence(scores))
        difference = (
            Interval(math.nan, math.nan, math.nan)
            if scores is first
            else interval_of_mean(differences(scores, first))
        )
        rows[name] = (*own, *difference)
        remarks[name] = describe_cost(costs.get(name, Cost()))
    columns = ("J&F", "from", "to", "difference", "from", "to")
    title = (
        "J&F with 95 % intervals (bootstrap over sequences), and the difference to "
        f"{next(iter(scored))}"
    )
    return Table(columns, rows, title, {name: text for name, text in remarks.items() if text})


def difference_table(scored: Mapping[str, Scores]) -> Table:
    """J&F of every sequence: of the first tracker, then what the others have more or less."""
    names = list(scored)
    first = by_sequence(scored[names[0]])
    others = {name: differences(scored[name], scored[names[0]]) for name in names[1:]}
    rows = {
        sequence: (_mean(values), *(_mean(other.get(sequence, [])) for other in others.values()))
        for sequence, values in first.items()
    }
    columns = (names[0], *(f"{name} - {names[0]}" for name in names[1:]))
    return Table(columns, rows, "J&F by sequence, and differences")


def describe_cost(cost: Cost) -> str:
    """Speed and memory in words.

    >>> describe_cost(Cost(12.34, 512.6))
    '12.3 frames/s, 513 MiB'
    """
    parts = []
    if not math.isnan(cost.frames_per_second):
        parts.append(f"{cost.frames_per_second:.1f} frames/s")
    if not math.isnan(cost.peak_mib):
        parts.append(f"{cost.peak_mib:.0f} MiB")
    return ", ".join(parts)


def by_sequence(scores: Scores) -> dict[str, list[float]]:
    """J&F of the scored objects by sequence."""
    found: dict[str, list[float]] = {}
    for item in scores.objects:
        own = found.setdefault(item.sequence, [])
        if not math.isnan(item.j_and_f):
            own.append(item.j_and_f)
    return found


def differences(scores: Scores, base: Scores) -> dict[str, list[float]]:
    """J&F less that of the base, by sequence, of the objects that both have."""
    known = {item.name: item.j_and_f for item in base.objects}
    found: dict[str, list[float]] = {}
    for item in scores.objects:
        difference = item.j_and_f - known.get(item.name, math.nan)
        if not math.isnan(difference):
            found.setdefault(item.sequence, []).append(difference)
    return found


def worst_disagreements(scored: Mapping[str, Scores], count: int = 8) -> list[Disagreement]:
    """Draw the frames in which the best and the worst tracker are farthest apart.

    At most two of an object, a fifth of its frames apart. Frames whose files cannot be read any
    more are left out.
    """
    objects = _common_objects(scored)
    candidates = sorted(
        (-float(spread[place]), name, place)
        for name, items in objects.items()
        for spread in [_spread(items)]
        for place in far_peaks(spread)
    )
    drawn: list[Disagreement] = []
    for _, name, place in candidates:
        if len(drawn) == count:
            break
        try:
            drawn.append(_draw(name, objects[name], scored, place))
        except DataError:
            continue
    return drawn


def _common_objects(scored: Mapping[str, Scores]) -> dict[str, dict[str, ObjectScores]]:
    """Scores by object and tracker, of objects that all have with files."""
    found: dict[str, dict[str, ObjectScores]] = {}
    for tracker, scores in scored.items():
        for item in scores.objects:
            if item.name in scores.sources:
                found.setdefault(item.name, {})[tracker] = item
    return {
        name: items
        for name, items in found.items()
        if len(items) == len(scored) and len({item.frames for item in items.values()}) == 1
    }


def _spread(items: Mapping[str, ObjectScores]) -> np.ndarray:
    """Largest less smallest mean of J and F in every frame, 0 where one is not scored."""
    values = np.stack([(item.j + item.f) / 2 for item in items.values()])
    return np.nan_to_num(values.max(axis=0) - values.min(axis=0))


def far_peaks(spread: np.ndarray) -> list[int]:
    """Places of the two largest values above 0 that are at least a fifth of the frames apart.

    >>> far_peaks(np.array([0, 9, 8, 1, 2, 0]))
    [1, 4]
    """
    places: list[int] = []
    for place in np.argsort(-spread, kind="stable"):
        is_far = all(abs(place - other) >= len(spread) / 5 for other in places)
        if spread[place] > 0 and is_far and len(places) < _MAX_PER_OBJECT:
            places.append(int(place))
    return places


def _draw(
    name: str, items: Mapping[str, ObjectScores], scored: Mapping[str, Scores], place: int
) -> Disagreement:
    pictures: dict[str, bytes] = {}
    scores = {}
    for tracker, item in items.items():
        source, frame = scored[tracker].sources[name], item.frames[place]
        if not pictures:
            truth = read_labels(find_mask(source.truth, frame))
            image = read_frame(source.images, frame, truth.shape)
            pictures["annotation"] = draw_labels(image, truth)
        labels = read_labels(find_mask(source.results, frame))
        pictures[tracker] = draw_labels(image, labels)
        scores[tracker] = float(item.j[place] + item.f[place]) / 2
    return Disagreement(name, next(iter(items.values())).frames[place], scores, pictures)


def _mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else math.nan
