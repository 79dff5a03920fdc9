"""Make the masks that the quality network learns from: results of a host at increasing quality.

The robot corrects the worst frame of every training video, five rounds; after each the probability
of every object in every frame is kept as an 8-bit PNG:
interaction-<round>/scribble-1/<sequence>/probs/<object id>/<frame>.png

Example:
    python scripts/interactive/generate_data.py
    python scripts/interactive/generate_data.py joint joint_demo with assess_net.data_dir=masks
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ltr.admin.cli import command
from ltr.admin.progress import FrameProgress
from ltr.dataset.interactive.quality_masks import probability_file
from pytracking.evaluation.interactive.playing import robot_for
from pytracking.evaluation.interactive.sample import Sample
from pytracking.evaluation.interactive.videos import InteractiveVideo
from pytracking.recommendation.command import parse_task
from pytracking.recommendation.config import RecommendationSettings
from pytracking.recommendation.episodes import play_sample
from pytracking.recommendation.probabilities import write_probabilities
from pytracking.recommendation.tables import training_videos
from pytracking.tracker.interactive.base import InteractiveVOS
from pytracking.tracker.interactive.recommend import WorstFrame
from pytracking.utils.staging import translate_write_errors


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Play all training videos; those that are complete already are left out."""
    task = parse_task(__doc__, argv, RecommendationSettings())
    settings, folder = task.settings, task.settings.quality_data
    rounds = settings.davis_interactive.max_nb_interactions
    videos = [
        video
        for video in training_videos(settings).values()
        if task.overwrite or not _is_complete(folder, video, rounds)
    ]
    if videos:
        host, total = task.create_host(), len(videos) * rounds
        with (
            translate_write_errors(folder),
            FrameProgress("playing", total, task.quiet, unit="rounds") as progress,
        ):
            for video in videos:
                _play(host, video, rounds, settings.davis_interactive.metric, folder, progress)
    print(f"Probabilities: {folder}")
    return 0


def _play(
    host: InteractiveVOS,
    video: InteractiveVideo,
    rounds: int,
    metric: str,
    folder: Path,
    progress: FrameProgress,
) -> None:
    sample = Sample(video, 1, robot_for(host), metric)
    for played in play_sample(host, sample, WorstFrame(), rounds):
        write_probabilities(folder, played, video)
        progress.advance()


def _is_complete(folder: Path, video: InteractiveVideo, rounds: int) -> bool:
    """Whether the last file that a run writes is there."""
    last = probability_file(folder, rounds, video.name, video.num_objects, len(video) - 1)
    return last.is_file()
