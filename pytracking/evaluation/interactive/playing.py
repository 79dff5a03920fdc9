"""The robot as the user of a host: all rounds of a video."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ltr.data.interactive.robot import RobotParameters
from pytracking.evaluation.interactive.sample import Sample
from pytracking.evaluation.interactive.videos import InteractiveVideo
from pytracking.tracker.interactive.base import InteractiveVOS, RoundResult

ROUNDS = 8  # of an evaluation


def robot_for(host: InteractiveVOS) -> RobotParameters:
    """The robot as a host's publication has it."""
    return replace(RobotParameters(), min_nb_nodes=host.robot_min_nb_nodes)


def play_round(host: InteractiveVOS, sample: Sample) -> RoundResult:
    """Give a host the scribbles of the current round.

    Args:
        host: Has been started on the frames of the sample's video.
        sample: The sample.
    """
    lines = sample.lines[sample.frame] if host.wants_all_scribbles else sample.newest_lines
    return host.interact(sample.frame, lines)


def play_worst_frames(
    host: InteractiveVOS, video: InteractiveVideo, rounds: int = ROUNDS, number: int = 1
) -> tuple[np.ndarray, float]:
    """Play a video as the DAVIS framework does by default: the robot corrects the worst frame.

    Args:
        host: Plays.
        video: With annotations and first scribbles.
        rounds: Number of rounds.
        number: Number of the set of first scribbles, from 1.

    Returns:
        The masks after the last round, uint8 (frames, H, W), and the seconds that the host took.

    Raises:
        DataError: Files of the video are missing or damaged.
    """
    sample = Sample(video, number, robot_for(host))
    host.start(video.read_frames(), video.num_objects, video_id=video.name)
    result = play_round(host, sample)
    seconds = result.seconds
    for _ in range(rounds - 1):
        sample.annotate(result.masks, sample.score(result.masks))
        result = play_round(host, sample)
        seconds += result.seconds
    host.finish()
    return result.masks, seconds
