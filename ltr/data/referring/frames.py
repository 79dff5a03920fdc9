"""Which frames of a video make a clip, and which ones are its tracking images."""

from __future__ import annotations

import random as python_random

from ltr.admin.errors import ConfigError

_REACH = 3


def choose_frames(length: int, centre: int, count: int, random: python_random.Random) -> list[int]:
    """Choose a frame, one shortly before, one shortly after it, and others from elsewhere.

    Args:
        length: Annotated frames of the video.
        centre: The frame that is always in the clip.
        count: Frames of the clip: 1, or at least 3.
        random: Draws.

    Returns:
        Ascending positions; a short video repeats some.

    Raises:
        ConfigError: A clip of two frames.
    """
    if count == 1:
        return [centre]
    if count == 2:
        raise ConfigError("a clip has one frame or at least three")
    before = max(0, centre - random.randint(1, _REACH))
    after = min(length - 1, centre + random.randint(1, _REACH))
    chosen, wanted = [before, centre, after], count - 3
    others = [*range(before), *range(after, length)]
    if len(others) > wanted:
        chosen += random.sample(others, wanted)
    else:
        whole, rest = divmod(wanted, length)
        chosen += list(range(length)) * whole + random.sample(range(length), rest)
    return sorted(chosen)


def neighbouring_frames(length: int, centre: int, count: int) -> list[int]:
    """Frames in a row around a frame, as at inference.

    Returns:
        Ascending positions; a short video repeats its last frame.

    >>> neighbouring_frames(8, 7, 4), neighbouring_frames(2, 0, 3)
    ([4, 5, 6, 7], [0, 1, 1])
    """
    first = max(0, min(centre - count // 2, length - count))
    return [min(position, length - 1) for position in range(first, first + count)]


def tracking_neighbour(frame: int, length: int) -> int:
    """The frame whose cut-out tells where the object was: frames are paired (0, 1), (2, 3), ...

    Args:
        frame: Position of the current frame.
        length: Frames of the video.

    Returns:
        The other one of the pair, the one before for a last frame without partner; -1, which is
        the frame itself, in a video of one frame.

    >>> [tracking_neighbour(frame, 5) for frame in range(5)]
    [1, 0, 3, 2, 3]
    """
    if frame == length - 1 or frame % 2:
        return frame - 1
    return frame + 1


def centred_window(target: int, count: int, length: int) -> list[int]:
    """Positions of ``count`` neighbouring frames around a target; the ends repeat.

    >>> centred_window(1, 5, 3)
    [0, 0, 1, 2, 2]
    """
    first = target - count // 2
    return [min(max(position, 0), length - 1) for position in range(first, first + count)]
