"""What a session is worth: corrections against restarts, and two directions against one.

    python benchmarks/session_rounds.py DAVIS                 corrections against restarts
    python benchmarks/session_rounds.py DAVIS --directions    a middle frame against the first one

DAVIS is a folder in DAVIS's layout (JPEGImages/480p, Annotations/480p, one object per sequence);
every ``--every``-th frame is used, made smaller with ``--side``. Corrections: the robot of the
DAVIS interactive framework draws on the worst frame, round by round. A *restart* begins the tracker
anew at that frame (the interactive adapter); a *correction* enters the memory beside all earlier
ones (a session). Lines become masks by GrabCut for both; with ``--masks`` the robot gives the true
mask. Directions: the true mask of the middle frame, carried both ways, against that of the first
frame.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from davis_videos import Video, read_videos, scores, shrink
from machine import describe_machine

from ltr.data.interactive.robot import draw_corrections
from ltr.data.interactive.scribbles import ScribbleLine
from pytracking import Prompt, VideoSession, load_tracker
from pytracking.evaluation.sessions.rounds import play_round, say
from pytracking.tracker.base import OnlineTracker
from pytracking.tracker.interactive.adapter import MaskTrackerHost
from pytracking.tracker.interactive.scribble_mask import GrabCutMask

Play = Callable[[Video, OnlineTracker, int, bool], list[float]]


def choose(quality: np.ndarray, used: Sequence[int]) -> int:
    """The worst frame that was not corrected yet."""
    return next(int(frame) for frame in np.argsort(quality) if int(frame) not in used)


def draw(video: Video, frame: int, mask: np.ndarray) -> list[ScribbleLine]:
    """The robot's lines on a frame."""
    return draw_corrections(video.truth[frame], mask, 1)


def play_corrections(
    video: Video, tracker: OnlineTracker, rounds: int, gives_masks: bool
) -> list[float]:
    """Mean J&F after every round of a session."""
    count, found, used = len(video.frames), [], [len(video.frames) // 2]
    masks = np.zeros_like(video.truth)
    with VideoSession(tracker, video.frames) as session:
        for _ in range(rounds):
            frame = used[-1]
            if gives_masks:
                say(session, frame, [Prompt(1, mask=video.truth[frame])])
                list(session.propagate(frame))
            else:
                list(play_round(session, frame, draw(video, frame, masks[frame])))
            masks = np.stack([session.result(index) for index in range(count)])
            quality = scores(video.truth, masks)
            found.append(float(quality.mean()))
            used.append(choose(quality, used))
    return found


def play_restarts(
    video: Video, tracker: OnlineTracker, rounds: int, gives_masks: bool
) -> list[float]:
    """Mean J&F after every round of the interactive adapter."""
    found, used = [], [len(video.frames) // 2]
    lines: dict[int, list[ScribbleLine]] = {}
    masks = np.zeros_like(video.truth)
    host = MaskTrackerHost("restarts", tracker, GrabCutMask(), torch.device("cpu"))
    host.start(video.frames, 1)
    for _ in range(rounds):
        frame = used[-1]
        if gives_masks:
            masks = host.mask_hint(frame, video.truth[frame]).masks
        else:
            lines[frame] = [*lines.get(frame, []), *draw(video, frame, masks[frame])]
            masks = host.interact(frame, lines[frame]).masks
        quality = scores(video.truth, masks)
        found.append(float(quality.mean()))
        used.append(choose(quality, used))
    return found


def play_directions(video: Video, tracker: OnlineTracker) -> tuple[float, float]:
    """Mean J&F from the first frame forward, and from the middle frame both ways."""
    found = []
    for frame in (0, len(video.frames) // 2):
        with VideoSession(tracker, video.frames) as session:
            session.add(frame, Prompt(1, mask=video.truth[frame]))
            list(session.propagate())
            masks = np.stack([session.result(index) for index in range(len(video.frames))])
        # The frame of the prompt is known: DAVIS counts it, here neither form does.
        found.append(float(np.delete(scores(video.truth, masks), frame).mean()))
    return found[0], found[1]


def compare_directions(videos: Sequence[Video], tracker: OnlineTracker) -> None:
    """Print the table of directions."""
    table = []
    print("| sequence | frames | forward from frame 0 | both ways from the middle |")
    print("|---|---|---|---|")
    for video in videos:
        table.append(play_directions(video, tracker))
        first, middle = table[-1]
        print(f"| {video.name} | {len(video.frames)} | {first:.1f} | {middle:.1f} |", flush=True)
    first, middle = np.median(table, axis=0)
    print(f"| median | | {first:.1f} | {middle:.1f} |")
    print(f"ratio={middle / first:.2f}")


def compare_rounds(
    videos: Sequence[Video], tracker: OnlineTracker, rounds: int, gives_masks: bool
) -> None:
    """Print the table of rounds."""
    forms: dict[str, Play] = {"restarts": play_restarts, "corrections": play_corrections}
    means = {}
    for name, play in forms.items():
        table = []
        for video in videos:
            table.append(play(video, tracker, rounds, gives_masks))
            print(name, video.name, *(f"{value:.1f}" for value in table[-1]), flush=True)
        means[name] = np.mean(table, axis=0)
    print("|  |", " | ".join(f"round {number + 1}" for number in range(rounds)), "|")
    print("|---|" + "---|" * rounds)
    for name, values in means.items():
        print(f"| {name} |", " | ".join(f"{value:.1f}" for value in values), "|")
    print(f"ratio={means['corrections'][1:].mean() / means['restarts'][1:].mean():.3f}")


def main() -> None:
    """Run one comparison."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("davis", type=Path)
    parser.add_argument("names", nargs="*", help="sequences (the first eight)")
    parser.add_argument("--directions", action="store_true")
    parser.add_argument("--masks", action="store_true", help="correct with true masks")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--every", type=int, default=6)
    parser.add_argument("--side", type=int, help="shorter side of the frames (as they are)")
    parser.add_argument("--tracker", nargs=2, default=("joint", "joint_demo"))
    parser.add_argument("--set", dest="overrides", action="append", default=[])
    arguments = parser.parse_args()
    print(describe_machine(), flush=True)
    system, name = arguments.tracker
    tracker = load_tracker(system, name, arguments.overrides)
    videos = read_videos(arguments.davis, arguments.every, arguments.names)
    if arguments.side:
        videos = [shrink(video, arguments.side) for video in videos]
    if arguments.directions:
        compare_directions(videos, tracker)
    else:
        compare_rounds(videos, tracker, arguments.rounds, arguments.masks)


if __name__ == "__main__":
    main()
