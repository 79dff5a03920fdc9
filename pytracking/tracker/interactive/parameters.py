"""Parameters of the hosts, with the published values as defaults."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from ltr.admin.ranges import Count, CountOrZero, Ranged, Share, Side

_PACKAGE = "pytracking.tracker.interactive"


@dataclass(frozen=True)
class AtnetParameters(Ranged):
    """One configuration of ATNet.

    Args:
        net: Released file or checkpoint, a path or a name below ``network_path``.
        threshold: Probability above which a pixel belongs to an object.
        proportion: Share of the way to the next annotated frame that a round rewrites.
        align_corners: How the neighbour's mask is sampled. True is PyTorch 1.2's way, in which
            the network was trained, False that of PyTorch 1.3, in which IVOS-W ran it.
        max_objects_per_batch: Objects that go through the network together.
        feature_memory_mib: Most memory for what is kept of frames from round to round.
        transfer_memory_mib: Most memory for what is kept of objects in frames, and of neighbouring
            frames, from round to round.
    """

    host: ClassVar[str] = f"{_PACKAGE}.atnet:AtnetHost"

    net: str = "ATNet-checkpoint.pth"
    threshold: Share = 0.8
    proportion: Share = 0.99
    align_corners: bool = True
    max_objects_per_batch: Count = 8
    feature_memory_mib: CountOrZero = 2048
    transfer_memory_mib: CountOrZero = 1024


@dataclass(frozen=True)
class ManetParameters(Ranged):
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
    input_size: tuple[Side, Side] = (480, 854)
    box_margin: CountOrZero = 20
    max_distances_mib: Count = 32
    feature_memory_mib: CountOrZero = 2048
    count_empty_rounds: bool = True


@dataclass(frozen=True)
class IpnParameters(Ranged):
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
    max_objects_per_batch: Count = 8
