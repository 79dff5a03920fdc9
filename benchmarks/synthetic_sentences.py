"""How often a sentence found its object in synthetic clips, by what the sentence names.

``python synthetic_sentences.py DATA RESULTS``: DATA as ``ltr.dataset.referring.synthetic`` or
``ltr.dataset.referring.cutouts`` writes it, RESULTS the folder ``.../refytvos_valid`` of a run of
``run_tracker.py``. An object is found when its masks and those of the run overlap by more than a
half, all frames of the clip together; ``by lot`` is what the same masks would score if chance
decided which of the clip's objects was meant. The number behind ``+-`` is the standard error over
clips, whose sentences are found or missed together.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ltr.admin.cli import CommandParser, command
from ltr.data.image_io import read_label_map
from ltr.data.json_io import read_json

_FOUND = 0.5


@command
def main(argv: Sequence[str] | None = None) -> int:
    parser = CommandParser(__doc__, prog="synthetic_sentences.py")
    parser.add_argument("data", type=Path, metavar="DATA")
    parser.add_argument("results", type=Path, metavar="RESULTS")
    arguments = parser.parse_args(argv)
    truth = arguments.data / "valid_gt"
    kinds = read_json(truth / "expression_kinds.json")["videos"]
    objects = read_json(truth / "expression_objects.json")["videos"]
    found: dict[str, list[np.ndarray]] = defaultdict(list)
    for clip, (video, sentences) in enumerate(kinds.items()):
        count = max(objects[video].values())
        for key, kind in sentences.items():
            shares = overlaps(truth / "Annotations" / video, count, arguments.results / video / key)
            wanted = shares[objects[video][key] - 1]
            by_lot = (shares > _FOUND).mean()
            found[kind].append(np.array([wanted > _FOUND, by_lot, wanted, clip]))
    groups = sorted(found.items())
    named: dict[str, list[np.ndarray]] = defaultdict(list)
    for kind, values in found.items():
        for name in (*kind.split("+"), ""):
            named[name] += values
    everything = named.pop("")
    groups += [(f"all with {name}", values) for name, values in sorted(named.items())]
    groups.append(("all", everything))
    print("| sentence names | sentences | found | by lot | mean overlap |\n|---|---|---|---|---|")
    for kind, values in groups:
        hits, by_lot, mean, clips = np.transpose(values)
        share = f"{100 * hits.mean():.1f} +- {100 * standard_error(hits, clips):.1f} %"
        words = kind.replace("+", ", ")
        line = f"{share} | {100 * by_lot.mean():.1f} % | {mean.mean():.3f}"
        print(f"| {words} | {len(values)} | {line} |")
    return 0


def standard_error(hits: np.ndarray, clips: np.ndarray) -> float:
    """Of the mean of ``hits`` (N,), which come clip by clip; ``clips`` (N,) numbers their clips.

    Clips are the clusters of a ratio estimate (Cochran, Sampling Techniques, section 6.4).
    """
    _, which = np.unique(clips, return_inverse=True)
    surplus = np.bincount(which, hits - hits.mean())
    if len(surplus) < 2:
        return float("nan")
    return float(np.sqrt(len(surplus) / (len(surplus) - 1) * (surplus**2).sum()) / len(hits))


def overlaps(annotations: Path, count: int, results: Path) -> np.ndarray:
    """Intersection over union with each object, all frames of a clip together, (count,)."""
    numbers = np.arange(1, count + 1)[:, None, None]
    common, either = np.zeros(count), np.zeros(count)
    for path in sorted(annotations.glob("*.png")):
        wanted = read_label_map(path) == numbers
        found = read_label_map(results / path.name) > 0
        common += (wanted & found).sum((1, 2))
        either += (wanted | found).sum((1, 2))
    return common / np.maximum(either, 1)


if __name__ == "__main__":
    sys.exit(main())
