"""Random numbers that depend on nothing but the sample.

Every sample of every epoch draws from generators of its own, seeded by its key. So a batch is the
same whatever the number of workers or processes, and a resumed run continues exactly.
"""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch


class SampleKey(NamedTuple):
    """What a loader asks a data set for.

    Args:
        seed: Seed of the run combined with the name of the loader.
        epoch: Counted from 1.
        position: In the epoch, counted from 0.
    """

    seed: int
    epoch: int
    position: int


@dataclass
class Generators:
    """One generator of each library that draws.

    Args:
        python: Choices: data set, sequence, frames, flips, affine parameters.
        numpy: Brightness factors.
        torch: Jitter of boxes.
    """

    python: random.Random
    numpy: np.random.RandomState
    torch: torch.Generator

    @classmethod
    def seeded(cls, seed: int) -> Generators:
        """Seed all three with one number, 0 <= seed < 2**32."""
        return cls(
            random.Random(seed),
            np.random.RandomState(seed),
            torch.Generator().manual_seed(seed),
        )

    @classmethod
    def of_sample(cls, key: SampleKey) -> Generators:
        """The generators of one sample."""
        state = np.random.SeedSequence([*key]).generate_state(1)
        return cls.seeded(int(state[0]))


def seed_global(seed: int, *numbers: int) -> None:
    """Seed the libraries' global generators, from which for instance dropout draws."""
    state = int(np.random.SeedSequence((seed, *numbers)).generate_state(1)[0])
    random.seed(state)
    np.random.seed(state)
    torch.manual_seed(state)
