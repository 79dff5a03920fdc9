"""Samples and sessions: which frame comes next, what counts, what the report holds."""

from __future__ import annotations

import json

import numpy as np
import pytest

from ltr.admin.errors import ConfigError, DataError
from ltr.data.interactive.robot import RobotParameters
from ltr.data.interactive.scribbles import ScribbleLine, VideoScribbles, write_scribbles
from pytracking.analysis.protocols.interactive import read_report
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.interactive.playing import play_round, play_worst_frames, robot_for
from pytracking.evaluation.interactive.robot_session import RobotSession, SessionOptions
from pytracking.evaluation.interactive.sample import Sample
from pytracking.evaluation.interactive.videos import interactive_video
from pytracking.evaluation.outputs.folder import ResultFolder
from pytracking.evaluation.running.sequence import run_sequence
from tests.plain_host import PlainHost, scribbled_videos
from tests.video_trees import write_folder_videos


class Clock:
    """Every look at it takes some seconds."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.now = 0.0

    def __call__(self) -> float:
        self.now += self.seconds
        return self.now


@pytest.fixture
def videos(tmp_path):
    return scribbled_videos(tmp_path / "set", ("bear", "dog"))


def test_all_samples_come_in_order_and_the_first_rounds_are_marked(videos):
    seen = []
    with RobotSession(videos, SessionOptions(max_nb_interactions=2)) as session:
        while session.next():
            entry = session.get_scribbles()
            seen.append((entry.sequence, entry.scribbles.annotated[0], entry.is_first))
            session.submit_masks(np.zeros((6, 40, 60), int))
    firsts = [(name, frame) for name, frame, is_first in seen if is_first]
    assert firsts == [(name, frame) for name in ("bear", "dog") for frame in (0, 2, 5)]
    assert len(seen) == 12


def test_rounds_can_be_iterated(videos):
    options, seen = SessionOptions(max_nb_interactions=3), []
    with RobotSession(videos, options, [("bear", 1), ("dog", 2)]) as session:
        for entry in session.scribbles_iterator(only_last=True):
            seen.append((entry.sequence, entry.is_first, len(entry.scribbles.annotated)))
            session.submit_masks(np.zeros((6, 40, 60), int))
    names = ["bear"] * 3 + ["dog"] * 3
    assert seen == list(zip(names, [True, False, False] * 2, [1] * 6, strict=True))
    assert session.get_global_summary().rounds.tolist()[0] == 0


def test_frames_before_the_first_object_are_played(tmp_path):
    """As in the DAVIS framework; a sequence for trackers of masks begins with its first mask."""
    squares = {f"{n:05d}": {1: (4 + 4 * n, 10)} if n > 1 else {} for n in range(6)}
    write_folder_videos(tmp_path / "set", {"late": squares})
    lines: list[tuple] = [()] * 6
    lines[3] = (ScribbleLine(np.array([[0.3, 0.3], [0.4, 0.4]]), 1),)
    for number in (1, 2, 3):
        path = tmp_path / "set/Scribbles/late" / f"{number:03d}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_scribbles(path, VideoScribbles("late", tuple(lines)))
    (sequence,) = get_dataset(f"folder:{tmp_path}/set")
    video = interactive_video(sequence)
    assert (len(sequence.frames), len(video), video.offset) == (4, 6, 0)
    assert [path.stem for path in video.frames] == list(squares)
    assert video.read_first_scribbles(1)[0] == 3
    assert not video.read_truth()[:2].any()
    assert not video.cut(range(1, 5)).read_truth()[0].any()
    folder = ResultFolder(tmp_path / "results")
    run_sequence(PlainHost(), sequence, folder)
    written = sorted(path.stem for path in (tmp_path / "results/late").glob("*.png"))
    assert written == list(squares)[2:]


def test_the_report_gives_its_summary(videos, tmp_path):
    options = SessionOptions(max_nb_interactions=3)
    samples = [("bear", 1), ("bear", 2), ("bear", 3)]
    folder = tmp_path / "reports"
    with RobotSession(videos, options, samples, folder, Clock(2.0)) as session:
        while session.next():
            session.get_scribbles()
            masks = session.sample.truth.copy()
            if session.sample.num_rounds == 0:
                masks[3:] = 0
            session.submit_masks(masks)
    scores = session.get_global_summary()
    assert scores.rounds.tolist() == [0.0, 0.5, 1.0, 1.0]
    assert scores.auc_over_rounds == pytest.approx((0.25 + 0.75 + 1.0) / 3)
    assert scores.time.tolist() == [0, 2, 4, 6, 6]
    (file,) = folder.glob("result_*.csv")
    assert file.read_text().splitlines()[0].startswith("session_id,sequence,scribble_idx")
    rows = read_report(file)
    assert rows == session.get_report()
    assert len(rows) == 3 * 3 * 6


class HandClock:
    """Stands still between calls of ``wait``."""

    def __init__(self) -> None:
        self.now = 100.0

    def wait(self, seconds: float) -> None:
        self.now += seconds

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("waits", "rounds", "timings"),
    [
        ((3, 2, 0), 1, [2]),  # 3 s before the scribbles count; 5 s is not yet too late
        ((3, 2.5, 0), 0, []),  # too late while the masks are made: they are dropped
        ((0, 2, 1), 2, [2, 2]),  # the work after a round counts: 3, then 6 s end the sample
        ((0, 1, 0), 4, [1] * 4),
    ],
)
def test_the_time_of_a_sample_is_wall_time(videos, waits, rounds, timings):
    before, working, after = waits
    clock, options = HandClock(), SessionOptions(max_time=5, max_nb_interactions=4)
    with RobotSession(videos, options, [("bear", 1)], clock=clock) as session:
        while session.next():
            clock.wait(before)
            session.get_scribbles()
            clock.wait(working)
            sample = session.sample
            session.submit_masks(np.zeros((6, 40, 60), np.uint8))
            clock.wait(after)
    assert sample.num_rounds >= rounds
    report = session.get_report()
    assert {row.interaction for row in report} == set(range(1, rounds + 1))
    assert [row.timing for row in report if row.frame == 0] == timings


def test_masks_that_come_too_late_still_count_as_a_round(videos):
    clock, options = HandClock(), SessionOptions(max_time=5)
    with RobotSession(videos, options, [("bear", 1)], clock=clock) as session:
        session.next()
        session.get_scribbles()
        clock.wait(6)
        session.submit_masks(np.zeros((6, 40, 60), np.uint8))
        assert (session.sample.num_rounds, session.get_report()) == (1, [])
        assert not session.next()


def test_candidates_that_are_no_frames_are_ignored_and_none_means_all(videos):
    sample = Sample(videos["bear"], 1, RobotParameters())
    masks = sample.truth.copy()
    masks[4] = 0
    scores = sample.score(masks)
    assert sample.annotate(masks, scores, [-1, 2, 6, 77]) == 2
    assert sample.annotate(masks, scores, []) == 4
    with pytest.raises(DataError, match=r"6 frames, the candidates are \[6, -2\]"):
        sample.annotate(masks, scores, [6, -2])


def test_turns_must_be_taken(videos):
    session = RobotSession(videos)
    with pytest.raises(ConfigError, match="next"):
        session.get_scribbles()
    session.next()
    with pytest.raises(ConfigError, match="take the scribbles"):
        session.submit_masks(np.zeros((6, 40, 60), int))
    session.get_scribbles()
    with pytest.raises(ConfigError, match="submit the masks"):
        session.get_scribbles()
    with pytest.raises(DataError, match=r"\(6, 40, 60\), got \(5, 40, 60\)"):
        session.submit_masks(np.zeros((5, 40, 60), int))
    with pytest.raises(ConfigError, match="over"):
        session.get_global_summary()


def test_limits_are_those_of_the_framework():
    limits = SessionOptions(max_time=9999, max_nb_interactions=99).limits
    assert (limits.max_time_per_object, limits.max_interactions) == (600, 16)
    with pytest.raises(ConfigError, match="J_AND_F"):
        SessionOptions(metric_to_optimize="IOU")


def test_only_the_newest_lines_on_request(videos):
    session = RobotSession(videos, samples=[("bear", 2)])
    session.next()
    session.get_scribbles()
    session.submit_masks(np.zeros((6, 40, 60), int), [4])
    newest = session.get_scribbles(only_last=True).scribbles
    assert newest.annotated == [4]
    session.submit_masks(np.zeros((6, 40, 60), int), [4])
    assert session.get_scribbles().scribbles.annotated == [2, 4]
    assert len(session.sample.lines[4]) == 2 * len(newest.frames[4])


def test_the_worst_free_frame_is_next(videos):
    sample = Sample(videos["bear"], 1, RobotParameters())
    masks = sample.truth.copy()
    masks[[1, 3]] = 0
    masks[3, :2] = 1
    chosen = []
    for _ in range(8):
        scores = sample.score(masks)
        chosen.append(sample.annotate(masks, scores))
    assert set(chosen[:2]) == {1, 3}
    assert sorted(chosen[:6]) == list(range(6))  # the first scribbles' frame is not counted as used
    assert chosen[6:] == [chosen[0]] * 2  # nothing is free any more
    assert sample.annotated == [0, *chosen]
    with pytest.raises(DataError, match="6 frames"):
        sample.annotate(masks, scores, [6])


def test_a_single_candidate_is_taken_again_and_may_stay_without_lines(videos):
    sample = Sample(videos["bear"], 1, RobotParameters())
    scores = sample.score(sample.truth)
    for _ in range(2):
        assert sample.annotate(sample.truth, scores, [3]) == 3
        assert sample.newest_lines == []


def test_the_robot_makes_a_host_better(videos):
    host = PlainHost()
    first, _ = play_worst_frames(host, videos["bear"], rounds=1)
    last, seconds = play_worst_frames(host, videos["bear"], rounds=6)
    sample = Sample(videos["bear"], 1, robot_for(host))
    before, after = (sample.score(masks).of("J").mean() for masks in (first, last))
    assert before < 0.3
    assert after > 2 * before
    assert seconds > 0


def test_a_cut_video_keeps_its_scribbles(videos):
    video = videos["bear"]
    frame, lines = video.cut(range(2, 6)).read_first_scribbles(2)
    assert frame == 0
    assert len(lines) == 1
    with pytest.raises(DataError, match="0 of the 4 frames"):
        video.cut(range(2, 6)).read_first_scribbles(1)
    host = PlainHost()
    part = video.cut(range(2, 6))
    host.start(part.read_frames(), 1)
    assert play_round(host, Sample(part, 2, RobotParameters())).masks.shape == (4, 40, 60)


def test_scribble_files_that_do_not_fit_are_one_sentence(videos):
    video = videos["bear"]
    with pytest.raises(DataError, match="write_scribbles"):
        video.read_first_scribbles(4)
    path = video.scribbles / "001.json"
    record = json.loads(path.read_text())
    record["scribbles"][0][0]["object_id"] = 2
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match="object 2"):
        video.read_first_scribbles(1)
    record["scribbles"] = [[] for _ in range(6)]
    path.write_text(json.dumps(record))
    with pytest.raises(DataError, match="0 of the 6 frames"):
        video.read_first_scribbles(1)
