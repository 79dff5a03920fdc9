"""What the page says about a result: how good every frame seems, and which one to correct next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from ltr.admin.errors import CheckpointError
from pytracking.recommendation.episodes import QualityEstimate
from pytracking.tracker.interactive.quality import (
    AGENT_FILE,
    ASSESS_FILE,
    SMALL_AGENT,
    SMALL_ASSESS,
    NetworkQuality,
    load_agent_network,
    load_assess_network,
)
from pytracking.tracker.interactive.recommend import Recommender, WorstFrame, make_recommender

_IS_OBJECT = 0.5


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


@dataclass(frozen=True)
class Guidance:
    """Estimate and recommendation.

    Args:
        quality: Rates the frames.
        recommender: Chooses the next frame.
        label: What the rating is, for the page.
    """

    quality: QualityEstimate
    recommender: Recommender
    label: str


def load_guidance(device: torch.device) -> Guidance:
    """Use the released quality network and agent where they lie in ``network_path``.

    Without them the small ones that ship with the package are used, and plain rules where someone
    has removed these.

    Raises:
        CheckpointError: A file that is there is damaged or of another network.
    """
    pairs = (ASSESS_FILE, AGENT_FILE), (SMALL_ASSESS, SMALL_AGENT)
    found = next((pair for pair in pairs if _is_there(pair[0])), None)
    if found is None:
        return Guidance(ConfidenceQuality(), WorstFrame(), "confidence")
    assess, agent = found
    recommender: Recommender = WorstFrame()
    if _is_there(agent):
        recommender = make_recommender("ours", agent=load_agent_network(agent, device))
    quality = NetworkQuality(load_assess_network(assess, device))
    return Guidance(quality, recommender, "predicted quality")


def _is_there(name: str) -> bool:
    from pytracking.utils.loading import find_network

    try:
        find_network(name)
    except CheckpointError:
        return False
    return True
