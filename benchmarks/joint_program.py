"""Time of the whole program against the tracker's own: reading, writing and the start included.

    python benchmarks/joint_program.py                two synthetic sequences of 70 frames, 480x854

``run_tracker.py`` runs with random weights over synthetic JPEGs; the tracker's time is what it
notes beside its results. The last line is ``ratio=``: whole time divided by the tracker's.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from machine import describe_machine
from seeded_network import seeded_network
from synthetic_clip import draw_clip

from ltr.admin.checkpoint import network_fields, save_checkpoint
from ltr.data.image_io import write_image, write_label_map

PROGRAM = Path(__file__).resolve().parents[1] / "pytracking/run_tracker.py"


def write_input(folder: Path, sequences: int, frames: int) -> None:
    """Write the sequences in the layout ``folder:PATH``, and the network beside them."""
    save_checkpoint(folder / "net.pth.tar", network_fields(seeded_network(torch.device("cpu"))))
    for number in range(sequences):
        clip, labels = draw_clip(frames, 1, seed=number)
        for position, image in enumerate(clip):
            write_image(folder / f"set/JPEGImages/{number}/{position:05d}.jpg", image)
        write_label_map(folder / f"set/Annotations/{number}/00000.png", labels)


def run_program(folder: Path) -> tuple[float, float]:
    """Run the program; returns its seconds, and those of its tracker."""
    command = [sys.executable, str(PROGRAM), "joint", "joint_davis", "--quiet"]
    command += ["--net", str(folder / "net.pth.tar"), "--dataset_name", f"folder:{folder / 'set'}"]
    command += ["--results", str(folder / "results"), "--device", "cpu"]
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    whole = time.perf_counter() - started
    files = (folder / "results").rglob("*_time.txt")
    return whole, sum(float(line) for file in files for line in file.read_text().split())


def main() -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sequences", type=int, default=2)
    parser.add_argument("--frames", type=int, default=70)
    arguments = parser.parse_args()
    print(describe_machine(), flush=True)
    with tempfile.TemporaryDirectory() as name:
        write_input(Path(name), arguments.sequences, arguments.frames)
        whole, tracker = run_program(Path(name))
    print(f"{arguments.sequences} sequences of {arguments.frames} frames, 480x854, one object")
    print(f"whole program {whole:.1f} s, tracker {tracker:.1f} s")
    print(f"ratio={whole / tracker:.3f}")


if __name__ == "__main__":
    main()
