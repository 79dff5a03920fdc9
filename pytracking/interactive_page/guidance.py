"""What the page says about a result: how good every frame seems, and which one to correct next."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ltr.admin.errors import CheckpointError
from pytracking.recommendation.episodes import QualityEstimate
from pytracking.tracker.interactive.quality import (
    AGENT_FILE,
    ASSESS_FILE,
    SMALL_AGENT,
    SMALL_AGENT_MOST,
    ConfidenceQuality,
    NetworkQuality,
    ScaledConfidence,
    load_agent_network,
    load_assess_network,
)
from pytracking.tracker.interactive.recommend import (
    AgentFrame,
    Recommender,
    WorstFrame,
    make_recommender,
)


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

    Without a quality network, the tracker's confidence rates the frames, and the small agent that
    ships with the package chooses; without that one too, the least confident frame is next.

    Raises:
        CheckpointError: A file that is there is damaged or of another network.
    """
    if _is_there(ASSESS_FILE):
        quality = NetworkQuality(load_assess_network(ASSESS_FILE, device))
        recommender: Recommender = WorstFrame()
        if _is_there(AGENT_FILE):
            recommender = make_recommender("ours", agent=load_agent_network(AGENT_FILE, device))
        return Guidance(quality, recommender, "predicted quality")
    if not _is_there(SMALL_AGENT):
        return Guidance(ConfidenceQuality(), WorstFrame(), "confidence")
    agent = AgentFrame(load_agent_network(SMALL_AGENT, device), SMALL_AGENT_MOST)
    return Guidance(ScaledConfidence(), agent, "quality, from the tracker's confidence")


def _is_there(name: str) -> bool:
    from pytracking.utils.loading import find_network

    try:
        find_network(name)
    except CheckpointError:
        return False
    return True
