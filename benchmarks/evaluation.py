"""Speed and memory of the evaluation against a straightforward reference implementation.

    python benchmarks/evaluation.py            DAVIS masks from $VOS_SHARED_DIR, else drawn ones
    python benchmarks/evaluation.py --synthetic    synthetic masks in any case
    python benchmarks/evaluation.py --full     more frames and five runs

Both forms read the same PNG files and must give the same six digits; the results of a frame are the
annotations of a later one. CPU seconds of one process, the best of the runs. The last line is
``ratio=``: time of the reference implementation divided by ours, both kinds of masks together.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import plain_davis

from ltr.admin.process_memory import peak_mib
from ltr.data.frame_files import list_masks
from ltr.data.image_io import write_label_map
from pytracking.analysis.files.mask_evaluation import evaluate_masks
from pytracking.analysis.files.truth_folder import VideoTruth
from pytracking.analysis.metrics.scores import Scores
from pytracking.analysis.protocols.mask_rules import davis_semi_supervised

_SHARED = Path(os.environ.get("VOS_SHARED_DIR", Path(__file__).resolve().parents[2] / "shared"))
_DELAY = 3  # frames between an annotation and the one that serves as its result
_MAX_FRAMES, _FULL_FRAMES = 40, 1000
_PARALLEL_FRAMES = 8000
_SIZE = (480, 854)


@dataclass(frozen=True)
class Masks:
    """Sequences to be scored: ``truth/<name>`` against ``results/<name>``."""

    kind: str
    truth: Path
    results: Path

    @property
    def names(self) -> list[str]:
        return sorted(folder.name for folder in self.truth.iterdir())

    @property
    def num_frames(self) -> int:
        return sum(len(list_masks(self.truth / name)) for name in self.names)


def main() -> None:
    """Measure and print."""
    arguments = _parse()
    if arguments.child:
        _measure_child(Masks("", *map(Path, arguments.child[:2])), int(arguments.child[2]))
        return
    from machine import describe_machine  # loads PyTorch, which scoring processes do without

    cv2.setNumThreads(1)
    print(describe_machine())
    runs = 5 if arguments.full else 3
    most = _FULL_FRAMES if arguments.full else _MAX_FRAMES
    totals = np.zeros(2)
    with tempfile.TemporaryDirectory() as folder:
        for masks in _collect(Path(folder), most, arguments.synthetic):
            totals += _compare(masks, runs)
        _measure_processes(Path(folder))
    print(f"ratio={totals[0] / totals[1]:.2f}")


def _compare(masks: Masks, runs: int) -> np.ndarray:
    """CPU seconds of the reference implementation and of ours, after a look at their results."""
    plain, plain_seconds = _time(lambda: _run_plain(masks), runs)
    ours, our_seconds = _time(lambda: _run_ours(masks), runs)
    for measure, values in plain.items():
        if [f"{value:.6f}" for value in values] != [f"{value:.6f}" for value in ours[measure]]:
            raise SystemExit(f"{masks.kind}: {measure} differs")
    print(
        f"{masks.kind}: {len(masks.names)} sequences, {masks.num_frames} frames, "
        f"{len(ours['J'])} objects; "
        f"plain {min(plain_seconds):.2f} s, ours {min(our_seconds):.2f} s "
        f"(median of {runs}: {np.median(plain_seconds):.2f} and {np.median(our_seconds):.2f}); "
        f"{min(plain_seconds) / min(our_seconds):.1f} times"
    )
    return np.array([min(plain_seconds), min(our_seconds)])


def _run_plain(masks: Masks) -> dict[str, list[float]]:
    means: dict[str, list[float]] = {"J": [], "F": []}
    for name in masks.names:
        values = plain_davis.evaluate_sequence(masks.truth / name, masks.results / name)
        for measure, table in values.items():
            means[measure] += table.mean(axis=1).tolist()
    return means


def _run_ours(masks: Masks, threads: int = 1) -> dict[str, list[float]]:
    comparisons = [
        davis_semi_supervised(
            VideoTruth(name, masks.truth / name, list_masks(masks.truth / name)),
            masks.results / name,
        )
        for name in masks.names
    ]
    scores = Scores.join(evaluate_masks(comparisons, threads, quiet=True))
    return {
        "J": [item.j_statistics.mean for item in scores.objects],
        "F": [item.f_statistics.mean for item in scores.objects],
    }


def _time(work: Callable[[], dict], runs: int) -> tuple[dict, list[float]]:
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        result = work()
        seconds.append(time.process_time() - start)
    return result, seconds


def _measure_processes(folder: Path) -> None:
    """Wall-clock time with one and two processes, and memory, in processes without the rest."""
    masks = _repeat(Masks("binary", folder / "binary/truth", folder / "binary/results"), folder)
    command = [sys.executable, __file__, "--child", str(masks.truth), str(masks.results)]
    outputs = [
        subprocess.run([*command, str(threads)], capture_output=True, text=True, check=True).stdout
        for threads in (1, 2)
    ]
    (seconds, memory, digits), (seconds_of_two, _, digits_of_two) = map(str.split, outputs)
    if digits != digits_of_two:
        raise SystemExit(f"two processes give {digits_of_two}, one gives {digits}")
    print(
        f"{masks.num_frames} frames: {float(seconds):.2f} s in one process, "
        f"{float(seconds_of_two):.2f} s in two ({float(seconds) / float(seconds_of_two):.2f} times "
        f"faster, same six digits {digits}); peak memory of one {float(memory):.0f} MiB"
    )


def _measure_child(masks: Masks, threads: int) -> None:
    start = time.perf_counter()
    values = _run_ours(masks, threads)
    elapsed = time.perf_counter() - start
    means = ",".join(f"{np.mean(values[measure]):.6f}" for measure in "JF")
    print(elapsed, peak_mib(), means)


def _repeat(masks: Masks, folder: Path) -> Masks:
    """The same sequences under more names, until there are enough frames to time processes."""
    copies = Masks(masks.kind, folder / "repeated/truth", folder / "repeated/results")
    for number in range(-(-_PARALLEL_FRAMES // masks.num_frames)):
        for name in masks.names:
            for source, target in ((masks.truth, copies.truth), (masks.results, copies.results)):
                target.mkdir(parents=True, exist_ok=True)
                (target / f"{name}-{number}").symlink_to(source / name)
    return copies


def _collect(folder: Path, most: int, is_drawn: bool) -> Iterator[Masks]:
    """Masks of one object and of several."""
    sources = {"binary": "davis-mini", "multi-object": "davis-mini-multi"}
    for kind, name in sources.items():
        masks = Masks(kind, folder / kind / "truth", folder / kind / "results")
        annotations = _SHARED / "data" / name / "Annotations/480p"
        if is_drawn or not annotations.is_dir():
            annotations = folder / kind / "drawn"
            _draw(annotations, 1 if kind == "binary" else 4)
        for sequence in sorted(annotations.iterdir()):
            _link(sorted(sequence.iterdir())[:most], masks, sequence.name)
        yield masks


def _link(files: list[Path], masks: Masks, name: str) -> None:
    for folder, delay in ((masks.truth / name, 0), (masks.results / name, _DELAY)):
        folder.mkdir(parents=True)
        for place, file in enumerate(files):
            (folder / file.name).symlink_to(files[min(place + delay, len(files) - 1)])


def _draw(folder: Path, objects: int) -> None:
    """Ellipses that move, 480 x 854; overlapping where there are several."""
    for number in range(4):
        for frame in range(_MAX_FRAMES):
            labels = np.zeros(_SIZE, np.uint8)
            for label in range(1, objects + 1):
                phase = frame / 15 + label + number
                centre = (
                    int(_SIZE[1] * label / (objects + 1) + 60 * np.sin(phase)),
                    int(_SIZE[0] / 2 + 80 * np.cos(1.3 * phase)),
                )
                axes = (int(160 / objects**0.5 + 20 * np.sin(2 * phase)), 110)
                cv2.ellipse(labels, centre, axes, 20 * phase, 0, 360, label, -1)
            write_label_map(folder / f"drawn-{number}" / f"{frame:05d}.png", labels)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="all frames, five runs")
    parser.add_argument("--synthetic", action="store_true", help="use synthetic masks")
    parser.add_argument("--child", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    main()
