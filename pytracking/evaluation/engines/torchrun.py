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
from pytracking.evaluation.engines.base import CountFrames, Engine, Job, Result, Work
from pytracking.evaluation.engines.seals import Seal, find_seal, make_seal
from pytracking.evaluation.engines.worker import WorkerSetup, attempt

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
        taken, finished = board.take(len(jobs)), 0
        while finished < len(jobs):
            index = next(taken, None)
            if index is None:
                time.sleep(_POLL_S)
            else:
                board.finish(index, work, jobs[index], count_frames)
            count_frames(board.frames_of_others())
            while finished < len(jobs) and board.has_result(finished):
                done, result = board.result(finished)
                finished += 1
                yield jobs[done], result

    def serve(self) -> None:
        """See ``Engine.serve``."""
        for number in self._rounds:
            board = _Board(self._store, self._seal, number)
            call = board.call()
            if call is None:
                self._store.add("finished", 1)
                return
            work, num_jobs = call
            for index in board.take(num_jobs):
                board.finish(index, work, board.job(index), board.count_frames)

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
        """Publish the jobs, one by one: nobody reads those of others; no work means the end."""
        for index, job in enumerate(jobs):
            self._put(f"job {index}", job)
        self._put("jobs", None if work is None else (work, len(jobs)))

    def call(self) -> tuple[Work[Any, Any], int] | None:
        """Wait for the work and the number of jobs."""
        call: tuple[Work[Any, Any], int] | None = self._get("jobs")
        return call

    def job(self, index: int) -> Any:
        """A job that was taken."""
        return self._get(f"job {index}")

    def take(self, num_jobs: int) -> Iterator[int]:
        """Indices of jobs that nobody else has."""
        while (index := self._store.add(f"{self._name} next", 1) - 1) < num_jobs:
            yield index

    def finish(self, index: int, work: Work[Any, Any], job: Any, count_frames: CountFrames) -> None:
        """Do a job and publish what came of it, as the next of all results."""
        found = attempt(work, job, count_frames)
        number = self._store.add(f"{self._name} results", 1) - 1
        self._put(f"result {number}", (index, found))

    def has_result(self, number: int) -> bool:
        """Whether the n-th result of all is there; one question, however many jobs there are."""
        return self._store.check([f"{self._name} result {number}"])

    def result(self, number: int) -> tuple[int, Any]:
        """Index of a job and what came of it, which then leaves the store.

        What the job raised is raised here.
        """
        index, found = self._get(f"result {number}")
        self._store.delete_key(f"{self._name} result {number}")
        return index, found.unwrap()

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
