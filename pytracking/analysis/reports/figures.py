"""What the plots of an evaluation show, apart from how they are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from pytracking.analysis.metrics.scores import ObjectScores, Scores
from pytracking.analysis.reports.report import Report

_MAX_BARS = 40
_MAX_LINES = 8
_TIME_STEPS = 20


@dataclass(frozen=True)
class Series:
    """One line, or one bar in each group.

    Args:
        label: Label in the legend.
        x: Positions; of bars 0, 1, ...
        y: Values; NaN leaves a gap.
    """

    label: str
    x: tuple[float, ...]
    y: tuple[float, ...]


@dataclass(frozen=True)
class Figure:
    """One plot.

    Args:
        name: Name of the files, without suffix.
        title: Above it.
        x_label: Label of the horizontal axis.
        y_label: Label of the vertical axis, whose range is 0 to 100 unless values are outside.
        series: What is drawn.
        kind: Lines, or groups of bars.
        groups: Names of the groups of bars.
    """

    name: str
    title: str
    x_label: str
    y_label: str
    series: tuple[Series, ...]
    kind: Literal["lines", "bars"] = "lines"
    groups: tuple[str, ...] = ()


def figures_of(report: Report) -> list[Figure]:
    """The plots of one evaluation."""
    figures = []
    if report.scores is not None:
        figures += [_object_bars(report.scores), _over_time(report.scores, str(report.heading))]
    for name, (x_label, x, y_label, y) in report.curves.items():
        percent = tuple(100 * value for value in y)
        line = Series(name, tuple(x), percent)
        label = f"{y_label} (%)"
        figures.append(Figure(name.replace(" ", "_"), str(report.heading), x_label, label, (line,)))
    return figures


def compare_trackers(reports: Mapping[str, Report]) -> list[Figure]:
    """Plots of several trackers on one data set: their numbers, and J over time.

    Args:
        reports: Reports by name of the tracker.
    """
    title = next(iter(reports.values())).heading.benchmark
    names = list(next(iter(reports.values())).numbers)
    bars = tuple(
        Series(tracker, tuple(range(len(names))), tuple(100 * v for v in report.numbers.values()))
        for tracker, report in reports.items()
    )
    figures = [Figure("comparison", title, "", "score (%)", bars, "bars", tuple(names))]
    scored = {name: report.scores for name, report in reports.items() if report.scores}
    if len(scored) == len(reports):
        lines = tuple(_mean_over_time(name, scores.objects) for name, scores in scored.items())
        figures.append(
            Figure("comparison_over_time", title, "part of the video (%)", "mean J (%)", lines)
        )
    curves = {key for report in reports.values() for key in report.curves}
    return figures + [_common_curve(reports, key, title) for key in sorted(curves)]


def _common_curve(reports: Mapping[str, Report], key: str, title: str) -> Figure:
    lines = []
    for tracker, report in reports.items():
        x_label, x, y_label, y = report.curves[key]
        lines.append(Series(tracker, tuple(x), tuple(100 * value for value in y)))
    name = "comparison_" + key.replace(" ", "_")
    return Figure(name, f"{title}: {key}", x_label, f"{y_label} (%)", tuple(lines))


def _object_bars(scores: Scores) -> Figure:
    """J and F of every object; of very many the worst."""
    objects = [item for item in scores.objects if not item.is_unscored]
    title = "objects"
    if len(objects) > _MAX_BARS:
        title = f"the {_MAX_BARS} worst of {len(objects)} objects"
        objects = sorted(objects, key=lambda item: item.j_and_f)[:_MAX_BARS]
    places = tuple(range(len(objects)))
    j = Series("J", places, tuple(100 * item.j_statistics.mean for item in objects))
    f = Series("F", places, tuple(100 * item.f_statistics.mean for item in objects))
    names = tuple(item.name for item in objects)
    return Figure("objects", title, "", "score (%)", (j, f), "bars", names)


def _over_time(scores: Scores, title: str) -> Figure:
    """J frame by frame of a few objects; of many the mean over the parts of their videos."""
    objects = [item for item in scores.objects if not item.is_unscored]
    if len(objects) > _MAX_LINES:
        line = _mean_over_time(f"mean of {len(objects)} objects", objects)
        return Figure("j_over_time", title, "part of the video (%)", "mean J (%)", (line,))
    lines = tuple(
        Series(item.name, _frame_numbers(item.frames), tuple((100 * item.j).tolist()))
        for item in objects
    )
    return Figure("j_over_time", title, "frame", "J (%)", lines)


def _mean_over_time(label: str, objects: Sequence[ObjectScores]) -> Series:
    """J in each part of the video; first the mean over an object's frames, then over objects."""
    table = np.full((len(objects), _TIME_STEPS), np.nan)
    for row, item in zip(table, objects, strict=True):
        step = np.arange(len(item.j)) * _TIME_STEPS // len(item.j)
        for place in np.unique(step[~np.isnan(item.j)]):
            row[place] = np.nanmean(item.j[step == place])
    counts = (~np.isnan(table)).sum(axis=0)
    sums = 100 * np.nansum(table, axis=0)
    mean = np.divide(sums, counts, out=np.full(_TIME_STEPS, np.nan), where=counts > 0)
    middle = (np.arange(_TIME_STEPS) + 0.5) * 100 / _TIME_STEPS
    return Series(label, tuple(middle.tolist()), tuple(mean.tolist()))


def _frame_numbers(frames: Sequence[str]) -> tuple[float, ...]:
    """The numbers in the names of frames, or their positions."""
    if all(name.isdecimal() for name in frames):
        return tuple(float(name) for name in frames)
    return tuple(float(place) for place in range(len(frames)))
