"""Compare how frames were chosen: the areas under the curves of evaluations, sample by sample.

Each folder holds evaluations on one data set with its first scribbles: the setting ``results`` of
eval_agent.py, or a folder of several such ones. Evaluations of one method with several seeds are
averaged. A standard error is that of the mean difference from --method, once over the sets of first
scribbles and once over the videos.

Example:
    python scripts/interactive/compare_methods.py results/first results/second
    python scripts/interactive/compare_methods.py results/first --method "worst (oracle)"
"""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError, DataError, did_you_mean

_ROUNDS = "rounds.csv"


class PlayedSample(NamedTuple):
    """What was played: one video from one set of first scribbles.

    Args:
        folder: Number of the folder of results.
        scribbles: Number of the set in it, from 1.
        video: Name of the video.
    """

    folder: int
    scribbles: int
    video: str


Curves = dict[PlayedSample, np.ndarray]


class Difference(NamedTuple):
    """By how much one method is better than another on the samples that both have.

    Args:
        mean: Difference of the areas under the curves, 0..1.
        sets: That of every set of first scribbles.
        over_sets: Standard error over these.
        over_videos: Standard error over the videos.
        wins: Number of samples on which it is better.
        samples: Number of samples.
    """

    mean: float
    sets: list[float]
    over_sets: float
    over_videos: float
    wins: int
    samples: int


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Print both tables."""
    parser = CommandParser(__doc__)
    parser.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="results")
    parser.add_argument("--method", default="ours (wild)", help="what others are compared with")
    arguments = parser.parse_args(argv)
    methods = read_curves(arguments.folders)
    chosen = arguments.method
    if chosen not in methods:
        hint = did_you_mean(chosen, tuple(methods))
        raise ConfigError(f"{arguments.folders[0]}: nothing was played with {chosen!r}{hint}")
    for name, curves in methods.items():
        print(_row(name, curves))
    for name, curves in methods.items():
        if name != chosen:
            print(_comparison(f"{chosen} - {name}", difference(methods[chosen], curves)))
    return 0


def read_curves(folders: Sequence[Path]) -> dict[str, Curves]:
    """The mean quality after every round of every sample, by method and setting.

    Raises:
        DataError: There are no evaluations, or one is damaged.
    """
    found: dict[str, dict[PlayedSample, list[np.ndarray]]] = {}
    for number, folder in enumerate(folders):
        files = sorted(folder.rglob(_ROUNDS))
        if not files:
            raise DataError(f"{folder} holds no {_ROUNDS} of eval_agent.py")
        for file in files:
            name = f"{file.parent.name} ({file.parent.parent.parent.name})"
            curves = found.setdefault(name, defaultdict(list))
            for (scribbles, video), values in _read_rounds(file).items():
                curves[PlayedSample(number, scribbles, video)].append(values)
    return {
        name: {sample: np.mean(values, axis=0) for sample, values in curves.items()}
        for name, curves in found.items()
    }


def area(curve: np.ndarray) -> float:
    """Area under a curve over rounds that begins at 0, as a fraction of the largest."""
    return float(np.trapezoid([0.0, *curve]) / len(curve))


def difference(ours: Mapping[PlayedSample, np.ndarray], theirs: Curves) -> Difference:
    """Compare two methods on the samples that both have.

    Raises:
        DataError: There are none.
    """
    gains = {
        sample: area(ours[sample]) - area(theirs[sample]) for sample in ours if sample in theirs
    }
    if not gains:
        raise DataError("the evaluations have no sample in common")
    by_set: dict[tuple[int, int], list[float]] = defaultdict(list)
    by_video: dict[str, list[float]] = defaultdict(list)
    for sample, gain in gains.items():
        by_set[sample[:2]].append(gain)
        by_video[sample.video].append(gain)
    sets = [float(np.mean(values)) for values in by_set.values()]
    videos = [float(np.mean(values)) for values in by_video.values()]
    every = list(gains.values())
    return Difference(
        float(np.mean(every)),
        sets,
        _standard_error(sets),
        _standard_error(videos),
        sum(gain > 0 for gain in every),
        len(every),
    )


def _standard_error(values: Sequence[float]) -> float:
    """NaN for a single value."""
    if len(values) < 2:
        return float("nan")
    return float(np.std(values, ddof=1) / np.sqrt(len(values)))


def _read_rounds(file: Path) -> dict[tuple[int, str], np.ndarray]:
    rounds: dict[tuple[int, str], dict[int, float]] = defaultdict(dict)
    try:
        with file.open(newline="") as stream:
            for row in csv.DictReader(stream):
                place = int(row["scribble_idx"]), row["sequence"]
                rounds[place][int(row["interaction"])] = float(row["quality"])
        return {
            place: np.array([known[number] for number in range(1, len(known) + 1)])
            for place, known in rounds.items()
        }
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(f"{file} is damaged: {error!r}") from error


def _row(name: str, curves: Curves) -> str:
    lengths = {len(curve) for curve in curves.values()}
    if len(lengths) > 1:
        raise DataError(f"{name} was played with different numbers of rounds: {sorted(lengths)}")
    by_set: dict[tuple[int, int], list[float]] = defaultdict(list)
    for sample, curve in curves.items():
        by_set[sample[:2]].append(area(curve))
    mean = np.mean(list(curves.values()), axis=0)
    sets = ", ".join(_percent(float(np.mean(values))) for values in by_set.values())
    rounds = " ".join(_percent(value) for value in mean)
    return f"{name}: AUC={_percent(area(mean))} ({len(curves)} samples) sets {sets} rounds {rounds}"


def _comparison(name: str, found: Difference) -> str:
    sets = ", ".join(_percent(value) for value in found.sets)
    return (
        f"{name}: {_percent(found.mean)} sets {sets}; standard error {100 * found.over_sets:.2f} "
        f"over the sets, {100 * found.over_videos:.2f} over the videos; better on {found.wins} of "
        f"{found.samples}"
    )


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"
