"""Train agent and quality network on a few small clips, and compare all ways to choose frames.

Takes minutes on one CPU core: the clips are cut to ten frames of 96 rows and the host sees 64 x 112
pixels. The agent learns on three training videos; every validation video is played with three sets
of first scribbles drawn by the robot, eight rounds each. A stopped run can be resumed.

Example:
    python scripts/interactive/small_experiment.py ../data/davis-mini ../data/davis-mini-multi
"""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from pathlib import Path

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError
from ltr.dataset.davis import Davis
from pytracking.evaluation.interactive import first_scribbles
from pytracking.recommendation import (
    evaluation,
    generate_data,
    pretrain_agent,
    produce_reward,
    quality_assessment,
    train_agent,
)
from pytracking.recommendation.make_clips import ClipSize, write_clips, write_lists

_HOST = (
    "joint", "joint_demo", "--quiet", "--set", "image_sample_size=64,112",
    "--set", "net_opt_iter=3", "--set", "net_opt_update_iter=1",
    "--set", "train_sample_interval=8",
)  # fmt: skip
_METHODS = (
    ("wild", "random"), ("wild", "linspace"), ("oracle", "worst"), ("wild", "ours"),
    ("oracle", "ours"),
)  # fmt: skip


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Copy, train, evaluate; the last lines are the table."""
    parser = CommandParser(__doc__)
    parser.add_argument("src", type=Path, nargs="+", help="folders in the layout of DAVIS")
    parser.add_argument(
        "--work",
        type=Path,
        default=Path("small_experiment"),
        metavar="DIR",
        help="folder of everything it makes (small_experiment)",
    )
    parser.add_argument("--frames", type=int, default=10, metavar="N", help="frames per clip (10)")
    parser.add_argument("--videos", type=int, default=3, metavar="N", help="videos to train on (3)")
    arguments = parser.parse_args(argv)
    if arguments.videos < 1:
        raise ConfigError("--videos must be positive")
    size = ClipSize(frames=arguments.frames, step=5)
    davis, work = arguments.work / "davis", arguments.work
    if not (davis / "Scribbles").is_dir():
        make_small_copy(arguments.src, davis, size, arguments.videos)
        _check(first_scribbles.main([str(davis), "--quiet", "--overwrite"]))
    words = [*_HOST, "with", *_settings(davis, work)]
    for module in (produce_reward, pretrain_agent, generate_data):
        _check(module.main(words))
    for module, file in ((train_agent, "agent.pt"), (quality_assessment, "assess_net.pt")):
        if not (work / file).is_file():
            _check(module.main(words))
    curves = {}
    for setting, method in _METHODS:
        summary = work / "joint_joint_demo" / setting / "davis" / method / "summary.json"
        if not summary.is_file():
            _check(evaluation.main([*words, f"setting={setting}", f"method={method}"]))
        result = json.loads(summary.read_text(encoding="utf-8"))
        curves[f"{method} ({setting})"] = result | {"sets": _means_of_sets(summary.parent)}
    for name, result in curves.items():
        rounds = " ".join(f"{100 * value:5.1f}" for value in result["curve"]["J_AND_F"][1:])
        spread = " ".join(f"{value:.1f}" for value in result["sets"])
        print(f"{name:<20} AUC {100 * result['auc']:5.2f}   sets {spread}   rounds {rounds}")
    return 0


def _means_of_sets(folder: Path) -> list[float]:
    """Mean J&F over videos and rounds for each set of first scribbles, percent."""
    found: dict[str, list[float]] = {}
    with (folder / "rounds.csv").open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            found.setdefault(row["scribble_idx"], []).append(float(row["quality"]))
    return [100 * sum(values) / len(values) for _, values in sorted(found.items())]


def make_small_copy(sources: Sequence[Path], target: Path, size: ClipSize, num_train: int) -> None:
    """Copy data sets into one with fewer and smaller frames.

    Args:
        sources: Folders in DAVIS's layout; ``train`` of the first one and ``val`` of all are used.
        target: Folder to be written, in the same layout.
        size: Size and length of the copies.
        num_train: Number of training videos.

    Raises:
        DataError: A source is damaged.
    """
    train, validation = Davis(sources[0], split="train").videos[:num_train], list[str]()
    write_clips(sources[0], "train", train, target, size)
    for source in sources:
        found = Davis(source, split="val").videos
        validation += found
        write_clips(source, "val", found, target, size)
    write_lists(target, {"train": train, "val": validation})


def _settings(davis: Path, work: Path) -> list[str]:
    return [
        f"data.root_dir_davis={davis}", f"ckpt_dir={work}", f"results={work}",
        f"agent.save_result_dir={work}", f"assess_net.data_dir={work / 'masks'}",
        "data.len_subseq=8", "davis_interactive.max_nb_interactions=4",
        "agent.reward_epochs=3", "agent.pretrain_epochs=2", "agent.train_epochs=1",
        "agent.late_counts=false", "agent.unfiltered_buffer=false", "agent.sample_th=0.02",
        "agent.hidden=32", "agent.lr=1e-3", "agent.update_rate=0.1", "agent.updates=60",
        "assess_net.num_epochs=15", "assess_net.num_workers=0", "assess_net.image_size=96,171",
        "assess_net.width=16", "assess_net.depths=1,1,1,1", "assess_net.side=64",
        "assess_net.lr=0.002", "assess_net.accumulate_grad_bug=false",
        "assess_net.backbone_weights=none",
    ]  # fmt: skip


def _check(code: int) -> None:
    """A part that failed has said why."""
    if code:
        raise ConfigError("the experiment cannot continue")
