"""Numbers outside the ranges of a configuration's fields."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from ltr.admin.config import override
from ltr.admin.errors import ConfigError
from ltr.admin.ranges import Count, Finite, Inside, Positive, Range, Ranged, Share, Side


@dataclass(frozen=True)
class _Config(Ranged):
    count: Count = 1
    share: Share = 1.0
    inside: Inside | None = None
    sides: tuple[Side, Side] = (32, 32)
    weights: Mapping[str, Positive] = field(default_factory=dict)
    free: float = 0.0
    shift: Finite = -3.0
    is_on: bool = False
    text: str = "a"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("count=0", "count must be >= 1, got 0"),
        ("share=0", "share must be > 0 and <= 1, got 0.0"),
        ("share=nan", "share must be > 0 and <= 1, got nan"),
        ("inside=1", "inside must be > 0 and < 1, got 1.0"),
        ("sides=64,8", r"sides must be >= 32 and <= 8192, got \(64, 8\)"),
        ("sides=64,10000", r"got \(64, 10000\)"),
        ("weights=a=1,b=0", "weights must be > 0, got {'a': 1.0, 'b': 0.0}"),
        ("free=inf", "free must be a finite number, got inf"),
        ("shift=-inf", "shift must be a finite number, got -inf"),
    ],
)
def test_a_number_outside_its_range_is_refused_with_the_range(assignment, message):
    with pytest.raises(ConfigError, match=message):
        override(_Config(), [assignment])


def test_the_ends_of_ranges():
    config = override(_Config(), ["count=1", "share=1", "sides=32,8192", "inside=none", "shift=-9"])
    assert (config.share, config.sides, config.inside) == (1.0, (32, 8192), None)
    assert replace(config, inside=0.5).inside == 0.5
    assert [number in Range() for number in (math.nan, math.inf, 5)] == [False, False, True]
