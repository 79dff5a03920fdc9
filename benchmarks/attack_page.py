"""Attack the page of ``run_interactive``: mutated requests, hostile uploads, crowds, large rounds.

    python benchmarks/attack_page.py             2,000 requests, about a minute
    python benchmarks/attack_page.py --requests 20000

The page runs in a process of its own with a host that needs no network. No request may end in
status 500 or without the security headers, the page may not compute for more than a second before
it tells its state, nothing may appear outside its folder, and its memory and folder stay small. The
last line is ``findings=``.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import fuzz_containers
import numpy as np
from fuzz_mutations import mutate
from kill_replacing import StillHost
from synthetic_clip import draw_clip

from ltr.data.interactive.scribbles import ScribbleLine
from pytracking.interactive_page.guidance import Guidance
from pytracking.interactive_page.launch import start
from pytracking.interactive_page.opening import open_with_host
from pytracking.interactive_page.settings import PageSettings
from pytracking.interactive_page.workbench import Workbench
from pytracking.tracker.interactive.base import Segmentation
from pytracking.tracker.interactive.quality import ConfidenceQuality
from pytracking.tracker.interactive.recommend import WorstFrame
from pytracking.utils.video_writer import VideoWriter

_HEADER = "Content-Security-Policy"
_MAX_STATE_S, _MAX_WAIT_S, _MAX_MIB, _MAX_FOLDER_MIB = 1.0, 30.0, 600.0, 40.0
_TICKS = os.sysconf("SC_CLK_TCK")
_NAMES = ("a.mp4", "...mp4", "..mp4", "a/b.mov", "\0.avi", "é" * 300 + ".mkv", "C:\\a.webm",
          "-rf.mp4", "~.mp4", " .mp4", "clip_.gif", "CON.mp4", "a.mp4\n", "%2e%2e.mp4")  # fmt: skip
_HOSTS = (
    "127.0.0.1:PORT",
    "localhost:PORT",
    "127.0.0.1",
    "",
    "[::1",
    "[::1]:PORT",
    "a:b:c",
    "127.0.0.1:999999",
    "127.0.0.1:-1",
    "127.0.0.1:PORT@evil",
    "\u00e9.evil:PORT",
)
_LABELS = ("dog", "\0", "\ud800", "]]>", "<a>&", "../x", "a\nb", "\ufffe", "\u202egod", "x" * 40)
_FORMATS = ("cvat", "coco", "label-studio", "labelme", "youtube-vos", "mots", "fiftyone",
            "cut-outs", "youtube-vis", "mots-png")  # fmt: skip

_LINE = {"object_id": 1, "path": [[0.2, 0.5], [0.5, 0.5]]}
_REQUESTS: dict[str, dict[str, Any]] = {
    "propagate": {"frame": 1, "lines": [_LINE, {**_LINE, "object_id": 0}], "direction": "forward",
                  "end": 3},
    "prompt": {"frame": 2, "prompts": [
        {"object_id": 1, "lines": [_LINE], "points": [[5, 6, 1]], "box": [1, 2, 30, 20]},
        {"object_id": 2, "brush": {"path": [[0.1, 0.2]], "radius": 9, "erases": False}}]},
    "remove": {"object_id": 1},
    "style": {"object_id": 1, "name": "dog", "colour": [1, 2, 255]},
    "find": {"text": "a dog"},
    "export": {"formats": ["davis"]},
}  # fmt: skip


class SlowHost(StillHost):
    """Takes a hundredth of a second per frame."""

    def _interact(self, frame: int, scribbles: Sequence[ScribbleLine]) -> Segmentation:
        for _ in self.frames:
            self.on_frame()
            time.sleep(0.01)
        return super()._interact(frame, scribbles)


class Attack:
    """Sends requests and notes what must not happen.

    Args:
        address: The page.
        seed: Of everything that is drawn.
    """

    def __init__(self, address: str, seed: int) -> None:
        self._host = urlsplit(address).netloc
        self._random = random.Random(seed)
        self.findings: list[str] = []
        self.statuses: Counter[int] = Counter()
        self.slowest_s = 0.0

    def ask(self, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
        """One request; a wrong status or a missing header is a finding."""
        connection = http.client.HTTPConnection(self._host, timeout=120)
        try:
            connection.request(method, path, body)
            answer = connection.getresponse()
            content = answer.read()
        except (BrokenPipeError, ConnectionResetError):  # refused before its body was sent
            return 0, b""
        finally:
            connection.close()
        self.statuses[answer.status] += 1
        if answer.status >= 500:
            self.findings.append(f"{answer.status} for {method} {path[:60]}: {content[:100]!r}")
        if _HEADER not in answer.headers:
            self.findings.append(f"no {_HEADER} for {method} {path[:60]} ({answer.status})")
        return answer.status, content

    def serial(self) -> int:
        """Number of the clip that is open."""
        return int(json.loads(self.ask("GET", "/api/state")[1])["video"]["serial"])

    def mutated_rounds(self, count: int) -> None:
        """Requests of every kind, damaged value by value and byte by byte."""
        for _ in range(count):
            place = self._random.choice(list(_REQUESTS))
            valid = json.dumps(_REQUESTS[place]).encode()
            body = mutate(valid, self._random.choice([".json", ".bin"]), self._random)
            status, _ = self.ask("POST", f"/api/{place}?video={self.serial()}", body)
            if status == 200 and self._random.random() < 0.5:
                self.ask("POST", f"/api/undo?video={self.serial()}", b"")

    def odd_paths(self, count: int) -> None:
        """Paths outside the page, and methods that it does not have."""
        parts = ["..", "%2e%2e", "etc", "passwd", "frames", "masks", "exports", "api", "state",
                 "1.jpg", "-1.png", "9999999.png", "overlay.mp4", "progress", "page.session",
                 "%00", "a" * 3000]  # fmt: skip
        for _ in range(count):
            path = "/" + "/".join(self._random.choices(parts, k=self._random.randint(1, 4)))
            self.ask(self._random.choice(["GET", "POST", "PUT", "DELETE", "HEAD"]), path)

    def hostile_uploads(self, valid: bytes, count: int) -> None:
        """Bombs in containers, damaged clips, odd names; each is exported if it can be read."""
        bombs = [content for _, content in fuzz_containers.container_bombs()]
        damaged = [mutate(valid, ".mp4", self._random) for _ in range(count)]
        for number, content in enumerate([*bombs, *damaged, *([valid] * len(_NAMES))]):
            name = quote(_NAMES[number % len(_NAMES)])
            if self.ask("POST", f"/api/video?name={name}", content)[0] == 200:
                clip = self.serial()
                body = b'{"frame": 0, "lines": [{"object_id": 1, "path": [[0.5, 0.5]]}]}'
                self.ask("POST", f"/api/propagate?video={clip}", body)
                self.ask("POST", f"/api/export?video={clip}", b"")

    def crowd(self, valid: bytes, count: int) -> None:
        """Uploads, rounds and cancellations all at once."""
        clip = self.serial()
        line = {"object_id": 1, "path": [[0.5, 0.5]] * 2000}
        body = json.dumps({"frame": 0, "lines": [line]}).encode()

        def one(number: int) -> None:
            if number % 4 == 0:
                self.ask("POST", "/api/video?name=a.mp4", valid)
            elif number % 4 == 3:
                self.ask("POST", "/api/cancel", b"")
            else:
                self.ask("POST", f"/api/propagate?video={clip}", body)

        with ThreadPoolExecutor(20) as pool:
            list(pool.map(one, range(count)))

    def odd_heads(self, count: int) -> None:
        """Requests whose heads no browser writes; the page answers or closes, and continues."""
        host, _, port = self._host.partition(":")
        for _ in range(count):
            name = self._random.choice(_HOSTS).replace("PORT", port)
            head = f"GET /api/state HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n".encode()
            if self._random.random() < 0.5:
                head = mutate(head, ".bin", self._random)
            with (
                suppress(OSError),  # closed at once, or kept waiting for more
                socket.create_connection((host, int(port)), timeout=2) as connection,
            ):
                connection.sendall(head)
                connection.shutdown(socket.SHUT_WR)
                self._judge_raw(connection.recv(1 << 16), head)

    def _judge_raw(self, answer: bytes, head: bytes) -> None:
        status = answer[9:12]
        self.statuses[int(status) if status.isdigit() else 0] += 1
        if status.startswith(b"5") and status != b"505":
            self.findings.append(f"{status!r} for {head[:80]!r}")
        if status == b"200" and _HEADER.encode() not in answer:
            self.findings.append(f"no {_HEADER} for {head[:80]!r}")

    def two_tabs(self, valid: bytes, count: int) -> None:
        """Pictures and progress of one tab while another changes everything; odd names exported."""
        ended = threading.Event()

        def look() -> None:
            draw = random.Random(0)
            while not ended.is_set():
                index = draw.randrange(14)
                self.ask("GET", f"/frames/{index}.jpg")
                self.ask("GET", f"/masks/{index}.png" + draw.choice(["", "?before", "?hide=1,2"]))
                self.ask("GET", f"/api/progress?since={draw.randrange(9)}")

        watchers = [threading.Thread(target=look) for _ in range(2)]
        for watcher in watchers:
            watcher.start()
        try:
            for number in range(count):
                self._change(number, valid)
        finally:
            ended.set()
            for watcher in watchers:
                watcher.join()

    def _change(self, number: int, valid: bytes) -> None:
        if number % 10 == 0:
            self.ask("POST", "/api/video?name=b.mp4", valid)
        clip, name = self.serial(), self._random.choice(_LABELS)
        style = json.dumps({"object_id": 1, "name": name}).encode()
        draw = json.dumps({"frame": number % 12, "lines": [_LINE]}).encode()
        self.ask("POST", f"/api/propagate?video={clip}", draw)
        self.ask("POST", f"/api/style?video={clip}", style)
        if number % 5 == 1:
            formats = self._random.choice(_FORMATS)
            body = json.dumps({"formats": [formats]}).encode()
            self.ask("POST", f"/api/export?video={clip}", body)
        self.ask("POST", f"/api/{self._random.choice(['undo', 'cancel'])}?video={clip}", b"")

    def many_rounds(self) -> None:
        """Rounds as large as the page takes, until it refuses."""
        line = {"object_id": 1, "path": [[0.5, 0.5]] * 5000}
        body = json.dumps({"frame": 0, "lines": [line] * 8}).encode()
        clip = self.serial()
        for _ in range(20):
            self.ask("POST", f"/api/propagate?video={clip}", body)


@contextmanager
def watched(attack: Attack, page_process: int) -> Iterator[None]:
    """Ask for the state all the time; a slow answer is a finding.

    What counts is the time of the processor that the page takes meanwhile, for all that it does:
    other programs may keep it waiting.
    """
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.1):
            started, computed = time.monotonic(), processor_s(page_process)
            attack.ask("GET", "/api/state")
            seconds = time.monotonic() - started
            computed = processor_s(page_process) - computed
            attack.slowest_s = max(attack.slowest_s, computed)
            if computed > _MAX_STATE_S or seconds > _MAX_WAIT_S:
                attack.findings.append(f"the state took {seconds:.1f} s, {computed:.1f} s computed")

    thread = threading.Thread(target=watch)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def processor_s(process: int) -> float:
    """Time of the processor that a process has taken."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def resident_mib(process: int) -> float:
    """Memory that a process has now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@contextmanager
def page(folder: Path, clip: Path) -> Iterator[tuple[str, int]]:
    """Serve a page in another process; gives its address and the process."""
    receiving, sending = os.pipe()
    ending, keeping = os.pipe()
    process = os.fork()
    if process == 0:
        os.close(keeping)
        try:
            asyncio.run(_serve(folder, clip, sending, ending))
        finally:
            os._exit(0)
    os.close(ending)
    os.close(sending)
    try:
        with open(receiving) as stream:
            address = stream.readline().strip()
        yield address, process
    finally:
        os.close(keeping)
        os.waitpid(process, 0)


async def _serve(folder: Path, clip: Path, sending: int, ending: int) -> None:
    """Serve until the other end of the pipe ``ending`` is closed."""
    guidance = Guidance(ConfidenceQuality(), WorstFrame(), "confidence")
    opener = open_with_host(SlowHost())
    workbench = Workbench("slow", opener, guidance, PageSettings(max_upload_mib=16))
    workbench.open(clip)
    runner, address = await start(workbench, folder, 0)
    with open(sending, "w") as stream:
        print(address, file=stream)
    await asyncio.get_running_loop().run_in_executor(None, os.read, ending, 1)
    await runner.cleanup()


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--requests", type=int, default=2000, help="their number, about (2000)")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    count = arguments.requests
    with tempfile.TemporaryDirectory() as name:
        root, clip = Path(name), Path(name) / "clip.mp4"
        with VideoWriter(clip, 10) as writer:
            for image in draw_clip(12, 1, (96, 128), seed=0)[0]:
                writer.write(np.ascontiguousarray(image))
        fuzz_containers.container_bombs()  # made here, so that their memory is not the page's
        with page(root / "own", clip) as (address, process):
            before = resident_mib(process)
            attack = Attack(address, arguments.seed)
            with watched(attack, process):
                attack.mutated_rounds(count // 4)
                attack.odd_paths(count // 4)
                attack.hostile_uploads(clip.read_bytes(), count // 40)
                attack.many_rounds()
                attack.odd_heads(count // 4)
                attack.two_tabs(clip.read_bytes(), count // 20)
                attack.crowd(clip.read_bytes(), count // 4)
            grown = resident_mib(process) - before
            size = sum(f.stat().st_size for f in (root / "own").rglob("*") if f.is_file()) / 2**20
        if grown > _MAX_MIB:
            attack.findings.append(f"the memory grew by {grown:.0f} MiB")
        if size > _MAX_FOLDER_MIB:
            attack.findings.append(f"the folder has {size:.0f} MiB")
        stray = [path.name for path in root.iterdir() if path.name not in ("own", "clip.mp4")]
        left = [path.name for path in (root / "own").iterdir() if path.name.startswith(".")]
        attack.findings += [f"outside its folder: {name}" for name in stray]
        attack.findings += [f"left behind: {name}" for name in left]
    for status, number in sorted(attack.statuses.items()):
        print(f"status {status}: {number:,}")
    print(f"memory +{grown:.0f} MiB, folder {size:.1f} MiB")
    print(f"slowest state: {attack.slowest_s:.2f} s of the processor")
    for finding, number in Counter(attack.findings).most_common(20):
        print(f"{number} x {finding}")
    print(f"findings={len(attack.findings)}")
    return 1 if attack.findings else 0


if __name__ == "__main__":
    sys.exit(main())
