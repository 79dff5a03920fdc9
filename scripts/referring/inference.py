"""What the original's three inference programs have in common."""

from __future__ import annotations

import argparse
import shutil
import tempfile
import zipfile
from pathlib import Path

from original_flags import SHORT_NAMES, check_fixed, device_of, original_parser, set_folders

from ltr.admin.cli import CommandParser
from ltr.admin.errors import ConfigError
from pytracking import run_tracker
from pytracking.evaluation.datasets import get_dataset
from pytracking.evaluation.outputs.folder import result_folder
from pytracking.evaluation.outputs.query_drawing import draw_queries


def inference_parser(description: str | None) -> CommandParser:
    """The original's flags, and those that are new."""
    parser = original_parser(description)
    parser.add_argument("--window", type=int, help="frames of a window of the first pass (36)")
    parser.add_argument("--tokenizer_dir", help="folder of vocab.json and merges.txt")
    parser.add_argument("--set", dest="assignments", action="append", default=[])
    return parser


def run_inference(
    arguments: argparse.Namespace, family: str, dataset: str, folder: str, changes: list[str]
) -> Path:
    """Run the tracker and lay the masks out as the original does.

    Args:
        arguments: Of ``inference_parser``.
        family: First part of the configuration's name, before the backbone's.
        dataset: Name of the data set.
        folder: Where the masks go, inside ``--output_dir``; empty for the folder itself.
        changes: Assignments of the tracker's parameters.

    Returns:
        The folder of the masks.

    Raises:
        ConfigError: A flag is not offered, or the network is not named.
    """
    check_fixed(arguments)
    if not arguments.resume:
        raise ConfigError("the network is missing: --resume FILE")
    set_folders(arguments)
    changes = [*changes, f"threshold={arguments.threshold}", *arguments.assignments]
    for name in ("window", "tokenizer_dir"):
        if getattr(arguments, name) is not None:
            changes.append(f"{name}={getattr(arguments, name)}")
    output = Path(arguments.output_dir)
    output.mkdir(parents=True, exist_ok=True)
    archive = output / f"{dataset}.zip"
    words = ["referring", f"{family}_{SHORT_NAMES[arguments.backbone]}"]
    words += ["--dataset_name", dataset, "--net", arguments.resume]
    words += ["--results", str(output / "runs"), "--submission", str(archive)]
    words += ["--device", device_of(arguments)]
    code = run_tracker.main([*words, *(word for row in changes for word in ("--set", row))])
    if code:
        raise SystemExit(code)
    return _unpack(archive, output, folder)


def draw(arguments: argparse.Namespace, family: str, dataset: str) -> None:
    """Draw the results of ``run_inference`` where ``--visualize`` asks for it, as the original.

    The pictures are ``<split>_images/<video>/<number of the sentence>/<frame>.png`` in
    ``--output_dir``.

    Args:
        arguments: Of ``inference_parser``.
        family: As in ``run_inference``.
        dataset: Name of the data set.
    """
    if not arguments.visualize:
        return
    videos = get_dataset(dataset)
    output = Path(arguments.output_dir)
    name = f"{family}_{SHORT_NAMES[arguments.backbone]}"
    folder = result_folder(output / "runs", "referring", name, videos)
    target = output / f"{arguments.split}_images"
    print(f"{draw_queries(videos, folder, target)} pictures: {target}")


def _unpack(archive: Path, output: Path, folder: str) -> Path:
    """Replace the masks of an earlier run by those of the archive."""
    with tempfile.TemporaryDirectory(dir=output) as staging, zipfile.ZipFile(archive) as pack:
        pack.extractall(staging)
        content = Path(staging, "Annotations")
        content = content if content.is_dir() else Path(staging)
        target = output / folder
        for entry in [content] if folder else sorted(content.iterdir()):
            place = target if folder else target / entry.name
            if place.exists():
                shutil.rmtree(place)
            shutil.move(entry, place)
    return target
