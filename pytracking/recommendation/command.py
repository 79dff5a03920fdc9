"""The command line of this package: ``[SYSTEM NAME] [with key=value ...]``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ltr.admin.cli import set_up_logging
from ltr.admin.devices import best_device
from ltr.admin.errors import ConfigError
from pytracking.cli.video_arguments import VideoParser
from pytracking.evaluation.hosts import create_host
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.recommendation.config import RecommendationSettings, parse_settings
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.base import InteractiveVOS

_WITH = "with"
_PUBLISHED = {"atnet": "ATNet", "manet": "MANet", "ipn": "IPN"}


@dataclass(frozen=True)
class Task:
    """What a command line asks for.

    Args:
        spec: The host.
        to_mask: How lines become a mask for a tracker of masks, see ``create_host``.
        settings: All settings.
        quiet: Show no progress.
        overwrite: Replace results of other settings.
    """

    spec: TrackerSpec
    to_mask: str
    settings: RecommendationSettings
    quiet: bool
    overwrite: bool

    @property
    def device(self) -> torch.device:
        """The CUDA GPU of the settings; without one the best device here.

        Raises:
            ConfigError: There are GPUs, but not this one.
        """
        count, index = torch.cuda.device_count(), self.settings.gpu_id
        if count and not 0 <= index < count:
            raise ConfigError(f"gpu_id={index}: PyTorch sees {count} GPUs here")
        return torch.device("cuda", index) if count else best_device()

    @property
    def host_name(self) -> str:
        """Name of the host in the path of results."""
        spec = self.spec
        own = f"{spec.system}_{spec.name}"
        return _PUBLISHED.get(spec.name, own) if spec.system == "interactive" else own

    def create_host(self) -> InteractiveVOS:
        """Load the host.

        Raises:
            ConfigError: There is no such host.
            CheckpointError: Its network is missing or damaged.
        """
        spec = self.spec
        return create_host(
            spec.system, spec.name, spec.overrides, spec.net, Runtime(self.device), self.to_mask
        )


def parse_task(
    description: str | None,
    argv: Sequence[str] | None,
    defaults: RecommendationSettings,
    host: tuple[str, str] | None = ("interactive", "atnet"),
) -> Task:
    """Read a command line and set up logging.

    Args:
        description: The docstring of the command's module.
        argv: The words; None takes those of the process.
        defaults: Settings before the words change them.
        host: System and name where the words name none; None if they must.

    Raises:
        ConfigError: A word is unknown or wrong.
    """
    parser = VideoParser(description)
    parser.add_argument("host", nargs="*", metavar="SYSTEM NAME", help="then: [with KEY=VALUE ...]")
    parser.add_set("one parameter of the host")
    parser.add_argument("--net", metavar="FILE", help="the host's network file")
    parser.add_to_mask()
    parser.add_switch("--overwrite", "replace earlier results")
    parser.add_quiet()
    words, assignments = _split(sys.argv[1:] if argv is None else list(argv))
    arguments = parser.parse_args(words)
    set_up_logging(arguments.quiet)
    named = arguments.host
    system_and_name = tuple(named) or host or ()
    if len(system_and_name) != 2:
        raise ConfigError(
            f"expected SYSTEM and NAME of a host before 'with', got {' '.join(named) or 'nothing'}"
        )
    return Task(
        TrackerSpec(*system_and_name, overrides=tuple(arguments.overrides), net=arguments.net),
        arguments.to_mask,
        parse_settings(assignments, defaults),
        arguments.quiet,
        arguments.overwrite,
    )


def _split(words: list[str]) -> tuple[list[str], list[str]]:
    """What stands before and after ``with``."""
    if _WITH not in words:
        return words, []
    place = words.index(_WITH)
    options = [word for word in words[place + 1 :] if word.startswith("-")]
    if options:
        raise ConfigError(f"{options[0]} must come before 'with'")
    return words[:place], words[place + 1 :]
