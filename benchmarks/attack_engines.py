"""Attack the engines: untrusted clients of the store of torchrun, on its port, and killed workers.

    python benchmarks/attack_engines.py

Runs start as users start them, in processes of their own. Whatever a stranger does, nothing of his
is executed, and a run ends by itself: with the right results, or in one sentence. The last line is
``findings=``.
"""

from __future__ import annotations

import argparse
import base64
import os
import pickle
import random
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
from synthetic_clip import draw_clip
from torch._C._distributed_c10d import TCPStore

from ltr.data.image_io import write_image, write_label_map

_ROOT = Path(__file__).resolve().parents[1]
_LONGEST_S = 120.0
_VIDEOS, _FRAMES = 4, 40
_PLACES = ("vos launch", "vos port", *(f"run {n} {what}" for n in (0, 1)
           for what in ("jobs", "result 0", "result 1", "next", "frames")), "finished")  # fmt: skip


class _Canary:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Callable[..., None], tuple[Path]]:
        return Path.touch, (self._path,)


def write_videos(folder: Path) -> None:
    """Videos long enough to be attacked on the way."""
    for number in range(_VIDEOS):
        images, labels = draw_clip(_FRAMES, 1, (96, 128), seed=number)
        write_label_map(folder / f"Annotations/v{number}/00000.png", labels)
        for index, image in enumerate(images):
            write_image(
                folder / f"JPEGImages/v{number}/{index:05d}.jpg", np.ascontiguousarray(image)
            )


def command(root: Path, results: Path, *engine: str) -> list[str]:
    """A run over the videos."""
    return [str(_ROOT / "pytracking/run_tracker.py"), "baseline", "optical_flow", "--dataset-name",
            f"folder:{root / 'videos'}", "--results", str(results), *engine]  # fmt: skip


@contextmanager
def running(words: list[str], port: int | None = None) -> Iterator[subprocess.Popen[str]]:
    """A command in a session of its own, which is ended with all its processes."""
    launch = [sys.executable]
    if port is not None:
        launch += [
            "-m",
            "torch.distributed.run",
            "--nproc-per-node",
            "2",
            "--master-port",
            str(port),
        ]
    with subprocess.Popen(
        [*launch, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True, env=os.environ | {"OMP_NUM_THREADS": "1"},
    ) as run:  # fmt: skip
        try:
            yield run
        finally:
            with suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)


def end_of(run: subprocess.Popen[str]) -> tuple[int | None, str]:
    """Exit code, None where it does not end, and what it told."""
    try:
        output, errors = run.communicate(timeout=_LONGEST_S)
    except subprocess.TimeoutExpired:
        return None, ""
    return run.returncode, output + errors


def masks_of(folder: Path) -> dict[str, bytes]:
    """All masks that a run wrote."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*.png"))}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def poison(port: int, canary: Path, draw: random.Random, ended: Callable[[], bool]) -> int:
    """Write pickles and junk over what the processes tell each other, until the run has ended."""
    bad = pickle.dumps(_Canary(canary))
    messages = (bad, base64.b64encode(bad), base64.b64encode(bytes(32) + bad), b"", b"\xff" * 99)
    written = 0
    while not ended():
        with suppress(Exception):  # the launch has not begun, or has ended
            store = TCPStore("127.0.0.1", port, is_master=False, timeout=timedelta(seconds=2))
            while not ended():
                place = draw.choice(_PLACES)
                for name in (place, f"/{place}", f"default_pg/{place}", f"torchelastic/{place}"):
                    store.set(name, draw.choice(messages))  # type: ignore[arg-type]
                    written += 1
                time.sleep(0.01)
        time.sleep(0.05)
    return written


def _is_over(run: subprocess.Popen[str], started: float) -> bool:
    return run.poll() is not None or time.monotonic() > started + _LONGEST_S


def knock(port: int, canary: Path, draw: random.Random, ended: Callable[[], bool]) -> int:
    """Send junk to a port, and leave connections open."""
    left: list[socket.socket] = []
    sent = 0
    while not ended():
        with suppress(OSError):
            connection = socket.create_connection(("127.0.0.1", port), timeout=1)
            connection.sendall(draw.randbytes(draw.randint(0, 300)))
            sent += 1
            left = [*left, connection][-20:]
        time.sleep(0.02)
    for connection in left:
        connection.close()
    return sent


def attack_torchrun(root: Path, wanted: dict[str, bytes], draw: random.Random) -> Iterator[str]:
    """Findings of untrusted clients in the store and on the port of torchrun."""
    for name, attack in (("poison", poison), ("knock", knock)):
        canary, results, port = root / f"canary {name}", root / name, free_port()
        with running(command(root, results, "--engine", "torchrun"), port) as run:
            count = attack(port, canary, draw, partial(_is_over, run, time.monotonic()))
            code, told = end_of(run)
        found = masks_of(results)
        print(f"torchrun, {name}: exit code {code} after {count} messages, {len(found)} masks")
        if canary.exists():
            yield f"torchrun, {name}: executed"
        if code is None:
            yield f"torchrun, {name}: does not end"
        if code == 0 and list(found.values()) != list(wanted.values()):
            yield f"torchrun, {name}: other results"
        if code and "stranger" not in told and "error:" not in told and "Error" not in told:
            yield f"torchrun, {name}: no sentence"


def attack_workers(root: Path, wanted: dict[str, bytes], draw: random.Random) -> Iterator[str]:
    """Findings of killed worker processes of ``--threads``."""
    for number in range(3):
        results = root / f"killed {number}"
        with running(command(root, results, "--threads", "2")) as run:
            killed, end = 0, time.monotonic() + _LONGEST_S
            while run.poll() is None and time.monotonic() < end and killed < 2:
                time.sleep(draw.uniform(0.5, 3))
                for child in children_of(run.pid)[:1]:
                    with suppress(ProcessLookupError):
                        os.kill(child, signal.SIGKILL)
                        killed += 1
            code, told = end_of(run)
        found = masks_of(results)
        print(f"--threads, {killed} processes killed: exit code {code}, {len(found)} masks")
        if code is None:
            yield "--threads: does not end"
        if "Traceback" in told:
            yield f"--threads: a traceback: {told[-300:]}"
        if code == 0 and list(found.values()) != list(wanted.values()):
            yield "--threads: other results"
        if code and "its process was killed" not in told and "error:" not in told:
            yield f"--threads: no sentence: {told[-300:]}"


def children_of(process: int) -> list[int]:
    """Working children of a process; not the one that tracks resources."""
    path = Path(f"/proc/{process}/task/{process}/children")
    with suppress(OSError):
        found = [int(word) for word in path.read_text().split()]
        return [c for c in found if b"spawn_main" in Path(f"/proc/{c}/cmdline").read_bytes()]
    return []


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0)
    draw = random.Random(parser.parse_args().seed)
    findings: list[str] = []
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_videos(root / "videos")
        with running(command(root, root / "alone")) as run:
            code, told = end_of(run)
        if code != 0:
            raise RuntimeError(told)
        wanted = masks_of(root / "alone")
        for attack in (attack_torchrun, attack_workers):
            findings += attack(root, wanted, draw)
    for finding in findings:
        print(finding)
    print(f"findings={len(findings)}")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main())
