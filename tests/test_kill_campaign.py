"""The short form of the kill campaign."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROGRAMS = (
    "--program=training", "--program=run_video, --overwrite", "--program=masks, --overwrite",
    "--program=download",
)  # fmt: skip
ROOT = Path(__file__).resolve().parents[1]


def test_killed_programs_go_on_as_if_nothing_had_happened(tmp_path):
    log = tmp_path / "log.jsonl"
    for kills in (4, 8):  # the second start resumes where the first one stopped
        run = subprocess.run(
            [sys.executable, "benchmarks/kill_campaign.py", "--kills", str(kills), "--log", log,
             *PROGRAMS],
            cwd=ROOT, capture_output=True, text=True, timeout=500, check=False,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert run.returncode == 0, run.stdout + run.stderr
        assert run.stdout.endswith("failures=0\n")
    killed = [line for line in log.read_text().splitlines() if '"finishes": false' in line]
    assert len(killed) == 8
