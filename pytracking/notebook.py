"""The calls of pytracking's analysis notebook: tables and plots of the boxes of several trackers.

Example:
    from pytracking.evaluation.datasets import get_dataset
    from pytracking.evaluation.tracker import trackerlist
    from pytracking.notebook import plot_results, print_per_sequence_results, print_results

    trackers = trackerlist("joint", "joint_davis", range(3))
    print_results(trackers, get_dataset("dv2017_val"), "davis", merge_results=True)

Boxes are what ``run_tracker.py`` writes beside the masks. Every object counts as a sequence.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ltr.admin.errors import ConfigError, DataError
from ltr.admin.files import atomic_write
from ltr.admin.optional import import_optional
from pytracking.analysis.protocols.boxes import (
    NORMALISED_THRESHOLDS,
    OVERLAP_THRESHOLDS,
    PIXEL_THRESHOLDS,
    BoxErrors,
    BoxScores,
    box_curves,
    box_errors,
    mean_curves,
)
from pytracking.analysis.reports.comparison import comparison_table
from pytracking.analysis.scorers.boxes import read_boxes
from pytracking.evaluation.datasets.sequence import Sequence as VideoSequence
from pytracking.evaluation.datasets.sequence import SequenceList
from pytracking.evaluation.outputs.folder import result_folder
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.utils.environment import evaluation_environment

PLOT_TYPES = ("success", "prec", "norm_prec")
FILTERS = ("ao_min", "ao_max", "delta_ao")


@dataclass(frozen=True)
class BoxTable:
    """The errors of several trackers.

    Args:
        runs: Name of every run; runs of one name are averaged.
        sequences: Name of every object of every sequence that counts.
        num_sequences: Number of sequences in the data set, those left out included.
        errors: By run, then by sequence.
    """

    runs: tuple[str, ...]
    sequences: tuple[str, ...]
    num_sequences: int
    errors: tuple[tuple[BoxErrors, ...], ...]

    @property
    def trackers(self) -> tuple[str, ...]:
        """The different names, in the order of the runs."""
        return tuple(dict.fromkeys(self.runs))

    def curves(self, exclude_invalid_frames: bool = False) -> list[BoxScores]:
        """Mean curves of every tracker."""
        runs = [
            mean_curves([box_curves(_valid(e) if exclude_invalid_frames else e) for e in errors])
            for errors in self.errors
        ]
        return [mean_curves([runs[i] for i in self._runs_of(name)]) for name in self.trackers]

    def average_overlaps(self) -> np.ndarray:
        """Mean overlap over valid frames in percent, (sequences, trackers)."""
        runs = [[100 * _valid(e).overlap.mean() for e in errors] for errors in self.errors]
        means = [np.mean([runs[i] for i in self._runs_of(name)], axis=0) for name in self.trackers]
        return np.stack(means, axis=1)

    def _runs_of(self, name: str) -> list[int]:
        return [place for place, run in enumerate(self.runs) if run == name]


def read_table(
    trackers: Sequence[TrackerSpec],
    dataset: SequenceList,
    results: Path | None = None,
    skip_missing_seq: bool = False,
    merge_results: bool = False,
) -> BoxTable:
    """Compare the boxes of trackers with those of the annotated masks.

    Args:
        trackers: Runs, as ``trackerlist`` gives them.
        dataset: Sequences with masks.
        results: Folder of all results; None takes ``results_path``.
        skip_missing_seq: Leave out sequences for which a tracker has no boxes.
        merge_results: Average the runs of one configuration, those that differ in ``run_id`` only.

    Raises:
        ConfigError: There is no tracker.
        DataError: Boxes are missing or damaged, or nothing is left.
    """
    if not trackers:
        raise ConfigError("no tracker is given")
    base = results or Path(evaluation_environment().results_path).expanduser()
    folders = [result_folder(base, t.system, t.result_name, dataset).path for t in trackers]
    found: dict[str, list[BoxErrors]] = {}
    count = 0
    for name, start, sequence, object_id in _objects(dataset):
        count += 1
        files = [folder / f"{name}.txt" for folder in folders]
        if skip_missing_seq and not all(file.is_file() for file in files):
            continue
        boxes = sequence.boxes[object_id][start:]
        found[name] = [_compare(read_boxes(file), boxes) for file in files]
    if not found:
        raise DataError(f"{dataset.name}: no sequence has boxes of all trackers")
    names = tuple(f"{t.system} {t.name if merge_results else t.result_name}" for t in trackers)
    return BoxTable(names, tuple(found), count, tuple(zip(*found.values(), strict=True)))


def print_results(
    trackers: Sequence[TrackerSpec],
    dataset: SequenceList,
    report_name: str,
    merge_results: bool = False,
    plot_types: Sequence[str] = ("success",),
    skip_missing_seq: bool = False,
    exclude_invalid_frames: bool = False,
    results: Path | None = None,
) -> None:
    """Print the table of pytracking, percent.

    Args:
        trackers: See ``read_table``.
        dataset: See ``read_table``.
        report_name: Left of the names of the measures.
        merge_results: See ``read_table``.
        plot_types: ``success`` (AUC, OP50, OP75), ``prec``, ``norm_prec``.
        skip_missing_seq: See ``read_table``.
        exclude_invalid_frames: Leave out frames without a valid annotation; else they are misses.
        results: See ``read_table``.

    Raises:
        ConfigError: A plot type is unknown.
        DataError: See ``read_table``.
    """
    _check_types(plot_types)
    table = read_table(trackers, dataset, results, skip_missing_seq, merge_results)
    print(f"\nReporting results over {len(table.sequences)} / {table.num_sequences} sequences")
    scores: dict[str, list[float]] = {}
    for curves in table.curves(exclude_invalid_frames):
        for name, value in _measures(curves, plot_types).items():
            scores.setdefault(name, []).append(100 * value)
    print(comparison_table(table.trackers, scores, report_name))


def print_per_sequence_results(
    trackers: Sequence[TrackerSpec],
    dataset: SequenceList,
    report_name: str,
    merge_results: bool = False,
    filter_criteria: Mapping[str, Any] | None = None,
    skip_missing_seq: bool = False,
    results: Path | None = None,
) -> None:
    """Print the average overlap (AO) of every sequence, percent.

    Args:
        trackers: See ``read_table``.
        dataset: See ``read_table``.
        report_name: Left of the names of the trackers.
        merge_results: See ``read_table``.
        filter_criteria: ``{"mode": "ao_min" | "ao_max" | "delta_ao", "threshold": percent}``: only
            sequences whose lowest or highest AO lies below it, or whose spread lies above it.
        skip_missing_seq: See ``read_table``.
        results: See ``read_table``.

    Raises:
        ConfigError: The mode is unknown.
        DataError: See ``read_table``.
    """
    table = read_table(trackers, dataset, results, skip_missing_seq, merge_results)
    overlaps = table.average_overlaps()
    kept = _passes(overlaps, filter_criteria)
    rows = [f"{name} (ID={i})" for i, name in enumerate(table.sequences) if kept[i]]
    columns = dict(zip(table.trackers, overlaps[kept].T.tolist(), strict=True))
    print(comparison_table(rows, columns, report_name))


def plot_results(
    trackers: Sequence[TrackerSpec],
    dataset: SequenceList,
    report_name: str,
    merge_results: bool = False,
    plot_types: Sequence[str] = ("success",),
    skip_missing_seq: bool = False,
    exclude_invalid_frames: bool = False,
    results: Path | None = None,
    output: Path = Path("result_plots"),
) -> list[Path]:
    """Draw ``<output>/<report_name>/{success,precision,norm_precision}_plot.pdf``, best first.

    Args:
        output: Folder of all reports.
        trackers: See ``print_results``, for this and the others.
        dataset: See ``print_results``.
        report_name: Name of the folder.
        merge_results: See ``read_table``.
        plot_types: See ``print_results``.
        skip_missing_seq: See ``print_results``.
        exclude_invalid_frames: See ``print_results``.
        results: See ``print_results``.

    Returns:
        The files.

    Raises:
        ConfigError: A plot type is unknown.
        DataError: See ``read_table``.
    """
    _check_types(plot_types)
    table = read_table(trackers, dataset, results, skip_missing_seq, merge_results)
    curves = table.curves(exclude_invalid_frames)
    return [_draw(kind, table.trackers, curves, output / report_name) for kind in plot_types]


_AXES = {
    "success": ("success", OVERLAP_THRESHOLDS, "Overlap threshold"),
    "prec": ("precision", PIXEL_THRESHOLDS, "Location error threshold [pixels]"),
    "norm_prec": ("norm_precision", NORMALISED_THRESHOLDS, "Normalised location error threshold"),
}


def _draw(kind: str, names: Sequence[str], curves: Sequence[BoxScores], folder: Path) -> Path:
    import_optional("matplotlib", "a plot", "plots")
    from matplotlib.figure import Figure

    stem, thresholds, label = _AXES[kind]
    axes = (figure := Figure(layout="constrained")).add_subplot()
    lines = []
    for name, scores in zip(names, curves, strict=True):
        y = {
            "success": scores.success,
            "prec": scores.precision,
            "norm_prec": scores.normalised_precision,
        }[kind]
        score = next(iter(_measures(scores, (kind,)).values()))
        lines.append((100 * score, name, 100 * y))
    for score, name, y in sorted(lines, key=lambda line: -line[0]):
        axes.plot(thresholds, y, label=f"{name} [{score:.1f}]")
    axes.set(xlabel=label, ylabel=f"{stem} [%]", xlim=(0, thresholds[-1]), ylim=(0, 100))
    axes.legend()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}_plot.pdf"
    with atomic_write(path) as stream:
        figure.savefig(stream, format="pdf", dpi=300)
    return path


def _measures(scores: BoxScores, plot_types: Sequence[str]) -> dict[str, float]:
    groups = {
        "success": {
            "AUC": scores.auc,
            "OP50": scores.overlap_precision(0.5),
            "OP75": scores.overlap_precision(0.75),
        },
        "prec": {"Precision": scores.precision_at_20},
        "norm_prec": {"Norm Precision": scores.normalised_precision_at_20},
    }
    return {name: value for kind in plot_types for name, value in groups[kind].items()}


def _check_types(plot_types: Sequence[str]) -> None:
    unknown = [kind for kind in plot_types if kind not in PLOT_TYPES]
    if unknown:
        raise ConfigError(f"plot type {unknown[0]!r}: choose from {', '.join(PLOT_TYPES)}")


def _passes(overlaps: np.ndarray, criteria: Mapping[str, Any] | None) -> np.ndarray:
    if criteria is None:
        return np.ones(len(overlaps), bool)
    mode, threshold = criteria.get("mode"), float(criteria.get("threshold", 0))
    low, high = overlaps.min(axis=1), overlaps.max(axis=1)
    if mode not in FILTERS:
        raise ConfigError(f"filter_criteria: mode {mode!r}, expected {', '.join(FILTERS)}")
    return {"ao_min": low < threshold, "ao_max": high < threshold}.get(
        str(mode), high - low > threshold
    )


def _objects(dataset: SequenceList) -> Iterator[tuple[str, int, VideoSequence, int]]:
    """Name, first position, sequence and id of every object."""
    for sequence in dataset:
        if not isinstance(sequence, VideoSequence):
            raise ConfigError(f"{dataset.name} has no masks of single objects, so no boxes")
        for object_id in sequence.object_ids:
            start = sequence.start_of(object_id)
            yield f"{sequence.name}_{object_id}", start, sequence, object_id


def _compare(predicted: np.ndarray, annotated: np.ndarray) -> BoxErrors:
    """Errors in the annotated frames; others have the box -1."""
    places = np.flatnonzero((annotated >= 0).all(axis=1))
    return box_errors(predicted[places[places < len(predicted)]], annotated[places])


def _valid(errors: BoxErrors) -> BoxErrors:
    kept = errors.is_valid
    return BoxErrors(errors.overlap[kept], errors.centre[kept], errors.normalised[kept], kept[kept])
