"""What a GPU gives: one table and one JSON file in at most eight minutes.

    python benchmarks/gpu.py                          on the GPU
    python benchmarks/gpu.py --device cpu --small     the rehearsal: small networks and frames
    python benchmarks/gpu.py --only "joint 3"         rows whose name contains this

Every row is measured in a process of its own with a time limit, so that a row that fails, hangs or
breaks the device never stops the rest; the exit code is then 1. ``object-frames per second`` counts
every object of every frame; the first frames, which compile and choose algorithms, are not timed.
``equal`` is the share of pixels that equal those of fp32 on the CPU (of the first frames). The
rows of ``conformance`` count reference values of $VOS_SHARED_DIR that the device gives.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

import torch
from gpu_rows import ROWS, Result, Row, Scale
from machine import describe_machine

_TOTAL_S, _ROW_S = 480.0, 120.0
_FIGURES = {
    "object_frames_per_s": "{:.1f} object-frames per s",
    "frames_per_s": "{:.1f} frames per s",
    "step_ms": "{:.0f} ms a step",
    "times_as_fast": "{:.1f} times the pure form",
    "passed": "{} passed",
}


def run_row(row: Row, arguments: argparse.Namespace, limit_s: float) -> Result:
    """Measure a row in another process; a failure becomes its ``error``."""
    words = [sys.executable, __file__, "--row", row.name, "--device", arguments.device]
    words += ["--small"] if arguments.small else []
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=limit_s, check=False)
    except subprocess.TimeoutExpired:
        return {"error": f"took more than {limit_s:.0f} s"}
    if done.returncode:
        lines = done.stderr.strip().splitlines()
        return {"error": lines[-1] if lines else f"ended with {done.returncode}"}
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def format_row(name: str, result: Result) -> str:
    """One line of the table, in Markdown."""
    if "error" in result:
        return f"| {name} | failed: {result['error']} | | | |"
    growth, equal = result.get("growth_mib"), result.get("equal")
    figures = [text.format(result[key]) for key, text in _FIGURES.items() if key in result]
    cells = (
        "".join(figures),
        f"{result['memory_mib']:.0f}",
        "" if growth is None else f"{growth:+.1f} in {result['frames']} frames",
        "" if equal is None else f"{equal:.4%}",
    )
    return f"| {name} | {' | '.join(cells)} |"


def main() -> int:
    """Measure all rows; 1 when one failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--small", action="store_true", help="small networks, frames and clips")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--output", type=Path, default=Path("gpu.json"))
    parser.add_argument("--row", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    rows = [row for row in ROWS if arguments.only in row.name]
    scale = Scale.of(arguments.small)
    if arguments.row:
        row = next(row for row in ROWS if row.name == arguments.row)
        print(json.dumps(row.measure(scale, torch.device(arguments.device))))
        return 0
    ends, results = time.monotonic() + _TOTAL_S, {}
    machine = describe_machine(torch.device(arguments.device))
    print(f"{machine}, {scale.size[0]}x{scale.size[1]}\n")
    print("| row | figure | memory, MiB | growth, MiB | equal pixels |")
    print("|---|---|---|---|---|")
    for row in rows:
        left_s = ends - time.monotonic()
        late = {"error": "no time was left"}
        result = run_row(row, arguments, min(_ROW_S, left_s)) if left_s > 0 else late
        results[row.name] = result
        print(format_row(row.name, result), flush=True)
        written = {"device": machine, "rows": results}
        arguments.output.write_text(json.dumps(written, indent=1))
    return int(any("error" in result for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
