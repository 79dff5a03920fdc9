"""Estimates of how good masks are, without ground truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ltr.models.interactive.agent import AgentNet, agent_network
from ltr.models.interactive.assess import AssessNet, assess_network
from pytracking.tracker.interactive.computing import load_host_network

AGENT_FILE, ASSESS_FILE = "agent.pt", "assess_net.pt"
SMALL_AGENT, SMALL_ASSESS = "agent_demo.pth.tar", "quality_demo.pth.tar"  # these ship


class NetworkQuality:
    """Estimates the J&F of every frame with the quality network.

    Args:
        network: Network in eval mode; images go to its device.
        batch: Most regions that go through the network together.
    """

    def __init__(self, network: AssessNet, batch: int = 16) -> None:
        self.network = network
        self.batch = batch

    def estimate(self, frames: Sequence[np.ndarray], probs: torch.Tensor) -> np.ndarray:
        """Estimate the quality of frames, the mean over their objects.

        Args:
            frames: uint8 (H, W, 3) RGB.
            probs: float (frames, 1 + objects, H, W), background first.

        Returns:
            float64 (frames,), not limited to 0..1.
        """
        return self.estimate_objects(frames, probs).mean(axis=1)

    @torch.inference_mode()
    def estimate_objects(self, frames: Sequence[np.ndarray], probs: torch.Tensor) -> np.ndarray:
        """Estimate the quality of every object in every frame, float64 (frames, objects)."""
        device = next(self.network.parameters()).device
        objects = probs.shape[1] - 1
        step = max(1, self.batch // objects)
        found = []
        for start in range(0, len(frames), step):
            part = range(start, min(start + step, len(frames)))
            pixels = np.stack([frames[index] for index in part])
            images = torch.from_numpy(pixels).to(device).permute(0, 3, 1, 2).float() / 255
            maps = probs[part.start : part.stop, 1:].to(device).flatten(0, 1)
            values = self.network(images.repeat_interleave(objects, dim=0), maps)
            found.append(values.view(-1, objects).double().cpu().numpy())
        return np.concatenate(found)


def load_assess_network(net: str, device: torch.device) -> AssessNet:
    """Load the quality network for inference, see ``load_host_network``."""
    return load_host_network(net, AssessNet, assess_network, device)


def load_agent_network(net: str, device: torch.device) -> AgentNet:
    """Load the agent for inference; see ``load_host_network``."""
    return load_host_network(net, AgentNet, agent_network, device)
