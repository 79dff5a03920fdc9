"""How many functions a command's arguments, records made of them, and its paths pass through.

Where a number has risen, look for a function that only hands on, and for a record taken apart.
"""

from __future__ import annotations

import dataclasses
import os
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np

from ltr.data.image_io import write_label_map
from pytracking import run_evaluation, run_video
from pytracking.evaluation.outputs.video import VideoResults
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import Runtime
from tests.pytracking.analysis.mask_folders import moving_squares, write_masks
from tests.pytracking.clips import bar_mask, numbered_frames, write_folder

ROOT = Path(__file__).resolve().parents[2]
OURS = (str(ROOT / "pytracking"), str(ROOT / "ltr" / "admin" / "cli.py"))


def carries(value: object, folder: str, depth: int = 0) -> bool:
    """Whether a value is or holds the command's arguments, or a path in a folder."""
    if isinstance(value, str | os.PathLike):
        return str(value).startswith(folder)
    if dataclasses.is_dataclass(value) and not isinstance(value, type | TrackerSpec | Runtime):
        value = list(vars(value).values())
    is_open = isinstance(value, list | tuple) and depth < 2
    own = isinstance(value, Namespace | TrackerSpec | Runtime)
    return own or (is_open and any(carries(entry, folder, depth + 1) for entry in value))


def hand_overs(main, words: list[str], folder: Path, end) -> set[str]:
    """The functions that get arguments, or paths in a folder, until ``end`` is called."""
    found: set[str] = set()

    def note(frame, event, _) -> None:
        code, local = frame.f_code, frame.f_locals
        if code is end.__code__:
            sys.setprofile(before)
        elif event == "call" and code.co_filename.startswith(OURS) and code.co_name[0] != "<":
            names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
            if any(carries(local.get(name), str(folder)) for name in names):
                found.add(f"{code.co_filename[len(str(ROOT)) + 1 :]}:{code.co_name}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        assert main(words) == 0
    finally:
        sys.setprofile(before)
    return found


def test_from_the_arguments_of_run_video_to_the_first_mask(tmp_path):
    frames, mask = write_folder(tmp_path / "bar", numbered_frames(2)), tmp_path / "first.png"
    write_label_map(mask, bar_mask(0).astype(np.uint8))
    words = ["baseline", "copy_mask", str(frames), "--mask", str(mask), "--quiet"]
    words += ["--output", str(tmp_path / "out"), "--device", "cpu"]
    found = hand_overs(run_video.main, words, tmp_path, VideoResults.add)
    assert 15 < len(found) <= 25, sorted(found)


def test_from_a_folder_of_results_to_its_scores(tmp_path):
    truth, results = tmp_path / "truth", tmp_path / "results"
    for folder in (truth, results):
        write_masks(folder / "dog", moving_squares())
    words = ["--results", str(results), "--ground-truth", str(truth), "--quiet"]
    found = hand_overs(run_evaluation.main, words, results, run_evaluation._write)
    assert 15 < len(found) <= 24, sorted(found)
