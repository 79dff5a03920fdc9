"""Evaluate how frames are recommended to a host: three samples of every video, eight rounds.

Leaves RESULTS/HOST/SETTING/DATASET/METHOD with summary.json (area under the curve over rounds),
result_<date>_<time>.csv (the report of the DAVIS framework) and rounds.csv (what was recommended).

Example:
    python scripts/interactive/eval_agent_atnet.py with setting=wild dataset=davis method=ours
    python scripts/interactive/eval_agent.py joint joint_demo with setting=oracle method=worst
"""

from __future__ import annotations

import csv
import logging
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime
from itertools import product
from pathlib import Path

import numpy as np

from ltr.admin.cli import command
from ltr.admin.errors import ConfigError
from ltr.admin.files import atomic_write
from ltr.admin.progress import FrameProgress
from ltr.data.json_io import write_json
from pytracking.analysis.protocols.interactive import (
    InteractiveScores,
    ReportRow,
    SessionLimits,
    summarise_session,
    write_report,
)
from pytracking.evaluation.interactive.playing import robot_for
from pytracking.evaluation.interactive.sample import Sample
from pytracking.evaluation.interactive.videos import (
    NUM_SCRIBBLES,
    InteractiveVideo,
    interactive_videos,
)
from pytracking.recommendation.command import Task, parse_task
from pytracking.recommendation.config import RecommendationSettings, open_dataset
from pytracking.recommendation.episodes import PlayedRound, QualityEstimate, play_sample
from pytracking.tracker.interactive.quality import (
    CONFIDENCE,
    NetworkQuality,
    ScaledConfidence,
    load_agent_network,
    load_assess_network,
)
from pytracking.tracker.interactive.recommend import Recommender, make_recommender
from pytracking.utils.environment import evaluation_environment
from pytracking.utils.staging import translate_write_errors

_LOG = logging.getLogger(__name__)
_WILD_ONLY = ("random", "linspace")
_SUMMARY, _ROUNDS = "summary.json", "rounds.csv"


@dataclass(frozen=True)
class RoundRecord:
    """What is noted of a round.

    Args:
        sequence: Name of the video.
        scribble_idx: Number of the first scribbles.
        interaction: Number of the round.
        frame: Annotated frame.
        quality: Mean over the frames.
        next_frame: The recommended frame.
        rank: How many frames are truly worse than the recommended one.
        correlation: Correlation of estimated and true quality over the frames, -1..1; NaN without
            an estimate.
        squared_error: Mean squared error of the estimated quality over the frames; NaN without an
            estimate.
        seconds: What the host took.
        recommendation_seconds: What the recommendation took.
    """

    sequence: str
    scribble_idx: int
    interaction: int
    frame: int
    quality: float
    next_frame: int
    rank: int
    correlation: float
    squared_error: float
    seconds: float
    recommendation_seconds: float


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Evaluate one method with any host."""
    return run(parse_task(__doc__, argv, RecommendationSettings(), host=None))


def evaluate_published_host(name: str) -> int:
    """Evaluate one method with ``interactive NAME``; the words are those of the process."""
    return command(
        lambda argv: run(parse_task(__doc__, argv, RecommendationSettings(), ("interactive", name)))
    )(None)


def run(task: Task) -> int:
    """Evaluate, write the results and print where they are.

    Raises:
        ToolkitError: Settings, networks or data cannot be used, or results cannot be written.
    """
    settings = task.settings
    if settings.setting == "oracle" and settings.method in _WILD_ONLY:
        raise ConfigError(f"method={settings.method} uses no quality: expected setting=wild")
    videos = interactive_videos(open_dataset(settings, "val"))
    recommender, estimator = _recommender(task), _estimator(task)
    root = Path(settings.results or evaluation_environment().results_path)
    folder = root / task.host_name / settings.setting / settings.dataset / settings.method
    if (folder / _SUMMARY).exists() and not task.overwrite:
        raise ConfigError(f"{folder} holds results already: --overwrite replaces them")
    with translate_write_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    rows, records = _play_all(task, videos, recommender, estimator)
    infos = {name: video.info for name, video in videos.items()}
    limits = SessionLimits(None, settings.davis_interactive.eval_interactions)
    scores = summarise_session(rows, infos, limits, settings.davis_interactive.metric)
    with translate_write_errors(folder):
        write_report(folder / datetime.now().strftime("result_%Y%m%d_%H%M%S.csv"), rows)
        _write_records(folder / _ROUNDS, records)
        _write_summary(folder / _SUMMARY, scores)
    curve = " ".join(f"{100 * value:.1f}" for value in scores.rounds[1:])
    print(f"Results: {folder}")
    print(f"AUC={100 * scores.auc_over_rounds:.2f} rounds: {curve}")
    return 0


def _recommender(task: Task) -> Recommender:
    settings = task.settings
    agent = None
    if settings.method == "ours":
        agent = load_agent_network(_network(settings, settings.agent.net), task.device)
    limit = settings.agent.most_annotations or None
    if not settings.davis_interactive.allow_repeat:
        limit = 1
    return make_recommender(settings.method, settings.seed, agent, limit)


def _estimator(task: Task) -> QualityEstimate | None:
    settings = task.settings
    if settings.setting == "oracle" or settings.method in _WILD_ONLY:
        return None
    if settings.assess_net.net == CONFIDENCE:
        return ScaledConfidence()
    return NetworkQuality(
        load_assess_network(_network(settings, settings.assess_net.net), task.device)
    )


def _network(settings: RecommendationSettings, name: str) -> str:
    return str(Path(settings.ckpt_dir).resolve() / name) if settings.ckpt_dir else name


def _play_all(
    task: Task,
    videos: dict[str, InteractiveVideo],
    recommender: Recommender,
    estimator: QualityEstimate | None,
) -> tuple[list[ReportRow], list[RoundRecord]]:
    host, rounds = task.create_host(), task.settings.davis_interactive.eval_interactions
    rows: list[ReportRow] = []
    records: list[RoundRecord] = []
    samples = list(product(videos.values(), range(1, NUM_SCRIBBLES + 1)))
    with FrameProgress("playing", len(samples) * rounds, task.quiet, unit="rounds") as progress:
        for video, number in samples:
            sample = Sample(video, number, robot_for(host), task.settings.davis_interactive.metric)
            for played in play_sample(host, sample, recommender, rounds, estimator):
                records.append(_record(sample, played))
                _log(records[-1])
                progress.advance()
            rows += sample.rows
    return rows, records


def _record(sample: Sample, played: PlayedRound) -> RoundRecord:
    quality, estimate = played.quality, played.estimate
    correlation = squared_error = float("nan")
    if estimate is not None:
        squared_error = float(np.mean((estimate - quality) ** 2))
        if quality.std() > 0 and estimate.std() > 0:
            correlation = float(np.corrcoef(estimate, quality)[0, 1])
    return RoundRecord(
        sample.video.name,
        sample.number,
        played.number,
        played.frame,
        float(quality.mean()),
        played.next_frame,
        int(np.sum(quality < quality[played.next_frame])),
        correlation,
        squared_error,
        played.result.seconds,
        played.recommendation_seconds,
    )


def _log(record: RoundRecord) -> None:
    _LOG.info(
        "%s %d round %d: frame %d, quality %.3f in %.1f s, next frame %d (rank %d)",
        record.sequence, record.scribble_idx, record.interaction, record.frame, record.quality,
        record.seconds, record.next_frame, record.rank,
    )  # fmt: skip


def _write_records(path: Path, records: Sequence[RoundRecord]) -> None:
    with atomic_write(path, "w") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(entry.name for entry in fields(RoundRecord))
        writer.writerows(astuple(record) for record in records)


def _write_summary(path: Path, scores: InteractiveScores) -> None:
    summary = {"auc": scores.auc_over_rounds, "curve": {scores.metric: scores.rounds.tolist()}}
    write_json(path, summary)
