"""How often a sentence found its object in synthetic clips, by what the sentence names.

``python synthetic_sentences.py DATA RESULTS``: DATA as ``ltr.dataset.referring.synthetic`` or
``ltr.dataset.referring.cutouts`` writes it, RESULTS the folder ``.../refytvos_valid`` of a run of
``run_tracker.py``. An object is found when its masks and those of the run overlap by more than a
half, all frames of the clip together.
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
    overlaps: dict[str, list[float]] = defaultdict(list)
    for video, sentences in kinds.items():
        annotations = truth / "Annotations" / video
        for key, kind in sentences.items():
            found = overlap(annotations, objects[video][key], arguments.results / video / key)
            overlaps[kind].append(found)
    groups = sorted(overlaps.items())
    named: dict[str, list[float]] = defaultdict(list)
    for kind, values in overlaps.items():
        for key in (*kind.split("+"), ""):
            named[key] += values
    everything = named.pop("")
    groups += [(f"all with {key}", values) for key, values in sorted(named.items())]
    groups.append(("all", everything))
    print("| sentence names | sentences | found | mean overlap |\n|---|---|---|---|")
    for kind, values in groups:
        share = 100 * np.mean(np.array(values) > _FOUND)
        words = kind.replace("+", ", ")
        print(f"| {words} | {len(values)} | {share:.1f} % | {np.mean(values):.3f} |")
    return 0


def overlap(annotations: Path, object_id: int, results: Path) -> float:
    """Intersection over union of all frames of a clip together; 1 where both are empty."""
    common = either = 0
    for path in sorted(annotations.glob("*.png")):
        wanted = read_label_map(path) == object_id
        found = read_label_map(results / path.name) > 0
        common += int((wanted & found).sum())
        either += int((wanted | found).sum())
    return common / either if either else 1.0


if __name__ == "__main__":
    sys.exit(main())
