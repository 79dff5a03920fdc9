"""Training samples of the agent: transitions from tables of experience."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ltr.admin.errors import DataError
from ltr.data.randomness import Generators, SampleKey
from ltr.data.samples import RandomSamples
from ltr.dataset.experience import Transition, read_experience, worth_learning


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
    """

    orders_epochs = True

    def __init__(self, rows: Sequence[Transition], samples_per_epoch: int) -> None:
        super().__init__(samples_per_epoch)
        self.rows = rows
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
        row = self.rows[draw]
        return {
            "states": _state(row.state_iou, row.annotated_frames),
            "actions": torch.tensor(row.action),
            "next_states": _state(row.next_state_iou, row.next_annotated_frames),
            "step_rewards": torch.tensor(row.reward_step, dtype=torch.float32),
            "done_rewards": torch.tensor(row.reward_done, dtype=torch.float32),
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
