"""How a system's recipe becomes objects: what each system has to provide."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any, ClassVar, Generic, TypeVar

from torch import nn

from ltr.actors.base import Actor
from ltr.admin.checkpoint import read_checkpoint
from ltr.admin.environment import TrainEnvironment
from ltr.admin.loading import load_state
from ltr.data.samples import RandomSamples
from ltr.train_settings.recipe import Recipe

Network = TypeVar("Network", bound=nn.Module)
SampleSets = tuple[RandomSamples[Any], RandomSamples[Any] | None]
"""Training data and, if any, validation data; items are asked for by ``SampleKey``."""


class Assembly(ABC, Generic[Network]):
    """Builds the parts of an experiment; every method is called at most once.

    Args:
        recipe: Resolved.
        environment: Paths of data sets and pre-trained networks.
    """

    stack_dim: ClassVar[int] = 0
    """Axis of the batch in the system's tensors."""

    def __init__(self, recipe: Recipe, environment: TrainEnvironment) -> None:
        self.recipe = recipe
        self.environment = environment

    @abstractmethod
    def network(self) -> Network:
        """Build the network with random weights."""

    def initialise(self, network: Network) -> None:
        """Load what a new run starts from when the recipe has no ``init_checkpoint``."""

    def load(self, network: nn.Module, path: Path) -> None:
        """Fill a new network from a file, the recipe's ``init_checkpoint``.

        Raises:
            CheckpointError: The file is missing, damaged, or of another network.
        """
        checkpoint = read_checkpoint(path)
        load_state(network, checkpoint.net, checkpoint.path)

    @abstractmethod
    def datasets(self) -> SampleSets:
        """Open training and validation data."""

    @abstractmethod
    def actor(self, network: nn.Module) -> Actor:
        """Build the losses."""
