"""Prompts of any kind on the command line: points, boxes with ids, sentences, all objects."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from ltr.data.image_io import read_label_map
from ltr.data.interactive.scribbles import ScribbleLine, VideoScribbles, write_scribbles
from pytracking import Point, Prompt, VideoSession, load_tracker
from pytracking.evaluation.sessions.rounds import play_round, say
from pytracking.run_video import main
from pytracking.utils.demo_clip import demo_clip
from pytracking.utils.video_reader import read_video
from tests.pytracking.clips import bar_mask, numbered_frames, write_clip

LENGTH = 8
FLOW = ("baseline", "optical_flow")
JOINT = ("joint", "joint_demo")
SMALL = ("image_sample_size=64,96", "net_opt_iter=3")


@pytest.fixture
def clip(tmp_path) -> Path:
    return write_clip(tmp_path / "bar.mp4", numbered_frames(LENGTH))


def middle(index: int) -> tuple[int, int]:
    """Column and row in the middle of the bar."""
    rows, columns = np.nonzero(bar_mask(index))
    return int(columns.mean()), int(rows.mean())


def run(clip: Path, out: Path, tracker: tuple[str, str], *words: str) -> list[np.ndarray]:
    assert main([*tracker, str(clip), "--output", str(out), "--quiet", *words]) == 0
    return [read_label_map(path) for path in sorted((out / "masks").iterdir())]


@pytest.mark.parametrize(
    ("tracker", "overrides"), [(FLOW, ()), (JOINT, SMALL)], ids=["optical_flow", "joint"]
)
def test_a_session_and_the_command_give_the_same_bits(clip, tmp_path, tracker, overrides):
    x, y = middle(3)
    line = ScribbleLine(np.array([[x / 64, 0.3], [x / 64, 0.7]]), 2)
    scribbles = tmp_path / "bar.json"
    write_scribbles(scribbles, VideoScribbles("bar", ((), (), (), (line,), *[()] * 4)))
    words = [word for own in overrides for word in ("--set", own)]
    prompts = ["--point", f"3:2:{x},{y}", "--point", "3:2:1,1,-", "--box", "5:4:40,5,20,12"]
    both = run(clip, tmp_path / "a", tracker, *words, *prompts, "--direction", "both")
    drawn = run(clip, tmp_path / "b", tracker, *words, "--scribbles", str(scribbles))

    with VideoSession(load_tracker(*tracker, overrides), read_video(clip)) as session:
        say(session, 3, [Prompt(2, points=(Point(x, y), Point(1, 1, False)))])
        say(session, 5, [Prompt(4, box=(40, 5, 20, 12))])
        list(session.propagate())
        np.testing.assert_array_equal(both, [session.result(i) for i in range(LENGTH)])
        session.reset()
        list(play_round(session, 3, [line]))
        np.testing.assert_array_equal(drawn, [session.result(i) for i in range(LENGTH)])
    assert both[3][y, x] == 2
    assert both[0].any()


def test_points_and_boxes_with_ids_start_and_correct(clip, tmp_path):
    x, y = middle(0)
    words = ["--box", f"0:7:{x - 4},{y - 10},8,20", "--point", "5:7:60,40", "--box", "2,2,9,9"]
    masks = run(clip, tmp_path / "out", FLOW, *words)
    assert masks[0][y, x] == 7
    assert masks[0][6, 6] == 1
    assert masks[5][40, 60] == 7
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert config["objects"] == {"0": [1, 7], "5": [7]}


def test_masks_alone_are_streamed_as_before(clip, tmp_path):
    masks = run(clip, tmp_path / "out", FLOW, "--box", "4:2,2,9,9")
    assert len(masks) == LENGTH - 4
    assert "direction" not in json.loads((tmp_path / "out/config.json").read_text())


def test_backward_only(clip, tmp_path):
    masks = run(clip, tmp_path / "out", FLOW, "--box", "4:2,2,9,9", "--direction", "backward")
    assert [bool(mask.any()) for mask in masks] == [*[True] * 5, *[False] * 3]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--point", "8:1:3,3"], "a prompt is for frame 8, the video has frames 0..7"),
        (["--point", "0:1:64,3"], "the point 64,3 lies outside the 64x48 frame"),
        (["--point", "0:1:3,3,-"], "object 1 needs a positive point"),
        (["--point", "0:300:3,3"], "between 1 and 254, got 300"),
        (["--point", "0:1:3,3", "--point", "0:1:3,3,-"], "a positive and a negative point at 3,3"),
        (["--point", "0:1:3,3", "--point", "0:2:3,3"], "objects 1 and 2 have a point at 3,3"),
        (["--point", "1:3,3"], "expected FRAME:ID:X,Y"),
        (["--box", "0:1:70,3,5,5"], "no area inside"),
        (["--direction", "both"], "no object is given"),
        (["--text", "dog", "--text-finder", "joint:joint_demo"], "finds no objects by sentences"),
        (["--text", "dog", "--text-finder", "referring"], "expected SYSTEM:NAME"),
        (["--all", "--all-finder", "propose_reduce:dmo"], "did you mean 'demo'"),
        (["--point", "0:1:3,3", "--to-mask", "grabcat"], "did you mean 'grabcut'"),
        (["--text", " "], "a sentence of --text is empty"),
    ],
)
def test_bad_prompts_are_one_sentence(clip, tmp_path, capsys, words, told):
    out = tmp_path / "out"
    assert main([*FLOW, str(clip), "--output", str(out), *words]) == 2
    said, error = capsys.readouterr()
    assert told in error
    assert error.startswith("error: ")
    assert said == ""
    assert error.count("\n") == 1
    assert not out.exists()


def disc_clip(path: Path) -> Path:
    """A red disc that moves left, and a blue square that moves right."""
    frames = []
    rows, columns = np.mgrid[:96, :144]
    for time in range(6):
        frame = np.full((96, 144, 3), (110, 120, 110), np.uint8)
        frame[(rows - 30) ** 2 + (columns - 110 + 6 * time) ** 2 < 18**2] = (220, 40, 40)
        frame[58:86, 20 + 6 * time : 48 + 6 * time] = (40, 60, 220)
        frames.append(frame)
    return write_clip(path, frames)


def test_a_sentence_finds_its_key_frame_and_both_directions_follow(tmp_path):
    clip = disc_clip(tmp_path / "disc.mp4")
    masks = run(clip, tmp_path / "out", FLOW, "--text", "the red disc")
    config = json.loads((tmp_path / "out/config.json").read_text())
    assert config["texts"] == ["the red disc"]
    assert list(config["objects"].values()) == [[1]]
    rows, columns = np.mgrid[:96, :144]
    for time, mask in enumerate(masks):
        truth = (rows - 30) ** 2 + (columns - 110 + 6 * time) ** 2 < 18**2
        assert ((mask == 1) & truth).sum() / ((mask == 1) | truth).sum() > 0.5


def test_all_objects_are_found_and_followed(tmp_path):
    frames = [frame.image[::2, ::2] for frame in islice(demo_clip(), 0, 4, 3)]
    clip = write_clip(tmp_path / "demo.mp4", frames)
    masks = run(clip, tmp_path / "out", FLOW, "--all", "--score-threshold", "0.1")
    assert len(masks) == 2
    assert all(mask.any() for mask in masks)
