"""Engines by name; ``--engine`` chooses one."""

from __future__ import annotations

from pytracking.evaluation.engines.base import Engine
from pytracking.evaluation.engines.worker import WorkerSetup


def start_engine(name: str, num_workers: int, setup: WorkerSetup) -> Engine | None:
    """Start or join the workers of an engine.

    Args:
        name: ``local``, ``torchrun`` or ``ray``.
        num_workers: How many jobs run at a time; 0 means no further process (``local``) or as
            many as the cluster has room for (``ray``). ``torchrun`` started its own number.
        setup: How the workers compute.

    Returns:
        The engine, or None where this process does everything itself.

    Raises:
        ConfigError: The engine is not installed, or its processes were not started.
    """
    if name == "torchrun":
        from pytracking.evaluation.engines.torchrun import TorchrunEngine

        return TorchrunEngine(setup)
    if name == "ray":
        from pytracking.evaluation.engines.ray_tasks import RayEngine

        return RayEngine(num_workers, setup)
    if num_workers:
        from pytracking.evaluation.engines.local import LocalEngine

        return LocalEngine(num_workers, setup)
    return None
