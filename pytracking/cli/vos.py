"""Every command of the toolkit under one name: ``vos COMMAND [ARGUMENT ...]``.

``vos COMMAND --help`` explains a command; each is also a program of its own, ``vos-COMMAND``.

Example:
    vos demo
    vos video joint joint_demo dog.mp4 --mask first_frame.png --output out
    vos --print-completion bash > ~/.local/share/bash-completion/completions/vos
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ltr.admin.cli import CommandParser, Main, command, parser_of
from ltr.admin.errors import ConfigError, did_you_mean
from pytracking.evaluation.tracker import list_names, list_systems

SHELLS = ("bash", "zsh", "tcsh")


class _Command(NamedTuple):
    module: str
    text: str

    @property
    def main(self) -> Main:
        """The function that runs it."""
        main: Main = importlib.import_module(self.module).main
        return main


COMMANDS = {
    "demo": _Command("pytracking.demo", "show the whole way on a clip in the package"),
    "video": _Command("pytracking.run_video", "segment a video, or a folder of videos"),
    "interactive": _Command("pytracking.run_interactive", "segment by scribbles in your browser"),
    "webcam": _Command("pytracking.run_webcam", "segment what a camera sees"),
    "track": _Command("pytracking.run_tracker", "run a tracker on a data set"),
    "experiment": _Command("pytracking.run_experiment", "run several trackers on data sets"),
    "evaluate": _Command("pytracking.run_evaluation", "score results, check a submission"),
    "compare": _Command("pytracking.compare", "compare folders of results"),
    "playback": _Command("pytracking.playback_results", "look through boxes in a window"),
    "vot": _Command("pytracking.run_vot", "run a tracker under the VOT toolkit"),
    "train": _Command("ltr.run_training", "train a network"),
    "average": _Command("ltr.admin.average", "average the weights of checkpoints"),
    "convert": _Command("ltr.admin.convert", "make a safe file of an original checkpoint"),
    "download": _Command("pytracking.utils.download", "fetch a released network"),
    "doctor": _Command("pytracking.utils.doctor", "print what the installation found"),
    "frames": _Command("pytracking.utils.extract_frames", "make folders of frames of videos"),
    "masks": _Command("pytracking.utils.masks", "make label PNGs of coloured or smoothed masks"),
    "convert-masks": _Command("pytracking.convert_masks", "convert masks of labelling tools"),
    "new-tracker": _Command("pytracking.new_tracker", "write the skeleton of a tracker"),
    "export": _Command("pytracking.export_tracker", "write a tracker as ONNX graphs"),
    "exported": _Command("pytracking.run_exported", "segment a video without PyTorch"),
    "dataset": _Command("ltr.dataset.convert.__main__", "bring a data set into the form needed"),
}
"""Module and description of every command, in the order of the list."""


@command
def main(argv: Sequence[str] | None = None) -> int:
    """Run the command that the first word names; without one, list them all."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words and not words[0].startswith("-"):
        return _find(words[0]).main(words[1:])
    parser = CommandParser(f"{__doc__}\nCommands:\n{_listed()}", prog="vos")
    parser.usage = "vos COMMAND [ARGUMENT ...]"
    parser.add_argument(
        "--print-completion", choices=SHELLS, help="print the completion script for this shell"
    )
    arguments = parser.parse_args(words)
    if arguments.print_completion is None:
        parser.print_help()
    else:
        print(completion(arguments.print_completion))
    return 0


def completion(shell: str) -> str:
    """A script by which a shell completes commands, options, trackers and file names.

    Args:
        shell: One of ``SHELLS``.
    """
    import shtab

    root = argparse.ArgumentParser("vos")
    subparsers = root.add_subparsers()
    for name, entry in COMMANDS.items():
        own = parser_of(entry.main)
        _add_choices(own, entry)
        subparsers.add_parser(
            name, parents=[own], help=entry.text, add_help=False, conflict_handler="resolve"
        )
    return shtab.complete(root, shell)


def _add_choices(parser: argparse.ArgumentParser, entry: _Command) -> None:
    """Tell what a word may be where the parser itself leaves that to the command."""
    import shtab

    systems = list_systems()
    for action in parser._actions:
        if action.type is Path:
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's own attribute
        elif action.dest == "system" and not action.option_strings:
            action.choices = systems
        elif action.dest == "name" and entry.module.startswith("pytracking.run_"):
            action.choices = sorted({name for system in systems for name in list_names(system)})


def _find(name: str) -> _Command:
    if name not in COMMANDS:
        raise ConfigError(f"vos has no command {name!r}{did_you_mean(name, COMMANDS)}")
    return COMMANDS[name]


def _listed() -> str:
    width = max(map(len, COMMANDS))
    return "\n".join(f"    {name:{width}}  {entry.text}" for name, entry in COMMANDS.items())


if __name__ == "__main__":
    sys.exit(main())
