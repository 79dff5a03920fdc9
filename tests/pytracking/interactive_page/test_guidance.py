"""What estimates quality and names the next frame on the page."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from ltr.models.interactive.agent import agent_network
from ltr.models.interactive.assess import assess_network
from pytracking.interactive_page.guidance import load_guidance
from pytracking.recommendation.training import save_network
from pytracking.tracker.interactive.quality import (
    AGENT_FILE,
    ASSESS_FILE,
    SMALL_AGENT,
    ConfidenceQuality,
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


def confident_probs() -> torch.Tensor:
    """Four frames, of which the second and third are blurred."""
    probs = torch.zeros(4, 2, 1, 4)
    probs[:, 1, 0] = torch.tensor([1.0, 1.0, 0.0, 0.0])
    probs[1:3, 1, 0] = torch.tensor([0.8, 0.6, 0.4, 0.4])
    probs[:, 0] = 1 - probs[:, 1]
    return probs


def test_the_small_agent_ships_and_chooses_by_confidence(folder):
    assert (SHIPPED_NETWORKS / SMALL_AGENT).stat().st_size < 1_000_000
    guidance = load_guidance(CPU)
    assert guidance.label == "quality, from the tracker's confidence"
    quality = guidance.quality.estimate([], confident_probs())
    assert quality == pytest.approx([0.73, 0.25 + 0.48 * 1.4 / 2.8, 0.25 + 0.48 * 0.5, 0.73])
    chosen, annotated = guidance.recommender, [0]
    for _ in range(7):
        annotated.append(chosen.next(RecommendContext(4, annotated, quality)))
    assert np.bincount(annotated).tolist() == [2, 2, 2, 2]


def test_a_bad_stretch_is_chosen(folder):
    """The agent knows what real rounds gain."""
    agent = load_guidance(CPU).recommender
    quality = np.full(20, 0.8)
    quality[12:17] = 0.5
    assert agent.next(RecommendContext(20, [2], quality)) in range(9, 20)


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


def test_a_frame_is_left_alone_after_some_annotations():
    torch.manual_seed(0)
    network = agent_network(hidden=8).eval()
    quality, annotated = np.array([0.5, 0.6, 0.7]), [1]
    context = lambda: RecommendContext(3, annotated, quality)  # noqa: E731
    first = AgentFrame(network).next(context())
    annotated += [first, first]
    if AgentFrame(network).next(context()) == first:
        assert AgentFrame(network, 2).next(context()) != first
    annotated += [0, 0, 1, 1, 2, 2]
    assert AgentFrame(network, 2).next(context()) == AgentFrame(network).next(context())


def test_without_networks_confidence_counts(folder, monkeypatch):
    monkeypatch.setattr(loading, "SHIPPED_NETWORKS", folder)
    guidance = load_guidance(CPU)
    assert isinstance(guidance.quality, ConfidenceQuality)
    assert isinstance(guidance.recommender, WorstFrame)
    assert guidance.label == "confidence"
