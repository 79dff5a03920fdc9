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
from dataclasses import dataclass
from pathlib import Path

import cv2

from ltr.admin.cli import CommandParser, command
from ltr.admin.errors import ConfigError, DataError
from ltr.data.image_io import read_image, write_image, write_label_map
from ltr.dataset.davis import Davis
from pytracking.evaluation.datasets.sequence import Sequence as Video
from pytracking.evaluation.datasets.sequence import build_sequence
from pytracking.evaluation.interactive import first_scribbles
from pytracking.recommendation import (
    evaluation,
    generate_data,
    pretrain_agent,
    produce_reward,
    quality_assessment,
    train_agent,
)

_HOST = (
    "joint", "joint_demo", "--quiet", "--set", "image_sample_size=64,112",
    "--set", "net_opt_iter=3", "--set", "net_opt_update_iter=1",
    "--set", "train_sample_interval=8",
)  # fmt: skip
_METHODS = (
    ("wild", "random"), ("wild", "linspace"), ("oracle", "worst"), ("wild", "ours"),
    ("oracle", "ours"),
)  # fmt: skip


@dataclass(frozen=True)
class Size:
    """How small the clips are.

    Args:
        height: Rows of a frame.
        frames: Most frames of a clip.
        step: Every so many frames of the video.
        videos: Training videos of the first source.
    """

    height: int = 96
    frames: int = 10
    step: int = 5
    videos: int = 3

    def __post_init__(self) -> None:
        if min(self.height, self.frames, self.step, self.videos) < 1:
            raise ConfigError("--frames and --videos must be positive")


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
    size = Size(frames=arguments.frames, videos=arguments.videos)
    davis, work = arguments.work / "davis", arguments.work
    if not (davis / "Scribbles").is_dir():
        make_small_copy(arguments.src, davis, size)
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


def make_small_copy(sources: Sequence[Path], target: Path, size: Size) -> None:
    """Copy data sets into one with fewer and smaller frames.

    Args:
        sources: Folders in DAVIS's layout; ``train`` of the first one and ``val`` of all are used.
        target: Folder to be written, in the same layout.
        size: Size and length of the copies.

    Raises:
        DataError: A source is damaged.
    """
    names = {"train": Davis(sources[0], split="train").videos[: size.videos], "val": ()}
    parts = [(sources[0], "train", names["train"])]
    for source in sources:
        found = Davis(source, split="val").videos
        names["val"] += found
        parts.append((source, "val", found))
    for source, split, videos in parts:
        dataset = Davis(source, split=split)
        for name in videos:
            _copy_video(build_sequence(dataset, name), target, size)
    lists = target / "ImageSets" / "2017"
    lists.mkdir(parents=True, exist_ok=True)
    for split, found in names.items():
        (lists / f"{split}.txt").write_text("".join(f"{name}\n" for name in found))


def _copy_video(video: Video, target: Path, size: Size) -> None:
    places = range(0, len(video.frames), size.step)[: size.frames]
    shape = round(video.shape[1] * size.height / video.shape[0]), size.height
    for number, place in enumerate(places):
        stem = f"{video.name}/{number:05d}"
        image, labels = read_image(video.frames[place]), video.read_mask(place)
        if labels is None:
            raise DataError(f"{video.name} has no annotation of frame {place}")
        image = cv2.resize(image, shape, interpolation=cv2.INTER_AREA)
        labels = cv2.resize(labels, shape, interpolation=cv2.INTER_NEAREST)
        write_image(target / "JPEGImages" / "480p" / f"{stem}.jpg", image)
        write_label_map(target / "Annotations" / "480p" / f"{stem}.png", labels)


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
