"""What estimates quality and names the next frame on the page."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ltr.models.interactive.agent import agent_network
from ltr.models.interactive.assess import assess_network
from pytracking.interactive_page.guidance import ConfidenceQuality, load_guidance
from pytracking.recommendation.training import save_network
from pytracking.tracker.interactive.quality import (
    AGENT_FILE,
    ASSESS_FILE,
    SMALL_AGENT,
    SMALL_ASSESS,
    NetworkQuality,
)
from pytracking.tracker.interactive.recommend import AgentFrame, RecommendContext, WorstFrame
from pytracking.utils import loading
from pytracking.utils.loading import SHIPPED_NETWORKS

CPU = torch.device("cpu")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of networks."""
    monkeypatch.setenv("PYTRACKING_NETWORK_PATH", str(tmp_path))
    return tmp_path


def test_the_small_networks_ship():
    sizes = [(SHIPPED_NETWORKS / name).stat().st_size for name in (SMALL_ASSESS, SMALL_AGENT)]
    assert sum(sizes) < 8_000_000


def test_the_shipped_pair_rates_frames_and_names_one(folder):
    """A mask that fits is rated above the same one in the wrong place."""
    guidance = load_guidance(CPU)
    assert guidance.label == "predicted quality"
    rng = np.random.default_rng(0)
    frames, masks = [], torch.zeros(4, 120, 200)
    for index in range(4):
        frame = np.full((120, 200, 3), 90, np.uint8) + rng.integers(0, 12, 3).astype(np.uint8)
        frame[40:80, 60 + 10 * index : 110 + 10 * index] = (220, 170, 40)
        frames.append(frame)
        masks[index, 40:80, 60 + 10 * index : 110 + 10 * index] = 1
    masks[2] = masks[2].roll(45, dims=1)
    quality = guidance.quality.estimate(frames, torch.stack([1 - masks, masks], dim=1))
    assert quality.shape == (4,)
    assert quality[2] < quality[[0, 1, 3]].min()
    assert isinstance(guidance.recommender, AgentFrame)
    assert guidance.recommender.next(RecommendContext(4, [0], quality)) in range(4)


def test_released_networks_come_first(folder):
    save_network(folder / ASSESS_FILE, assess_network(width=4, depths=(1, 1, 1, 1), side=32))
    guidance = load_guidance(CPU)
    assert isinstance(guidance.quality, NetworkQuality)
    assert guidance.quality.network.side == 32
    assert isinstance(guidance.recommender, WorstFrame)
    save_network(folder / AGENT_FILE, agent_network(hidden=8))
    recommender = load_guidance(CPU).recommender
    assert isinstance(recommender, AgentFrame)
    assert recommender.network.encoder_fc1.out_features == 8


def test_without_networks_confidence_counts(folder, monkeypatch):
    monkeypatch.setattr(loading, "SHIPPED_NETWORKS", folder)
    guidance = load_guidance(CPU)
    assert isinstance(guidance.quality, ConfidenceQuality)
    assert isinstance(guidance.recommender, WorstFrame)
    assert guidance.label == "confidence"
