"""Makes every tracker an interactive host: some are, the others get a mask from scribbles first."""

from __future__ import annotations

from collections.abc import Sequence

from ltr.admin.errors import ConfigError
from pytracking.evaluation.tracker import TrackerSpec
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.base import InteractiveVOS


def create_host(
    system: str,
    name: str,
    overrides: Sequence[str] = (),
    net: str | None = None,
    runtime: Runtime | None = None,
    to_mask: str = "grabcut",
) -> InteractiveVOS:
    """Make an interactive host ready.

    Args:
        system: System of the tracker, for example ``"interactive"`` or ``"joint"``.
        name: One of the system's parameter files, for instance ``"atnet"`` or ``"joint_demo"``.
        overrides: Assignments ``"field=value"`` of its parameters.
        net: Network file instead of the one that the parameters name.
        runtime: Device and precision; by default fp32 on the CPU.
        to_mask: How scribbles become a mask for a tracker that takes masks: ``grabcut``, ``atnet``
            or ``ipn``, the last two with ``:FILE`` where the network is not the released one.

    Raises:
        ConfigError: An unknown system, name or field, or a system that takes no masks.
        CheckpointError: The network file is missing, damaged or of another network.
    """
    runtime = runtime or Runtime()
    spec = TrackerSpec(system, name, overrides=tuple(overrides), net=net)
    if spec.kind not in ("online", "interactive"):
        raise ConfigError(
            f"{system} {name} cannot take scribbles: a host is an interactive system or one that "
            "follows masks frame by frame"
        )
    tracker = spec.create(runtime)
    if spec.kind == "interactive":
        return tracker
    from pytracking.tracker.interactive.adapter import MaskTrackerHost
    from pytracking.tracker.interactive.scribble_methods import create_scribble_to_mask

    return MaskTrackerHost(
        name, tracker, create_scribble_to_mask(to_mask, runtime.device), runtime.device
    )
