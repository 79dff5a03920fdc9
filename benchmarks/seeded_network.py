"""A full-size JOINT network with reproducible weights, for timing without trained ones."""

from __future__ import annotations

import zlib

import torch

from ltr.models.joint.joint_net import JOINTNet, steepest_descent_resnet50

# Gains by part of the key, chosen so that activations keep their magnitude through the network and
# scores spread over both signs: masks then move from frame to frame instead of vanishing.
_GAINS = (
    ("samp_w_pred", 0.05),
    ("label_encoder.", 1.5),
    ("feature_extractor.", 0.7),
    (".reduce.", 0.15),
    ("project.conv2", 16.0),
    ("decoder.", 1.3),
)
_SCORE_BIAS = -3.0


def seeded_network(device: torch.device) -> JOINTNet:
    """The network of the released checkpoints, weights drawn by key, in eval mode."""
    network = steepest_descent_resnet50()
    state = {key: _draw(key, value) for key, value in network.state_dict().items()}
    state["label_encoder.samp_w_pred.bias"].fill_(1.0)
    state["decoder.project.conv2.bias"].fill_(_SCORE_BIAS)
    network.load_state_dict(network.adapt_state_dict(state))
    return network.eval().requires_grad_(False).to(device)


def _draw(key: str, like: torch.Tensor) -> torch.Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(key.encode()))
    if key.endswith("num_batches_tracked"):
        return torch.zeros_like(like)
    if key.endswith("running_var") or (key.endswith("weight") and like.dim() == 1):
        return 0.8 + 0.4 * torch.rand(like.shape, generator=generator)
    values = torch.randn(like.shape, generator=generator)
    if like.dim() < 2:
        return 0.05 * values
    gain = next((gain for part, gain in _GAINS if part in key), 1.0)
    return gain * values / like[0].numel() ** 0.5
