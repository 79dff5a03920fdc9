"""Scoring in several processes: a killed one ends the run in a sentence."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from multiprocessing.process import BaseProcess

import pytest

from ltr.admin.errors import WorkerError
from pytracking.analysis.files.parallel import map_in_order


def square_or_die(job: int) -> int:
    if job < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return job * job


def wait_long(job: int) -> int:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600 * job)
    return job


def test_results_come_in_order():
    assert list(map_in_order(square_or_die, range(10), 2)) == [n * n for n in range(10)]


def test_a_killed_process_is_one_sentence_and_exit_code_1():
    before = set(multiprocessing.active_children())
    with pytest.raises(WorkerError, match="was killed, possibly out of memory") as caught:
        list(map_in_order(square_or_die, [1, 2, -1, 4], 2))
    assert caught.value.exit_code == 1
    assert_all_end(before)


def test_leaving_early_does_not_wait_for_what_is_under_way():
    before = set(multiprocessing.active_children())
    results = map_in_order(wait_long, [0, 1, 1, 1], 2)
    assert next(results) == 0
    results.close()  # as an error or Ctrl-C does
    assert_all_end(before)


def assert_all_end(before: set[BaseProcess]) -> None:
    end = time.monotonic() + 60
    while set(multiprocessing.active_children()) - before:
        assert time.monotonic() < end
        time.sleep(0.05)
