"""Measures one form of a computation in a process of its own, so that no form pays for another."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable
from typing import Any


def run_in_fresh_process(form: str, measure: Callable[..., None], *arguments: Any) -> Any:
    """Run ``measure(form, *arguments, queue)`` and return what it puts into the queue.

    Raises:
        RuntimeError: The process ended without a result, possibly out of memory.
    """
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=measure, args=(form, *arguments, queue))
    process.start()
    while process.is_alive() and queue.empty():
        time.sleep(0.05)
    if queue.empty():
        raise RuntimeError(f"the {form} form ended without a result (out of memory?)")
    result = queue.get()
    process.join()
    return result
