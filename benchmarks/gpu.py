"""What a GPU gives: one table and one JSON file in at most eight minutes.

    python benchmarks/gpu.py                          on the GPU
    python benchmarks/gpu.py --device cpu --small     the rehearsal: small networks and frames
    python benchmarks/gpu.py --only "joint 3"         rows whose name contains this

Every row is measured in a process of its own with a time limit, so that a row that fails, hangs or
breaks the device never stops the rest; the exit code is then 1. The rows that say most come first;
what no time is left for is named. ``object-frames per second`` counts every object of every frame;
the first frames, which compile and choose algorithms, are not timed. ``equal`` is the share of
pixels that equal those of fp32 on the CPU (of the first frames). The rows of ``conformance`` count
reference values of $VOS_SHARED_DIR that the device gives; they run side by side.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import torch
from gpu_rows import ROWS, Result, Row, Scale
from machine import describe_machine

_TOTAL_S = 470.0
_FIGURES = {
    "object_frames_per_s": "{:.1f} object-frames per s",
    "frames_per_s": "{:.1f} frames per s",
    "step_ms": "{:.0f} ms a step",
    "times_as_fast": "{:.1f} times the pure form",
    "passed": "{} passed",
}
_THREADS_EACH = 2  # of rows side by side


@dataclass(frozen=True)
class Bench:
    """Measures rows in other processes until the time is over.

    Args:
        device: Where to compute.
        small: Small networks, frames and clips.
        ends: When, on the monotonic clock.
        exact: Folder for the masks of fp32 on the CPU, which several rows are compared with.
    """

    device: torch.device
    small: bool
    ends: float
    exact: Path

    def measure_all(self, rows: Sequence[Row]) -> Iterator[tuple[Row, Result]]:
        """Every row with its result, in their order; those that are not timed side by side."""
        for is_timed, group in groupby(rows, key=lambda row: row.is_timed):
            together = list(group)
            workers = 1 if is_timed else max(1, (os.cpu_count() or 1) // _THREADS_EACH)
            with ThreadPoolExecutor(workers) as pool:
                yield from zip(together, pool.map(self.measure, together), strict=True)

    def measure(self, row: Row) -> Result:
        """One row; a failure becomes its ``error``, what the device cannot do ``skipped``."""
        lack = row.lacks(self.device)
        if lack:
            return {"skipped": lack}
        left_s = self.ends - time.monotonic()
        if left_s <= 0:
            return {"error": "no time was left"}
        words = [sys.executable, __file__, "--row", row.name, "--device", str(self.device)]
        words += ["--exact", str(self.exact), *(["--small"] if self.small else [])]
        own = {} if row.is_timed else {"OMP_NUM_THREADS": str(_THREADS_EACH)}
        return run_apart(words, min(row.limit_s(self.device), left_s), own)


def run_apart(words: Sequence[str], limit_s: float, variables: dict[str, str]) -> Result:
    """Run a command that prints its result as JSON; a failure becomes its ``error``.

    What it started ends with it: a process that was left over would hold the device.
    """
    with subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env=os.environ | variables,
    ) as process:  # fmt: skip
        try:
            said, errors = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            return {"error": f"took more than {limit_s:.0f} s"}
        finally:
            _end_session(process.pid)
    if process.returncode:
        lines = errors.strip().splitlines()
        return {"error": lines[-1] if lines else f"ended with {process.returncode}"}
    try:
        result: Result = json.loads(said.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {"error": "ended without a result"}
    return result


def _end_session(leader: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)


def format_row(name: str, result: Result) -> str:
    """One line of the table, in Markdown."""
    if "error" in result:
        return f"| {name} | failed: {result['error']} | | | |"
    if "skipped" in result:
        return f"| {name} | {result['skipped']} | | | |"
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
    parser.add_argument("--device", type=torch.device, default="cuda")
    parser.add_argument("--small", action="store_true", help="small networks, frames and clips")
    parser.add_argument("--only", default="", help="rows whose name contains this")
    parser.add_argument("--seconds", type=float, default=_TOTAL_S, help="for all rows (470)")
    parser.add_argument("--output", type=Path, default=Path("gpu.json"))
    parser.add_argument("--row", help=argparse.SUPPRESS)
    parser.add_argument("--exact", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    scale = Scale.of(arguments.small)
    if arguments.row:
        row = next(row for row in ROWS if row.name == arguments.row)
        print(json.dumps(row.measure(scale, arguments.device, arguments.exact)))
        return 0
    ends, results = time.monotonic() + arguments.seconds, {}
    machine = describe_machine(arguments.device)
    print(f"{machine}, {scale.size[0]}x{scale.size[1]}\n")
    print("| row | figure | memory, MiB | growth, MiB | equal pixels |")
    print("|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as exact:
        bench = Bench(arguments.device, arguments.small, ends, Path(exact))
        for row, result in bench.measure_all([row for row in ROWS if arguments.only in row.name]):
            results[row.name] = result
            print(format_row(row.name, result), flush=True)
            written = {"device": machine, "rows": results}
            arguments.output.write_text(json.dumps(written, indent=1))
    return int(any("error" in result for result in results.values()))


if __name__ == "__main__":
    sys.exit(main())
