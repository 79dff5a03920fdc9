"""Independent pieces of work side by side: on a CPU, each on a core of its own.

Threads that share one operation wait for each other at its end, thousands of times a frame; pieces
of work that take seconds wait once.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Piece = TypeVar("Piece")
Result = TypeVar("Result")

_MOST_WORKERS = 16  # Python threads take turns between operations


def even_slices(count: int, most: int, multiple: int = 1) -> list[slice]:
    """Cut a range into parts whose sizes differ by at most one.

    Args:
        count: Length of the range.
        most: Largest size of a part.
        multiple: Of which the number of parts is a multiple, where the range is long enough.

    >>> even_slices(7, 4, 2)
    [slice(0, 4, None), slice(4, 7, None)]
    """
    rounds = -(-count // (max(1, most) * multiple))
    parts = max(1, min(count, rounds * multiple))
    ends = [-(-count * part // parts) for part in range(parts + 1)]
    return [slice(*pair) for pair in itertools.pairwise(ends)]


def map_side_by_side(
    function: Callable[[Piece], Result], pieces: Sequence[Piece], is_allowed: bool = True
) -> list[Result]:
    """Apply a function to pieces, as many at once as PyTorch has threads, which they share.

    Args:
        function: Computes without gradients and outside ``torch.autocast``, on a CPU; no call may
            need what another one changes.
        pieces: What it is applied to.
        is_allowed: Whether to do so; else one piece after the other.

    Returns:
        The results in the order of the pieces.
    """
    threads = torch.get_num_threads()
    workers = min(threads, len(pieces), _MOST_WORKERS)
    if not is_allowed or workers < 2 or torch.is_grad_enabled():
        return [function(piece) for piece in pieces]
    is_inference = torch.is_inference_mode_enabled()

    def apply(piece: Piece) -> Result:
        with torch.inference_mode(is_inference), torch.no_grad():
            return function(piece)

    share = threads // workers
    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(share,))
    try:
        with pool:
            return list(pool.map(apply, pieces))
    finally:
        torch.set_num_threads(threads)  # what threads that start later begin with


def map_in_rounds(
    function: Callable[[Piece], Result], pieces: Sequence[Piece], is_allowed: bool = True
) -> list[Result]:
    """Like ``map_side_by_side`` for pieces that are divided among threads inside, too.

    As long as there is a piece for every thread they are computed side by side, and the rest one
    after the other with all threads.
    """
    threads = torch.get_num_threads()
    whole = len(pieces) - len(pieces) % threads if threads <= _MOST_WORKERS else 0
    found = map_side_by_side(function, pieces[:whole], is_allowed)
    return found + [function(piece) for piece in pieces[whole:]]
