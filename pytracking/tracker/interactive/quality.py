"""Estimates of how good masks are, without ground truth."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from ltr.models.interactive.agent import AgentNet, agent_network
from ltr.models.interactive.assess import QualityNet, assess_network
from pytracking.tracker.interactive.computing import load_host_network

AGENT_FILE, ASSESS_FILE = "agent.pt", "assess_net.pt"
SMALL_AGENT, SMALL_AGENT_MOST = "agent_demo.pth.tar", 2  # ships; its limit, see ``AgentFrame``
CONFIDENCE = "confidence"  # stands for ``ScaledConfidence`` where a quality network is named
_IS_OBJECT = 0.5
_LOWEST, _SLOPE = 0.25, 0.48  # fitted to rounds of ``joint joint_demo`` on training sequences


class ConfidenceQuality:
    """Takes an object for good where its probabilities are near 0 and 1; needs no network."""

    def estimate(self, frames: Sequence[np.ndarray], probs: torch.Tensor) -> np.ndarray:
        """The overlap of soft and hard mask, mean over the objects.

        Args:
            frames: Not used.
            probs: float (frames, 1 + objects, H, W), background first.

        Returns:
            float64 (frames,), 0..1; 1 for an object that is nowhere.
        """
        found = []
        for soft in probs[:, 1:]:
            hard = (soft > _IS_OBJECT).float()
            union = torch.maximum(soft, hard).sum(dim=(1, 2))
            overlap = torch.minimum(soft, hard).sum(dim=(1, 2))
            is_there = hard.sum(dim=(1, 2)) > 0
            found.append(torch.where(is_there, overlap / union.clamp(min=1e-6), 1.0).mean())
        return torch.stack(found).double().cpu().numpy()


class ScaledConfidence(ConfidenceQuality):
    """The confidence as an estimate of J&F: a line through rounds of ``joint joint_demo``."""

    def estimate(self, frames: Sequence[np.ndarray], probs: torch.Tensor) -> np.ndarray:
        """See ``ConfidenceQuality.estimate``; float64 (frames,), 0.25..0.73."""
        return _LOWEST + _SLOPE * super().estimate(frames, probs)


class NetworkQuality:
    """Estimates the J&F of every frame with the quality network.

    Args:
        network: Network in eval mode; images go to its device.
        batch: Most regions that go through the network together.
    """

    def __init__(self, network: QualityNet, batch: int = 16) -> None:
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


def load_assess_network(net: str, device: torch.device) -> QualityNet:
    """Load the quality network for inference, see ``load_host_network``."""
    return load_host_network(net, QualityNet, assess_network, device)


def load_agent_network(net: str, device: torch.device) -> AgentNet:
    """Load the agent for inference; see ``load_host_network``."""
    return load_host_network(net, AgentNet, agent_network, device)
