"""Where the evaluation library finds data sets and networks and puts results.

The rules are those of ``ltr.admin.environment``. A data-set path that is empty here is taken from
the training library's file, so one file suffices.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from ltr.admin.environment import (
    Environment,
    comments,
    read_environment,
    require,
    train_environment,
    variable,
    with_defaults,
    with_process_variables,
)
from ltr.admin.local_file import create_local_file
from ltr.admin.places import ROOT, download_folder, is_checkout, output_folder, settings_file

__all__ = [
    "EnvSettings",
    "EvaluationEnvironment",
    "evaluation_environment",
    "find_root",
    "require",
]

_TEMPLATE = '''"""Your paths for evaluation; a process variable PYTRACKING_NAME wins over them."""

from pytracking.evaluation.environment import EnvSettings


def local_env_settings():
    """An empty text means: not set, or the default named beside it."""
    settings = EnvSettings()
{variables}
    return settings
'''


@dataclass(frozen=True)
class EvaluationEnvironment(Environment):
    """The paths of the evaluation library, from ``pytracking/evaluation/local.py``."""

    file: ClassVar[Path] = settings_file("pytracking/evaluation/local.py")
    prefix: ClassVar[str] = "PYTRACKING"
    reader: ClassVar[str] = "local_env_settings"
    # Upstream's file also names box-tracking sets and a second result folder; nothing reads them.
    unused: ClassVar[frozenset[str]] = frozenset(
        (
            "segmentation_path",
            *(f"{name}_path" for name in ("otb", "nfs", "uav", "tpl", "vot", "got10k", "lasot")),
            *("trackingnet_path", "got_packed_results_path", "got_reports_path"),
            "tn_packed_results_path",
        )
    )
    lists: ClassVar[frozenset[str]] = frozenset(("network_path",))

    results_path: str = variable("masks, boxes, times; empty: tracking_results")
    network_path: str | tuple[str, ...] = variable(
        "networks, a folder or a list of them; empty: networks of the package or of yours"
    )
    result_plot_path: str = variable("tables and plots; empty: result_plots")

    @property
    def network_folders(self) -> tuple[Path, ...]:
        """The folders of ``network_path`` in the order in which they are tried."""
        paths = self.network_path
        return tuple(Path(path) for path in ((paths,) if isinstance(paths, str) else paths))


class EnvSettings:
    """What ``local_env_settings()`` of a ``local.py`` fills: one attribute a variable."""

    def __init__(self) -> None:
        for name in (*comments(EvaluationEnvironment), *EvaluationEnvironment.unused):
            setattr(self, name, "")


def evaluation_environment(create: bool = True) -> EvaluationEnvironment:
    """Resolve the paths of the evaluation library.

    Args:
        create: Write a commented ``local.py`` when there is none.

    Raises:
        ConfigError: One of the two ``local.py`` exists but is broken.
    """
    kind = EvaluationEnvironment
    if create:
        create_local_file(kind.file, comments(kind), _TEMPLATE, '    settings.{name} = ""')
    environment = _with_training_paths(with_process_variables(read_environment(kind)))
    networks = ROOT / "pytracking/networks" if is_checkout() else download_folder("networks")
    defaults = {
        "results_path": str(output_folder("pytracking/tracking_results")),
        "network_path": str(networks),
        "result_plot_path": str(output_folder("pytracking/result_plots")),
    }
    return with_defaults(environment, defaults)


def _with_training_paths(environment: EvaluationEnvironment) -> EvaluationEnvironment:
    """Take data-set paths that are empty here from the training library."""
    training = train_environment(create=False)
    changes: dict[str, Any] = {}
    sources = dict(environment.sources)
    for name in comments(Environment):
        # Only what was set there: davis16_dir derived there must not hide davis_dir set here.
        if not getattr(environment, name) and name in training.sources:
            changes[name] = getattr(training, name)
            sources[name] = training.sources[name]
    return dataclasses.replace(environment, sources=sources, **changes)


def find_root(variable: str) -> Path:
    """The existing folder of a path variable of the user's own paths.

    Raises:
        ConfigError: It is not set, or wrong.
    """
    return require(evaluation_environment(), variable)
