"""Attack a training: second starts, signals, dead workers, data that vanishes, hostile checkpoints.

    python benchmarks/attack_trainer.py                  about two minutes
    python benchmarks/attack_trainer.py --checkpoints 500

Each training runs in a child of this process, which has PyTorch loaded already. It must end by
itself, with the right exit code and without a traceback, execute nothing, and resume afterwards.
The last line is ``findings=``.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import torch
from fuzz_hostile import hostile_pickles
from fuzz_mutations import mutate
from kill_tasks import write_videos

from ltr.admin.locks import LOCK_FILE
from ltr.run_training import main as train
from ltr.trainers.run_folder import RunFolder

_LONGEST_S = 180.0
_POLL_S = 0.02
_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR1)


class Training:
    """One start of a training in a child.

    Args:
        root: Holds ``videos``, ``work`` and the log of errors.
        more: Further words of the command line.
    """

    def __init__(self, root: Path, more: Sequence[str] = ()) -> None:
        self._log = root / f"errors {time.monotonic_ns()}"
        self.process = os.fork()
        if self.process == 0:
            self._be_child(root, more)
        self._status: int | None = None

    def _be_child(self, root: Path, more: Sequence[str]) -> None:
        code = 1
        try:
            os.setpgid(0, 0)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_DFL)  # under nohup one would be ignored
            log = os.open(self._log, os.O_WRONLY | os.O_CREAT)
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.environ["LTR_WORKSPACE_DIR"] = str(root / "work")
            code = train([*_words(root / "videos"), *more])
        finally:
            os._exit(code)

    def has_ended(self) -> bool:
        """Whether it has."""
        if self._status is None:
            process, status = os.waitpid(self.process, os.WNOHANG)
            self._status = status if process else None
        return self._status is not None

    def end(self) -> tuple[int | None, str]:
        """Exit code, None where it does not end, and what it told."""
        started = time.monotonic()
        while not self.has_ended() and time.monotonic() < started + _LONGEST_S:
            time.sleep(_POLL_S)
        with suppress(ProcessLookupError):
            os.killpg(self.process, signal.SIGKILL)
        code = None if self._status is None else os.waitstatus_to_exitcode(self._status)
        return code, self._log.read_text(errors="replace")

    def wait_for(self, ready: Callable[[], bool]) -> None:
        """Wait until it is so far, or has ended."""
        while not ready() and not self.has_ended():
            time.sleep(_POLL_S)


def _words(videos: Path) -> list[str]:
    changes = {
        "train_sets": f"folder:{videos}=1", "validation_sets": "", "output_size": "48,32",
        "batch_size": "2", "samples_per_epoch": "200", "validation_samples": "0",
        "checkpoint_interval": "1", "max_epochs": "2", "num_workers": "0",
    }  # fmt: skip
    assignments = [word for item in changes.items() for word in ("--set", "=".join(item))]
    return ["joint", "joint_debug", "--device", "cpu", "--quiet", *assignments]


class Attack:
    """Attacks one after the other; every one gives its findings.

    Args:
        root: An empty folder.
        draw: Of what is drawn.
        count: Damaged checkpoints.
    """

    def __init__(self, root: Path, draw: random.Random, count: int) -> None:
        self._root, self._draw, self._count = root, draw, count
        self._folder = RunFolder(root / "work/checkpoints/ltr/joint/joint_debug")
        self._videos = root / "videos"

    def all(self) -> Iterator[str]:
        """All findings."""
        for attack in (self.second_start, self.signals, self.dead_worker, self.vanished_data,
                       self.pipes_and_devices, self.stale_lock, self.checkpoints):  # fmt: skip
            shutil.rmtree(self._root)
            write_videos(self._videos)
            number = 0
            for finding in attack():
                if finding:
                    yield f"{attack.__name__}: {finding}"
                number += 1
            print(f"{attack.__name__}: {number} starts", flush=True)

    def _start(self, *more: str) -> Training:
        """Start, and wait for two steps."""
        training = Training(self._root, more)
        before = self._folder.newest()
        training.wait_for(lambda: self._folder.newest() not in (before, None))
        return training

    def _judge(self, training: Training, codes: Sequence[int], words: str = "") -> str:
        code, told = training.end()
        if code is None:
            return "does not end"
        if code not in codes:
            return f"exit code {code}: {told[-300:]}"
        if "Traceback" in told or (words and words not in told):
            return f"not one sentence: {told[-400:]}"
        return ""

    def _resumes(self) -> str:
        return self._judge(Training(self._root, ["--max-steps", "3"]), [0])

    def second_start(self) -> Iterator[str]:
        """A second start is refused, and the first one continues."""
        first = self._start()
        for _ in range(3):
            yield self._judge(Training(self._root), [2], "is in use by process")
        os.kill(first.process, signal.SIGTERM)
        yield self._judge(first, [128 + signal.SIGTERM])

    def signals(self) -> Iterator[str]:
        """Every signal ends the run after a checkpoint."""
        for number in _SIGNALS:
            training = self._start()
            os.kill(training.process, number)
            yield self._judge(training, [128 + number], "a checkpoint was written")

    def dead_worker(self) -> Iterator[str]:
        """A killed loader worker ends the run in a sentence."""
        for _ in range(2):
            training = self._start("--set", "num_workers=2")
            children = Path(f"/proc/{training.process}/task/{training.process}/children")
            with suppress(OSError):
                for child in map(int, children.read_text().split()):
                    if b"spawn_main" in Path(f"/proc/{child}/cmdline").read_bytes():
                        os.kill(child, signal.SIGKILL)
            yield self._judge(training, [1], "was killed")
            yield self._resumes()

    def vanished_data(self) -> Iterator[str]:
        """The data set goes away while it is read."""
        training = self._start()
        self._videos.rename(self._root / "away")
        yield self._judge(training, [1, 2], "error: ")
        yield self._judge(Training(self._root), [2], "error: ")
        (self._root / "away").rename(self._videos)
        yield self._resumes()

    def pipes_and_devices(self) -> Iterator[str]:
        """Frames and masks become pipes, endless devices and folders while they are read."""
        for make in (os.mkfifo, lambda path: os.symlink("/dev/zero", path), os.mkdir):
            training = self._start()
            for path in [*self._videos.rglob("*.jpg"), *self._videos.rglob("*.png")]:
                path.unlink()
                make(path)
            yield self._judge(training, [1, 2], "error: ")
            shutil.rmtree(self._videos)
            write_videos(self._videos)

    def stale_lock(self) -> Iterator[str]:
        """Locks of dead processes, and foreign files in their place."""
        self._folder.path.mkdir(parents=True)
        lock = self._folder.path / LOCK_FILE
        for content in (b"", b"{}", b"\xff" * 9999, b'{"process": 1}'):
            lock.write_bytes(content)
            yield self._judge(Training(self._root, ["--max-steps", "1"]), [0])
        for make in (os.mkfifo, os.mkdir, lambda path: os.symlink("/etc/passwd", path)):
            lock.unlink(missing_ok=True) if not lock.is_dir() else lock.rmdir()
            make(lock)
            yield self._judge(Training(self._root, ["--max-steps", "1"]), [2], "cannot be written")

    def checkpoints(self) -> Iterator[str]:
        """Damaged and hostile checkpoints in the place of the newest one."""
        yield self._judge(Training(self._root, ["--max-steps", "1"]), [0])
        newest, canary = self._folder.newest(), self._root / "canary"
        assert newest is not None
        valid = newest.read_bytes()
        damaged = (mutate(valid, ".tar", self._draw) for _ in range(self._count))
        for content in (*(c for _, c in hostile_pickles(canary)), *damaged):
            newest.write_bytes(content)
            yield self._judge(Training(self._root, ["--max-steps", "1"]), [0, 2])
            if canary.exists():
                yield "executed"
        newest.write_bytes(valid)
        yield self._resumes()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--checkpoints", type=int, default=30, help="damaged ones (30)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    torch.set_num_threads(1)  # a fork takes no threads along
    with tempfile.TemporaryDirectory() as name:
        os.environ["XDG_CACHE_HOME"] = f"{name}/cache"
        (Path(name) / "attack").mkdir()
        draw = random.Random(arguments.seed)
        findings = list(Attack(Path(name) / "attack", draw, arguments.checkpoints).all())
    for finding in findings:
        print(finding)
    print(f"findings={len(findings)}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
