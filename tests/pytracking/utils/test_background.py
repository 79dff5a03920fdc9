"""Work beside the main loop."""

from __future__ import annotations

import threading

import pytest

from pytracking.utils.background import read_ahead


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
