"""Work on a CPU whose items run side by side, each on its share of the cores.

PyTorch divides every operation among its threads, which wait for each other after each one. Where
there are several independent pieces, a thread for every piece needs no waiting.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")

_MOST_THREADS = 16  # they take turns between the operations


def run_side_by_side(function: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Call a function with every item, in as many threads as PyTorch uses.

    Where there are fewer items than cores, each gets several.

    While gradients are recorded, and where PyTorch uses one thread, the items run one by one.

    Args:
        function: Keeps its results itself; what several calls change must not overlap.
        items: Taken in turn by whichever thread is free.

    Raises:
        BaseException: The first that a call raised; no further items are started then.
    """
    items, count = list(items), torch.get_num_threads()
    number = min(count, len(items), _MOST_THREADS)
    if number < 2 or torch.is_grad_enabled():
        for item in items:
            function(item)
        return
    crew = _Crew(function, iter(items), count // number)
    helpers = [threading.Thread(target=crew.help, daemon=True) for _ in range(number - 1)]
    with _cores(crew.share):
        for helper in helpers:
            helper.start()
        crew.work()
        for helper in helpers:
            helper.join()
    if crew.error is not None:
        raise crew.error


def map_side_by_side(
    function: Callable[[Item], Result], items: Sequence[Item], is_allowed: bool = True
) -> list[Result]:
    """The results of a function for every item, in order, see ``run_side_by_side``.

    Args:
        function: What several calls change must not overlap.
        items: What it is applied to.
        is_allowed: Whether to do so side by side; else one item after the other.
    """
    if not is_allowed:
        return [function(item) for item in items]
    results: dict[int, Result] = {}

    def keep(index: int) -> None:
        results[index] = function(items[index])

    run_side_by_side(keep, range(len(items)))
    return [results[index] for index in range(len(items))]


def map_in_rounds(
    function: Callable[[Item], Result], items: Sequence[Item], is_allowed: bool = True
) -> list[Result]:
    """Like ``map_side_by_side`` for items that are divided among threads inside, too.

    As long as there is an item for every thread they are computed side by side, and the rest one
    after the other with all threads.
    """
    threads = torch.get_num_threads()
    whole = len(items) - len(items) % threads if threads <= _MOST_THREADS else 0
    found = map_side_by_side(function, items[:whole], is_allowed)
    return found + [function(item) for item in items[whole:]]


def even_part(count: int, most: int) -> int:
    """Size of the parts when ``count`` is divided into as few as possible of at most ``most``."""
    parts = -(-count // max(1, most))
    return -(-count // parts)


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


@contextmanager
def _cores(number: int) -> Iterator[None]:
    """Let PyTorch use some threads for what this thread computes."""
    count = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(count)  # of this thread, and of those that start later


class _Crew:
    """Threads that share items."""

    def __init__(self, function: Callable[[Item], None], items: Iterator[Item], share: int) -> None:
        self._function, self._items, self.share = function, items, share
        self._taking = threading.Lock()
        self._is_inference = torch.is_inference_mode_enabled()
        self.error: BaseException | None = None

    def help(self) -> None:
        """``work`` in a thread of its own."""
        torch.set_num_threads(self.share)  # of this thread
        with torch.inference_mode(self._is_inference), torch.no_grad():
            self.work()

    def work(self) -> None:
        """Take items until none is left."""
        while self.error is None:
            with self._taking:
                taken = list(itertools.islice(self._items, 1))
            if not taken:
                return
            try:
                self._function(taken[0])
            except BaseException as error:
                self.error = error
