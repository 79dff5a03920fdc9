"""Parameters of the hosts, with the published values as defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ltr.admin.errors import ConfigError

_PACKAGE = "pytracking.tracker.interactive"


@dataclass(frozen=True)
class AtnetParameters:
    """One configuration of ATNet.

    Args:
        net: Released file or checkpoint, a path or a name below ``network_path``.
        threshold: Probability above which a pixel belongs to an object.
        proportion: Share of the way to the next annotated frame that a round rewrites.
        align_corners: How the neighbour's mask is sampled. True is PyTorch 1.2's way, in which
            the network was trained, False that of PyTorch 1.3, in which IVOS-W ran it.
        max_objects_per_batch: Objects that go through the network together.
        feature_memory_mib: Most memory for what is kept of frames from round to round.
    """

    host: ClassVar[str] = f"{_PACKAGE}.atnet:AtnetHost"

    net: str = "ATNet-checkpoint.pth"
    threshold: float = 0.8
    proportion: float = 0.99
    align_corners: bool = True
    max_objects_per_batch: int = 8
    feature_memory_mib: int = 2048

    def __post_init__(self) -> None:
        _check_share("threshold", self.threshold)
        _check_share("proportion", self.proportion)
        _check_positive("max_objects_per_batch", self.max_objects_per_batch)
        _check_positive("feature_memory_mib", self.feature_memory_mib, least=0)


@dataclass(frozen=True)
class ManetParameters:
    """One configuration of MANet.

    Args:
        net: Released file or checkpoint, a path or a name below ``network_path``.
        input_size: (height, width) to which frames are resized, in pixels.
        box_margin: In the first round, pixels further than this from all scribbles are background;
            in pixels of the embedding.
        max_distances_mib: Most memory for distances between pixels at a time.
        feature_memory_mib: Most memory for what is kept of frames from round to round.
        count_empty_rounds: Whether a round without scribbles counts, as in IVOS-W: the round after
            it uses its own local maps alone. MANet's own program does not count it.
    """

    host: ClassVar[str] = f"{_PACKAGE}.manet:ManetHost"

    net: str = "save_step_80000.pth"
    input_size: tuple[int, int] = (480, 854)
    box_margin: int = 20
    max_distances_mib: int = 32
    feature_memory_mib: int = 2048
    count_empty_rounds: bool = True

    def __post_init__(self) -> None:
        if min(self.input_size) < 32:
            raise ConfigError(f"input_size must be at least 32x32, got {self.input_size}")
        _check_positive("box_margin", self.box_margin, least=0)
        _check_positive("max_distances_mib", self.max_distances_mib)
        _check_positive("feature_memory_mib", self.feature_memory_mib, least=0)


@dataclass(frozen=True)
class IpnParameters:
    """One configuration of IPN.

    Args:
        net: Released file or checkpoint of I-Net, a path or a name below ``network_path``.
        propagation_net: Released file or checkpoint of P-Net, a path or a name below
            ``network_path``.
        max_objects_per_batch: Objects that go through the networks together.
    """

    host: ClassVar[str] = f"{_PACKAGE}.ipn:IpnHost"

    net: str = "I.pth"
    propagation_net: str = "P.pth"
    max_objects_per_batch: int = 8

    def __post_init__(self) -> None:
        _check_positive("max_objects_per_batch", self.max_objects_per_batch)


def _check_share(name: str, value: float) -> None:
    if not 0 < value <= 1:
        raise ConfigError(f"{name} must lie in (0, 1], got {value}")


def _check_positive(name: str, value: int, least: int = 1) -> None:
    if value < least:
        raise ConfigError(f"{name} must be >= {least}, got {value}")
