"""Batches of training samples: the same ones whatever the number of workers and processes."""

from __future__ import annotations

import atexit
import os
import re
import signal
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from zlib import crc32

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from ltr.admin.errors import ConfigError, DataError
from ltr.data.randomness import SampleKey


class Shares(Sampler[list[SampleKey]]):
    """Which samples one process loads: its share of every batch of an epoch, in pieces.

    Every batch is cut into ``processes * pieces`` nearly equal parts; each process takes
    ``pieces`` neighbouring ones. A last batch that is too small to be cut is left out.

    Args:
        length: Samples an epoch.
        batch_size: Samples of all processes and pieces together.
        seed: Of the run and the loader.
        shuffles: Whether the indices are permuted, differently in every epoch.
        pieces: Parts of a batch that one process loads one after the other.
        process: Number of this process.
        processes: Number of processes.

    Raises:
        ConfigError: The batch is too small to be cut.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int,
        shuffles: bool = False,
        pieces: int = 1,
        process: int = 0,
        processes: int = 1,
    ) -> None:
        if batch_size < processes * pieces:
            raise ConfigError(
                f"a batch of {batch_size} samples cannot be cut into {processes * pieces} parts "
                f"({processes} processes, each {pieces} pieces)"
            )
        self.length = length
        self.batch_size = batch_size
        self.seed = seed
        self.shuffles = shuffles
        self.pieces = pieces
        self.process = process
        self.processes = processes
        self.epoch = 1
        self.first_batch = 0

    @property
    def num_batches(self) -> int:
        """Batches of a whole epoch."""
        full, rest = divmod(self.length, self.batch_size)
        return full + (rest >= self.processes * self.pieces)

    def __len__(self) -> int:
        return (self.num_batches - self.first_batch) * self.pieces

    def __iter__(self) -> Iterator[list[SampleKey]]:
        indices = np.arange(self.length)
        if self.shuffles:
            np.random.default_rng((self.seed, self.epoch)).shuffle(indices)
        first = self.process * self.pieces
        for batch in range(self.first_batch, self.num_batches):
            for part in self._parts(indices, batch)[first : first + self.pieces]:
                yield [SampleKey(self.seed, self.epoch, int(index)) for index in part]

    def sizes(self, batch: int) -> np.ndarray:
        """Samples of every part of a batch (counted from 0), (processes, pieces)."""
        parts = self._parts(np.arange(self.length), batch)
        return np.array([len(part) for part in parts]).reshape(self.processes, self.pieces)

    def _parts(self, indices: np.ndarray, batch: int) -> list[np.ndarray]:
        start = batch * self.batch_size
        whole = indices[start : start + self.batch_size]
        return np.array_split(whole, self.processes * self.pieces)


class LTRLoader(DataLoader):
    """A data loader that knows its part in the training.

    Args:
        name: For instance ``train``; names the log entries.
        dataset: Its items are asked for by ``SampleKey``; its function ``collate``, where it has
            one, joins them.
        batch_size: Samples of all processes together.
        training: Whether the network learns from it.
        epoch_interval: It is used in every so many epochs.
        stack_dim: Axis of the batch in stacked tensors, 0 or 1.
        num_workers: Processes that load; 0 loads in this process.
        seed: Of the run.
        shuffles: Whether the indices are permuted in every epoch.
        pieces: Parts of a batch that are loaded one after the other.
        process: Number of this training process.
        processes: Number of training processes.
        pins_memory: Whether batches are put in page-locked memory for a GPU.
    """

    def __init__(
        self,
        name: str,
        dataset: Dataset,
        *,
        batch_size: int,
        training: bool = True,
        epoch_interval: int = 1,
        stack_dim: int = 0,
        num_workers: int = 0,
        seed: int = 0,
        shuffles: bool = False,
        pieces: int = 1,
        process: int = 0,
        processes: int = 1,
        pins_memory: bool = False,
    ) -> None:
        if stack_dim not in (0, 1):
            raise ConfigError(f"stack_dim is 0 or 1, not {stack_dim}")
        self.name = name
        self.training = training
        self.epoch_interval = epoch_interval
        self.stack_dim = stack_dim
        self.shares = Shares(
            len(dataset),
            batch_size,
            seed ^ crc32(name.encode()),
            shuffles,
            pieces,
            process,
            processes,
        )
        super().__init__(
            dataset,
            batch_sampler=self.shares,
            num_workers=num_workers,
            collate_fn=getattr(dataset, "collate", None) or Collate(stack_dim),
            pin_memory=pins_memory,
            worker_init_fn=_start_worker,
            multiprocessing_context="spawn" if num_workers else None,
            persistent_workers=num_workers > 0,
        )

    def batches(self, epoch: int, first_batch: int = 0) -> Iterator[list[dict[str, Any]]]:
        """Load the batches of an epoch, each as the list of this process's pieces.

        Args:
            epoch: Counted from 1.
            first_batch: Batches before it are left out, not loaded.

        Raises:
            DataError: A sample cannot be made; the sentence is the worker's.
        """
        self.shares.epoch, self.shares.first_batch = epoch, first_batch
        pieces: list[dict[str, Any]] = []
        try:
            for piece in self:
                pieces.append(piece)
                if len(pieces) == self.shares.pieces:
                    yield pieces
                    pieces = []
        except DataError as error:
            raise DataError(_sentence_of_worker(error)) from error


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
        stack_dim: Where the batch axis goes.

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
