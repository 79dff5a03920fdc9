"""Numbers of a configuration that know their range: it stands in the type of the field.

>>> @dataclass(frozen=True)
... class Parameters(Ranged):
...     iterations: Count = 20
...     limit: Positive | None = None
>>> Parameters(iterations=0)
Traceback (most recent call last):
ltr.admin.errors.ConfigError: iterations must be >= 1, got 0
"""

from __future__ import annotations

import dataclasses
import math
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from ltr.admin.errors import ConfigError


@dataclass(frozen=True)
class Range:
    """The numbers that a field may hold; NaN and infinity never.

    Args:
        least: Smallest one.
        most: Largest one.
        excludes_least: Whether ``least`` itself is too small.
        excludes_most: Whether ``most`` itself is too large.
    """

    least: float = -math.inf
    most: float = math.inf
    excludes_least: bool = False
    excludes_most: bool = False

    def __contains__(self, number: float) -> bool:
        if not math.isfinite(number):
            return False
        is_above = number > self.least or (number == self.least and not self.excludes_least)
        is_below = number < self.most or (number == self.most and not self.excludes_most)
        return is_above and is_below

    def __str__(self) -> str:
        parts = []
        if self.least > -math.inf:
            parts.append(f"{'>' if self.excludes_least else '>='} {self.least:g}")
        if self.most < math.inf:
            parts.append(f"{'<' if self.excludes_most else '<='} {self.most:g}")
        return " and ".join(parts) or "a finite number"


Finite = Annotated[float, Range()]
Positive = Annotated[float, Range(0, excludes_least=True)]
NotNegative = Annotated[float, Range(0)]
Probability = Annotated[float, Range(0, 1)]
Share = Annotated[float, Range(0, 1, excludes_least=True)]
Inside = Annotated[float, Range(0, 1, excludes_least=True, excludes_most=True)]
Count = Annotated[int, Range(1)]
CountOrZero = Annotated[int, Range(0)]
Side = Annotated[int, Range(32, 8192)]

_FINITE = Range()


class Ranged:
    """Base of dataclasses that refuse numbers outside the ranges of their fields.

    A class with a ``__post_init__`` of its own calls this one first.
    """

    def __post_init__(self) -> None:
        for name, allowed in ranges_of(type(self)).items():
            value = getattr(self, name)
            if not all(number in allowed for number in _numbers(value)):
                raise ConfigError(f"{name} must be {allowed}, got {value}")


def ranges_of(config: type) -> Mapping[str, Range]:
    """The range of each field that a configuration's constructor takes, by its name.

    Fields without a declared range take any finite number.
    """
    hints = typing.get_type_hints(config, include_extras=True)
    names = [field.name for field in dataclasses.fields(config) if field.init]
    return {name: _declared(hints[name]) or _FINITE for name in names}


def _declared(hint: Any) -> Range | None:
    """The range within a type such as ``tuple[Side, Side]`` or ``Share | None``."""
    if found := [item for item in getattr(hint, "__metadata__", ()) if isinstance(item, Range)]:
        return found[0]
    return next(filter(None, map(_declared, typing.get_args(hint))), None)


def _numbers(value: Any) -> Iterator[float]:
    """All numbers of a field, those of tuples and mappings too."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        yield value
    elif isinstance(value, Mapping):
        yield from _numbers(tuple(value.values()))
    elif isinstance(value, tuple | list):
        for part in value:
            yield from _numbers(part)
