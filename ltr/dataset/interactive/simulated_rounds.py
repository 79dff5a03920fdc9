"""Experience of an agent without a host: rounds of interactive segmentation as a rough model.

A few hundred real rounds teach an agent little; this model teaches it what they have in common. An
annotation moves the quality of its own frame a little, mostly where it is middling; the tracker
carries that to both sides, where it drifts to what each frame allows, and may lose the object;
results of two annotations are blended between them (``blend_weights``). The numbers are guesses
that resemble rounds of ``joint joint_demo`` on DAVIS's training sequences.
"""

from __future__ import annotations

import numpy as np

from ltr.data.interactive.rounds import blend_weights
from ltr.dataset.experience import Transition, step_reward

_FIRST_LOSS, _FIRST_SPREAD = (-0.05, 0.25), 0.08  # of the first annotation, below the frames' level
_KNOWN = (0.0, 0.1, 0.3, 0.45, 0.55, 0.65, 0.75, 0.85, 0.95, 1.0)  # quality before, ...
_GAINED = (0.05, 0.05, 0.07, 0.085, 0.09, 0.065, 0.025, -0.03, -0.1, -0.14)  # ... and what is added
_OWN_SPREAD, _STEP_SPREAD = 0.09, 0.03
_PULL = 0.15  # of a step towards what the frame allows
_LOSS_RATES, _LOSS_SHARES = (0.0, 0.03, 0.1), (0.5, 0.3, 0.2)  # steps that lose objects, of videos
_LOSES, _LOST = 0.75, (0.05, 0.45)  # probability at such a step, quality afterwards
_SHARPNESS = 14.0  # blended probabilities become masks: the larger weight wins
_LIMITS = 0.02, 0.97


def simulate_episodes(count: int, rounds: int, frames: int, seed: int = 0) -> list[Transition]:
    """Play episodes of random annotation.

    Args:
        count: Number of episodes, each of a video of its own.
        rounds: Rounds of an episode, at least 2.
        frames: Frames of a video.
        seed: Decides everything.

    Returns:
        A transition for every round but the first.
    """
    rows = []
    for episode in range(count):
        rng = np.random.default_rng([seed, episode])
        video, counts = _Video(frames, rng), np.zeros(frames)
        first = int(rng.integers(frames))
        video.annotate(first)
        counts[first] += 1
        for number in range(1, rounds):
            action, before, seen = int(rng.integers(frames)), video.quality.copy(), counts.copy()
            video.annotate(action)
            counts[action] += 1
            rows.append(
                Transition(
                    f"simulated {episode}",
                    1,
                    number,
                    number + 1,
                    action,
                    step_reward(seen, action),
                    0.0,
                    number == rounds - 1,
                    before,
                    video.quality.copy(),
                    seen,
                    counts.copy(),
                )
            )
    return rows


class _Video:
    """The quality of all frames of a video that does not exist.

    Args:
        frames: Number of frames.
        rng: Draws its properties and the rounds.
    """

    def __init__(self, frames: int, rng: np.random.Generator) -> None:
        self._rng = rng
        trend = rng.normal(0, 0.25, frames).cumsum()
        level = rng.uniform(0.5, 0.92) + 0.06 * (trend - trend.mean())
        self._allowed = np.clip(level + rng.normal(0, 0.03, frames), 0.1, 0.97)
        rate = rng.choice(_LOSS_RATES, p=_LOSS_SHARES)
        self._is_hard = rng.random(frames) < rate  # the step from the frame before
        self._drift = rng.uniform(0, 0.015)
        self.quality = np.zeros(frames)
        self._annotated: list[int] = []

    def annotate(self, frame: int) -> None:
        """Play a round on a frame."""
        frames = len(self.quality)
        own = self._own_quality(frame)
        reached = np.empty(frames)
        reached[frame] = own
        for places in (range(frame + 1, frames), range(frame - 1, -1, -1)):
            self._carry(own, places, reached)
        weights = np.array(blend_weights(frame, self._annotated, frames)[2])
        shares = np.where(
            (weights > 0) & (weights < 1), 1 / (1 + np.exp(_SHARPNESS * (0.5 - weights))), weights
        )
        self.quality += shares * (reached - self.quality)
        self._annotated.append(frame)

    def _own_quality(self, frame: int) -> float:
        if not self._annotated:
            level = self._allowed.mean() - self._rng.uniform(*_FIRST_LOSS)
            return float(np.clip(level + self._rng.normal(0, _FIRST_SPREAD), *_LIMITS))
        before = self.quality[frame]
        gain = np.interp(before, _KNOWN, _GAINED)
        return float(np.clip(before + gain + self._rng.normal(0, _OWN_SPREAD), *_LIMITS))

    def _carry(self, own: float, places: range, reached: np.ndarray) -> None:
        """Fill in what the tracker makes of the frames of one side, one after the other."""
        rng, value, is_lost = self._rng, own, False
        for place in places:
            step = place if places.step > 0 else place + 1
            is_lost |= bool(self._is_hard[step] and rng.random() < _LOSES)
            pull = _PULL * ((self._allowed[place] + own) / 2 - value)
            value += pull - self._drift + rng.normal(0, _STEP_SPREAD)
            if is_lost:
                value = min(value, rng.uniform(*_LOST))
            reached[place] = np.clip(value, *_LIMITS)
