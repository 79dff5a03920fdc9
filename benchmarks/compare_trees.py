"""CPU seconds of whole commands in two checkouts of this project: nothing may become slower.

    python benchmarks/compare_trees.py OLD NEW

Networks that ship with the package segment a short clip, one thread each, and results are scored.
Each command runs in both trees in turn, ``--repeats`` times; the best time of each counts.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from machine import describe_machine

from ltr.data.image_io import write_image, write_label_map
from pytracking.utils.demo_clip import demo_clip

_FRAMES = 12
_CLIP, _MASK, _TRUTH = "{work}/clip", "{work}/truth/clip/00000.png", "{work}/truth"
_OUTPUT = ("--output", "{output}", "--quiet", "--overwrite")
COMMANDS: dict[str, Sequence[str]] = {
    "JOINT, demo network, 3 objects": (
        "run_video.py", "joint", "joint_demo", _CLIP, "--mask", _MASK, *_OUTPUT,
    ),
    "dense_ulearn, demo network, 3 objects": (
        "run_video.py", "dense_ulearn", "demo", _CLIP, "--mask", _MASK, *_OUTPUT,
    ),
    "referring, demo network, 1 sentence": (
        "run_video.py", "referring", "demo", _CLIP, "--text", "the cup", *_OUTPUT,
    ),
    "DAVIS scores of 8 sequences, 3 objects": (
        "run_evaluation.py", "--results", _TRUTH, "--ground-truth", _TRUTH, "--quiet",
    ),
    "help": ("run_video.py", "--help"),
}  # fmt: skip


def write_work(folder: Path) -> None:
    """Draw a clip, and true masks of eight sequences."""
    for number, frame in enumerate(demo_clip(_FRAMES)):
        picture = folder / "clip" / f"{number:05d}.png"
        picture.parent.mkdir(exist_ok=True)
        write_image(picture, frame.image)
        for name in ("clip", *"abcdefg"):
            mask = folder / "truth" / name / picture.name
            mask.parent.mkdir(parents=True, exist_ok=True)
            write_label_map(mask, frame.labels)


def measure(tree: Path, words: Sequence[str], work: Path) -> float:
    """CPU seconds of a command.

    Raises:
        RuntimeError: It failed.
    """
    with tempfile.TemporaryDirectory() as output:
        filled = [word.format(work=work, output=output) for word in words]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        done = subprocess.run(
            [sys.executable, filled[0], *filled[1:]],
            cwd=tree / "pytracking", capture_output=True, text=True, check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(tree)},
        )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"ended with {done.returncode}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", default="", help="commands whose name contains this")
    arguments = parser.parse_args()
    trees = [arguments.old.resolve(), arguments.new.resolve()]
    print(f"{describe_machine()}, {_FRAMES} frames of 640x360\n")
    print("| whole command, one thread | before, CPU s | after, CPU s | ratio |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        write_work(Path(folder))
        for name, words in COMMANDS.items():
            if arguments.only not in name:
                continue
            rounds = [
                [measure(tree, words, Path(folder)) for tree in trees]
                for _ in range(arguments.repeats)
            ]
            old, new = (min(times) for times in zip(*rounds, strict=True))
            print(f"| {name} | {old:.2f} | {new:.2f} | {old / new:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
