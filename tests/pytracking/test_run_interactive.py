"""The page in a browser: load a clip, draw, propagate, accept the recommendation, draw, export."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ltr.data.image_io import read_label_map
from pytracking import run_interactive
from pytracking.utils.video_reader import read_video
from tests.browser import chromium, open_browser
from tests.shared_material import data

ROOT = Path(__file__).resolve().parents[2]
SMALL = ("--set", "image_sample_size=96,160", "--set", "net_opt_iter=3")
LIMITS = ("--max_frames", "6", "--every", "12", "--max_side", "240")


@pytest.fixture
def page(tmp_path):
    words = ["joint", "joint_demo", *SMALL, *LIMITS, "--output", str(tmp_path / "out")]
    command = [sys.executable, str(ROOT / "pytracking/run_interactive.py"), *words, "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, cwd=tmp_path,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    try:
        yield re.search(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())[0]
    finally:
        process.terminate()
        process.wait()


def test_a_person_segments_a_clip(tmp_path, request):
    chromium()
    clip = data("videos") / "01_dog.mp4"
    page = request.getfixturevalue("page")
    with open_browser(tmp_path / "profile") as browser:
        browser.open(page)
        browser.wait("document.body && document.body.dataset.ready === 'true'")
        browser.choose_file("#file", clip)
        browser.wait("document.querySelector('#video-name').textContent === '01_dog'")
        assert browser.text("#position") == "Frame 1 / 6"

        browser.stroke("#canvas", [(0.44, 0.57), (0.47, 0.58), (0.5, 0.6)])
        browser.stroke("#canvas", [(0.5, 0.57), (0.52, 0.58)])
        browser.wait("!document.querySelector('#propagate').disabled")
        browser.press("Enter")
        browser.wait("document.querySelector('#round').textContent === 'Round 1'")
        label = browser.text("#recommended")
        named = re.fullmatch(r"Correct frame ([2-6]) next|This frame is next", label)
        assert named

        browser.click("#recommended")  # does nothing where the frame is shown already
        assert browser.text("#position") == f"Frame {named[1] or 1} / 6"
        browser.press("0")
        browser.stroke("#canvas", [(0.1, 0.2), (0.3, 0.2)])
        browser.wait("document.querySelector('#undo').textContent === 'Undo'")
        browser.click("#propagate")
        browser.wait("document.querySelector('#round').textContent === 'Round 2'")
        browser.click("#undo")
        browser.wait("document.querySelector('#round').textContent === 'Round 1'")

        browser.click("#export")
        browser.wait("document.querySelector('#export-dialog').open")
        browser.click("#export-go")
        browser.wait("document.querySelector('#toast').textContent.includes('overlay.mp4')")
        assert all(url.startswith((page, "data:", "about:")) for url in browser.requests)
        assert browser.problems == []
    folder = tmp_path / "out/01_dog"
    masks = [read_label_map(path) for path in sorted((folder / "masks").iterdir())]
    assert len(masks) == 6
    assert masks[0].shape == (720, 1280)
    assert masks[0][int(0.58 * 720), int(0.47 * 1280)] == 1
    with read_video(folder / "overlay.mp4") as video:
        assert len(list(video)) == 6


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["joint", "joint_demo", "--video", "nowhere.mp4"], "nowhere.mp4 does not exist"),
        (["joint", "joint_demo", "--port", "70000"], "--port 70000"),
        (["joint", "joint_demo", "--max_frames", "0"], "max_frames must be at least 1"),
        (["joint", "joint_dem"], "joint_demo"),
        (["joint", "joint_demo", "--vdeo", "x"], "--video"),
    ],
)
def test_wrong_words_are_one_sentence(words, sentence, capsys):
    assert run_interactive.main(words) == 2
    assert sentence in capsys.readouterr().err
