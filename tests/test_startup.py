"""Commands answer at once: libraries that take seconds to load are loaded where they are needed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence

COMMANDS = (
    "ltr.run_training",
    "ltr.admin.average",
    "ltr.admin.convert",
    "ltr.dataset.convert.__main__",
    "ltr.dataset.synthetic_ytvis",
    "pytracking.convert_masks",
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
_NONE = "/no/such/place"
WRONG = {
    "ltr.run_training": ("joint", "no_such_recipe"),
    "ltr.admin.average": (_NONE, _NONE),
    "ltr.admin.convert": (_NONE, _NONE),
    "ltr.admin.publish": (_NONE, _NONE),
    "pytracking.convert_masks": (_NONE, _NONE, "--to", "png"),
    "pytracking.export_tracker": ("joint", "no_such_name", _NONE),
    "pytracking.run_evaluation": ("--results", _NONE, "--ground-truth", _NONE),
    "pytracking.run_experiment": ("no_such_module", "no_such_name"),
    "pytracking.run_exported": (_NONE, _NONE, "--mask", _NONE, "--output", _NONE),
    "pytracking.run_interactive": ("joint", "no_such_name"),
    "pytracking.run_tracker": ("joint", "joint_demo", "--dataset-name", "no_such_set"),
    "pytracking.run_video": ("joint", "joint_demo", _NONE, "--mask", _NONE),
    "pytracking.run_vot": ("referring", "no_such_name"),
    "pytracking.run_webcam": ("baseline", "no_such_name", "--show"),
    "pytracking.utils.download": ("no_such_network",),
}
_SCRIPT = """
import contextlib, importlib, json, os, sys
for command, words, wanted in json.loads(sys.argv[1]):
    try:
        with open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
            code = importlib.import_module(command).main(words)
    except SystemExit as end:
        code = end.code
    assert (code or 0) == wanted, (command, code)
    loaded = {"torch", "matplotlib", "pandas", "transformers", "lightning"} & set(sys.modules)
    assert not loaded, (command, loaded)
"""


def test_no_command_loads_a_slow_library_to_show_its_help():
    _run_all([(command, ["--help"], 0) for command in COMMANDS])


def test_no_command_loads_a_slow_library_to_refuse_wrong_input():
    _run_all([(command, words, 2) for command, words in WRONG.items()])


def _run_all(calls: list[tuple[str, Sequence[str], int]]) -> None:
    words = [sys.executable, "-c", _SCRIPT, json.dumps(calls)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_trackers_of_masks_do_not_wait_for_torchvision():
    loads = "from pytracking import load_tracker; import sys\n"
    loads += "load_tracker('joint', 'joint_demo'); load_tracker('dense_ulearn', 'demo')\n"
    loads += "print(sorted({'torchvision', 'torch._dynamo', 'matplotlib'} & set(sys.modules)))"
    words = [sys.executable, "-c", loads]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("[]\n", 0), done.stderr
