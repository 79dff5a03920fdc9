"""How the agent's values are updated."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch

from ltr.actors.recommendation import AgentActor, exploration_rate
from ltr.admin.errors import DataError
from ltr.data.randomness import SampleKey
from ltr.dataset.experience import Transition
from ltr.dataset.interactive.experience_samples import ExperienceSamples, ExperienceView
from ltr.models.interactive.agent import agent_network
from tests.agent_learner import AgentLearner, Batch


def batch(count: int = 6, frames: int = 5) -> Batch:
    generator = torch.Generator().manual_seed(0)
    draw = lambda *shape: torch.rand(*shape, generator=generator)  # noqa: E731
    return {
        "states": draw(count, frames, 2),
        "actions": torch.arange(count) % frames,
        "next_states": draw(count, frames, 2),
        "step_rewards": draw(count).round() * 2 - 1,
        "done_rewards": draw(count),
    }


def learner(**rules: float) -> AgentLearner:
    torch.manual_seed(0)
    return AgentLearner(agent_network(hidden=8), agent_network(hidden=8), **rules)


def test_the_loss_is_that_of_the_formula():
    made, data = learner(), batch()
    policy, target = made.pair.policy, made.pair.target
    with torch.no_grad():
        wanted = 0.0
        for place in range(6):
            values = policy(data["states"][place : place + 1])[0]
            value = values[data["actions"][place]]
            after = data["next_states"][place : place + 1]
            best = policy(after)[0].argmax()
            step = 0.95 * target(after)[0, best] + 0.1 * data["step_rewards"][place]
            wanted += (value - step) ** 2 / 6
            wanted += (value - 0.1 * data["done_rewards"][place]) ** 2 / 6
    assert made.loss(data).item() == pytest.approx(float(wanted), rel=1e-5)


def test_updates_lower_the_loss_and_leave_the_target():
    made, data = learner(lr=1e-3, update_rate=0), batch()
    before = copy.deepcopy(made.pair.target.state_dict())
    losses = [made.update(data) for _ in range(60)]
    assert losses[-1] < 0.5 * losses[0]
    assert all(
        torch.equal(before[key], value) for key, value in made.pair.target.state_dict().items()
    )


def test_the_target_becomes_a_copy():
    made = learner(lr=1e-3, update_rate=1)
    made.update(batch())
    learned = copy.deepcopy(made.pair.policy.state_dict())
    made.update(batch())
    for key, value in made.pair.target.state_dict().items():
        assert torch.equal(value, learned[key])


def test_exploration_falls_from_start_to_end():
    rates = [exploration_rate(k) for k in (1, 500, 5000)]
    assert rates == sorted(rates, reverse=True)
    assert rates[1] == pytest.approx(0.25 + 0.45 * np.exp(-0.5))
    assert rates[2] == pytest.approx(0.253, abs=1e-3)


def test_the_step_reward_can_be_left_out():
    made, data = learner(), batch()
    plain = made.loss({**data, "step_rewards": torch.zeros(6)}).item()
    silent = AgentActor(made.pair, step_weight=0.0)
    assert silent({**data, "step": 0})[0].item() == pytest.approx(plain, rel=1e-6)
    assert made.loss(data).item() != pytest.approx(plain, rel=1e-3)


def transition() -> Transition:
    before, after = np.array([0.5, 0.3, 0.9]), np.array([0.6, 0.8, 0.9])
    counts = np.array([0.0, 0.0, 1.0]), np.array([0.0, 1.0, 1.0])
    return Transition("a", 1, 1, 2, 1, 1.0, 0.7, False, before, after, *counts)


def test_the_gain_is_a_reward_in_percentage_points():
    shown = [
        ExperienceSamples([transition()], 1, ExperienceView(reward))[SampleKey(0, 1, 0)]
        for reward in ("score", "gain")
    ]
    assert [float(sample["done_rewards"]) for sample in shown] == pytest.approx([0.7, 20.0])


def test_half_of_the_transitions_run_backwards():
    samples = ExperienceSamples([transition()], 40, ExperienceView(mirrored=True))
    first = [samples[SampleKey(0, 1, place)]["states"][:, 1].tolist() for place in range(40)]
    assert 10 < first.count([1.0, 0.0, 0.0]) < 30
    assert first.count([0.0, 0.0, 1.0]) == 40 - first.count([1.0, 0.0, 0.0])


def test_noise_is_the_same_before_and_after():
    """It stands for what a quality network gets wrong about a frame; counts are exact."""
    sample = ExperienceSamples([transition()], 1, ExperienceView(noise=0.1))[SampleKey(0, 1, 0)]
    errors = [
        sample[name][:, 0].numpy() - wanted
        for name, wanted in (("states", [0.5, 0.3, 0.9]), ("next_states", [0.6, 0.8, 0.9]))
    ]
    assert np.abs(errors[0]).max() > 0.01
    assert errors[0] == pytest.approx(errors[1], abs=1e-6)
    assert sample["states"][:, 1].tolist() == [0.0, 0.0, 1.0]


def test_windows_of_two_lengths_make_no_batch():
    rows = [
        Transition("a", 1, 1, 2, 0, 1.0, 0.0, False, *[np.zeros(length)] * 4) for length in (3, 4)
    ]
    key = SampleKey(0, 1, 0)
    assert ExperienceSamples(rows[:1], 4)[key]["states"].shape == (3, 2)
    with pytest.raises(DataError, match=r"\[3, 4\] frames"):
        ExperienceSamples(rows, 4)[key]
