"""How far masks lie behind a stream, and what memory it takes, at its start and at its end.

    python benchmarks/stream_delay.py                                  1,200 frames, copy_mask
    python benchmarks/stream_delay.py --tracker joint joint_demo --frames 3000

Another process serves an MPEG-TS stream over HTTP at its own speed; every frame shows the time at
which it was made. It is followed as ``run_video --realtime`` does, and the delay is the time from
there to its mask: encoding, network, decoding and tracking. The last line is ``ratio=``: the median
delay of the last tenth of the masks divided by that of the first tenth.
"""

from __future__ import annotations

import argparse
import multiprocessing
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import av
import numpy as np
from machine import describe_machine

from ltr.admin.process_memory import resident_mib
from pytracking import load_tracker
from pytracking.evaluation.prompt_types import BoxPrompt
from pytracking.evaluation.prompts import plan_prompts
from pytracking.evaluation.stepper import segment_video
from pytracking.utils.video_reader import read_video
from pytracking.utils.video_stream import StreamOptions

_SIZE = (320, 240)
_BITS, _CELL = 32, 10  # of the time in milliseconds, a square of pixels each


def stamp(image: np.ndarray) -> np.ndarray:
    """Paint the present time into the first rows of an image, uint8 (H, W, 3)."""
    now = int(1000 * time.monotonic()) % (1 << _BITS)
    bits = [(now >> bit) & 1 for bit in range(_BITS)]
    row = np.repeat(np.array(bits, np.uint8) * 255, _CELL)
    image[:_CELL, : len(row)] = row[None, :, None]
    return image


def delay_of(image: np.ndarray) -> float:
    """Seconds since ``stamp``."""
    cells = image[:_CELL, : _BITS * _CELL].reshape(_CELL, _BITS, _CELL, 3).mean(axis=(0, 2, 3))
    then = sum(1 << bit for bit, value in enumerate(cells) if value > 127)
    return (int(1000 * time.monotonic()) - then) % (1 << _BITS) / 1000


def serve(port: Connection, count: int, fps: int) -> None:
    """Serve one stream on a free port, whose number goes through ``port``."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "video/mp2t")
            self.end_headers()
            write_stream(self.wfile, count, fps)

        def log_message(self, *words: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    port.send(server.server_port)
    server.handle_request()
    server.server_close()


def write_stream(target: Any, count: int, fps: int) -> None:
    """Write a square that moves over a slope of grey, frame by frame in its own time."""
    slope = np.linspace(60, 120, _SIZE[0]).astype(np.uint8)
    ground = np.broadcast_to(slope[None, :, None], (_SIZE[1], _SIZE[0], 3))
    started = time.monotonic()
    with av.open(target, "w", format="mpegts", options={"flush_packets": "1"}) as output:
        stream = output.add_stream("mpeg2video", rate=fps, options={"bf": "0"})
        stream.width, stream.height = _SIZE
        stream.pix_fmt, stream.bit_rate = "yuv420p", 2_000_000
        for index in range(count):
            time.sleep(max(0.0, started + index / fps - time.monotonic()))
            image = ground.copy()
            left = index % 200
            image[100:160, left : left + 60] = (220, 40, 40)
            frame = av.VideoFrame.from_ndarray(stamp(image), format="rgb24")
            output.mux(stream.encode(frame))
        output.mux(stream.encode())


def follow(address: str, names: tuple[str, str], told: Callable[[float, float], None]) -> int:
    """Follow the square; ``told`` gets delay and memory of every mask. The frames left out."""
    tracker = load_tracker(*names)
    options = StreamOptions(reconnects=0, drops_late=True)
    with read_video(address, options).end_at_damage() as video:
        prompts = plan_prompts((), [BoxPrompt(0, (0, 100, 60, 60))], video.size, video.length)
        for frame in segment_video(tracker, video, prompts):
            told(delay_of(frame.image), resident_mib())
        return video.count_dropped()


def main() -> None:
    """Print delay and memory at the start and at the end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1200)
    parser.add_argument("--fps", type=int, default=10)
    parser.add_argument("--tracker", nargs=2, default=("baseline", "copy_mask"))
    arguments = parser.parse_args()
    print(describe_machine(), flush=True)
    here, there = multiprocessing.Pipe()
    source = multiprocessing.get_context("spawn").Process(
        target=serve, args=(there, arguments.frames, arguments.fps)
    )
    source.start()
    found: list[tuple[float, float]] = []
    address = f"http://127.0.0.1:{here.recv()}/square.ts"
    system, name = arguments.tracker
    dropped = follow(address, (system, name), lambda *numbers: found.append(numbers))
    source.join()
    tenth = max(1, len(found) // 10)
    print(f"{len(found)} masks of {arguments.frames} frames, {dropped} left out")
    delays = []
    for when, part in (("first", found[1 : 1 + tenth]), ("last", found[-tenth:])):
        delays.append(median(delay for delay, _ in part))
        print(f"{when} tenth: delay {delays[-1]:.2f} s, memory {part[-1][1]:.0f} MiB")
    print(f"ratio={delays[1] / delays[0]:.2f}")


if __name__ == "__main__":
    main()
