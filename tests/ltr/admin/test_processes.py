"""Worker processes: they end with their parent, and can always be ended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time

from ltr.admin.processes import end_processes

PARENT = """
import multiprocessing, sys, time
from concurrent.futures import ProcessPoolExecutor
from ltr.admin.processes import start_worker
if __name__ == "__main__":
    pool = ProcessPoolExecutor(2, multiprocessing.get_context(sys.argv[1]), start_worker)
    list(pool.map(time.sleep, [0.1, 0.1]))
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    time.sleep(60)
"""


def ignore_all(ready) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    ready.set()
    time.sleep(600)


def test_a_process_that_ignores_sigterm_is_ended():
    context = multiprocessing.get_context("fork")
    ready = context.Event()
    process = context.Process(target=ignore_all, args=(ready,))
    process.start()
    assert ready.wait(30)
    end_processes([process])
    assert process.exitcode == -signal.SIGKILL


def test_workers_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "parent.py"
    script.write_text(PARENT)
    command = [sys.executable, str(script), "fork"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        workers = [int(word) for word in parent.stdout.readline().split()]
        assert workers
        parent.kill()
    end = time.monotonic() + 60
    while any(is_alive(worker) for worker in workers):
        assert time.monotonic() < end, "workers outlived their parent"
        time.sleep(0.05)


def is_alive(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat") as stream:
            return stream.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return os.path.exists(f"/proc/{process}")
