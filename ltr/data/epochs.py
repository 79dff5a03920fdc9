"""Epochs in which something happens."""

from __future__ import annotations


def is_due(epoch: int, interval: int, offset: int = 0) -> bool:
    """Whether an epoch is the multiple of an interval, moved by an offset.

    Args:
        epoch: Counted from 1.
        interval: Epochs from one time to the next.
        offset: Epochs by which the multiples are moved; 1 for what counts epochs from 0.

    >>> [epoch for epoch in range(1, 25) if is_due(epoch, 10)]
    [10, 20]
    >>> [epoch for epoch in range(1, 25) if is_due(epoch, 10, 1)]
    [1, 11, 21]
    """
    return (epoch - offset) % interval == 0
