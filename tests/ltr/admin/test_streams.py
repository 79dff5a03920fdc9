"""A closed pipe ends nothing: the results are files."""

from __future__ import annotations

import subprocess
import sys

_SCRIPT = """
import sys
from pathlib import Path
from ltr.admin.cli import command

@command
def main(argv=None):
    for number in range(2000):
        print("line", number, "x" * 200)
        print("line", number, file=sys.stderr, flush=True)
    Path(sys.argv[1]).write_text("done")
    return 0

sys.exit(main())
"""


def test_a_command_finishes_when_its_reader_ends(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", _SCRIPT, str(tmp_path / "result")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith(b"line 0 x")
    process.stdout.close()
    process.stderr.close()
    assert process.wait(60) == 0
    assert (tmp_path / "result").read_text() == "done"


def test_output_that_is_read_is_complete(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(tmp_path / "result")], capture_output=True, check=True
    )
    assert done.stdout.count(b"\n") == done.stderr.count(b"\n") == 2000
