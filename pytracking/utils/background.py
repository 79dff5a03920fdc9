"""Work that runs beside the main loop, such as encoding pictures."""

from __future__ import annotations

import queue
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def read_ahead(
    read: Callable[[Item], Result], items: Iterable[Item], depth: int
) -> Iterator[Result]:
    """Yield ``read(item)`` of every item in order, computed by a thread in advance.

    Args:
        read: Function that reads an item; its error is raised when the item's turn comes.
        items: Taken as needed.
        depth: Number of results that may wait, which bounds the memory.

    >>> list(read_ahead(str.upper, "abc", depth=2))
    ['A', 'B', 'C']
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=1) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(read, item))
                if len(waiting) > depth:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


class BackgroundWorker(Generic[Item]):
    """Runs a function over items in one thread, in order; a full queue makes ``put`` wait.

    Leaving the block waits for all items; leaving it with an error drops those not begun.

    Args:
        work: Function that is called with each item. Its first error ends the work and is raised in
            the main thread, by the next ``put`` or at the end of the block.
        capacity: Number of items that may wait, which bounds the memory.

    >>> done = []
    >>> with BackgroundWorker(done.append, capacity=2) as worker:
    ...     for number in range(5):
    ...         worker.put(number)
    >>> done
    [0, 1, 2, 3, 4]
    """

    def __init__(self, work: Callable[[Item], None], capacity: int) -> None:
        self._work = work
        self._queue: queue.Queue[Item | None] = queue.Queue(capacity)
        self._error: BaseException | None = None
        self._is_cancelled = False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> BackgroundWorker[Item]:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._is_cancelled = kind is not None
        self._queue.put(None)
        self._thread.join()
        if kind is None:
            self._raise_error()

    def put(self, item: Item) -> None:
        """Hand over an item (not None)."""
        self._raise_error()
        self._queue.put(item)

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        # The queue is emptied also after an error, or `put` would wait forever.
        while (item := self._queue.get()) is not None:
            if self._error is None and not self._is_cancelled:
                self._try(item)

    def _try(self, item: Item) -> None:
        try:
            self._work(item)
        except BaseException as error:
            self._error = error
