"""Looking through the boxes of trackers."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.backend_bases import KeyEvent

from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.playback_results import Playback, main, playback_results
from tests.video_trees import write_davis

BOX = {str(n).zfill(5): {1: (10 + 2 * n, 12)} for n in range(5)}


def test_frames_and_speed():
    playback = Playback(30)
    for key, frame in (("left", 0), ("right", 1), ("right", 2), ("left", 1)):
        playback.press(key)
        assert playback.frame == frame
    playback.tick()
    assert playback.frame == 1  # manual
    playback.press(" ")
    speeds = [playback.speed]
    for key in ["right"] * 2 + ["left"] * 5:
        playback.press(key)
        speeds.append(playback.speed)
    assert speeds == [1, 2, 4, 2, 1, 0, -1, -2]
    playback.tick()
    assert playback.frame == 0  # clamped
    playback.press(" ")
    playback.press(" ")
    assert (playback.title, playback.speed) == ("Mode: auto Speed: 1x", 1)
    for _ in range(40):
        playback.tick()
    assert playback.frame == 29


@pytest.fixture
def results(tmp_path, monkeypatch):
    root = write_davis(tmp_path / "davis", {"bear": BOX})
    monkeypatch.setenv("PYTRACKING_DAVIS_DIR", str(root))
    folder = tmp_path / "out/baseline/copy_mask/dv2017_val"
    folder.mkdir(parents=True)
    np.savetxt(folder / "bear_1.txt", [[n, 2, 8, 8] for n in range(5)], fmt="%d", delimiter=",")
    return tmp_path / "out"


def test_the_window_follows_the_keys(results):
    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure = playback_results(
        [TrackerSpec("baseline", "copy_mask")], get_dataset("dv2017_val"), "bear", results
    )
    axes = figure.axes[0]
    assert axes.get_title() == "Sequence: bear Mode: manual Speed: 1x"
    assert axes.patches[0].get_bbox().bounds == (0, 2, 8, 8)
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["baseline copy_mask"]
    for key in ("right", "right", " "):
        figure.canvas.callbacks.process(
            "key_press_event", KeyEvent("key_press_event", figure.canvas, key)
        )
    assert axes.patches[0].get_bbox().bounds == (2, 2, 8, 8)
    assert "Mode: auto" in axes.get_title()
    figure.canvas.callbacks.process(
        "key_press_event", KeyEvent("key_press_event", figure.canvas, "q")
    )
    assert not plt.fignum_exists(figure.number)


def test_the_command_opens_a_window_or_says_why_not(results, capsys, monkeypatch):
    import matplotlib.pyplot as plt

    words = ["dv2017_val", "0", "--tracker", "baseline", "copy_mask", "--results", str(results)]
    mpl.use("agg")
    assert main(words) == 2
    assert "no window can be opened here" in capsys.readouterr().err
    mpl.use("webagg")
    shown = []
    monkeypatch.setattr(plt, "show", lambda: shown.append(plt.gcf().axes[0].get_title()))
    assert main(words) == 0
    assert shown == ["Sequence: bear Mode: manual Speed: 1x"]
    plt.close("all")
    assert main([*words, "--tracker", "baseline"]) == 2
    assert "expected SYSTEM NAME" in capsys.readouterr().err
    mpl.use("agg")
