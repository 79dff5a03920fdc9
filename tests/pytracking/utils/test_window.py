"""The window of ``--show``, on a screen of its own; it needs no windows of OpenCV."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

SCRIPT = """
import numpy as np
from pytracking.utils.window import DisplayWindow

window = DisplayWindow("a test")
picture = np.zeros((120, 200, 3), np.uint8)
assert window.show(picture) == ""
label, root = window._label, window._root
root.geometry("400x240")
root.update()
window.show(picture)
for x, y in ((20, 40), (220, 140)):
    label.event_generate("<Button-1>", x=x, y=y)
root.update()
assert window.selection.take() == [(10, 20, 100, 50)], "pixels of the picture, not of the window"
root.focus_force()
root.update()
root.event_generate("<Key>", keysym="r")
assert window.show(picture) == "r"
window.close()
"""


@pytest.mark.skipif(shutil.which("xvfb-run") is None, reason="needs xvfb")
def test_boxes_and_keys_reach_the_loop():
    pytest.importorskip("tkinter")
    done = subprocess.run(
        ["xvfb-run", "-a", sys.executable, "-c", SCRIPT],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_without_a_display_it_is_one_sentence():
    pytest.importorskip("tkinter")
    hidden = {name: value for name, value in os.environ.items() if "DISPLAY" not in name}
    script = "from pytracking.run_webcam import main; raise SystemExit(main())"
    words = ["baseline", "copy_mask", "--show"]
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env=hidden, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("error: no window can be opened (")
    assert done.stderr.count("\n") == 1
    assert "leave out --show" in done.stderr
