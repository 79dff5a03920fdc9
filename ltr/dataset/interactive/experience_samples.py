"""Training samples of the agent: transitions from tables of experience."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.dataset.experience import Transition, read_experience, worth_learning

Reward = Literal["score", "gain"]


@dataclass(frozen=True)
class ExperienceView:
    """What of a transition is shown.

    Args:
        reward: ``score``, the standard score of the table; or ``gain``, by how many percentage
            points the annotation raised the mean quality.
        mirrored: Half of them run backwards in time.
        noise: Standard deviation of an error that is added to the quality of every frame, 0..1, as
            a quality network makes it.
    """

    reward: Reward = "score"
    mirrored: bool = False
    noise: float = 0.0

    def reward_of(self, row: Transition) -> float:
        """The reward of a transition."""
        if self.reward == "score":
            return row.reward_done
        return 100 * float(row.next_state_iou.mean() - row.state_iou.mean())


PUBLISHED = ExperienceView()


def first_experience(
    path: Path, most: int, threshold: float, unfiltered: bool
) -> tuple[list[Transition], set[str]]:
    """The experience that a run begins with, as much as is worth learning from, and its videos.

    Args:
        path: A table of ``pretrain_agent``.
        most: Most rows that are read.
        threshold: Videos on which quality changes less are left out.
        unfiltered: Begin with the first rows of the table, refused ones among them, as upstream.

    Raises:
        DataError: The table is missing or damaged, or annotation changes nothing on any video.
    """
    if not path.is_file():
        raise DataError(f"{path} does not exist: run scripts/interactive/pretrain_agent.py first")
    rows = read_experience(path, most)
    kept = worth_learning(rows, threshold)
    if not kept:
        raise DataError(
            f"{path}: on no video does quality change by more than agent.sample_th={threshold}"
        )
    return (rows if unfiltered else kept)[: len(kept)], {row.sequence for row in kept}


class ExperienceSamples(RandomSamples[int]):
    """Transitions in random order, as many of them as an epoch has samples.

    Args:
        rows: The experience, of videos of one length.
        samples_per_epoch: Length of an epoch; more than there are rows repeats some.
        view: What of a transition is shown.
    """

    orders_epochs = True

    def __init__(
        self,
        rows: Sequence[Transition],
        samples_per_epoch: int,
        view: ExperienceView = PUBLISHED,
    ) -> None:
        super().__init__(samples_per_epoch)
        self.rows = rows
        self.view = view
        self._epoch = 0
        self._order: Sequence[int] = ()

    def choose(self, key: SampleKey, attempt: int, random: Generators) -> int:
        """The row whose turn it is."""
        if self._epoch != key.epoch:
            check_lengths(self.rows)
            self._epoch = key.epoch
            self._order = np.random.default_rng(key[:2]).permutation(len(self.rows)).tolist()
        return self._order[key.position % len(self._order)]

    def read(self, draw: int, random: Generators) -> dict[str, Any]:
        """One transition.

        Returns:
            ``states`` and ``next_states`` float32 (frames, 2), quality and number of annotations;
            ``actions`` int64 (); ``step_rewards`` and ``done_rewards`` float32 ().
        """
        row, view = self.rows[draw], self.view
        states = [
            _state(row.state_iou, row.annotated_frames),
            _state(row.next_state_iou, row.next_annotated_frames),
        ]
        action = row.action
        if view.noise:
            # Both states get the same error, as an estimate makes it on the same frames.
            error = random.numpy.normal(0.0, view.noise, len(row.state_iou))
            for state in states:
                state[:, 0] += torch.from_numpy(error).float()
        if view.mirrored and random.python.random() < 0.5:
            states = [state.flip(0) for state in states]
            action = len(row.state_iou) - 1 - action
        return {
            "states": states[0],
            "actions": torch.tensor(action),
            "next_states": states[1],
            "step_rewards": torch.tensor(row.reward_step, dtype=torch.float32),
            "done_rewards": torch.tensor(view.reward_of(row), dtype=torch.float32),
        }

    def source(self, draw: int) -> str:
        """Video, episode and round."""
        row = self.rows[draw]
        return f"{row.sequence} episode {row.scribble_iter} round {row.n_interaction}"


def check_lengths(rows: Sequence[Transition]) -> None:
    """Make sure that transitions can form batches.

    Raises:
        DataError: There is none, or their videos differ in length.
    """
    lengths = {len(row.state_iou) for row in rows}
    if len(lengths) != 1:
        raise DataError(
            f"transitions of windows of {sorted(lengths)} frames cannot form a batch: choose a "
            "data.len_subseq that all videos have"
        )


def _state(quality: np.ndarray, counts: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.stack([quality, counts], axis=-1)).float()
