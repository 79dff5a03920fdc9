"""The command-line arguments that all commands which run a tracker share."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from ltr.admin.cli import CommandParser
from ltr.admin.errors import ConfigError
from pytracking.evaluation.tracker import TrackerSpec

if TYPE_CHECKING:
    from pytracking.tracker.base import Runtime

ENGINES = ("local", "torchrun", "ray")
PRECISIONS = ("fp32", "bf16", "fp16")
# Options that set a parameter of the same name, and what is said where a tracker lacks it.
_OF_SOME_TRACKERS = {
    "max_memory": "--max-memory limits whole-video trackers; the memory of {} does not grow with "
    "the video",
    "fast": "{} has no --fast mode",
}


class TrackerParser(CommandParser):
    """Arguments of the commands that run a tracker."""

    def add_tracker(self) -> None:
        """Add the two words that name a tracker, ``--set`` and ``--net``."""
        self.add_argument("system", help="tracker, a folder of pytracking/parameter")
        self.add_argument("name", help="its parameter file, without .py")
        self.add_set("one parameter")
        self.add_plugin()
        self.add_argument(
            "--net", metavar="FILE", help="network file, in place of the one in the parameters"
        )

    def add_fast(self) -> None:
        """Add the mode that trades accuracy for speed."""
        self.add_switch("--fast", "trade a little accuracy for speed; only joint and dense_ulearn")

    def add_memory(self) -> None:
        """Add the limit of memory of the trackers whose parameters have ``max_memory``."""
        self.add_argument(
            "--max-memory",
            type=_positive,
            metavar="MIB",
            help="memory that may grow with the video; only propose_reduce and referring (4096)",
        )

    def add_run(self) -> None:
        """Add where the results of a data set go and what works on it."""
        self.add_engine()
        self.add_argument("--results", metavar="DIR", help="folder of all results (results_path)")
        self.add_switch("--overwrite", "run finished sequences again")
        self.add_wait()

    def add_engine(self) -> None:
        """Add what spreads the work over processes and machines."""
        self.add_argument(
            "--engine",
            choices=ENGINES,
            default="local",
            help="local processes, those that torchrun started, or a Ray cluster (local)",
        )
        self.add_argument(
            "--threads",
            type=_count,
            default=0,
            metavar="N",
            help="number of workers (0 = in this process; ray: the whole cluster)",
        )

    def add_export(self) -> None:
        """Add the formats of other tools."""
        self.add_list(
            "--export",
            "exports",
            "FORMAT[:PATH]",
            "also write the masks in another tool's format: coco, cvat, labelme, "
            "alpha-mov, ...; convert_masks.py --help lists all",
            _checked_export,
        )

    def add_runtime(self) -> None:
        """Add device, precision, compilation, verbosity and the live view."""
        self.add_device()
        self.add_argument(
            "--precision",
            choices=PRECISIONS,
            help="numeric precision: fp32 is exact, the others are faster (fp32; with --fast bf16, "
            "where the processor computes it)",
        )
        self.add_switch("--compile", "compile the network (the first frames take long)")
        self.add_switch("--quiet", "hide progress, show only warnings and errors")
        self.add_argument(
            "--debug",
            type=int,
            default=0,
            metavar="LEVEL",
            help="level of the live view, 0 to 3 (0 = none)",
        )
        self.add_switch("--use-visdom", "show the live view in visdom", default=True)
        self.add_argument(
            "--visdom-server", default="127.0.0.1", metavar="HOST", help="address of visdom"
        )
        self.add_argument(
            "--visdom-port", type=int, default=8097, metavar="PORT", help="port of visdom"
        )


def _checked_export(text: str) -> str:
    from pytracking.evaluation.outputs.exchange.registry import parse_export

    parse_export(text)
    return text


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected 0 or a positive number, got {text!r}")
    return int(text)


def _positive(text: str) -> int:
    count = _count(text)
    if not count:
        raise argparse.ArgumentTypeError("expected a positive number, got 0")
    return count


def resolve_tracker(arguments: argparse.Namespace) -> TrackerSpec:
    """The tracker that the arguments name; neither it nor PyTorch is loaded yet.

    Raises:
        ConfigError: There is no such tracker or parameter, or ``--max-memory`` or ``--fast`` was
            given for a tracker without it.
    """
    spec = TrackerSpec(
        arguments.system,
        arguments.name,
        overrides=tuple(arguments.overrides),
        net=arguments.net,
        run_id=getattr(arguments, "runid", None),
    )
    parameters = spec.load_parameters()
    for field, refusal in _OF_SOME_TRACKERS.items():
        value = getattr(arguments, field, None)
        if not value:
            continue
        if not hasattr(parameters, field):
            tracker = f"{spec.system} {spec.name}"
            raise ConfigError(f"{refusal.format(tracker)}: leave the option out")
        spec = replace(spec, overrides=(*spec.overrides, f"{field}={value}"))
    return spec


def resolve_runtime(arguments: argparse.Namespace) -> Runtime:
    """Where and how to compute, and the live view, where one is wanted and possible.

    Args:
        arguments: Arguments of ``TrackerParser.add_runtime``.

    Raises:
        ConfigError: The device does not exist here.
    """
    from ltr.admin.devices import computes_bf16, resolve_device
    from pytracking.evaluation.outputs.live_view import open_live_view
    from pytracking.tracker.base import Runtime

    device = resolve_device(arguments.device)
    view = open_live_view(
        arguments.debug, arguments.use_visdom, arguments.visdom_server, arguments.visdom_port
    )
    if arguments.precision is None and getattr(arguments, "fast", False) and computes_bf16(device):
        return Runtime(device, "bf16", arguments.compile, view)
    return Runtime(device, arguments.precision or "fp32", arguments.compile, view)
