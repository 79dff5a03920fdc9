"""Train a network, or resume its last run.

Example:
    python run_training.py joint joint_stage1
    python run_training.py joint joint_stage2 --precision bf16 --set batch_size=8
    torchrun --nproc-per-node 4 run_training.py joint joint_stage1
"""

from __future__ import annotations

import argparse
import importlib
import logging
import pkgutil
import sys
from collections.abc import Sequence
from pathlib import Path

if not __package__:
    sys.path[0] = str(Path(__file__).resolve().parents[1])

from ltr.admin.cli import CommandParser, boolean, command, set_up_logging
from ltr.admin.collection import collection_paused
from ltr.admin.errors import ConfigError, did_you_mean
from ltr.admin.plugins import plugin_parts
from ltr.admin.settings import Settings

_LOG = logging.getLogger(__name__)
_EXPERIMENTS = Path(__file__).resolve().parent / "train_settings"
_NO_EXPERIMENTS = ("__init__", "recipe", "assembly")  # ends of names


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Train; 1 when the loss is not finite, 128 + number when a signal ended the run."""
    arguments = _parse(argv)
    set_up_logging(arguments.quiet)
    module = find_experiment(arguments.train_module, arguments.train_name)
    with collection_paused():
        from ltr.trainers.nonfinite import NonFiniteError
        from ltr.trainers.signals import TrainingStopped

    _LOG.info("Training:  %s  %s", arguments.train_module, arguments.train_name)
    try:
        with collection_paused():
            experiment = importlib.import_module(module)
        experiment.run(_settings(arguments))
    except TrainingStopped as stop:
        _LOG.warning("%s: a checkpoint was written; run the same command again to resume", stop)
        return 128 + stop.number
    except NonFiniteError as error:
        _LOG.error("error: %s", error)
        return 1
    return 0


def find_experiment(system: str, name: str) -> str:
    """Find the module of an experiment without importing anything but plug-ins.

    >>> find_experiment("joint", "joint_stage1")
    'ltr.train_settings.joint.joint_stage1'

    Raises:
        ConfigError: There is none of this name.
    """
    own = [path.name for path in _EXPERIMENTS.iterdir() if (path / "__init__.py").is_file()]
    plugins = plugin_parts("recipes")
    if system not in own and system not in plugins:
        raise ConfigError(
            f"no training settings {system!r}{did_you_mean(system, [*own, *plugins])}"
        )
    experiments = {}
    if system in plugins:
        package = plugins[system].load()
        experiments = {
            module.name: f"{package.__name__}.{module.name}"
            for module in pkgutil.iter_modules(package.__path__)
        }
    if system in own:
        files = {path.stem for path in (_EXPERIMENTS / system).glob("*.py")}
        names = [name for name in files if not name.endswith(_NO_EXPERIMENTS)]
        experiments |= {found: f"ltr.train_settings.{system}.{found}" for found in names}
    if name not in experiments:
        raise ConfigError(f"{system} has no experiment {name!r}{did_you_mean(name, experiments)}")
    return experiments[name]


def _settings(arguments: argparse.Namespace) -> Settings:
    assignments = list(arguments.overrides)
    if arguments.seed is not None:
        assignments.append(f"seed={arguments.seed}")
    return Settings(
        arguments.train_module,
        arguments.train_name,
        tuple(assignments),
        device=arguments.device,
        precision=arguments.precision,
        resume=arguments.resume,
        fresh=arguments.no_resume,
        max_steps=arguments.max_steps,
        cudnn_benchmark=arguments.cudnn_benchmark,
        quiet=arguments.quiet,
        wait=arguments.wait,
        visdom=(arguments.visdom_server, arguments.visdom_port) if arguments.use_visdom else None,
    )


def _parse(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = CommandParser(__doc__)
    add = parser.add_argument
    add("train_module", help="system, a folder of ltr/train_settings")
    add("train_name", help="experiment, a file of it without .py")
    parser.add_set("a row of the recipe")
    parser.add_plugin()
    parser.add_device()
    add(
        "--precision",
        choices=("fp32", "bf16", "fp16"),
        default="fp32",
        help="numeric precision (fp32)",
    )
    add("--seed", type=int, metavar="N", help="seed of all random numbers (the recipe's)")
    add("--max-steps", type=int, metavar="N", help="stop when the run has made N steps")
    start = parser.add_mutually_exclusive_group()
    start.add_argument(
        "--resume",
        type=Path,
        metavar="PATH",
        help="resume from this checkpoint instead of the run's newest one",
    )
    start.add_argument(
        "--no-resume", action="store_true", help="train from the beginning, in a fresh folder"
    )
    parser.add_switch("--cudnn-benchmark", "let cuDNN try its algorithms", default=True)
    parser.add_wait()
    parser.add_quiet()
    add(
        "--use-visdom",
        type=boolean,
        default=False,
        metavar="BOOL",
        help="draw curves in visdom (false)",
    )
    add("--visdom-server", default="127.0.0.1", metavar="HOST", help="address of visdom")
    add("--visdom-port", type=int, default=8097, metavar="PORT", help="port of visdom")
    return parser.parse_args(argv)  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
