"""Every call of a session, each with a picture of what it gives.

python examples/session.py FRAMES_OR_VIDEO X Y OUTPUT.png     (X, Y: a pixel of the object)
"""

import sys

import numpy as np

from ltr.data.image_io import write_image
from pytracking import Point, Prompt, VideoSession, load_tracker, overlay


def strip(session: VideoSession, frames: list[int], preview: bool = False) -> np.ndarray:
    """Some frames side by side."""
    masks = [session.preview(i) if preview else session.result(i) for i in frames]
    drawn = [overlay(session.frames[i], mask) for i, mask in zip(frames, masks, strict=True)]
    return np.concatenate(drawn, axis=1)


def main(video: str, x: int, y: int, output: str) -> None:
    """Run all calls and write the strips below each other."""
    with VideoSession(load_tracker("joint", "joint_demo"), video) as session:
        session.frames.reaches(10**6)  # read the video to its end
        last = len(session.frames) - 1
        middle, shown = last // 2, [0, last // 4, last // 2, 3 * last // 4, last]
        strips = []
        session.add(middle, Prompt(1, box=(x - 45, y - 50, 90, 100)))
        session.correct(middle, Prompt(1, points=(Point(x, y), Point(5, 5, is_positive=False))))
        strips.append(strip(session, shown, preview=True))
        for frame in session.propagate():
            print(frame.index, frame.output.boxes)
        strips.append(strip(session, shown))
        labels = np.zeros((session.size[1], session.size[0]), bool)
        labels[10:60, -70:-10] = True
        session.add(0, Prompt(2, mask=labels))
        list(session.propagate(0, direction="forward"))
        strips.append(strip(session, shown))
        session.remove(2)
        strips.append(strip(session, shown))
        session.save(f"{output}.session")
        write_image(output, np.concatenate(strips))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
