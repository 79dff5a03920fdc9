"""Finds a tracker by the two words of every command: ``<system> <name>``."""

from __future__ import annotations

import dataclasses
import importlib
import json
import logging
import pkgutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, overload

from ltr.admin.allocator import keep_memory
from ltr.admin.collection import collection_paused
from ltr.admin.config import describe, override, to_plain
from ltr.admin.errors import ConfigError, did_you_mean
from ltr.admin.files import file_checksum
from ltr.admin.plugins import plugin_parts

if TYPE_CHECKING:
    from pytracking.tracker.base import OnlineTracker, Runtime
    from pytracking.tracker.interactive.base import InteractiveVOS
    from pytracking.tracker.whole_video import WholeVideoTracker

    TrackerClass = type[OnlineTracker] | type[WholeVideoTracker] | type[InteractiveVOS]

_LOG = logging.getLogger(__name__)
_PARAMETERS = "pytracking.parameter"
_TRACKERS = "pytracking.tracker"
_FREE = {"parameters.net", "network_revision", "runtime.device", "runtime.compile"}


@dataclass(frozen=True)
class TrackerSpec:
    """One tracker configuration, before anything is loaded.

    Args:
        system: A folder of ``pytracking/parameter`` and ``pytracking/tracker``.
        name: A file of ``pytracking/parameter/<system>``.
        run_id: Number that keeps the results of several runs apart.
        display_name: Name in tables and plots instead of ``<system> <name>``.
        overrides: Assignments ``"field=value"`` of its parameters.
        net: Network file instead of the one that the parameters name.
    """

    system: str
    name: str
    run_id: int | None = None
    display_name: str | None = None
    overrides: tuple[str, ...] = ()
    net: str | None = None

    @property
    def label(self) -> str:
        """Name in tables and plots, of all runs of a configuration together.

        >>> TrackerSpec("joint", "joint_davis", run_id=3).label
        'joint joint_davis'
        """
        return self.display_name or f"{self.system} {self.name}"

    @property
    def run_label(self) -> str:
        """Name of one run in tables and plots.

        >>> TrackerSpec("joint", "joint_davis", run_id=3).run_label
        'joint joint_davis_003'
        """
        return self.label if self.run_id is None else f"{self.label}_{self.run_id:03d}"

    @property
    def result_name(self) -> str:
        """Folder of the results below ``<results>/<system>``.

        >>> TrackerSpec("joint", "joint_davis", run_id=3).result_name
        'joint_davis_003'
        """
        return self.name if self.run_id is None else f"{self.name}_{self.run_id:03d}"

    @property
    def kind(self) -> str:
        """How the tracker is run: ``online``, ``whole_video`` or ``interactive``.

        Raises:
            ConfigError: There is no such system.
        """
        return tracker_class(self.system).kind

    @property
    def takes_text(self) -> bool:
        """Whether sentences tell the tracker its objects.

        Raises:
            ConfigError: There is no such system.
        """
        return getattr(tracker_class(self.system), "takes_text", False)

    def load_parameters(self) -> Any:
        """See ``load_parameters``."""
        return load_parameters(self.system, self.name, self.overrides, self.net)

    @collection_paused()
    def create(self, runtime: Runtime | None = None, with_log: bool = False) -> Any:
        """See ``create_tracker``; ``with_log`` logs the resolved parameters first."""
        from pytracking.tracker.base import Runtime
        from pytracking.tracker.carrying import carry

        params, runtime = self.load_parameters(), runtime or Runtime()
        if with_log:
            _LOG.info("%s %s\n%s", self.system, self.name, describe(params))
        is_on_cpu = runtime.device.type == "cpu"
        if is_on_cpu:
            keep_memory()
        tracker = tracker_class(self.system).create(params, runtime)
        return carry(tracker, params) if is_on_cpu else tracker  # tracking is faster on a GPU


def describe_run(spec: TrackerSpec, runtime: Runtime) -> dict[str, Any]:
    """What decides the results of a tracker, JSON-like, to be stored beside them.

    Raises:
        CheckpointError: Its network is missing.
    """
    from ltr.admin.provenance import versions

    params = spec.load_parameters()
    return {
        "system": spec.system,
        "name": spec.name,
        "parameters": to_plain(params),
        **_describe_network(getattr(params, "net", None)),
        "runtime": {
            "device": str(runtime.device),
            "precision": runtime.precision,
            "compile": runtime.compile,
        },
        LIBRARIES: versions(),
    }


def _describe_network(net: str | None) -> dict[str, str | None]:
    """Checksum of the network, and its commit where it came from a hub."""
    if net is None:
        return {"network_sha256": None}
    from ltr.admin.checkpoint import find_checkpoint
    from pytracking.tracker.promptable.loading import checksum_file
    from pytracking.utils.hub import PREFIX, revision_of
    from pytracking.utils.loading import find_network

    path = find_network(net)
    if (path / "config.json").is_file():  # a folder of transformers
        path = checksum_file(path)
    checksum = file_checksum(find_checkpoint(path) if path.is_dir() else path)
    commit = {"network_revision": revision_of(path)} if net.startswith(PREFIX) else {}
    return {"network_sha256": checksum, **commit}


DEVIATIONS = "deviations"
"""Entry of a stored configuration: in what single sequences were run otherwise, by name."""


LIBRARIES = "versions"
"""Entry of a stored configuration: what computed the results; it may change between two starts."""


def compare_runs(stored: Any, wanted: Mapping[str, Any]) -> str:
    """Name the first entry in which two runs differ; empty when nothing is stored or none does.

    The network's path, the device, whether it compiles, versions of libraries and what was noted of
    single sequences may differ.

    Args:
        stored: What ``describe_run`` and the caller stored.
        wanted: Description of the run that is about to start.
    """
    if not isinstance(stored, Mapping) or not stored:
        return ""
    old, new = (
        _flatten({key: value for key, value in run.items() if key not in (DEVIATIONS, LIBRARIES)})
        for run in (stored, wanted)
    )
    for key in sorted((old.keys() | new.keys()) - _FREE):
        if old.get(key) != new.get(key):
            return f"{key} is {old.get(key)} there and {new.get(key)} now"
    return ""


def _flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = json.dumps(value)
    return flat


def trackerlist(
    system: str,
    name: str,
    run_ids: int | Iterable[int] | None = None,
    display_name: str | None = None,
) -> tuple[TrackerSpec, ...]:
    """Describe the runs of one tracker, as experiments list them.

    Args:
        system: First word of the commands.
        name: Second word of the commands.
        run_ids: Numbers of the runs; None for the run without a number.
        display_name: Name in tables and plots.
    """
    numbers = (run_ids,) if run_ids is None or isinstance(run_ids, int) else run_ids
    return tuple(
        TrackerSpec(system, name, run_id=number, display_name=display_name) for number in numbers
    )


@overload
def create_tracker(
    system: Literal["baseline", "dense_ulearn", "joint"],
    name: str,
    overrides: Sequence[str] = ...,
    net: str | None = ...,
    runtime: Runtime | None = ...,
) -> OnlineTracker: ...
@overload
def create_tracker(
    system: Literal["propose_reduce", "referring"],
    name: str,
    overrides: Sequence[str] = ...,
    net: str | None = ...,
    runtime: Runtime | None = ...,
) -> WholeVideoTracker: ...
@overload
def create_tracker(
    system: Literal["interactive"],
    name: str,
    overrides: Sequence[str] = ...,
    net: str | None = ...,
    runtime: Runtime | None = ...,
) -> InteractiveVOS: ...
@overload
def create_tracker(
    system: str,
    name: str,
    overrides: Sequence[str] = ...,
    net: str | None = ...,
    runtime: Runtime | None = ...,
) -> Any: ...
def create_tracker(
    system: str,
    name: str,
    overrides: Sequence[str] = (),
    net: str | None = None,
    runtime: Runtime | None = None,
) -> OnlineTracker | WholeVideoTracker | InteractiveVOS:
    """Make a tracker ready, its network loaded.

    On a CPU the process keeps freed memory from now on, see ``ltr.admin.allocator``.

    Args:
        system: System, for example ``"joint"``.
        name: One of the system's parameter files, for instance ``"joint_davis"``.
        overrides: Assignments ``"field=value"`` of its parameters.
        net: Network file instead of the one that the parameters name.
        runtime: Device and precision; by default fp32 on the CPU.

    Returns:
        A tracker of the system's kind. For a name that is only known when the program runs a type
        checker cannot say which: ask its ``kind``, or ``isinstance``.

    Raises:
        ConfigError: An unknown system, name or field, or a wrong ``VOS_KEEP_MEMORY``.
        CheckpointError: The network file is missing, damaged or of another network.
    """
    spec = TrackerSpec(system, name, overrides=tuple(overrides), net=net)
    tracker: OnlineTracker | WholeVideoTracker | InteractiveVOS = spec.create(runtime)
    return tracker


def load_parameters(
    system: str, name: str, overrides: Sequence[str] = (), net: str | None = None
) -> Any:
    """Resolve the parameters of a tracker; with ``fast=true`` those of its fast mode.

    Args:
        system: System, for example ``"joint"``.
        name: One of the system's parameter files.
        overrides: Assignments ``"field=value"``.
        net: Network file; the tracker must use one.

    Returns:
        The system's frozen dataclass.

    Raises:
        ConfigError: An unknown system, name or field, or a network for a tracker without one.
    """
    files = _parameter_files(system)
    if name not in files:
        raise ConfigError(
            f"there is no parameter file of {system} {name!r}{did_you_mean(name, files)}"
        )
    module = importlib.import_module(files[name])
    params = override(module.parameters(), overrides)
    if getattr(params, "fast", False):
        params = params.faster()
    if net is None:
        return params
    if not any(field.name == "net" for field in dataclasses.fields(params)):
        raise ConfigError(f"--net {net}: {system} {name} uses no network")
    return dataclasses.replace(params, net=net)


def list_systems() -> list[str]:
    """Names of all systems, those of plug-ins included."""
    return sorted({*_members(_PARAMETERS), *plugin_parts("trackers")})


def list_names(system: str) -> list[str]:
    """Names of the parameter files of a system."""
    return sorted(_parameter_files(system))


@collection_paused()
def tracker_class(system: str) -> TrackerClass:
    """The class of a system; the modules that trackers share are not systems.

    Raises:
        ConfigError: There is no such system.
    """
    _check_system(system)
    if system in _members(_PARAMETERS):
        found: type = importlib.import_module(f"{_TRACKERS}.{system}").get_tracker_class()
    else:
        found = plugin_parts("trackers")[system].load().get_tracker_class()
    return found


def _parameter_files(system: str) -> dict[str, str]:
    """Modules of a system's parameter files by name; our own come before those of plug-ins."""
    _check_system(system)
    packages = []
    if system in plugin_parts("parameters"):
        packages.append(plugin_parts("parameters")[system].load().__name__)
    if system in _members(_PARAMETERS):
        packages.append(f"{_PARAMETERS}.{system}")
    return {name: f"{package}.{name}" for package in packages for name in _members(package)}


def _check_system(system: str) -> None:
    systems = list_systems()
    if system not in systems:
        raise ConfigError(f"there is no tracker {system!r}{did_you_mean(system, systems)}")


def _members(package: str) -> list[str]:
    """Names of the modules in a package: only these can be typed by a user."""
    path = importlib.import_module(package).__path__
    return sorted(module.name for module in pkgutil.iter_modules(path))
