"""Hosts around one network, which keep what it computes of frames from round to round."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

from torch import nn

from ltr.models.layers.folding import fold_batch_norms
from pytracking.tracker.base import Runtime
from pytracking.tracker.interactive.base import InteractiveVOS
from pytracking.tracker.interactive.computing import FrameCache, load_host_network, prepare_network

if TYPE_CHECKING:
    from typing_extensions import Self

Network = TypeVar("Network", bound=nn.Module)

MIB = 2**20


class NetworkHost(InteractiveVOS, Generic[Network]):
    """A host around one network.

    Features of a frame serve all objects, and later rounds as far as memory allows.

    Args:
        params: Configuration; ``net`` names the network's file, ``feature_memory_mib`` limits what
            is kept of frames.
        network: Network in eval mode on the runtime's device; prepared for inference in place.
        runtime: Device and precision.
    """

    network_class: ClassVar[type[Any]]
    build_network: ClassVar[Callable[[], Any]]
    """Makes the network that upstream's files belong to."""

    def __init__(self, params: Any, network: Network, runtime: Runtime) -> None:
        super().__init__()
        runtime.keep_exact()
        self.params = params
        self.runtime = runtime
        prepare_network(network, fold_batch_norms, self._fuse, runtime)
        self.network = network
        self._features = FrameCache(params.feature_memory_mib * MIB)

    @abstractmethod
    def _fuse(self, network: Network) -> None:
        """Fuse the convolutions of the network with what follows them, in place."""

    @classmethod
    def create(cls, params: Any, runtime: Runtime) -> Self:
        """See ``InteractiveVOS.create``."""
        network = load_host_network(
            params.net, cls.network_class, cls.build_network, runtime.device
        )
        return cls(params, network, runtime)
