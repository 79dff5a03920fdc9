"""Play the training samples repeatedly, and record every transition in a table.

``produce_reward`` and ``pretrain_agent`` differ in the name of the table, in the number of epochs
and in whether rewards are known. A stopped run resumes where its table ends.
"""

from __future__ import annotations

import time
import zlib
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from ltr.admin.config import to_plain
from ltr.admin.errors import ConfigError, DataError
from ltr.admin.progress import FrameProgress
from ltr.data.json_io import read_json, write_json
from ltr.dataset.experience import (
    NUM_SCRIBBLES,
    RewardTable,
    Transition,
    read_experience,
    write_experience,
)
from pytracking.evaluation.interactive.playing import robot_for
from pytracking.evaluation.interactive.sample import Sample
from pytracking.evaluation.interactive.videos import InteractiveVideo, interactive_videos
from pytracking.recommendation.command import Task
from pytracking.recommendation.config import RecommendationSettings, open_dataset
from pytracking.recommendation.episodes import play_sample, remember
from pytracking.recommendation.probabilities import write_probabilities
from pytracking.tracker.interactive.base import InteractiveVOS
from pytracking.tracker.interactive.recommend import RandomFrame, Recommender, cut_window
from pytracking.utils.staging import translate_write_errors

_SAVE_EVERY_S = 30.0


def training_videos(settings: RecommendationSettings) -> dict[str, InteractiveVideo]:
    """The videos of the training split, by name.

    Raises:
        ConfigError: The data set's folder is nowhere.
        DataError: Files are missing or damaged.
    """
    return interactive_videos(open_dataset(settings, settings.data.subset))


def reward_table(settings: RecommendationSettings) -> RewardTable:
    """The table of random annotation.

    Raises:
        DataError: It is missing or damaged.
    """
    path, agent = settings.tables / settings.agent.reward_csv, settings.agent
    if not path.is_file():
        raise DataError(f"{path} does not exist: run scripts/interactive/produce_reward.py first")
    return RewardTable(read_experience(path), agent.reward_epochs, agent.shifted_reward, str(path))


def open_sample(
    host: InteractiveVOS, video: InteractiveVideo, number: int, settings: RecommendationSettings
) -> Sample:
    """A sample of training: a window of the video around the frame of the first scribbles.

    Raises:
        DataError: Files of the video are missing or damaged.
    """
    first, _ = video.read_first_scribbles(number)
    window = cut_window(len(video), first, settings.data.len_subseq)
    metric = settings.davis_interactive.metric
    return Sample(video.cut(window), number, robot_for(host), metric)


def play_episode(
    host: InteractiveVOS,
    video: InteractiveVideo,
    episode: int,
    recommender: Recommender,
    table: RewardTable | None,
    settings: RecommendationSettings,
) -> list[Transition]:
    """Play one sample of training.

    Args:
        host: Segments.
        video: Video of the episode.
        episode: Number of the episode of this video, from 1; it selects the set of first scribbles.
        recommender: Chooses the frames from the true quality.
        table: Gives the rewards; None gives 0.
        settings: Settings of the experiment.

    Raises:
        DataError: Files of the video are missing or damaged, or the table lacks episodes.
    """
    sample = open_sample(host, video, (episode - 1) % NUM_SCRIBBLES + 1, settings)
    rounds, number = [], settings.davis_interactive.max_nb_interactions
    for played in play_sample(host, sample, recommender, number):
        if settings.agent.keep_masks:
            write_probabilities(settings.quality_data, played, sample.video, episode)
        rounds.append(played)
    return remember(rounds, video.name, episode, table, settings.agent.late_counts)


def record_random_episodes(
    task: Task, path: Path, epochs: int, table: RewardTable | None
) -> list[Transition]:
    """Let chance choose the frames.

    Args:
        task: The host and the settings.
        path: The table; what it holds already is not played again.
        epochs: How often every sample is played.
        table: Gives the rewards; None gives 0.

    Returns:
        All rows.

    Raises:
        ConfigError: The table was made with other settings.
        DataError: The table or files of videos are damaged.
        OutputError: The table cannot be written.
    """
    settings = task.settings
    videos = training_videos(settings)
    with translate_write_errors(path):
        rows = _continue_table(task, path)
        played = Counter((row.sequence, row.scribble_iter) for row in rows)
        due = [
            (video, epoch * NUM_SCRIBBLES + number)
            for epoch, video, number in product(
                range(epochs), videos.values(), range(1, NUM_SCRIBBLES + 1)
            )
        ]
        due = [(video, episode) for video, episode in due if not played[video.name, episode]]
        saved = time.monotonic()
        for new in _play_randomly(task, due, table) if due else ():
            rows += new
            if time.monotonic() - saved > _SAVE_EVERY_S:
                write_experience(path, rows)
                saved = time.monotonic()
        write_experience(path, rows)
    return rows


def _play_randomly(
    task: Task, episodes: Sequence[tuple[InteractiveVideo, int]], table: RewardTable | None
) -> Iterator[list[Transition]]:
    """The rows of one episode after the other; each has its own random numbers."""
    settings, host = task.settings, task.create_host()
    with FrameProgress("playing", len(episodes), task.quiet, unit="episodes") as progress:
        for video, episode in episodes:
            chance = RandomFrame(_seed(settings.seed, video.name, episode))
            yield play_episode(host, video, episode, chance, table, settings)
            progress.advance()


def _continue_table(task: Task, path: Path) -> list[Transition]:
    """The rows of a stopped run, if its settings were these; notes the settings of a new one."""
    note = path.with_suffix(".json")
    config = {
        "host": [task.spec.system, task.spec.name, list(task.spec.overrides), task.spec.net],
        "to_mask": task.to_mask,
        **_deciding(task.settings),
    }
    if path.exists() and not task.overwrite:
        if not note.is_file() or read_json(note) != config:
            raise ConfigError(
                f"{path} was made with other settings: --overwrite replaces it, or choose another "
                "agent.save_result_dir"
            )
        return read_experience(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    write_json(note, config)
    return []


def _deciding(settings: RecommendationSettings) -> dict[str, Any]:
    """The settings that decide what is in a table."""
    plain = to_plain(settings)
    agent = {key: plain["agent"][key] for key in ("late_counts", "shifted_reward")}
    data = {key: plain["data"][key] for key in ("subset", "len_subseq")}
    rounds = {**plain["davis_interactive"]}
    del rounds["allow_repeat"]  # of evaluations
    return {"seed": plain["seed"], "agent": agent, "data": data, "davis_interactive": rounds}


def _seed(seed: int, name: str, episode: int) -> int:
    return zlib.crc32(f"{seed} {name} {episode}".encode())
