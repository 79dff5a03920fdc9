"""Experience tables: files, rewards, what is worth learning."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ltr.admin.errors import DataError
from ltr.dataset.experience import (
    RewardTable,
    Transition,
    read_experience,
    step_reward,
    worth_learning,
    write_experience,
)


def transition(
    before: float = 0.5, after: float = 0.6, sequence: str = "bear", episode: int = 1, end: int = 2
) -> Transition:
    frames = np.zeros(3)
    counts = np.array([[1.0, 0, 0], [1.0, 1, 0]])
    return Transition(
        sequence, episode, end - 1, end, 1, 1.0, 0.25, False,
        frames + before, frames + after, *counts,
    )  # fmt: skip


def test_a_table_survives_its_file(tmp_path):
    path = tmp_path / "pretrain.csv"
    rows = [transition(), transition(1 / 3, 0.1 + 0.2, "dog", 4, 5)]
    write_experience(path, rows)
    found = read_experience(path)
    for row, wanted in zip(found, rows, strict=True):
        for name in vars(wanted):
            assert np.array_equal(getattr(row, name), getattr(wanted, name))
    assert len(read_experience(path, limit=1)) == 1


def test_the_columns_are_those_of_upstream(tmp_path):
    path = tmp_path / "reward.csv"
    write_experience(path, [transition()])
    header, row = path.read_text().splitlines()
    assert header == (
        ",sequence,scribble_iter,n_interaction,n_interaction_next,action,reward_step,reward_done,"
        "done,state_iou,next_state_iou,annotated_frames,next_annotated_frames"
    )
    assert row == "0,bear,1,1,2,1,1.0,0.25,False,0.5/0.5/0.5,0.6/0.6/0.6,1.0/0.0/0.0,1.0/1.0/0.0"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (",1.0,0.25", ",x,0.25"),
        ("False", "maybe"),
        ("0.5/0.5/0.5", "0.5/0.5"),
        (",2,1,1.0", ",2,3,1.0"),
        ("sequence", "video"),
    ],
)
def test_a_damaged_table_is_one_sentence(tmp_path, old, new):
    path = tmp_path / "reward.csv"
    write_experience(path, [transition()])
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(DataError, match=r"reward\.csv, row 1, is not an experience"):
        read_experience(path)


def test_a_missing_table_is_one_sentence(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        read_experience(tmp_path / "none.csv")


def test_the_reward_is_the_standard_score_among_random_episodes():
    means = [0.4, 0.5, 0.6]
    rows = [transition(after=mean, episode=1 + 3 * k) for k, mean in enumerate(means)]
    table = RewardTable(rows, num_episodes=3)
    assert table.score("bear", 7, 2, np.array([0.65, 0.75])) == pytest.approx(2 - 1)
    plain = RewardTable(rows, num_episodes=3, is_shifted=False)
    assert plain.score("bear", 1, 2, np.array([0.4])) == pytest.approx(-1)


@pytest.mark.parametrize(
    ("sequence", "episode", "end"), [("cat", 1, 2), ("bear", 2, 2), ("bear", 1, 3)]
)
def test_a_table_that_is_not_finished_is_named(sequence, episode, end):
    table = RewardTable([transition()] * 3, num_episodes=3, source="reward.csv")
    with pytest.raises(DataError, match=r"reward\.csv has 0 rows"):
        table.score(sequence, episode, end, np.zeros(3))


def test_chance_without_spread_gives_no_reward():
    table = RewardTable([transition()] * 3, num_episodes=3)
    assert table.score("bear", 1, 2, np.array([0.9])) == 0.0


@given(st.lists(st.integers(0, 3), min_size=1, max_size=8), st.data())
def test_only_a_least_annotated_frame_is_rewarded(counts, data):
    action = data.draw(st.integers(0, len(counts) - 1))
    expected = 1 if all(counts[action] <= count for count in counts) else -1
    assert step_reward(np.array(counts), action) == expected


def test_videos_that_do_not_change_are_left_out():
    rows = [
        transition(0.5, 0.54),
        transition(0.52, 0.53),
        transition(0.5, 0.5, "dog"),
        transition(0.3, 0.36, "dog"),
    ]
    assert {row.sequence for row in worth_learning(rows, 0.05)} == {"dog"}
    assert len(worth_learning(rows, 0.03)) == 4
