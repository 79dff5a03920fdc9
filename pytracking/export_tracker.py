"""Write a tracker as graphs that run without this package's PyTorch code, or without PyTorch.

Example:
    python export_tracker.py dense_ulearn demo exported --frame-size 640x360 --objects 3
    python run_exported.py exported dog.mp4 --mask first.png --output masks
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import command, set_up_logging
from ltr.admin.errors import ConfigError
from pytracking.cli.arguments import TrackerParser, resolve_tracker
from pytracking.evaluation.tracker import describe_run
from pytracking.export.runner.manifest import ENDINGS

if TYPE_CHECKING:
    from pytracking.export.graph import ExportedSystem


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Export, and print the files."""
    arguments = _parser().parse_args(argv)
    set_up_logging(arguments.quiet)
    _check(arguments)
    spec = resolve_tracker(arguments)
    import torch

    from pytracking.export.writing import check_writable, write_export
    from pytracking.tracker.base import Runtime

    check_writable(arguments.output, arguments.format, arguments.overwrite)
    runtime = Runtime(torch.device("cpu"))
    system = _export(spec.create(runtime), arguments)
    write_export(
        system,
        describe_run(spec, runtime),
        arguments.output,
        arguments.format,
        overwrite=arguments.overwrite,
        report=lambda name: None if arguments.quiet else print(arguments.output / name, flush=True),
    )
    return 0


def _export(tracker: object, arguments: argparse.Namespace) -> ExportedSystem:
    from pytracking.export.dense_ulearn import DenseULearnCapacity, export_dense_ulearn
    from pytracking.export.joint import export_joint
    from pytracking.tracker.carrying import CarryingTracker
    from pytracking.tracker.dense_ulearn.dense_ulearn import DenseULearnTracker
    from pytracking.tracker.joint.joint import JointTracker

    if isinstance(tracker, CarryingTracker):  # the exported one tracks every frame
        tracker = tracker.tracker
    if isinstance(tracker, DenseULearnTracker):
        size = arguments.frame_size
        capacity = DenseULearnCapacity(size, arguments.objects, arguments.starts)
        return export_dense_ulearn(tracker, capacity)
    if isinstance(tracker, JointTracker):
        return export_joint(tracker)
    raise ConfigError(f"{arguments.system} cannot be exported: only dense_ulearn and joint can")


def _check(arguments: argparse.Namespace) -> None:
    for name, largest in (("objects", 254), ("starts", 254)):
        if not 1 <= getattr(arguments, name) <= largest:
            raise ConfigError(f"--{name} {getattr(arguments, name)}: expected 1 to {largest}")


def _frame_size(text: str) -> tuple[int, int]:
    """(height, width) of WIDTHxHEIGHT."""
    found = re.fullmatch(r"(\d{1,4})x(\d{1,4})", text)
    if found is None or min(int(found[1]), int(found[2])) < 16:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no frame size: expected WIDTHxHEIGHT in pixels such as 854x480"
        )
    return int(found[2]), int(found[1])


def _parser() -> TrackerParser:
    parser = TrackerParser(__doc__)
    parser.add_tracker()
    parser.add_argument("output", type=Path, metavar="OUT", help="folder of the graphs")
    parser.add_argument(
        "--format",
        choices=tuple(ENDINGS),
        default="onnx",
        help="ONNX for onnxruntime, or PyTorch's own exported programs (onnx)",
    )
    parser.add_argument(
        "--frame-size",
        type=_frame_size,
        default=(480, 854),
        metavar="WxH",
        help="size of the frames, dense_ulearn (854x480)",
    )
    parser.add_argument(
        "--objects", type=int, default=8, metavar="N", help="room for N objects, dense_ulearn (8)"
    )
    parser.add_argument(
        "--starts",
        type=int,
        default=1,
        metavar="N",
        help="room for N frames in which objects start, dense_ulearn (1)",
    )
    parser.add_switch("--overwrite", "replace what an earlier export wrote")
    parser.add_quiet()
    return parser


if __name__ == "__main__":
    sys.exit(main())
