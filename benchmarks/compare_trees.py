"""Seconds of whole commands in two checkouts of this project: nothing may become slower.

    python benchmarks/compare_trees.py OLD NEW                CPU seconds of one thread
    python benchmarks/compare_trees.py OLD NEW --threads 2    wall seconds of two

Networks that ship with the package segment a short clip, and results are scored; parts of systems
without such networks are measured by ``tree_parts.py``, start excluded. Each runs in both trees in
turn, ``--repeats`` times; the best time of each counts. The training step takes one thread always,
as in older checkouts.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from machine import describe_machine

from ltr.data.image_io import write_image, write_label_map
from pytracking.utils.demo_clip import demo_clip

_FRAMES = 12
_PARTS_FILE = Path(__file__).resolve().with_name("tree_parts.py")
_CLIP, _MASK, _TRUTH = "{work}/videos/clip", "{work}/truth/clip/00000.png", "{work}/truth"
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
    "20 training steps of dense_ulearn, mini, 1 video": (
        "../ltr/run_training.py", "dense_ulearn", "mini", "--device", "cpu", "--max-steps", "20",
        "--set", "train_videos=folder:{work}/videos", "--set", "num_workers=0",
    ),
    "help": ("run_video.py", "--help"),
}  # fmt: skip
PARTS = {
    "Propose-Reduce, ResNet-50, 3 frames of 256x144, 5 key frames with 2 objects": "propose_reduce",
    "ATNet, 2 rounds, 3 frames of 427x240, 3 objects": "atnet",
    "a training step of JOINT's second stage, 1 sequence, 416x240": "training",
    "MANet, 2 rounds, 3 frames of 854x480, 1 object": "manet_1",
    "MANet, 2 rounds, 3 frames of 854x480, 3 objects": "manet_3",
    "IPN, 2 rounds, 3 frames of 854x480, 1 object": "ipn_1",
    "IPN, 2 rounds, 3 frames of 854x480, 3 objects": "ipn_3",
    "300 masks of 854x480, written and read": "masks",
    "300 JPEGs of 854x480, read": "pictures",
}


def write_work(folder: Path) -> None:
    """Draw a clip, and true masks of eight sequences."""
    for number, frame in enumerate(demo_clip(_FRAMES)):
        picture = folder / "videos" / "clip" / f"{number:05d}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        write_image(picture, frame.image)
        for name in ("clip", *"abcdefg"):
            mask = folder / "truth" / name / picture.name
            mask.parent.mkdir(parents=True, exist_ok=True)
            write_label_map(mask, frame.labels)


def measure_command(tree: Path, words: Sequence[str], work: Path, threads: int) -> float:
    """CPU seconds of a command with one thread, else wall seconds.

    Raises:
        RuntimeError: It failed.
    """
    with tempfile.TemporaryDirectory() as output:
        filled = [word.format(work=work, output=output) for word in words]
        before, started = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        _run(tree, "pytracking", filled, threads, {"LTR_WORKSPACE_DIR": output})
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used if threads == 1 else wall


def measure_part(tree: Path, part: str, threads: int) -> float:
    """Seconds of a part, as of a command, by the benchmarks of the tree.

    Raises:
        RuntimeError: It failed.
    """
    code = f"import sys; sys.path.insert(0, {str(tree / 'benchmarks')!r}); "
    code += f"sys.argv = ['', {part!r}]; import runpy; "
    code += f"runpy.run_path({str(_PARTS_FILE)!r}, run_name='__main__')"
    return float(_run(tree, "benchmarks", ["-c", code], threads, {}).splitlines()[-1])


def _run(
    tree: Path, folder: str, words: Sequence[str], threads: int, variables: dict[str, str]
) -> str:
    done = subprocess.run(
        [sys.executable, *words], cwd=tree / folder, capture_output=True, text=True, check=False,
        env=os.environ | {"OMP_NUM_THREADS": str(threads), "PYTHONPATH": str(tree)} | variables,
    )  # fmt: skip
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise RuntimeError(lines[-1] if lines else f"ended with {done.returncode}")
    return done.stdout


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("old", type=Path)
    parser.add_argument("new", type=Path)
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    threads: int = arguments.threads
    trees = [arguments.old.resolve(), arguments.new.resolve()]
    print(f"{describe_machine()}, {_FRAMES} frames of 640x360\n")
    kind = "CPU s, 1 thread" if threads == 1 else f"wall s, {threads} threads"
    print(f"| {kind} | before | after | ratio |\n|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        write_work(work)
        measures: dict[str, Callable[[Path], float]] = {
            name: partial(measure_command, words=words, work=work, threads=threads)
            for name, words in COMMANDS.items()
        }
        measures |= {
            name: partial(measure_part, part=part, threads=threads)
            for name, part in PARTS.items()
            if threads == 1 or part != "training"
        }
        for name, measure in measures.items():
            if arguments.only not in name:
                continue
            rounds = [[measure(tree) for tree in trees] for _ in range(arguments.repeats)]
            old, new = (min(times) for times in zip(*rounds, strict=True))
            print(f"| {name} | {old:.2f} | {new:.2f} | {old / new:.2f} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
