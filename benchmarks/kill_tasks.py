"""The programs that ``kill_campaign.py`` kills: their input, their run, their files."""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import kill_replacing as replacing
import torch
from synthetic_clip import draw_clip

from ltr.admin import convert
from ltr.admin.checkpoint import network_fields, read_checkpoint, save_checkpoint
from ltr.admin.errors import ToolkitError
from ltr.data.image_io import read_label_map, write_image, write_label_map
from ltr.models.joint.joint_net import steepest_descent_resnet18
from ltr.run_training import main as train
from pytracking.run_evaluation import main as evaluate
from pytracking.run_tracker import main as track

# What the programs import where they use it: the children find it loaded.
for _name in (
    "lightning.fabric",
    "ltr.train_settings.joint.joint_debug",
    "matplotlib.pyplot",
    "pytracking.cli.console",
    "torch.utils.tensorboard",
):
    importlib.import_module(_name)

SIZE = (96, 128)


@dataclass(frozen=True)
class Task:
    """One program.

    Args:
        name: In the table.
        prepare: Writes the input into an empty folder.
        run: Works on the input folder, writes into the other; returns the exit code.
        contents: What the finished files say, by name; what may differ between runs is left out.
            Raises ``ToolkitError`` or ``ValueError`` where a visible file is not whole.
        fill: Puts earlier results from the input into the other folder before the first start.
    """

    name: str
    prepare: Callable[[Path], None]
    run: Callable[[Path, Path], int]
    contents: Callable[[Path], dict[str, object]]
    fill: Callable[[Path, Path], None] | None = None


def write_videos(folder: Path, count: int = 4, frames: int = 12) -> None:
    """Write synthetic videos, all frames annotated, in the layout ``folder:PATH``."""
    for video in range(count):
        clip, labels = draw_clip(frames, 1, SIZE, seed=video)
        for time, image in enumerate(clip):
            write_image(folder / f"JPEGImages/{video}/{time:05d}.jpg", image)
            write_label_map(folder / f"Annotations/{video}/{time:05d}.png", labels)


def _train(source: Path, target: Path) -> int:
    os.environ["LTR_WORKSPACE_DIR"] = str(target)
    changes = {
        "train_sets": f"folder:{source}=1",
        "validation_sets": f"folder:{source}=1",
        "output_size": "48,32",
        "batch_size": "2",
        "samples_per_epoch": "4",
        "validation_samples": "2",
        "checkpoint_interval": "1",
        "max_epochs": "4",
    }
    assignments = [word for item in changes.items() for word in ("--set", "=".join(item))]
    return train(["joint", "joint_debug", "--device", "cpu", "--quiet", *assignments])


def _training_contents(folder: Path) -> dict[str, object]:
    contents: dict[str, object] = {}
    for path in sorted(folder.rglob("*.pth.tar")):
        checkpoint = read_checkpoint(path)
        contents[path.name] = _digits([checkpoint.net, checkpoint.fields["optimizer"]])
    return contents


def _track(source: Path, target: Path) -> int:
    return track(
        ["baseline", "optical_flow", "--dataset_name", f"folder:{source}", "--quiet",
         "--device", "cpu", "--results", str(target)]
    )  # fmt: skip


def _mask_contents(folder: Path) -> dict[str, object]:
    contents: dict[str, object] = {}
    for path in sorted(folder.rglob("[!.]*/*.png")):
        if not any(part.startswith(".") for part in path.relative_to(folder).parts):
            contents[str(path.relative_to(folder))] = read_label_map(path).tobytes()
    for path in sorted(folder.rglob("[0-9]_[0-9].txt")):
        contents[path.name] = path.read_text()
    return contents


def _prepare_evaluation(folder: Path) -> None:
    write_videos(folder)
    _track(folder, folder / "results")


def _evaluate(source: Path, target: Path) -> int:
    (results,) = (source / "results/baseline/optical_flow").iterdir()
    return evaluate(
        ["--results", str(results), "--dataset_name", f"folder:{source}", "--quiet",
         "--output", str(target), "--json", str(target / "scores.json")]
    )  # fmt: skip


def _score_contents(folder: Path) -> dict[str, object]:
    contents: dict[str, object] = {}
    for path in sorted(folder.rglob("[!.]*.*")):
        if path.suffix == ".json":
            contents[path.name] = json.loads(path.read_text())
        elif path.suffix in (".csv", ".tex", ".html"):
            contents[path.name] = path.read_text()
    return contents


def _prepare_network(folder: Path) -> None:
    torch.manual_seed(0)
    save_checkpoint(
        folder / "net.pth.tar", network_fields(steepest_descent_resnet18(backbone_width=16))
    )


def _convert(source: Path, target: Path) -> int:
    return convert.main(
        [str(source / "net.pth.tar"), str(target / "safe.pth.tar"), "--network_only",
         "--overwrite"]
    )  # fmt: skip


def _network_contents(folder: Path) -> dict[str, object]:
    return {p.name: _digits(read_checkpoint(p).net) for p in folder.glob("*.pth.tar")}


def _digits(value: object) -> object:
    """Tensors as bytes, so that equal means equal to the bit."""
    if isinstance(value, torch.Tensor):
        return value.contiguous().numpy().tobytes()
    if isinstance(value, dict):
        return {key: _digits(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_digits(item) for item in value]
    return value


# fmt: off
TASKS = (
    Task("training", write_videos, _train, _training_contents),
    Task("writing masks", write_videos, _track, _mask_contents),
    Task("evaluation", _prepare_evaluation, _evaluate, _score_contents),
    Task("checkpoint conversion", _prepare_network, _convert, _network_contents),
    Task("masks, --overwrite", replacing.write_sequences, replacing.overwrite_sequences,
         replacing.sequence_contents, replacing.copy_old),
    Task("run_video", replacing.write_video, replacing.new_video, replacing.video_contents),
    Task("run_video, --overwrite", replacing.write_video, replacing.overwrite_video,
         replacing.video_contents, replacing.copy_old),
    Task("frame extraction", replacing.write_videos_to_extract, replacing.extract,
         replacing.frame_contents),
    Task("download", replacing.write_network, replacing.download, replacing.network_contents),
    Task("page export", replacing.write_page, replacing.export_page,
         replacing.export_contents, replacing.copy_old),
)
# fmt: on
DAMAGED = (ToolkitError, ValueError, OSError)
