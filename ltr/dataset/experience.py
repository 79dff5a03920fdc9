"""Experience of a recommendation agent (IVOS-W, arXiv 2103.10391): transitions, rewards, files.

One episode is a video of which one frame after the other is annotated. The tables are upstream's
CSV files ``reward.csv``, ``pretrain.csv`` and ``memory_pool.csv``, which have the same columns.
"""

from __future__ import annotations

import csv
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from io import TextIOWrapper

import numpy as np

from ltr.admin.errors import DataError
from ltr.admin.files import atomic_write, open_regular

NUM_SCRIBBLES = 3  # sets of first scribbles of a sequence
_MAX_FIELD = 1 << 24


@dataclass(frozen=True, eq=False)
class Transition:
    """What one annotation changed.

    Args:
        sequence: Name of the video.
        scribble_iter: Number of the episode of this video, from 1.
        n_interaction: Round of the state, from 1.
        n_interaction_next: Round of the next state.
        action: The annotated frame.
        reward_step: 1 for a frame annotated as rarely as any, else -1.
        reward_done: How much better than random annotation the next state is, see ``RewardTable``.
        done: Whether the episode ended.
        state_iou: float64 (frames,), quality before.
        next_state_iou: float64 (frames,), quality after.
        annotated_frames: float64 (frames,), how often every frame was annotated.
        next_annotated_frames: float64 (frames,), the same for the next state.
    """

    sequence: str
    scribble_iter: int
    n_interaction: int
    n_interaction_next: int
    action: int
    reward_step: float
    reward_done: float
    done: bool
    state_iou: np.ndarray
    next_state_iou: np.ndarray
    annotated_frames: np.ndarray
    next_annotated_frames: np.ndarray

    @property
    def scribble_set(self) -> int:
        """Which set of first scribbles the episode began with, 0 to 2."""
        return (self.scribble_iter - 1) % NUM_SCRIBBLES


_COLUMNS = tuple(field.name for field in fields(Transition))
_VECTORS = ("state_iou", "next_state_iou", "annotated_frames", "next_annotated_frames")


def write_experience(path: str | os.PathLike[str], rows: Iterable[Transition]) -> None:
    """Write a table, atomically.

    Raises:
        OSError: It cannot be written.
    """
    with atomic_write(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["", *_COLUMNS])
        for index, row in enumerate(rows):
            writer.writerow([index, *(_text(getattr(row, name)) for name in _COLUMNS)])


def read_experience(path: str | os.PathLike[str], limit: int | None = None) -> list[Transition]:
    """Read a table.

    Args:
        path: The CSV file.
        limit: Most rows; None reads all.

    Raises:
        DataError: The file is missing, damaged or another table.
    """
    csv.field_size_limit(_MAX_FIELD)
    rows: list[Transition] = []
    try:
        with open_regular(path) as binary, TextIOWrapper(binary, "utf-8", newline="") as stream:
            for entry in csv.DictReader(stream):
                if limit is not None and len(rows) == limit:
                    break
                rows.append(_parse(entry))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise DataError(
            f"{path}, row {len(rows) + 1}, is not an experience ({error!r}): expected the columns "
            f"{', '.join(_COLUMNS)}"
        ) from error
    return rows


def _text(value: object) -> str:
    return "/".join(map(repr, value.tolist())) if isinstance(value, np.ndarray) else str(value)


def _parse(entry: Mapping[str, str]) -> Transition:
    vectors = {name: np.array(entry[name].split("/"), float) for name in _VECTORS}
    lengths = {len(vector) for vector in vectors.values()}
    action = int(entry["action"])
    if len(lengths) > 1 or not 0 <= action < min(lengths):
        raise ValueError(f"action {action}, {sorted(lengths)} frames")
    return Transition(
        entry["sequence"],
        int(entry["scribble_iter"]),
        int(entry["n_interaction"]),
        int(entry["n_interaction_next"]),
        action,
        float(entry["reward_step"]),
        float(entry["reward_done"]),
        {"True": True, "False": False}[entry["done"]],
        **vectors,
    )


def step_reward(counts: np.ndarray, action: int) -> float:
    """1 if no frame has been annotated less often than the chosen one, else -1.

    Args:
        counts: (frames,), how often each was annotated before.
        action: The chosen frame.
    """
    return 1.0 if counts[action] == counts.min() else -1.0


class RewardTable:
    """Compares a quality with what random annotation reaches (spread and mean of many episodes).

    Args:
        rows: Experience of random annotation.
        num_episodes: How often each pair of video and first scribbles was played.
        is_shifted: Zero means one standard deviation better than random, as upstream trains;
            otherwise as good as random.
        source: Name of the table, for errors.
    """

    def __init__(
        self,
        rows: Iterable[Transition],
        num_episodes: int = 30,
        is_shifted: bool = True,
        source: str = "the reward table",
    ) -> None:
        self.num_episodes = num_episodes
        self.is_shifted = is_shifted
        self._source = source
        self._means: dict[tuple[str, int, int], list[float]] = defaultdict(list)
        for row in rows:
            key = row.sequence, row.scribble_set, row.n_interaction_next
            self._means[key].append(float(row.next_state_iou.mean()))

    def score(
        self, sequence: str, scribble_iter: int, n_interaction: int, quality: np.ndarray
    ) -> float:
        """The standard score of a quality among those of random annotation.

        Args:
            sequence: Name of the video.
            scribble_iter: Number of the episode, from 1.
            n_interaction: The round that led to the quality.
            quality: (frames,).

        Returns:
            The score; 0 where random annotation always came to the same.

        Raises:
            DataError: The table has not the right number of episodes of this kind.
        """
        scribble_set = (scribble_iter - 1) % NUM_SCRIBBLES
        means = self._means.get((sequence, scribble_set, n_interaction), [])
        if len(means) != self.num_episodes:
            raise DataError(
                f"{self._source} has {len(means)} rows for {sequence}, scribbles "
                f"{scribble_set + 1}, round {n_interaction}, expected {self.num_episodes}: "
                "finish produce_reward, or set agent.reward_epochs to what was run"
            )
        spread = float(np.std(means, ddof=1))
        if spread == 0 or math.isnan(spread):
            return 0.0
        score = (float(np.mean(quality)) - float(np.mean(means))) / spread
        return score - 1.0 if self.is_shifted else score


def worth_learning(rows: Sequence[Transition], threshold: float = 0.05) -> list[Transition]:
    """Keep the videos on which annotation changes much.

    Args:
        rows: Experience.
        threshold: Least difference between the best mean quality after a round and the worst
            before one.
    """
    best: dict[str, float] = {}
    worst: dict[str, float] = {}
    for row in rows:
        name = row.sequence
        best[name] = max(best.get(name, -math.inf), float(row.next_state_iou.mean()))
        worst[name] = min(worst.get(name, math.inf), float(row.state_iou.mean()))
    return [row for row in rows if best[row.sequence] - worst[row.sequence] > threshold]
