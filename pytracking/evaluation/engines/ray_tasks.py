"""Jobs as tasks of a Ray cluster: a machine that leaves costs time, never results."""

from __future__ import annotations

import logging
import os
import socket
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ltr.admin.errors import ConfigError
from ltr.admin.optional import import_optional
from pytracking.evaluation.engines.base import CountFrames, Engine, Job, Result, Work
from pytracking.evaluation.engines.worker import Attempt, WorkerSetup, attempt

_TRIES = 3
_POLL_S, _ANSWER_S = 0.5, 2.0
_OWN = "local"
_RUNNING = "/tmp/ray/ray_current_cluster"


class RayEngine(Engine):
    """Uses the cluster that ``RAY_ADDRESS`` names or that this user runs here, else starts one.

    One that is started here is reached from this machine only. Whoever reaches a cluster can run
    anything on its machines: Ray asks nobody who they are. Data sets, networks and results must lie
    where every machine finds them by the same path.

    Args:
        num_workers: How many jobs run at a time; 0 fills the cluster.
        setup: How the workers compute.

    Raises:
        ConfigError: Ray is not installed, or no cluster answers at the address.
    """

    def __init__(self, num_workers: int, setup: WorkerSetup) -> None:
        address = _address()
        if address == _OWN:
            # Read when Ray is imported. Despite its name it makes Ray listen on loopback only.
            os.environ.setdefault("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        ray = import_optional("ray", "--engine ray", "ray")
        self._ray = ray
        self._is_mine = not ray.is_initialized()
        if self._is_mine:
            _connect(ray, address)
        self._num_workers = num_workers
        self._setup = setup

    def run(
        self, work: Work[Job, Result], jobs: Sequence[Job], count_frames: CountFrames
    ) -> Iterator[tuple[Job, Result | None]]:
        """See ``Engine.run``; a job whose worker or machine is lost is tried again elsewhere."""
        ray = self._ray
        counter = _frame_counter(ray)
        task = self._task()
        waiting = deque(jobs)
        under_way: dict[Any, Job] = {}
        while waiting or under_way:
            while waiting and len(under_way) < self._room():
                job = waiting.popleft()
                under_way[task.remote(self._setup, work, counter, job)] = job
            done, _ = ray.wait(list(under_way), timeout=_POLL_S)
            count_frames(ray.get(counter.take.remote()))
            for reference in done:
                yield under_way.pop(reference), self._result(reference)

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        if self._is_mine:
            self._ray.shutdown()

    def _room(self) -> int:
        """How many tasks are handed over at a time; machines may come and go."""
        if self._num_workers:
            return self._num_workers
        kind = "GPU" if self._setup.device.type == "cuda" else "CPU"
        return max(1, int(self._ray.cluster_resources().get(kind, 1)))

    def _task(self) -> Any:
        num_gpus = 1 if self._setup.device.type == "cuda" else 0
        return self._ray.remote(_work).options(
            num_cpus=1, num_gpus=num_gpus, max_retries=_TRIES - 1
        )

    def _result(self, reference: Any) -> Any:
        errors = self._ray.exceptions
        try:
            return self._ray.get(reference).unwrap()
        except (errors.WorkerCrashedError, errors.OutOfMemoryError, errors.NodeDiedError):
            return None


def _address() -> str | None:
    """``_OWN`` to start a cluster; None to join the one that Ray finds."""
    return None if os.environ.get("RAY_ADDRESS") or _is_running_here() else _OWN


def _is_running_here() -> bool:
    """Whether this user runs a cluster on this machine.

    Ray notes it in a folder where every user of the machine may write, and the note of a cluster
    that was killed stays: Ray itself would wait for it for more than a minute.
    """
    try:
        if os.lstat(_RUNNING).st_uid != os.getuid():
            return False
        host, _, port = Path(_RUNNING).read_text().strip().rpartition(":")
        with socket.create_connection((host, int(port)), _ANSWER_S):
            return True
    except (OSError, ValueError, OverflowError):
        return False


def _connect(ray: Any, address: str | None) -> None:
    """Join a running cluster, or start one on this machine."""
    place = {"address": _OWN, "_node_ip_address": "127.0.0.1"} if address == _OWN else {}
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, **place)
    except (ConnectionError, OSError, RuntimeError, ValueError) as error:
        address = os.environ.get("RAY_ADDRESS", "this machine")
        reason = str(error).splitlines()[0]
        raise ConfigError(f"no Ray cluster answers at {address}: {reason}") from error


def _work(setup: WorkerSetup, work: Work[Any, Any], counter: Any, job: Any) -> Attempt:
    setup.apply(0)  # Ray shows a task no other GPU than its own

    def count_frames(frames: int) -> None:
        counter.add.remote(frames)

    return attempt(work, job, count_frames)


class _FrameCounter:
    """Adds up the frames of all workers; lives on the machine of the command, which must stay."""

    def __init__(self) -> None:
        self._frames = 0

    def add(self, frames: int) -> None:
        self._frames += frames

    def take(self) -> int:
        frames, self._frames = self._frames, 0
        return frames


def _frame_counter(ray: Any) -> Any:
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    return ray.remote(_FrameCounter).options(num_cpus=0, scheduling_strategy=here).remote()
