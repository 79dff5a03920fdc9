"""Interactive hosts small enough for tests, and clips and scribbles for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
import torch
from torch import nn

from ltr.data.interactive.scribbles import ScribbleLine
from ltr.models.interactive.atnet import ATNet, atnet
from ltr.models.interactive.ipn import InteractionNet, interaction_network, propagation_network
from ltr.models.interactive.manet import manet
from pytracking.tracker.base import Precision, Runtime
from pytracking.tracker.interactive.adapter import MaskTrackerHost
from pytracking.tracker.interactive.atnet import AtnetHost
from pytracking.tracker.interactive.base import InteractiveVOS
from pytracking.tracker.interactive.ipn import IpnHost
from pytracking.tracker.interactive.manet import ManetHost
from pytracking.tracker.interactive.parameters import (
    AtnetParameters,
    IpnParameters,
    ManetParameters,
)
from pytracking.tracker.interactive.scribble_mask import GrabCutMask
from tests.seeded_weights import seeded_tensor
from tests.small_joint import small_clip, small_tracker

Network = TypeVar("Network", bound=nn.Module)

FRAMES, OBJECTS = 6, 2


def drawn(network: Network, seed: int = 0, gain: float = 1.0) -> Network:
    """A network with random weights, in eval mode; constants of images stay."""
    state = {
        key: value
        if key.endswith((".mean", ".std"))
        else seeded_tensor(key, value.shape, seed, gain)
        for key, value in network.state_dict().items()
    }
    network.load_state_dict(state)
    return network.eval().requires_grad_(False)


def small_atnet_network() -> ATNet:
    """ATNet, narrow; its logits are spread so that pixels pass the threshold."""
    network = drawn(atnet(width=8, planes=16))
    for decoder in (network.decoder_iact, network.decoder_prop):
        decoder.lastconv[-1].weight.mul_(5)
        decoder.lastconv[-1].bias.fill_(1.5)
    return network


def small_atnet(**changes: object) -> AtnetHost:
    """A host with ``small_atnet_network``."""
    return AtnetHost(AtnetParameters(**changes), small_atnet_network(), Runtime())


def small_manet(**changes: object) -> ManetHost:
    """MANet, narrow; its distances and logits are spread."""
    network = drawn(manet(width=8, planes=16, embedding_dim=12))
    network.semantic_embedding[4].weight.mul_(0.1)
    for head in (network.dynamic_seghead, network.inter_seghead):
        head.conv.weight.mul_(100)
    values = {"input_size": (64, 96), **changes}
    return ManetHost(ManetParameters(**values), network, Runtime())


def small_interaction_network() -> InteractionNet:
    """I-Net, narrow."""
    return drawn(interaction_network(width=8, mdim=16))


def small_ipn(precision: Precision = "fp32", **changes: object) -> IpnHost:
    """IPN, narrow."""
    networks = (small_interaction_network(), drawn(propagation_network(width=8, mdim=16)))
    return IpnHost(IpnParameters(**changes), networks, Runtime(precision=precision))


def small_adapter() -> MaskTrackerHost:
    """A small JOINT behind GrabCut."""
    return MaskTrackerHost("joint", small_tracker(), GrabCutMask(), torch.device("cpu"))


HOSTS: dict[str, Callable[[], InteractiveVOS]] = {
    "atnet": small_atnet,
    "manet": small_manet,
    "ipn": small_ipn,
    "adapter": small_adapter,
}


def clip() -> list[np.ndarray]:
    """Frames (70, 110) with two squares."""
    return small_clip(FRAMES)[0]


def stroke(object_id: int, *points: tuple[float, float]) -> ScribbleLine:
    """A line through points (x, y), pixels of ``clip``."""
    return ScribbleLine(np.array(points) / (110, 70), object_id)


def first_lines() -> list[ScribbleLine]:
    """Lines inside both squares of frame 0."""
    return [stroke(1, (15, 20), (30, 35)), stroke(2, (75, 40), (90, 55))]
