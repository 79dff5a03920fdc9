"""The command-line arguments that all commands which run a tracker share."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from ltr.admin.cli import add_device_argument, add_plugin_argument, add_wait_argument, boolean
from ltr.admin.errors import ConfigError
from pytracking.evaluation.tracker import TrackerSpec

if TYPE_CHECKING:
    from pytracking.evaluation.outputs.live_view import LiveView
    from pytracking.tracker.base import Runtime

ENGINES = ("local", "torchrun", "ray")
PRECISIONS = ("fp32", "bf16", "fp16")


def add_tracker_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the two words that name a tracker, ``--set`` and ``--net``."""
    parser.add_argument("system", help="tracker, a folder of pytracking/parameter")
    parser.add_argument("name", help="its parameter file, without .py")
    parser.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="change one parameter (repeatable)",
    )
    add_plugin_argument(parser)
    parser.add_argument(
        "--net", metavar="FILE", help="network file, in place of the one in the parameters"
    )


def add_fast_argument(parser: argparse.ArgumentParser) -> None:
    """Add the mode that trades accuracy for speed."""
    add_switch(
        parser, "--fast", False, "trade a little accuracy for speed; only joint and dense_ulearn"
    )


def add_memory_argument(parser: argparse.ArgumentParser) -> None:
    """Add the limit of memory of the trackers whose parameters have ``max_memory``."""
    parser.add_argument(
        "--max-memory",
        type=_positive,
        metavar="MIB",
        help="memory that may grow with the video; only propose_reduce and referring (4096)",
    )


def add_run_arguments(parser: argparse.ArgumentParser) -> None:
    """Add where the results of a data set go and what works on it."""
    add_engine_arguments(parser)
    parser.add_argument("--results", metavar="DIR", help="folder of all results (results_path)")
    add_switch(parser, "--overwrite", False, "run finished sequences again")
    add_wait_argument(parser)


def add_engine_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what spreads the work over processes and machines."""
    parser.add_argument(
        "--engine",
        choices=ENGINES,
        default="local",
        help="local processes, those that torchrun started, or a Ray cluster (local)",
    )
    parser.add_argument(
        "--threads",
        type=_count,
        default=0,
        help="number of workers (0 = in this process; ray: the whole cluster)",
    )


def add_runtime_arguments(parser: argparse.ArgumentParser) -> None:
    """Add device, precision, compilation, verbosity and the live view."""
    add_device_argument(parser)
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help="numeric precision: fp32 is exact, the others are faster (fp32; with --fast bf16, "
        "where the processor computes it)",
    )
    add_switch(parser, "--compile", False, "compile the network (the first frames take long)")
    add_switch(parser, "--quiet", False, "hide progress, show only warnings and errors")
    parser.add_argument(
        "--debug", type=int, default=0, help="level of the live view, 0 to 3 (0 = none)"
    )
    add_switch(parser, "--use-visdom", True, "show the live view in visdom")
    parser.add_argument("--visdom-server", default="127.0.0.1", help="address of visdom")
    parser.add_argument("--visdom-port", type=int, default=8097, help="port of visdom")


def add_switch(parser: argparse.ArgumentParser, flag: str, default: bool, text: str) -> None:
    """Add a boolean: one that is off stands alone, one that is on takes ``true`` or ``false``."""
    if default:
        parser.add_argument(flag, type=boolean, default=True, metavar="BOOL", help=f"{text} (true)")
    else:
        parser.add_argument(flag, action="store_true", help=text)


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
    """The tracker that the arguments name; it is not loaded yet.

    Raises:
        ConfigError: ``--max-memory`` or ``--fast`` was given for a tracker without it.
    """
    spec = TrackerSpec(
        arguments.system,
        arguments.name,
        overrides=tuple(arguments.overrides),
        net=arguments.net,
        run_id=getattr(arguments, "runid", None),
    )
    spec = _with_option(
        spec,
        "max_memory",
        getattr(arguments, "max_memory", None),
        "--max-memory limits whole-video trackers; the memory of {} does not grow with the video",
    )
    return _with_option(
        spec, "fast", getattr(arguments, "fast", None) or None, "{} has no --fast mode"
    )


def _with_option(spec: TrackerSpec, field: str, value: object, refusal: str) -> TrackerSpec:
    """Set a parameter that only some trackers have, where an option gave a value."""
    if value is None:
        return spec
    if not hasattr(spec.load_parameters(), field):
        raise ConfigError(f"{refusal.format(f'{spec.system} {spec.name}')}: leave the option out")
    return replace(spec, overrides=(*spec.overrides, f"{field}={value}"))


def open_view(arguments: argparse.Namespace) -> LiveView | None:
    """The live view, where one is wanted and possible."""
    from pytracking.evaluation.outputs.live_view import open_live_view

    return open_live_view(
        arguments.debug, arguments.use_visdom, arguments.visdom_server, arguments.visdom_port
    )


def resolve_runtime(arguments: argparse.Namespace, view: LiveView | None = None) -> Runtime:
    """Where and how to compute.

    Args:
        arguments: Arguments of ``add_runtime_arguments``.
        view: Is shown what trackers compute on the way.

    Raises:
        ConfigError: The device does not exist here.
    """
    from ltr.admin.devices import computes_bf16, resolve_device
    from pytracking.tracker.base import Runtime

    device = resolve_device(arguments.device)
    if arguments.precision is None and getattr(arguments, "fast", False) and computes_bf16(device):
        return Runtime(device, "bf16", arguments.compile, view)
    return Runtime(device, arguments.precision or "fp32", arguments.compile, view)
