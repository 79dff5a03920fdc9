"""What is written of a tracker: graphs with named inputs and outputs, and what a runner must know.

A graph is a pure function. What a tracker remembers goes in as ``NAME`` and comes out, changed, as
``new_NAME``, in a fixed number of slots; other inputs say which slots count.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn


@dataclass(frozen=True)
class Graph:
    """One graph.

    Args:
        name: Its file name without the ending.
        module: Called with the inputs in their order, returns the outputs as a tuple.
        inputs: An example of each; their shapes are fixed.
        outputs: Names of the outputs.
    """

    name: str
    module: nn.Module
    inputs: Mapping[str, torch.Tensor]
    outputs: Sequence[str]


@dataclass(frozen=True)
class ExportedSystem:
    """All that is exported of a tracker.

    Args:
        graphs: Its graphs.
        settings: What the runner must know, JSON-like.
    """

    graphs: Sequence[Graph]
    settings: Mapping[str, Any]


def kept(values: torch.Tensor, slots: torch.Tensor) -> torch.Tensor:
    """Zeros in place of what is in slots that do not count, whatever that is.

    Args:
        values: (slots, ...).
        slots: bool (slots,).
    """
    return torch.where(_column(slots, values), values, torch.zeros_like(values))


def stored(values: torch.Tensor, entry: torch.Tensor, slot: torch.Tensor) -> torch.Tensor:
    """A memory in which one slot holds another entry.

    Args:
        values: (slots, ...).
        entry: (...).
        slot: int64 (1,).
    """
    return torch.where(_column(torch.arange(len(values)) == slot, values), entry[None], values)


def _column(slots: torch.Tensor, values: torch.Tensor) -> torch.Tensor:
    return slots.view(-1, *[1] * (values.dim() - 1))
