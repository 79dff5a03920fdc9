"""How soon a session answers, and what memory a long one takes.

    python benchmarks/session_speed.py                 speed at 480p, and 300 frames of memory
    python benchmarks/session_speed.py --frames 3000 --tracker baseline copy_mask

Speed: seconds from a prompt to its preview, and from the call of ``propagate`` to the first frame
after the prompt's, 854 x 480 with ``joint joint_demo``, medians of five; seconds of the processor,
so that other work on the machine does not count. Memory: a stream of 427 x 240 frames that exist
one by one is followed forward, then backward; resident memory (MiB) at some frames. JOINT runs with
a small input; a baseline shows the session's own part, faster. The last line is ``ratio=``: memory
at a tenth of the first pass divided by that at the end of the second.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from statistics import median

import numpy as np
from machine import describe_machine

from ltr.admin.process_memory import resident_mib
from ltr.data.interactive.scribbles import ScribbleLine
from pytracking import Point, Prompt, VideoSession, load_tracker

_TRIES = 5


def measure_speed() -> None:
    """Print seconds of previews and of the first propagated frame."""
    from synthetic_clip import draw_clip

    frames, labels = draw_clip(4, 1, (480, 854))
    rows, columns = np.nonzero(labels == 1)
    x, y = int(columns.mean()), int(rows.mean())
    line = ScribbleLine(np.array([[x / 854 - 0.03, y / 480], [x / 854 + 0.03, y / 480]]), 1)
    width, height = int(np.ptp(columns)), int(np.ptp(rows))
    prompts = {
        "line": Prompt(1, scribbles=(line,)),
        "point": Prompt(1, points=(Point(x, y),)),
        "box": Prompt(1, box=(int(columns.min()), int(rows.min()), width, height)),
        "mask": Prompt(1, mask=labels == 1),
    }
    tracker = load_tracker("joint", "joint_demo")
    for name, prompt in prompts.items():
        previews, firsts = [], []
        for _ in range(_TRIES):
            with VideoSession(tracker, frames) as session:
                started = time.process_time()
                session.add(0, prompt)
                session.preview(0)
                previews.append(time.process_time() - started)
                started = time.process_time()
                steps = session.propagate(direction="forward")
                next(steps)
                next(steps)
                firsts.append(time.process_time() - started)
        print(f"{name:6} preview {median(previews):.2f} s, first mask {median(firsts):.2f} s")


def stream(count: int) -> Iterator[np.ndarray]:
    """Frames of a moving square, made when they are asked for."""
    for index in range(count):
        frame = np.full((240, 427, 3), 90, np.uint8)
        left = 20 + index % 300
        frame[100:160, left : left + 60] = (220, 60, 40)
        yield frame


def measure_memory(count: int, system: str, name: str) -> None:
    """Print resident memory along both passes."""
    overrides = ("image_sample_size=64,96", "net_opt_iter=3") if system == "joint" else ()
    tracker = load_tracker(system, name, overrides)
    mask = np.zeros((240, 427), bool)
    mask[100:160, 20:80] = True
    seen: list[float] = []
    with VideoSession(tracker, stream(count)) as session:
        session.add(0, Prompt(1, mask=mask))
        for direction in ("forward", "backward"):
            if direction == "backward":
                session.add(count - 1, Prompt(2, box=(300, 20, 60, 60)))
            steps = session.propagate(direction=direction)
            for place, _ in enumerate(steps, 1):
                if place % max(1, count // 10) == 0:
                    seen.append(resident_mib())
                    print(f"{direction:8} {place:5} frames {seen[-1]:7.1f} MiB", flush=True)
    print(f"ratio={seen[0] / seen[-1]:.3f}")


def main() -> None:
    """Measure both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=300)
    parser.add_argument("--tracker", nargs=2, default=("joint", "joint_demo"))
    arguments = parser.parse_args()
    print(describe_machine(), flush=True)
    measure_speed()
    measure_memory(arguments.frames, *arguments.tracker)


if __name__ == "__main__":
    main()
