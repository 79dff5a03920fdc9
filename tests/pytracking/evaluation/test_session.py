"""A session: prompts, both directions, corrections, removal, going back."""

from __future__ import annotations

import json
import os
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from ltr.admin.process_memory import peak_mib, reset_peak
from ltr.data.image_io import encode_label_map
from ltr.data.interactive.scribbles import ScribbleLine
from pytracking import Point, Prompt, VideoSession, load_tracker, segment_video
from tests.pytracking.clips import bar_mask, numbered_frames
from tests.small_dense_ulearn import small_tracker as small_dense_ulearn
from tests.small_joint import small_clip, small_tracker

TRACKERS = {
    "joint": small_tracker,
    "dense_ulearn": small_dense_ulearn,
    "optical_flow": lambda: load_tracker("baseline", "optical_flow"),
}


def masks_of(session: VideoSession, count: int) -> list[np.ndarray]:
    return [session.result(frame) for frame in range(count)]


@pytest.fixture
def session():
    with VideoSession(load_tracker("baseline", "copy_mask"), numbered_frames(6)) as opened:
        yield opened


def square(top: int, left: int) -> np.ndarray:
    mask = np.zeros((48, 64), bool)
    mask[top : top + 10, left : left + 10] = True
    return mask


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS)
def test_a_forward_pass_is_the_streamed_one(make):
    frames, labels = small_clip(6)
    late = np.zeros_like(labels)
    late[5:12, 80:95] = 7
    wanted = [
        frame.output.segmentation for frame in segment_video(make(), frames, {0: labels, 3: late})
    ]
    with VideoSession(make(), iter(frames)) as session:
        assert session.add(0, labels) == (1, 5)
        assert session.add(3, Prompt(7, mask=late)) == (7,)
        found = [frame.index for frame in session.propagate(direction="forward")]
        assert found == [0, 1, 2, 3, 4, 5]
        np.testing.assert_array_equal(masks_of(session, 6), wanted)


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS)
def test_a_backward_pass_is_a_forward_pass_over_reversed_frames(make):
    frames, labels = small_clip(6)
    wanted = [frame.output.segmentation for frame in segment_video(make(), frames[::-1], labels)]
    with VideoSession(make(), frames) as session:
        session.add(5, labels)
        assert [frame.index for frame in session.propagate()] == [5, 5, 4, 3, 2, 1, 0]
        np.testing.assert_array_equal(masks_of(session, 6), wanted[::-1])


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS)
def test_a_correction_counts_in_its_frame_and_changes_what_follows(make):
    frames, labels = small_clip(8)
    with VideoSession(make(), frames) as session:
        session.add(0, labels)
        list(session.propagate())
        before = masks_of(session, 8)
        wanted = np.zeros(labels.shape, bool)
        wanted[20:45, 40:70] = True
        session.correct(4, Prompt(1, mask=wanted))
        np.testing.assert_array_equal(session.preview(4) == 1, wanted)
        np.testing.assert_array_equal(session.result(4), before[4])
        list(session.propagate(4))
        after = masks_of(session, 8)
    overlap = (after[4] == 1) & wanted
    assert overlap.sum() / ((after[4] == 1) | wanted).sum() > 0.7  # label propagation: eighths
    np.testing.assert_array_equal(after[0], before[0])
    assert all((old != new).any() for old, new in zip(before[4:], after[4:], strict=True))


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS)
def test_a_pass_over_a_corrected_frame_shows_what_was_drawn(make):
    frames, labels = small_clip(6)
    wanted = np.zeros(labels.shape, bool)
    wanted[21:44, 41:69] = True
    with VideoSession(make(), frames) as session:
        session.add(0, labels)
        list(session.propagate())
        session.correct(4, Prompt(1, mask=wanted))
        list(session.propagate())
        np.testing.assert_array_equal(masks_of(session, 6)[4] == 1, wanted)


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS)
def test_the_same_calls_give_the_same_bits(make):
    frames, labels = small_clip(6)
    found = []
    for _ in range(2):
        with VideoSession(make(), frames) as session:
            session.add(1, labels)
            list(session.propagate())
            session.correct(4, Prompt(5, box=(60, 30, 30, 30)))
            list(session.propagate(4))
            found.append(masks_of(session, 6))
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("make", TRACKERS.values(), ids=TRACKERS)
def test_a_removed_object_is_gone_at_once_even_during_a_pass(make):
    frames, labels = small_clip(6)
    with VideoSession(make(), frames) as session:
        session.add(0, labels)
        steps = session.propagate(direction="forward")
        for _ in range(3):
            next(steps)
        session.remove(1)
        list(steps)
        assert session.object_ids == (5,)
        assert all(set(np.unique(labels)) <= {0, 5} for labels in masks_of(session, 6))
        session.remove(5)
        assert not np.any(masks_of(session, 6))
        with pytest.raises(DataError, match="no object yet"):
            next(session.propagate())


def test_between_two_prompts_both_directions_are_blended():
    """A copied mask: the nearer prompt wins."""
    with VideoSession(load_tracker("baseline", "copy_mask"), numbered_frames(6)) as session:
        session.add(1, Prompt(1, mask=square(0, 0)))
        session.correct(5, Prompt(1, mask=square(30, 40)))
        list(session.propagate())
        found = [(bool(m[5, 5]), bool(m[35, 45])) for m in masks_of(session, 6)]
    assert found == [
        (True, False),
        (True, False),
        (True, False),
        (False, False),  # one half each: nothing is sure
        (False, True),
        (False, True),
    ]


def test_a_round_ends_at_the_next_frame_that_was_prompted_before(session):
    session.add(0, Prompt(1, mask=square(0, 0)))
    list(session.propagate())
    session.correct(4, Prompt(1, mask=square(20, 20)))
    assert [frame.index for frame in session.propagate(4)] == [4, 5, 4, 3, 2, 1, 0]
    session.correct(2, Prompt(1, mask=square(20, 40)))
    assert [frame.index for frame in session.propagate(2)] == [2, 3, 4, 2, 1, 0]


def test_a_range_is_one_pass(session):
    session.add(2, Prompt(1, mask=square(0, 0)))
    assert [f.index for f in session.propagate(2, 4, "forward")] == [2, 3, 4]
    assert [f.index for f in session.propagate(2, 1, "backward")] == [2, 1]
    assert [session.is_done(frame) for frame in range(6)] == [False, *[True] * 4, False]


def test_points_and_lines_add_up_and_are_seen_before_any_pass():
    image = np.zeros((48, 64, 3), np.uint8)
    image[10:30, 10:40] = (250, 40, 40)
    with VideoSession(load_tracker("baseline", "copy_mask"), [image] * 3) as session:
        session.add(1, Prompt(1, points=(Point(20, 20),)))
        assert session.preview(1)[20, 20] == 1
        session.correct(1, Prompt(1, points=(Point(30, 20), Point(60, 45, False))))
        assert len(session.prompts(1)[1].points) == 3
        found = session.preview(1)
        assert (found[20, 30], found[45, 60]) == (1, 0)
        line = ScribbleLine(np.array([[0.1, 0.5], [0.4, 0.5]]), 0)
        session.correct(1, Prompt(0, scribbles=(line,)))
        assert session.preview(1)[23, 15] == 0


def test_going_back_brings_masks_and_prompts(session):
    session.add(0, Prompt(1, mask=square(0, 0)))
    list(session.propagate())
    state, before = session.save_state(), masks_of(session, 6)
    session.correct(3, Prompt(1, mask=square(20, 20)))
    list(session.propagate(3))
    assert (masks_of(session, 6)[3] != before[3]).any()
    session.restore_state(state)
    np.testing.assert_array_equal(masks_of(session, 6), before)
    assert session.annotated == (0,)


def test_reset_keeps_the_frames_only(session):
    session.add(0, Prompt(1, mask=square(0, 0)))
    list(session.propagate())
    session.reset()
    assert (session.object_ids, session.annotated, session.is_done(3)) == ((), (), False)
    assert session.add(2, Prompt(mask=square(5, 5))) == (1,)


@pytest.mark.parametrize(
    ("frame", "prompt", "words"),
    [
        (6, Prompt(1, box=(0, 0, 9, 9)), "there is no frame 6: the video has 6"),
        (-1, Prompt(1, box=(0, 0, 9, 9)), "there is no frame -1"),
        (0, Prompt(1), "needs a mask, a box, a point, a scribble or a text"),
        (0, Prompt(1, box=(70, 0, 9, 9)), "no area inside the 64x48 frame"),
        (0, Prompt(1, points=(Point(64, 3),)), "the point 64,3 lies outside the 64x48 frame"),
        (0, Prompt(1, points=(Point(float("nan"), 3),)), "not made of numbers"),
        (0, Prompt(255, points=(Point(4, 3),)), "between 1 and 254, got 255"),
        (0, Prompt(1, points=(Point(4, 3, False),)), "object 1 needs a positive point"),
        (0, Prompt(1, points=(Point(4, 3), Point(4, 3, False))), "positive and a negative"),
        (0, Prompt(0, mask=np.ones((48, 64), bool)), "takes points and scribbles only"),
        (0, Prompt(1, mask=np.ones((4, 6), bool)), "the mask is 6x4, its frame 64x48"),
        (0, Prompt(1, mask=np.zeros((48, 64), bool)), "the mask of object 1 has no pixel"),
        (0, Prompt(1, text="the dog"), "searched in the whole video"),
        (0, np.zeros((48, 64), np.uint8), "holds no object"),
    ],
)
def test_bad_prompts_are_one_sentence(session, frame, prompt, words):
    with pytest.raises(DataError, match=words):
        session.add(frame, prompt)
    assert session.annotated == ()


def test_unknown_and_known_objects_are_told_apart(session):
    with pytest.raises(DataError, match="no object 3: the session has none"):
        session.correct(0, Prompt(3, points=(Point(4, 4),)))
    with pytest.raises(DataError, match="must name an object, not the background"):
        session.correct(0, Prompt(0, points=(Point(4, 4),)))
    session.add(0, Prompt(2, mask=square(0, 0)))
    with pytest.raises(DataError, match="object 2 is there already"):
        session.add(1, Prompt(2, mask=square(0, 0)))
    with pytest.raises(DataError, match="no object 3: the session has 2"):
        session.correct(1, Prompt(3, points=(Point(4, 4),)))
    session.add(0, Prompt(2, points=(Point(4, 4),)))
    with pytest.raises(DataError, match="objects 2 and 3 have a point at 4,4"):
        session.add(0, Prompt(3, points=(Point(4, 4),)))
    with pytest.raises(DataError, match="no object 7 to remove"):
        session.remove(7)
    for words, arguments in (
        ("an end needs a direction", (0, 3)),
        ("frame 0 is not forward of frame 3", (3, 0, "forward")),
        ("no object is known on frame 3", (3, 4, "forward")),
    ):
        with pytest.raises(DataError, match=words):
            list(session.propagate(*arguments))


def test_a_session_follows_masks_only():
    with pytest.raises(ConfigError, match="follows masks frame by frame"):
        VideoSession(load_tracker("propose_reduce", "demo"), numbered_frames(2))


def test_frames_of_a_stream_are_taken_when_they_are_needed():
    taken = []

    def stream():
        for frame in numbered_frames(6):
            taken.append(1)
            yield frame

    with VideoSession(load_tracker("baseline", "optical_flow"), stream()) as session:
        assert len(taken) == 1
        session.add(2, Prompt(1, mask=bar_mask(2)))
        assert len(taken) == 3
        steps = session.propagate(direction="forward")
        next(steps)
        next(steps)
        assert len(taken) == 4
        list(steps)
        assert [f.index for f in session.propagate(direction="backward")] == [2, 1, 0]


@pytest.fixture
def saved(session, tmp_path):
    session.add(0, Prompt(1, mask=square(0, 0)))
    session.add(1, Prompt(2, box=(20, 20, 20, 20), points=(Point(25, 25), Point(60, 40, False))))
    list(session.propagate())
    session.correct(3, Prompt(1, mask=square(20, 20)))
    session.save(tmp_path / "dog.session")
    return tmp_path / "dog.session"


def test_a_saved_session_resumes(session, saved):
    with VideoSession(load_tracker("baseline", "copy_mask"), numbered_frames(6)) as other:
        other.load(saved)
        np.testing.assert_array_equal(masks_of(other, 6), masks_of(session, 6))
        np.testing.assert_array_equal(other.preview(3), session.preview(3))
        assert other.prompts(1)[2].points == session.prompts(1)[2].points
        for own in (session, other):
            list(own.propagate(3))
        np.testing.assert_array_equal(masks_of(other, 6), masks_of(session, 6))


def test_what_is_no_session_changes_nothing(session, saved, tmp_path):
    content = saved.read_bytes()
    (tmp_path / "cut").write_bytes(content[: len(content) // 2])
    (tmp_path / "text").write_text("{}")
    before = masks_of(session, 6)
    for name, words in (
        ("cut", "is not a session"),
        ("text", "not a session"),
        ("no", "No such file"),
    ):
        with pytest.raises(DataError, match=words):
            session.load(tmp_path / name)
    np.testing.assert_array_equal(masks_of(session, 6), before)
    with (
        VideoSession(load_tracker("baseline", "copy_mask"), numbered_frames(6)[1:]) as other,
        pytest.raises(DataError, match="belongs to another video"),
    ):
        other.load(saved)


def _rewritten(saved: Path, target: Path, members: dict[str, bytes], **manifest: object) -> Path:
    """A copy of a session with other members and other entries in its manifest."""
    with zipfile.ZipFile(saved) as archive:
        content = {name: archive.read(name) for name in archive.namelist()}
    record = json.loads(content["session.json"]) | manifest
    content |= {"session.json": json.dumps(record).encode(), **members}
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)
    return target


def test_a_hostile_session_changes_nothing(session, saved, tmp_path):
    before = masks_of(session, 6)
    with zipfile.ZipFile(saved) as archive:
        record = json.loads(archive.read("session.json"))
    (mask,) = [f"prompts/{f}_1.png" for f in record["prompts"] if f == "0"]
    twice = {"forward": {"0": [1, 1]}, "backward": {}}
    entry = record["prompts"]["0"]
    wrong_id = {"0": {**entry, "prompts": [{**entry["prompts"][0], "object_id": 999}]}}
    no_box = {"0": {**entry, "prompts": [{**entry["prompts"][0], "box": [0, 0, float("nan"), 1]}]}}
    cases = (
        ({mask: bytes(40 << 20)}, {}, "at most"),
        ({mask: encode_label_map(np.ones((2, 2), np.uint8))}, {}, "has the shape"),
        ({"../x": b""}, {}, "would leave the folder"),
        ({"forward/0": zlib.compress(bytes(64 * 48 * 3))[:-2]}, {}, "expected"),
        ({}, {"results": twice}, "are not ids of objects"),
        ({}, {"results": {"forward": {"0": [0]}, "backward": {}}}, "are not ids of objects"),
        ({}, {"prompts": wrong_id}, "are not ids of objects"),
        ({}, {"prompts": no_box}, "box"),
        ({"session.json": b"[" * 200_000}, {}, "session"),
    )
    reset_peak()
    started = peak_mib()
    for number, (members, manifest, words) in enumerate(cases):
        path = _rewritten(saved, tmp_path / str(number), members, **manifest)
        with pytest.raises(DataError, match=words):
            session.load(path)
    assert peak_mib() - started < 150  # the member that is refused unpacks to 40 MiB
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(DataError, match="Not a regular file"):
        session.load(tmp_path / "pipe")
    np.testing.assert_array_equal(masks_of(session, 6), before)
