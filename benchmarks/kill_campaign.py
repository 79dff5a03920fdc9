"""Kill programs at random moments and check that they resume as if nothing had happened.

    python benchmarks/kill_campaign.py                 40 kills, in some minutes
    python benchmarks/kill_campaign.py --full          1,000 kills; stop it and start it at will

Each program runs in a child of this process, which has PyTorch loaded already, and is killed
(SIGKILL) at a moment drawn between its start and its usual end; then all visible files must be
whole. It is started again until one run comes to its end, and then the files must equal those of a
run that nobody disturbed. The last line is ``failures=``.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import shutil
import signal
import statistics
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from kill_tasks import DAMAGED, TASKS, Task

from ltr.admin.files import TEMPORARY_SUFFIX
from ltr.admin.progress import FrameProgress

_POLL_S = 0.002
_MAX_S = 120.0


@dataclass(frozen=True)
class Kill:
    """One kill and what it left.

    Args:
        task: Name of the program.
        number: Number of the kill.
        seconds: From the start to the kill.
        amid_writing: A temporary file was there.
        failure: What was wrong afterwards; empty where all was well.
        finishes: The start after this one ended by itself and its files were compared.
    """

    task: str
    number: int
    seconds: float
    amid_writing: bool
    failure: str
    finishes: bool = False


class Campaign:
    """Kills one program repeatedly.

    Args:
        task: The program.
        folder: For its files; emptied by turns.
        seed: Seed of the moments.
    """

    def __init__(self, task: Task, folder: Path, seed: int) -> None:
        self._task = task
        self._source, self._target = folder / "input", folder / "output"
        shutil.rmtree(folder, ignore_errors=True)
        self._source.mkdir(parents=True)
        self._in_child(self._prepare)
        self._clear()
        self._random = random.Random(f"{task.name} {seed}")
        started = time.perf_counter()
        self._run(_MAX_S)
        self._usual_s = time.perf_counter() - started
        self._wanted = task.contents(self._target)
        if not self._wanted:
            raise RuntimeError(f"{task.name} wrote nothing")
        self._clear()

    def _prepare(self) -> int:
        self._task.prepare(self._source)
        return 0

    def kills(self, count: int) -> Iterator[Kill]:
        """Kill, start again, compare; yields every kill."""
        number = 0
        while number < count:
            delay = self._random.uniform(0, 1.1 * self._usual_s)
            if self._run(delay):
                failure = self._difference()
                yield Kill(self._task.name, number, delay, False, failure, finishes=True)
                self._clear()
                continue
            number += 1
            amid = any(self._target.rglob(f"*{TEMPORARY_SUFFIX}*"))
            yield Kill(self._task.name, number, delay, amid, self._damage())

    def _run(self, longest_s: float) -> bool:
        """Start the program; whether it ended by itself before it was killed."""
        return self._in_child(lambda: self._task.run(self._source, self._target), longest_s)

    def _in_child(self, work: Callable[[], int], longest_s: float = _MAX_S) -> bool:
        child = os.fork()
        if child == 0:
            _become(work)
        os.setpgid(child, child)  # here too: the kill may come before the child does it
        end = time.perf_counter() + longest_s
        while time.perf_counter() < end:
            ended, status = os.waitpid(child, os.WNOHANG)
            if ended:
                if status != 0:
                    raise RuntimeError(f"{self._task.name} ended with status {status}")
                return True
            time.sleep(_POLL_S)
        os.killpg(child, signal.SIGKILL)
        os.waitpid(child, 0)
        return False

    def _damage(self) -> str:
        """What is wrong with the visible files, which may be fewer than wanted."""
        try:
            self._task.contents(self._target)
        except DAMAGED as error:
            return f"damaged: {error}"
        return ""

    def _difference(self) -> str:
        try:
            found = self._task.contents(self._target)
        except DAMAGED as error:
            return f"damaged after resuming: {error}"
        names = [name for name in self._wanted if found.get(name) != self._wanted[name]]
        names += sorted(set(found).difference(self._wanted))
        return f"differs after resuming: {', '.join(names)}" if names else ""

    def _clear(self) -> None:
        shutil.rmtree(self._target, ignore_errors=True)
        self._target.mkdir()
        if self._task.fill:
            self._task.fill(self._source, self._target)


def _become(work: Callable[[], int]) -> None:
    """Turn a forked child into the program; never returns."""
    code = 1
    try:
        os.setpgid(0, 0)
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        logging.disable(logging.CRITICAL)
        code = work()
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def run_campaign(tasks: Sequence[Task], total: int, log: Path, seed: int) -> list[Kill]:
    """Do what the log lacks of ``total`` kills, divided evenly over the programs."""
    done = _read(log)
    with (
        FrameProgress("killing", total, unit="kills") as progress,
        TemporaryDirectory() as folder,
        log.open("a", encoding="utf-8") as stream,
    ):
        progress.advance(sum(not kill.finishes for kill in done))
        for task in tasks:
            known = sum(kill.task == task.name and not kill.finishes for kill in done)
            missing = -(-total // len(tasks)) - known
            if missing <= 0:
                continue
            for kill in Campaign(task, Path(folder, task.name), seed + known).kills(missing):
                done.append(kill)
                stream.write(json.dumps(asdict(kill)) + "\n")
                stream.flush()
                progress.advance(not kill.finishes)
    return done


def _read(log: Path) -> list[Kill]:
    if not log.exists():
        return []
    return [Kill(**json.loads(line)) for line in log.read_text(encoding="utf-8").splitlines()]


def print_table(tasks: Sequence[Task], kills: list[Kill]) -> None:
    """One row a program, then the failures."""
    print("| program | kills | amid writing | compared | median s | damaged | different |")
    print("|---|---|---|---|---|---|---|")
    for task in tasks:
        own = [kill for kill in kills if kill.task == task.name]
        killed = [kill for kill in own if not kill.finishes]
        compared = [kill for kill in own if kill.finishes]
        cells = (
            task.name,
            len(killed),
            sum(kill.amid_writing for kill in killed),
            len(compared),
            f"{statistics.median(kill.seconds for kill in killed):.2f}",
            sum(bool(kill.failure) for kill in killed),
            sum(bool(kill.failure) for kill in compared),
        )
        print("|", " | ".join(map(str, cells)), "|")
    for kill in kills:
        if kill.failure:
            print(f"{kill.task}, kill {kill.number} after {kill.seconds:.3f} s: {kill.failure}")


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--full", action="store_true", help="1,000 kills")
    parser.add_argument("--kills", type=int, default=40, help="their number (40)")
    parser.add_argument("--log", type=Path, default=Path("kill_campaign.jsonl"), help="progress")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--program", action="append", choices=[task.name for task in TASKS], help="only this one"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # a fork takes no threads along
    tasks = [task for task in TASKS if not arguments.program or task.name in arguments.program]
    total = 1000 if arguments.full else arguments.kills
    kills = run_campaign(tasks, total, arguments.log, arguments.seed)
    print_table(tasks, kills)
    failures = sum(bool(kill.failure) for kill in kills)
    print(f"failures={failures}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
