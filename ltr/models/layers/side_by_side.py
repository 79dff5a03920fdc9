"""Work on a CPU whose items run side by side, each on one core.

PyTorch divides every operation among its threads, which wait for each other after each one. Where
there are several independent pieces, a thread for every piece needs no waiting.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")


def run_side_by_side(function: Callable[[Item], None], items: Iterable[Item]) -> None:
    """Call a function with every item, in as many threads as PyTorch uses.

    While gradients are recorded, and where PyTorch uses one thread, the items run one by one.

    Args:
        function: Keeps its results itself; what several calls change must not overlap.
        items: Taken in turn by whichever thread is free.

    Raises:
        BaseException: The first that a call raised; no further items are started then.
    """
    items, count = list(items), torch.get_num_threads()
    if count == 1 or torch.is_grad_enabled():
        for item in items:
            function(item)
        return
    crew = _Crew(function, iter(items))
    number = min(count, len(items)) - 1
    helpers = [threading.Thread(target=crew.help, daemon=True) for _ in range(number)]
    with one_core():
        for helper in helpers:
            helper.start()
        crew.work()
        for helper in helpers:
            helper.join()
    if crew.error is not None:
        raise crew.error


@contextmanager
def one_core() -> Iterator[None]:
    """Let PyTorch use one thread for what this thread computes."""
    count = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(count)  # of this thread, and of those that start later


class _Crew:
    """Threads that share items."""

    def __init__(self, function: Callable[[Item], None], items: Iterator[Item]) -> None:
        self._function, self._items = function, items
        self._taking = threading.Lock()
        self._is_inference = torch.is_inference_mode_enabled()
        self.error: BaseException | None = None

    def help(self) -> None:
        """``work`` in a thread of its own."""
        torch.set_num_threads(1)  # of this thread
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
