"""Batches of training samples: the same ones whatever the number of workers and of processes."""

from __future__ import annotations

import atexit
import os
import re
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from typing import Any
from zlib import crc32

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler

from ltr.admin.errors import ConfigError, DataError, WorkerError
from ltr.data.epochs import is_due
from ltr.data.randomness import SampleKey
from ltr.data.samples import RandomSamples

_JOIN_S = 5.0
_DEATH_S = 1.0


class DistributedBatchSampler(Sampler[list[SampleKey]]):
    """Which samples one rank loads: its share of every batch of an epoch, in microbatches.

    Every batch is cut into ``world_size * microbatches`` nearly equal parts; each rank takes
    ``microbatches`` neighbouring ones. A last batch that is too small to be cut is left out.

    Args:
        length: Samples an epoch.
        batch_size: Samples of a whole batch, over all ranks and microbatches.
        seed: Seed of the run combined with the name of the loader.
        shuffle: Whether the indices are permuted, differently in every epoch.
        microbatches: Parts of a batch that one rank loads one after the other.
        rank: Index of this process, from 0.
        world_size: Number of processes.

    Raises:
        ConfigError: The batch is too small to be cut.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        shuffle: bool = False,
        microbatches: int = 1,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size < world_size * microbatches:
            raise ConfigError(
                f"a batch of {batch_size} samples cannot be split into "
                f"{world_size * microbatches} parts ({world_size} processes with "
                f"{microbatches} microbatches each): use a larger batch_size"
            )
        self.length = length
        self.batch_size = batch_size
        self.seed = seed
        self.shuffle = shuffle
        self.microbatches = microbatches
        self.rank = rank
        self.world_size = world_size
        self.epoch = 1
        self.first_batch = 0
        self.first_sample = 0

    def start(self, epoch: int, batch: int = 0, sample: int | None = None) -> None:
        """Choose what is loaded next.

        Args:
            epoch: Counted from 1.
            batch: Number of the first batch.
            sample: Its first sample; None where all batches before it had the size of this run.
        """
        self.epoch, self.first_batch = epoch, batch
        self.first_sample = batch * self.batch_size if sample is None else sample

    @property
    def num_batches(self) -> int:
        """Batches of a whole epoch, with those that were there before ``start``."""
        full, rest = divmod(max(0, self.length - self.first_sample), self.batch_size)
        return self.first_batch + full + (rest >= self.world_size * self.microbatches)

    def __len__(self) -> int:
        return (self.num_batches - self.first_batch) * self.microbatches

    def __iter__(self) -> Iterator[list[SampleKey]]:
        indices = np.arange(self.length)
        if self.shuffle:
            np.random.default_rng((self.seed, self.epoch)).shuffle(indices)
        first = self.rank * self.microbatches
        for batch in range(self.first_batch, self.num_batches):
            for part in self._parts(indices, batch)[first : first + self.microbatches]:
                yield [SampleKey(self.seed, self.epoch, int(index)) for index in part]

    def sizes(self, batch: int) -> np.ndarray:
        """Samples of every part of a batch (counted from 0), (world_size, microbatches)."""
        parts = self._parts(np.arange(self.length), batch)
        return np.array([len(part) for part in parts]).reshape(self.world_size, self.microbatches)

    def _parts(self, indices: np.ndarray, batch: int) -> list[np.ndarray]:
        start = self.first_sample + (batch - self.first_batch) * self.batch_size
        whole = indices[start : start + self.batch_size]
        return np.array_split(whole, self.world_size * self.microbatches)


class LTRLoader(DataLoader[dict[str, Any]]):
    """A data loader that knows its part in the training.

    Args:
        name: Name of the loader in logs, for example ``train``.
        dataset: Maps a ``SampleKey`` to a sample; its method ``collate``, if it has one, builds the
            batches.
        batch_size: Samples of a whole batch, over all ranks.
        training: Whether the network learns from it.
        epoch_interval: It is used in every so many epochs.
        epoch_offset: See ``is_due``.
        stack_dim: Axis of the batch in stacked tensors, 0 or 1.
        num_workers: Processes that load; 0 loads in the training process itself.
        seed: Seed of the run.
        shuffle: Whether the indices are permuted in every epoch.
        microbatches: Parts of a rank's batch that are loaded and processed one after the other
            (gradient accumulation).
        rank: Index of this training process, from 0.
        world_size: Number of training processes.
        pin_memory: Whether batches are put in page-locked memory for a GPU.
    """

    def __init__(
        self,
        name: str,
        dataset: RandomSamples[Any],
        *,
        batch_size: int,
        training: bool = True,
        epoch_interval: int = 1,
        epoch_offset: int = 0,
        stack_dim: int = 0,
        num_workers: int = 0,
        seed: int = 0,
        shuffle: bool = False,
        microbatches: int = 1,
        rank: int = 0,
        world_size: int = 1,
        pin_memory: bool = False,
    ) -> None:
        if stack_dim not in (0, 1):
            raise ConfigError(f"stack_dim is 0 or 1, not {stack_dim}")
        self.name = name
        self.samples = dataset
        self.training = training
        self.epoch_interval = epoch_interval
        self.epoch_offset = epoch_offset
        self.stack_dim = stack_dim
        self.distributed_sampler = DistributedBatchSampler(
            len(dataset),
            batch_size,
            seed ^ crc32(name.encode()),
            shuffle,
            microbatches,
            rank,
            world_size,
        )
        super().__init__(
            dataset,
            batch_sampler=self.distributed_sampler,
            num_workers=num_workers,
            collate_fn=getattr(dataset, "collate", None) or Collate(stack_dim),
            pin_memory=pin_memory,
            worker_init_fn=_start_worker,
            multiprocessing_context="spawn" if num_workers else None,
            persistent_workers=num_workers > 0,
        )

    def is_due(self, epoch: int) -> bool:
        """Whether it is used in an epoch, counted from 1."""
        return is_due(epoch, self.epoch_interval, self.epoch_offset)

    def batches(
        self, epoch: int, first_batch: int = 0, first_sample: int | None = None
    ) -> Iterator[list[dict[str, Any]]]:
        """Load the batches of an epoch, each as the list of this rank's microbatches.

        Args:
            epoch: Counted from 1.
            first_batch: Batches before it are left out, not loaded.
            first_sample: See ``DistributedBatchSampler.start``.

        Raises:
            DataError: A sample cannot be made; the sentence is the worker's.
            WorkerError: A worker died.
        """
        self.distributed_sampler.start(epoch, first_batch, first_sample)
        if isinstance(self.samples, RandomSamples):
            self.samples.begin_epoch(epoch, self.distributed_sampler.first_sample)
        return self._load()

    def _load(self) -> Iterator[list[dict[str, Any]]]:
        microbatches: list[dict[str, Any]] = []
        try:
            for microbatch in self:
                microbatches.append(microbatch)
                if len(microbatches) == self.distributed_sampler.microbatches:
                    yield microbatches
                    microbatches = []
        except DataError as error:
            raise DataError(_sentence_of_worker(error)) from error
        except (RuntimeError, OSError, EOFError) as error:  # as the pipes to a dead worker break
            # The pipe of a killed worker breaks a moment before the worker counts as ended.
            if not wait([worker.sentinel for worker in self._workers()], timeout=_DEATH_S):
                raise
            self._kill_workers()
            raise WorkerError(
                f"a worker of the loader {self.name!r} was killed, possibly out of memory: "
                "try fewer num_workers; the same command resumes"
            ) from error

    def __iter__(self) -> Iterator[dict[str, Any]]:  # type: ignore[override]  # a plain iterator
        is_new = self._iterator is None
        with _own_signal_handler():
            batches = super().__iter__()
        if is_new and self.num_workers:
            # Runs before the clean-up of PyTorch and of multiprocessing, which both wait.
            atexit.register(_kill, self._workers())
        return batches

    def _workers(self) -> list[BaseProcess]:
        return list(getattr(self._iterator, "_workers", ()))

    def _kill_workers(self) -> None:
        _kill(self._workers())
        self._iterator = None


@contextmanager
def _own_signal_handler() -> Iterator[None]:
    """Keep PyTorch's handler of ended children away.

    It raises a plain RuntimeError wherever the program happens to be. Without it the loader itself
    finds a dead worker, when it waits for the next batch.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGCHLD) or signal.SIG_DFL
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def _kill(workers: Sequence[BaseProcess]) -> None:
    """End processes that ignore SIGTERM, and wait for each no longer than a moment."""
    for worker in workers:
        worker.kill()
    for worker in workers:
        worker.join(_JOIN_S)


def _sentence_of_worker(error: DataError) -> str:
    """The message of an error without the worker's traceback that PyTorch puts before it."""
    return re.sub(r"(?s)^Caught .*\n\S*DataError: ", "", str(error)).strip()


def _start_worker(worker: int) -> None:
    """Leave signals to the training process, and threads to the other workers.

    A worker that is ended while it sends a batch must not finalise the interpreter: that tears
    down the sending thread inside PyTorch, and the process aborts.
    """
    atexit.register(os._exit, 0)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


class Collate:
    """Join samples to a batch.

    Tensors and arrays are stacked, numbers become tensors (int64, float64), mappings and sequences
    are joined part by part, anything else becomes a list.

    Args:
        stack_dim: Axis along which the samples of a batch are stacked.

    >>> Collate(1)([{"x": torch.zeros(3, 2), "name": "a"}, {"x": torch.ones(3, 2), "name": "b"}])[
    ...     "x"
    ... ].shape
    torch.Size([3, 2, 2])
    """

    def __init__(self, stack_dim: int = 0) -> None:
        self.stack_dim = stack_dim

    def __call__(self, samples: Sequence[Any]) -> Any:
        """Join the samples of a batch."""
        first = samples[0]
        if isinstance(first, torch.Tensor):
            return torch.stack(list(samples), dim=min(self.stack_dim, first.dim()))
        if isinstance(first, np.ndarray):
            return self([torch.from_numpy(sample) for sample in samples])
        if isinstance(first, bool | int | np.integer):
            return torch.tensor(samples, dtype=torch.int64)
        if isinstance(first, float | np.floating):
            return torch.tensor(samples, dtype=torch.float64)
        if isinstance(first, Mapping):
            return {key: self([sample[key] for sample in samples]) for key in first}
        if isinstance(first, Sequence) and not isinstance(first, str | bytes):
            return [self(parts) for parts in zip(*samples, strict=True)]
        return list(samples)
