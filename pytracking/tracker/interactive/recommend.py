"""Which frame to annotate next (IVOS-W, arXiv 2103.10391): four rules with one interface."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch

from ltr.admin.errors import ConfigError, did_you_mean
from ltr.models.interactive.agent import AgentNet

_SPREAD = 8  # frames of ``linspace``, one for each round of an evaluation


@dataclass(frozen=True)
class RecommendContext:
    """What is known when a round has ended.

    Args:
        num_frames: Length of the video.
        annotated: The frames of all rounds so far in their order, the first one included.
        quality: float (frames,), true or estimated J&F; None where a rule needs none.
    """

    num_frames: int
    annotated: Sequence[int]
    quality: np.ndarray | None = None

    @property
    def known_quality(self) -> np.ndarray:
        """The quality, for rules that need one.

        Raises:
            ValueError: There is none.
        """
        if self.quality is None:
            raise ValueError("this rule needs the quality of every frame")
        return self.quality


class Recommender(ABC):
    """A rule that names the next frame."""

    needs_quality: ClassVar[bool] = False

    @abstractmethod
    def next(self, context: RecommendContext) -> int:
        """The frame to annotate next, 0 to ``num_frames - 1``."""


class RandomFrame(Recommender):
    """Any frame, also one annotated before.

    Args:
        seed: Seed of NumPy's legacy generator, whose picks upstream reports.
    """

    def __init__(self, seed: int) -> None:
        self._random = np.random.RandomState(seed)

    def next(self, context: RecommendContext) -> int:
        """See ``Recommender.next``."""
        return int(self._random.randint(context.num_frames, size=1)[0])


class SpreadFrame(Recommender):
    """The first of eight frames spread over the video that is not annotated yet."""

    def next(self, context: RecommendContext) -> int:
        """See ``Recommender.next``; the first frame again when none is left."""
        first = context.annotated[0]
        listed = spread_frames(context.num_frames, first, min(_SPREAD, context.num_frames))
        return next((frame for frame in listed if frame not in context.annotated), first)


class WorstFrame(Recommender):
    """The frame of lowest quality among those not annotated yet."""

    needs_quality = True

    def next(self, context: RecommendContext) -> int:
        """See ``Recommender.next``; the worst of all when none is left."""
        order = np.argsort(context.known_quality).tolist()
        return next((frame for frame in order if frame not in context.annotated), order[0])


class AgentFrame(Recommender):
    """The frame that the agent values most, also one annotated before.

    Args:
        network: Network in eval mode.
        most: A frame annotated so often is left alone while there are others; None for no limit.
    """

    needs_quality = True

    def __init__(self, network: AgentNet, most: int | None = None) -> None:
        self.network = network
        self.most = most

    @torch.inference_mode()
    def next(self, context: RecommendContext) -> int:
        """See ``Recommender.next``; the first of equal ones."""
        counts = count_annotations(context.num_frames, context.annotated)
        device = next(self.network.parameters()).device
        state = torch.from_numpy(agent_state(context.known_quality, counts)).to(device)
        values = self.network(state[None])[0].cpu()
        if self.most is not None and counts.min() < self.most:
            values[torch.from_numpy(counts >= self.most)] = -torch.inf
        return int(values.argmax())


def make_recommender(
    method: str, seed: int = 0, agent: AgentNet | None = None, most: int | None = None
) -> Recommender:
    """Build a rule by upstream's name of it.

    Args:
        method: ``random``, ``linspace``, ``worst`` or ``ours``.
        seed: Seed of the method ``random``.
        agent: Network of ``ours``, in eval mode.
        most: Limit of ``ours``, see ``AgentFrame``.

    Raises:
        ConfigError: An unknown name, or ``ours`` without a network.
    """
    if method == "ours":
        if agent is None:
            raise ConfigError("the method 'ours' needs the agent's network")
        return AgentFrame(agent, most)
    rules: dict[str, Callable[[], Recommender]] = {
        "random": lambda: RandomFrame(seed),
        "linspace": SpreadFrame,
        "worst": WorstFrame,
    }
    if method not in rules:
        hint = did_you_mean(method, (*rules, "ours"))
        raise ConfigError(f"there is no method {method!r}{hint}")
    return rules[method]()


def agent_state(quality: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """What the agent sees: float32 (..., frames, 2) from quality and counts (..., frames)."""
    return np.stack([quality, counts], axis=-1).astype(np.float32)


def count_annotations(num_frames: int, annotated: Sequence[int]) -> np.ndarray:
    """How often every frame was annotated, float32 (frames,)."""
    return np.bincount(annotated, minlength=num_frames).astype(np.float32)


def spread_frames(num_frames: int, first: int, count: int) -> list[int]:
    """Frames at equal distances, ``first`` among them.

    Args:
        num_frames: Length of the video.
        first: A frame that must be among them.
        count: How many.

    >>> spread_frames(50, 17, 8)
    [5, 11, 17, 23, 29, 35, 41, 47]
    """
    if num_frames <= count:
        return list(range(num_frames))
    frames = np.linspace(0, num_frames - 1, count + 1).astype(int)
    while first not in frames:
        frames += 1
    return (frames[1:] if frames[-1] == first else frames[:-1]).tolist()


def cut_window(num_frames: int, first: int, length: int) -> range:
    """Consecutive frames around one of them, as far in its middle as the video allows.

    Args:
        num_frames: Length of the video.
        first: A frame that must be inside.
        length: Most frames of the window.

    >>> cut_window(50, 17, 25)
    range(8, 33)
    """
    length = min(length, num_frames)
    earliest = max(0, first - length + 1)
    latest = first - max(first + length - num_frames, 0)
    start = (earliest + latest) // 2
    return range(start, start + length)
