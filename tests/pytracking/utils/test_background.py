"""Work beside the main loop."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

import pytest

from pytracking.utils.background import BackgroundWorker, read_ahead


def test_reading_ahead_is_bounded_and_ends_with_the_reader():
    asked: list[int] = []
    released = threading.Semaphore(0)

    def read(number: int) -> int:
        asked.append(number)
        released.release()
        return number

    reader = read_ahead(read, range(100), depth=3)
    assert next(reader) == 0
    for _ in range(4):
        released.acquire(timeout=10)
    reader.close()
    assert asked == [0, 1, 2, 3]


def test_error_is_raised_when_its_item_is_due():
    reader = read_ahead(lambda number: 1 // number, [1, 1, 0, 1], depth=3)
    assert [next(reader), next(reader)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(reader)


def hand_over(worker: BackgroundWorker, items: Iterable[int | str]) -> None:
    with worker:
        for item in items:
            worker.put(int(item))


def test_work_keeps_its_order_and_runs_beside():
    done, names = [], set()

    def work(item: int) -> None:
        names.add(threading.current_thread().name)
        done.append(item)

    hand_over(BackgroundWorker(work, capacity=3), range(50))
    assert done == list(range(50))
    assert threading.current_thread().name not in names


def test_full_queue_makes_put_wait():
    gate = threading.Event()
    with BackgroundWorker(lambda _: gate.wait(), capacity=2) as worker:
        filler = threading.Thread(target=lambda: [worker.put(item) for item in range(1, 6)])
        filler.start()
        time.sleep(0.1)
        assert filler.is_alive()
        gate.set()
        filler.join(timeout=5)
        assert not filler.is_alive()


def fail_at_3(item: int) -> None:
    if item == 3:
        raise OSError(28, "No space left on device")


def test_error_reaches_the_main_thread_and_never_blocks():
    with pytest.raises(OSError, match="No space left"):
        hand_over(BackgroundWorker(fail_at_3, capacity=1), range(1, 1000))


def test_error_of_the_last_item_is_raised_at_the_end():
    with pytest.raises(OSError, match="No space left"):
        hand_over(BackgroundWorker(fail_at_3, capacity=5), [3])


def test_waiting_items_are_dropped_after_an_error_outside():
    done = []

    def slow(item: int) -> None:
        time.sleep(0.02)
        done.append(item)

    with pytest.raises(ValueError, match="invalid literal"):
        hand_over(BackgroundWorker(slow, capacity=100), [*range(1, 100), "x"])
    assert len(done) < 50
