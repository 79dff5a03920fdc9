"""Commands answer at once: libraries that take seconds to load are loaded where they are needed."""

from __future__ import annotations

import subprocess
import sys

COMMANDS = (
    "ltr.run_training",
    "ltr.admin.average",
    "ltr.admin.convert",
    "ltr.dataset.convert.__main__",
    "ltr.dataset.synthetic_ytvis",
    "pytracking.demo",
    "pytracking.export_tracker",
    "pytracking.run_evaluation",
    "pytracking.run_experiment",
    "pytracking.run_exported",
    "pytracking.run_interactive",
    "pytracking.run_tracker",
    "pytracking.run_video",
    "pytracking.run_vot",
    "pytracking.run_webcam",
    "pytracking.utils.doctor",
    "pytracking.utils.download",
    "pytracking.utils.extract_frames",
)
_SCRIPT = """
import contextlib, importlib, os, sys
for command in sys.argv[1:]:
    with contextlib.suppress(SystemExit), open(os.devnull, "w") as nowhere:
        with contextlib.redirect_stdout(nowhere):
            importlib.import_module(command).main(["--help"])
    loaded = {"torch", "matplotlib", "pandas", "transformers", "lightning"} & set(sys.modules)
    assert not loaded, (command, loaded)
"""


def test_no_command_loads_a_slow_library_to_show_its_help():
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, *COMMANDS], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
