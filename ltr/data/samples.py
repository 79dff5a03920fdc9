"""Random training samples: what cannot be read is drawn again, a limited number of times."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, Generic, TypeVar

from torch.utils.data import Dataset

from ltr.admin.errors import DataError
from ltr.data.randomness import Generators, SampleKey

MAX_ATTEMPTS = 20

Draw = TypeVar("Draw")


class RandomSamples(Dataset[dict[str, Any]], Generic[Draw]):
    """Samples that are functions of their keys.

    Args:
        samples_per_epoch: Length of an epoch.
    """

    orders_epochs: bool = False
    """Whether positions of an epoch are already in random order; else the loader shuffles them."""

    def __init__(self, samples_per_epoch: int) -> None:
        self.samples_per_epoch = samples_per_epoch

    def __len__(self) -> int:
        return self.samples_per_epoch

    def begin_epoch(self, epoch: int, first_sample: int) -> None:
        """Called in the training process before the samples of an epoch are loaded.

        Args:
            epoch: Counted from 1.
            first_sample: Samples of the epoch that an earlier start of the run has learned from.
        """

    def __getitem__(self, key: SampleKey) -> dict[str, Any]:
        """Draw, read and process the sample of a key; one that fails is drawn again.

        Returns:
            What ``read`` returns; ``source``, where the sample comes from; ``failures``, why
            earlier draws failed, one line each.

        Raises:
            DataError: Too many draws failed in a row.
        """
        random = Generators.of_sample(key)
        failures: list[str] = []
        while len(failures) < MAX_ATTEMPTS:
            draw = self.choose(key, len(failures), random)
            try:
                sample = self.read(draw, random)
            except DataError as error:
                failures.append(f"{self.source(draw)}: {error}")
                continue
            return {**sample, "source": self.source(draw), "failures": "\n".join(failures)}
        raise DataError(f"{MAX_ATTEMPTS} samples in a row failed, the last one: {failures[-1]}")

    @abstractmethod
    def choose(self, key: SampleKey, attempt: int, random: Generators) -> Draw:
        """Choose what the sample is made of; ``attempt`` counts from 0."""

    @abstractmethod
    def read(self, draw: Draw, random: Generators) -> dict[str, Any]:
        """Read and process what was chosen.

        Raises:
            DataError: It cannot be used.
        """

    @abstractmethod
    def source(self, draw: Draw) -> str:
        """Name what was chosen, for messages."""
