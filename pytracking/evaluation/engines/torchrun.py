"""Jobs spread over the processes that ``torchrun`` started, on one machine or many.

The processes talk through a key-value store only: on one machine their own, which other machines
cannot reach, else that of the launch. What it holds is sealed, see ``seals``. Each takes the next
job when it is free, so that none waits for a slow one.
"""

from __future__ import annotations

import os
import pickle
import socket
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

from torch._C._distributed_c10d import Store, TCPStore
from torch.distributed.rendezvous import rendezvous

from ltr.admin.errors import ConfigError
from pytracking.evaluation.engines.base import (
    CountFrames,
    Engine,
    Job,
    Result,
    Work,
    WorkerSetup,
    attempt,
)
from pytracking.evaluation.engines.seals import Seal, find_seal, make_seal

_LAUNCH, _LOOPBACK = "vos launch", "127.0.0.1"
_POLL_S = 0.1
_FOREVER = timedelta(days=30)


class TorchrunEngine(Engine):
    """One of the processes that ``torchrun`` started; the first one hands out the jobs.

    When a process dies, ``torchrun`` ends the others; the next start continues with what is
    missing.

    Args:
        setup: How all processes compute.

    Raises:
        ConfigError: This process was not started by ``torchrun``.
    """

    def __init__(self, setup: WorkerSetup) -> None:
        missing = [name for name in ("RANK", "WORLD_SIZE", "MASTER_ADDR") if name not in os.environ]
        if missing:
            raise ConfigError(
                f"--engine torchrun: {missing[0]} is not set, start the command as "
                f"torchrun --nproc-per-node N {Path(sys.argv[0]).name} ..."
            )
        setup.apply(int(os.environ.get("LOCAL_RANK", 0)))
        launch, rank, self._num_processes = next(iter(rendezvous("env://")))
        launch.set_timeout(_FOREVER)
        self.is_worker = rank > 0
        self._seal = (
            find_seal(launch.get(_LAUNCH).decode("ascii", "replace"))
            if self.is_worker
            else make_seal(lambda name: launch.set(_LAUNCH, name))
        )
        is_one_machine = os.environ.get("LOCAL_WORLD_SIZE") == str(self._num_processes)
        self._launch = launch  # the launcher's store lives as long as this
        self._store = self._own_store() if is_one_machine else launch
        self._rounds = count()

    def _own_store(self) -> Store:
        """A store that only processes of this machine reach; its port stands in the launch's."""
        place = "vos port"
        if self.is_worker:
            port = int(self._seal.open(place, self._launch.get(place)))
            return TCPStore(_LOOPBACK, port, is_master=False, timeout=_FOREVER)
        listener = socket.create_server((_LOOPBACK, 0))
        port = listener.getsockname()[1]
        store = TCPStore(
            _LOOPBACK,
            port,
            is_master=True,
            timeout=_FOREVER,
            wait_for_workers=False,
            master_listen_fd=listener.detach(),
        )
        self._launch.set(place, self._seal.seal(place, str(port).encode()))
        return store

    def run(
        self, work: Work[Job, Result], jobs: Sequence[Job], count_frames: CountFrames
    ) -> Iterator[tuple[Job, Result | None]]:
        """See ``Engine.run``; this process works too."""
        board = _Board(self._store, self._seal, next(self._rounds))
        board.post(work, jobs)
        waiting = set(range(len(jobs)))
        taken = board.take(len(jobs))
        while waiting:
            index = next(taken, None)
            if index is None:
                time.sleep(_POLL_S)
            else:
                board.finish(index, work, jobs[index], count_frames)
            count_frames(board.frames_of_others())
            for done in [index for index in waiting if board.is_finished(index)]:
                waiting.remove(done)
                yield jobs[done], board.result(done)

    def serve(self) -> None:
        """See ``Engine.serve``."""
        for number in self._rounds:
            board = _Board(self._store, self._seal, number)
            call = board.call()
            if call is None:
                self._store.add("finished", 1)
                return
            work, jobs = call
            for index in board.take(len(jobs)):
                board.finish(index, work, jobs[index], board.count_frames)

    def close(self) -> None:
        """Let the other processes go."""
        if self.is_worker:
            return
        _Board(self._store, self._seal, next(self._rounds)).post(None, ())
        # The store may live in this process: it must not end before all have read the end.
        while self._store.add("finished", 0) < self._num_processes - 1:
            time.sleep(_POLL_S)
        self._seal.forget()


class _Board:
    """The entries of one run in the store."""

    def __init__(self, store: Store, seal: Seal, number: int) -> None:
        self._store = store
        self._seal = seal
        self._name = f"run {number}"
        self._counted = 0

    def post(self, work: Work[Any, Any] | None, jobs: Sequence[Any]) -> None:
        """Publish the jobs; no work means the end."""
        call = None if work is None else (work, list(jobs))
        self._put("jobs", call)

    def call(self) -> tuple[Work[Any, Any], list[Any]] | None:
        """Wait for the jobs."""
        call: tuple[Work[Any, Any], list[Any]] | None = self._get("jobs")
        return call

    def take(self, num_jobs: int) -> Iterator[int]:
        """Indices of jobs that nobody else has."""
        while (index := self._store.add(f"{self._name} next", 1) - 1) < num_jobs:
            yield index

    def finish(self, index: int, work: Work[Any, Any], job: Any, count_frames: CountFrames) -> None:
        """Do a job and publish what came of it."""
        self._put(f"result {index}", attempt(work, job, count_frames))

    def is_finished(self, index: int) -> bool:
        """Whether a job's result is there."""
        return self._store.check([f"{self._name} result {index}"])

    def result(self, index: int) -> Any:
        """What came of a job; what it raised is raised here."""
        return self._get(f"result {index}").unwrap()

    def count_frames(self, frames: int) -> None:
        """Tell the first process of finished frames."""
        self._store.add(f"{self._name} frames", frames)

    def frames_of_others(self) -> int:
        """Frames that the other processes finished since the last call."""
        total = self._store.add(f"{self._name} frames", 0)
        new, self._counted = total - self._counted, total
        return new

    def _put(self, what: str, value: Any) -> None:
        place = f"{self._name} {what}"
        self._store.set(place, self._seal.seal(place, pickle.dumps(value)))

    def _get(self, what: str) -> Any:
        """Wait for a value; untrusted messages are refused before they are unpickled."""
        place = f"{self._name} {what}"
        return pickle.loads(self._seal.open(place, self._store.get(place)))
