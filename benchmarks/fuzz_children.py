"""Readers on damaged files, in children that may crash, hang or grow without harm.

A child is forked from a process that has the libraries loaded, reads one file after the other and
tells the outcome of each through a pipe. The parent looks at its time and memory meanwhile, ends
it when it breaks a limit, and forks the next one for the files that are left.
"""

from __future__ import annotations

import faulthandler
import json
import os
import random
import select
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

import cv2
import torch
from fuzz_mutations import mutate
from fuzz_readers import Reader

from ltr.admin.allocator import give_free_memory_back
from ltr.admin.errors import ToolkitError
from ltr.admin.process_memory import peak_mib, reset_peak

LIMIT_S = 5.0
"""Of the processor; by the clock a reader may take ``_PATIENCE_S`` on a busy machine."""
LIMIT_MIB = 1024.0
FINE = ("error", "read")
_PATIENCE_S = 300.0
_POLL_S = 0.05
_KIB = 1024
_TICKS = os.sysconf("SC_CLK_TCK")
_USER_TICKS, _SYSTEM_TICKS = 11, 12  # in /proc/PID/stat, behind the name
_FORBIDDEN = ("os.system", "os.exec", "os.posix_spawn", "subprocess.Popen", "socket.connect")


@dataclass(frozen=True)
class Outcome:
    """How one file was read.

    Args:
        number: Number of the file.
        kind: ``error`` (a named one) or ``read``; else a finding: ``unnamed`` exception, ``crash``,
            ``hang``, ``memory``, or ``executed``.
        seconds: Time of the processor.
        mib: Memory that reading added at its peak.
        detail: Of an error: type and sentence.
    """

    number: int
    kind: str
    seconds: float
    mib: float
    detail: str


@dataclass(frozen=True)
class Case:
    """A damaged file.

    Args:
        number: Identifies it among the cases of its reader.
        make: Gives the bytes of the file that the reader is given; called in the child.
    """

    number: int
    make: Callable[[], bytes]


def mutated(reader: Reader, numbers: Sequence[int]) -> Iterator[Case]:
    """The mutations with these numbers; each depends on the reader's name and its number only."""
    with tempfile.TemporaryDirectory() as folder:
        reader.prepare(Path(folder))
        valid = (Path(folder) / reader.file).read_bytes()
    for number in numbers:
        draw = random.Random(f"{reader.name} {number}")
        yield Case(number, partial(mutate, valid, Path(reader.file).suffix, draw))


def run_cases(reader: Reader, cases: Sequence[Case]) -> Iterator[Outcome]:
    """Read all cases, each within the limits."""
    # OpenCV's threads do not live on in a child, which would wait for them.
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        left = list(cases)
        while left:
            done = list(_one_child(reader, left))
            yield from done
            left = left[len(done) :]
    finally:
        cv2.setNumThreads(threads)


def _one_child(reader: Reader, cases: Sequence[Case]) -> Iterator[Outcome]:
    """Outcomes until the child ends, or breaks a limit in the last one."""
    receiving, sending = os.pipe()
    sys.stdout.flush()
    give_free_memory_back()  # a child would fill it before it grows
    child = os.fork()
    if child == 0:
        os.close(receiving)
        _be_child(reader, cases, sending)
    os.close(sending)
    with open(receiving, "rb", buffering=0) as pipe:  # what is buffered, select does not see
        yield from _watch(child, pipe, cases)


def _watch(child: int, pipe: IO[bytes], cases: Sequence[Case]) -> Iterator[Outcome]:
    base_mib = _resident_mib(child)
    for case in cases:
        start, start_s, reason = time.monotonic(), _processor_s(child), ""
        seconds = mib = 0.0
        while not reason and not select.select([pipe], [], [], _POLL_S)[0]:
            seconds = _processor_s(child) - start_s
            mib = max(mib, _resident_mib(child) - base_mib)
            if mib > LIMIT_MIB:  # first: filling memory takes time, too
                reason = "memory"
            elif seconds > LIMIT_S or time.monotonic() - start > _PATIENCE_S:
                reason = "hang"
        if reason:
            os.kill(child, signal.SIGKILL)
        line = b"" if reason else pipe.readline()
        if line:
            yield Outcome(case.number, *json.loads(line))
            continue
        _, status = os.waitpid(child, 0)
        detail = "" if reason else f"wait status {status}"
        yield Outcome(case.number, reason or "crash", seconds, mib, detail)
        return
    os.waitpid(child, 0)


def _resident_mib(process: int) -> float:
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    except (OSError, IndexError):  # it has ended
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / _KIB**2


def _processor_s(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:  # it has ended
        return 0.0
    return (int(fields[_USER_TICKS]) + int(fields[_SYSTEM_TICKS])) / _TICKS


def _be_child(reader: Reader, cases: Sequence[Case], pipe: int) -> None:
    """Read the cases in a folder of their own and end the process."""
    events: list[str] = []
    sys.addaudithook(lambda event, _: events.append(event) if event in _FORBIDDEN else None)
    faulthandler.disable()
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    torch.set_num_threads(1)
    folder = Path(tempfile.mkdtemp())
    try:
        reader.prepare(folder)
        for case in cases:
            (folder / reader.file).write_bytes(case.make())
            outcome = _read(reader, folder, events)
            os.write(pipe, json.dumps(outcome).encode() + b"\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)


def _read(reader: Reader, folder: Path, events: list[str]) -> tuple[str, float, float, str]:
    events.clear()
    reset_peak()
    base_mib, start = peak_mib(), time.process_time()
    kind, detail = "read", ""
    try:
        reader.read(folder)
    except ToolkitError as error:
        kind, detail = "error", f"{type(error).__name__}: {error}"
    except Exception as error:  # whatever comes is a finding
        kind, detail = "unnamed", f"{type(error).__name__}: {error}"
    seconds, mib = time.process_time() - start, peak_mib() - base_mib
    if events:
        kind, detail = "executed", ", ".join(sorted(set(events)))
    elif seconds > LIMIT_S:
        kind = "hang"
    elif mib > LIMIT_MIB:
        kind = "memory"
    return kind, seconds, mib, detail.replace(str(folder), "FOLDER")[:300]
