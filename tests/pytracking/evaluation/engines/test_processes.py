"""Jobs over several processes."""

from __future__ import annotations

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from pytracking.evaluation.engines.processes import ProcessMap


def square_or_die(job: int) -> int:
    if job < 0:
        os._exit(9)
    return job * job


def die_once(job: tuple[str, int]) -> int:
    marker, number = Path(job[0]), job[1]
    if number == 1 and not marker.exists():
        marker.touch()
        os._exit(9)
    return number


def fail_or_wait(job: int) -> int:
    if job == 0:
        raise KeyError("broken job")
    time.sleep(60)
    return job


def test_dead_process_costs_its_own_job_only():
    jobs = [3, -1, 4, 5, -2, 6]
    results = dict(ProcessMap(square_or_die, 2).run(jobs))
    assert results == {3: 9, -1: None, 4: 16, 5: 25, -2: None, 6: 36}


def test_job_that_was_under_way_elsewhere_is_tried_again(tmp_path):
    jobs = [(str(tmp_path / "marker"), number) for number in range(4)]
    results = ProcessMap(die_once, 2).run(jobs)
    assert sorted(result for _, result in results) == [0, 1, 2, 3]


def test_error_of_a_job_ends_all_processes():
    others = multiprocessing.active_children()
    started = time.perf_counter()
    with pytest.raises(KeyError, match="broken job"):
        list(ProcessMap(fail_or_wait, 2).run([0, 1]))

    def left() -> set[multiprocessing.Process]:
        return set(multiprocessing.active_children()).difference(others)

    while left() and time.perf_counter() - started < 20:
        time.sleep(0.05)
    assert not left()
