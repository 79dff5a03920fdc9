"""The calls of pytracking's analysis notebook: tables and plots of the boxes of several trackers.

Example:
    from pytracking.evaluation.datasets import get_dataset
    from pytracking.evaluation.tracker import trackerlist
    from pytracking.notebook import plot_results, print_per_sequence_results, print_results

    trackers = trackerlist("joint", "joint_davis", range(3))
    print_results(trackers, get_dataset("dv2017_val"), "davis", merge_results=True)

Boxes are what ``run_tracker.py`` writes beside the masks. Every object counts as a sequence, in the
annotated frames from its start on.
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
    PIXEL_THRESHOLDS,
    BoxErrors,
    BoxScores,
    box_curves,
    box_errors,
    mean_curves,
    overlap_thresholds,
)
from pytracking.analysis.reports.comparison import comparison_table
from pytracking.analysis.scorers.boxes import read_boxes
from pytracking.evaluation.datasets.sequence import Sequence as VideoSequence
from pytracking.evaluation.datasets.sequence import SequenceList
from pytracking.evaluation.outputs.folder import result_folder
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.utils.environment import evaluation_environment

PlotTypes = str | Sequence[str]

PLOT_TYPES = ("success", "prec", "norm_prec")
FILTERS = ("ao_min", "ao_max", "delta_ao")
BIN_GAP = 0.05  # between thresholds of the overlap


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

    def curves(
        self, exclude_invalid_frames: bool = False, bin_gap: float = BIN_GAP
    ) -> list[BoxScores]:
        """Mean curves of every tracker.

        Args:
            exclude_invalid_frames: Leave out frames without a valid annotation; else they are
                misses.
            bin_gap: Distance of the thresholds of the overlap.

        Raises:
            ConfigError: The distance does not fit.
            DataError: No frame has a valid annotation.
        """
        thresholds = overlap_thresholds(bin_gap)
        runs = [
            mean_curves([box_curves(e, thresholds) for e in errors])
            for errors in (self._valid_errors() if exclude_invalid_frames else self.errors)
        ]
        return [mean_curves([runs[i] for i in self._runs_of(name)]) for name in self.trackers]

    def average_overlaps(self) -> np.ndarray:
        """Mean overlap over valid frames in percent, (sequences, trackers)."""
        runs = [[100 * _mean(e.overlap[e.is_valid]) for e in errors] for errors in self.errors]
        means = [np.mean([runs[i] for i in self._runs_of(name)], axis=0) for name in self.trackers]
        return np.stack(means, axis=1)

    def _valid_errors(self) -> list[list[BoxErrors]]:
        """Errors in the frames with a valid annotation; objects without any are left out."""
        found = [[_valid(e) for e in errors if e.is_valid.any()] for errors in self.errors]
        if not found[0]:
            raise DataError("no frame has a valid annotation")
        return found

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
        found[name] = [_compare(read_boxes(file), sequence, object_id, start) for file in files]
    if not found:
        raise DataError(f"{dataset.name}: no sequence has boxes of all trackers")
    names = tuple(tracker.label if merge_results else tracker.run_label for tracker in trackers)
    return BoxTable(names, tuple(found), count, tuple(zip(*found.values(), strict=True)))


def print_results(
    trackers: Sequence[TrackerSpec],
    dataset: SequenceList,
    report_name: str,
    merge_results: bool = False,
    plot_types: PlotTypes = "success",
    *,
    force_evaluation: bool = False,
    skip_missing_seq: bool = False,
    plot_bin_gap: float = BIN_GAP,
    exclude_invalid_frames: bool = False,
    results: Path | None = None,
) -> None:
    """Print the table of pytracking, percent.

    Args:
        trackers: See ``read_table``.
        dataset: See ``read_table``.
        report_name: Left of the names of the measures.
        merge_results: See ``read_table``.
        plot_types: One or more of ``success`` (AUC, OP50, OP75), ``prec``, ``norm_prec``.
        force_evaluation: For calls that were written for pytracking, which keeps the comparisons of
            earlier calls; here nothing is kept.
        skip_missing_seq: See ``read_table``.
        plot_bin_gap: See ``BoxTable.curves``.
        exclude_invalid_frames: See ``BoxTable.curves``.
        results: See ``read_table``.

    Raises:
        ConfigError: A plot type is unknown, or the gap does not fit.
        DataError: See ``read_table``.
    """
    kinds = _kinds(plot_types)
    table = read_table(trackers, dataset, results, skip_missing_seq, merge_results)
    print(f"\nReporting results over {len(table.sequences)} / {table.num_sequences} sequences")
    scores: dict[str, list[float]] = {}
    for curves in table.curves(exclude_invalid_frames, plot_bin_gap):
        for name, value in _measures(curves, kinds).items():
            scores.setdefault(name, []).append(100 * value)
    print(comparison_table(table.trackers, scores, report_name))


def print_per_sequence_results(
    trackers: Sequence[TrackerSpec],
    dataset: SequenceList,
    report_name: str,
    merge_results: bool = False,
    filter_criteria: Mapping[str, Any] | None = None,
    *,
    force_evaluation: bool = False,
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
        force_evaluation: See ``print_results``.
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
    plot_types: PlotTypes = "success",
    *,
    force_evaluation: bool = False,
    skip_missing_seq: bool = False,
    plot_bin_gap: float = BIN_GAP,
    exclude_invalid_frames: bool = False,
    results: Path | None = None,
    output: Path | None = None,
) -> list[Path]:
    """Draw ``<output>/<report_name>/{success,precision,norm_precision}_plot.pdf``, best first.

    Args:
        trackers: See ``print_results``, for this and the others.
        dataset: See ``print_results``.
        report_name: Name of the folder.
        merge_results: See ``read_table``.
        plot_types: See ``print_results``.
        force_evaluation: See ``print_results``.
        skip_missing_seq: See ``print_results``.
        plot_bin_gap: See ``print_results``.
        exclude_invalid_frames: See ``print_results``.
        results: See ``print_results``.
        output: Folder of all reports; None takes ``result_plot_path``.

    Returns:
        The files.

    Raises:
        ConfigError: A plot type is unknown, or the gap does not fit.
        DataError: See ``read_table``.
    """
    kinds = _kinds(plot_types)
    table = read_table(trackers, dataset, results, skip_missing_seq, merge_results)
    curves = table.curves(exclude_invalid_frames, plot_bin_gap)
    base = output or Path(evaluation_environment().result_plot_path).expanduser()
    return [_draw(kind, table.trackers, curves, base / report_name) for kind in kinds]


_AXES = {
    "success": ("success", 1.0, "Overlap threshold"),
    "prec": ("precision", PIXEL_THRESHOLDS[-1], "Location error threshold [pixels]"),
    "norm_prec": (
        "norm_precision", NORMALISED_THRESHOLDS[-1], "Normalised location error threshold",
    ),
}  # fmt: skip


def _draw(kind: str, names: Sequence[str], curves: Sequence[BoxScores], folder: Path) -> Path:
    import_optional("matplotlib", "a plot", "plots")
    from matplotlib.figure import Figure

    stem, last, label = _AXES[kind]
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
        axes.plot(np.linspace(0, last, len(y)), y, label=f"{name} [{score:.1f}]")
    axes.set(xlabel=label, ylabel=f"{stem} [%]", xlim=(0, last), ylim=(0, 100))
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


def _kinds(plot_types: PlotTypes) -> tuple[str, ...]:
    """The plot types, of which one may stand alone."""
    kinds = (plot_types,) if isinstance(plot_types, str) else tuple(plot_types)
    unknown = [kind for kind in kinds if kind not in PLOT_TYPES]
    if unknown:
        raise ConfigError(f"plot type {unknown[0]!r}: choose from {', '.join(PLOT_TYPES)}")
    return kinds


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


def _compare(
    predicted: np.ndarray, sequence: VideoSequence, object_id: int, start: int
) -> BoxErrors:
    """Errors in the annotated frames from the object's start on."""
    masks = sequence.masks[start:]
    places = np.array([place for place, mask in enumerate(masks) if mask is not None])
    annotated = sequence.boxes[object_id][start:][places]
    return box_errors(predicted[places[places < len(predicted)]], annotated)


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _valid(errors: BoxErrors) -> BoxErrors:
    kept = errors.is_valid
    return BoxErrors(errors.overlap[kept], errors.centre[kept], errors.normalised[kept], kept[kept])
