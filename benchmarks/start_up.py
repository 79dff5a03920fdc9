"""How soon every command answers: its help, and one sentence about a wrong word or a missing file.

    python benchmarks/start_up.py             every command once
    python benchmarks/start_up.py --limit 1.5    1 as exit code where one takes longer

Seconds of the processor, in a process of its own; those of the first run after an installation are
larger, as Python then compiles its modules.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from machine import describe_machine

_ROOT = Path(__file__).resolve().parents[1]
_NONE = "/no/such/place"
_HELP, _UNKNOWN = ("--help",), ("--no-such-option",)
# Each module of a command, and words that name what does not exist.
COMMANDS: dict[str, Sequence[str]] = {
    "ltr.run_training": ("joint", "no_such_recipe"),
    "ltr.admin.average": (_NONE, _NONE),
    "ltr.admin.convert": (_NONE, _NONE),
    "ltr.admin.publish": (_NONE, _NONE),
    "ltr.dataset.convert": (_NONE,),
    "ltr.dataset.synthetic_ytvis": (),
    "pytracking.compare": (_NONE,),
    "pytracking.convert_masks": (_NONE, _NONE, "--to", "png"),
    "pytracking.demo": _UNKNOWN,
    "pytracking.export_tracker": ("joint", "no_such_parameters", _NONE),
    "pytracking.new_tracker": ("not a name", _NONE),
    "pytracking.playback_results": ("no_such_set", "none", "--tracker", "joint", "joint_demo"),
    "pytracking.run_evaluation": ("--results", _NONE, "--ground-truth", _NONE),
    "pytracking.run_experiment": ("no_such_experiment", "no_such_name"),
    "pytracking.run_exported": (_NONE, _NONE, "--mask", _NONE, "--output", _NONE),
    "pytracking.run_interactive": ("joint", "no_such_parameters"),
    "pytracking.run_label_studio": _UNKNOWN,
    "pytracking.run_tracker": ("joint", "joint_demo", "--dataset-name", "no_such_set"),
    "pytracking.run_video": ("joint", "joint_demo", _NONE, "--mask", _NONE, "--output", _NONE),
    "pytracking.run_vot": ("joint", "no_such_parameters"),
    "pytracking.run_webcam": ("joint", "no_such_parameters", "--show"),
    "pytracking.cli.vos": ("no_such_command",),
    "pytracking.utils.doctor": _UNKNOWN,
    "pytracking.utils.download": ("no_such_network",),
    "pytracking.utils.extract_frames": (_NONE, _NONE),
    "pytracking.utils.masks": (_NONE,),
}


def measure(module: str, words: Sequence[str]) -> tuple[float, int, str]:
    """CPU seconds, exit code and the last line of a command."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", module, *words],
        cwd=_ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    lines = (done.stdout + done.stderr).strip().splitlines()
    return seconds, done.returncode, lines[-1] if lines else ""


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--limit", type=float, help="CPU seconds that no command may exceed")
    parser.add_argument("--only", default="", help="commands whose name contains this")
    arguments = parser.parse_args()
    print(describe_machine(), flush=True)
    print(
        "| command | help, s | wrong input, s | exit code | what it says |\n|---|---|---|---|---|"
    )
    largest = 0.0
    for module, wrong in COMMANDS.items():
        if arguments.only in module:
            help_s, _, _ = measure(module, _HELP)
            wrong_s, code, line = measure(module, wrong or _UNKNOWN)
            largest = max(largest, help_s, wrong_s)
            said = line.replace("|", "/")[:90]
            print(f"| {module} | {help_s:.2f} | {wrong_s:.2f} | {code} | {said} |", flush=True)
    print(f"largest: {largest:.2f} s")
    return int(arguments.limit is not None and largest > arguments.limit)


if __name__ == "__main__":
    sys.exit(main())
